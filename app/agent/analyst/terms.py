"""Answers to: what does X mean; from the program's own catalogues, and where it stands in this cluster."""

from __future__ import annotations

import re
from difflib import get_close_matches

from app.agent.analyst.draft import Draft
from app.agent.analyst.glossary import GLOSSARY
from app.agent.analyst.inquiry import Inquiry, number, text
from app.agent.analyst.logbook import place_of, placed
from app.agent.analyst.telling import first_upper, named, own, since
from app.domain.metrics import METRICS
from app.domain.xids import xid_severity
from app.engine.diagnosis.fault import Fault
from app.engine.diagnosis.fault_table import fault_table
from app.engine.reasons import reasons, state_tables
from app.engine.xids import xid

_ASKED = re.compile(
    r"^(?:what (?:do|does|is|are|was) (?:meant by )?(?:an? |the )?|explain (?:to me )?(?:what )?(?:an? |the )?|"
    r"define |describe |meaning of |tell me about )"
    r"(.+?)(?: <M-\w+>)?(?: (?:mean|means|stand for|is|are|stands for))?$"
)
_NOISE = re.compile(
    r"\b(?:slurm|slurms|state|reason|code|flag|error|errors|term|word|pending reason|in slurm|the)\b|<[A-Z-]+>"
)
_BY = {
    "app": "usually the program's own fault",
    "driver": "a fault of NVIDIA's software",
    "hardware": "a fault of the board",
    "fabric": "a fault of NVLink or NVSwitch",
    "symptom": "it follows from another error",
    "verdict": "what the driver asks for",
    "info": "no fault",
    "unknown": "",
}


async def term(ask: Inquiry) -> str:
    """What a word means."""
    if ask.reading.slots.xids:
        return await _xid(ask, ask.reading.slots.xids[0])
    wanted = _wanted(ask.reading.words)
    for found in (_glossary(wanted), _reason(wanted), _state(wanted), _fault(wanted), _metric(wanted)):
        if found:
            return found
    near = get_close_matches(wanted, [key for one in GLOSSARY for key in one.names], 3, 0.6)
    also = f" Did you mean {named([f'`{one}`' for one in near])}?" if near else ""
    return (
        f"**I have no words for {own(wanted, 60)}.**{also} I can explain Xids, Slurm's reasons and states, faults and "
        "metrics: `what is an Xid?`, `what is the KV cache?`"
    )


def _wanted(words: str) -> str:
    found = _ASKED.match(words)
    return re.sub(r"\s+", " ", _NOISE.sub(" ", found.group(1) if found else words)).strip() or words


async def _xid(ask: Inquiry, code: int) -> str:
    known = xid(code)
    seen = await ask.look("logs", source="kernel", since="1d")
    draft = Draft()
    name = f" ({known.name})" if known.name else ""
    by = _BY.get(known.by, "")
    draft.say(f"**Xid {code}{name}: {known.means}.**" + (f" It is {by}; {xid_severity(code)} as a rule." if by else ""))
    draft.steps([known.action.text])
    draft.say(known.note)
    here = await placed(ask, [one for one in seen.rows("events") if number(one, "code") == code])
    if here:
        lines = [
            f"{place_of(one)}{since(text(one, 'at_iso'), ask.now).replace(' since', ' at')} {seen.cite}"
            for one in here[:5]
        ]
        draft.points("Seen here in the last day", lines)
    elif seen.is_there and not seen.text("note"):
        draft.say(f"It was not seen here in the last day. {seen.cite}")
    return draft.text


def _glossary(wanted: str) -> str:
    plain = wanted.replace("-", " ").rstrip("s") or wanted
    for one in GLOSSARY:
        if any(plain in (name, name.rstrip("s")) or wanted == name for name in one.names):
            return f"**{one.title}**: {one.text}"
    return ""


def _reason(wanted: str) -> str:
    known = reasons().get(wanted.replace(" ", ""))
    if known is None:
        return ""
    who = {"wait": "time", "user": "its user", "admin": "an administrator"}
    by = named([who[one] for one in known.who])
    told = f"**{known.code}** (why Slurm keeps a job waiting): {known.text}. {first_upper(by)} can change it."
    return f"{told}\n\n**What to do:** {known.do}"


def _state(wanted: str) -> str:
    key = wanted.replace(" ", "_").upper()
    tables = state_tables()
    names = {"node": "of a node", "node_flag": "of a node", "job": "of a job", "job_flag": "of a job"}
    found = [(names[table], tables[table][key]) for table in names if key in tables[table]]
    if not found:
        return ""
    return "\n\n".join(dict.fromkeys(f"**{key}**, {whose}: {meaning}." for whose, meaning in found))


def _fault(wanted: str) -> str:
    found = next(
        (
            one
            for one in fault_table().faults.values()
            if wanted.upper() == one.code or wanted.replace(" ", "_") == one.key.rpartition(".")[2]
        ),
        None,
    )
    return "" if found is None else _told_fault(found)


def _told_fault(one: Fault) -> str:
    return f"**{one.code}** (`{one.key}`, a fault that the diagnosis knows): {one.means}"


def _metric(wanted: str) -> str:
    text_of = wanted.replace(" ", "_")
    found = next((one for one in METRICS if wanted == one.title.casefold() or text_of in (one.short, one.key)), None)
    return (
        ""
        if found is None
        else f"**{found.title}** (`{found.key}`{f', in {found.unit}' if found.unit else ''}): {found.help}"
    )
