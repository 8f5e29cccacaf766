"""Incidents in an answer: the root cause first, then what follows from it, whom it hits, what shows it, what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.inquiry import Inquiry, Seen, number, part, rows, text, texts
from app.agent.analyst.telling import at, dollars, harmless, joined, many, named, own, sentence, since, when

_MOST_EVIDENCE, _MOST_EVIDENCE_DEEP = 2, 6
_MOST_FOLLOWING = 5
_XID = re.compile(r"\b(S?Xid \d+)\b")
GRAVE = ("critical", "warning")
_ALIKE = " Looks alike: "
"""What the catalogue puts before each thing that a fault could be taken for."""


def is_grave(incident: Mapping[str, Any]) -> bool:
    """Worse than information."""
    return text(incident, "severity") in GRAVE


def grave_first(seen: Seen) -> list[Mapping[str, Any]]:
    """Open incidents, those worse than information first; as they came else."""
    some = seen.rows("incidents")
    return [*(one for one in some if is_grave(one)), *(one for one in some if not is_grave(one))]


def tell_incident(draft: Draft, incident: Mapping[str, Any], cite: str, now: float, *, deep: bool = False) -> None:
    """One incident with all that is to be said of it."""
    root = part(incident, "root_cause")
    title = _titled(incident, root)
    means, *alike = text(root, "explanation").split(_ALIKE)
    draft.say(
        f"**{title}** ({text(incident, 'severity')}{since(text(incident, 'began_iso'), now)}). {cite}",
        own_words(means),
    )
    draft.points("What follows from it", following(incident, now))
    draft.points("", [hit(incident, cite)])
    draft.points("What shows it", evidence(root, cite, now, _MOST_EVIDENCE_DEEP if deep else _MOST_EVIDENCE))
    if deep:
        draft.points("What else looks like it", [own_words(one) for one in alike])
    draft.steps(steps(root))


def _titled(incident: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    key, title = text(incident, "id"), text(root, "title") or text(incident, "title")
    return f"{harmless(title)} — incident {key}" if key else harmless(title)


def own_words(explanation: str) -> str:
    """What our own catalogue says of a fault."""
    return _XID.sub(r"`\1`", harmless(sentence(explanation))) if explanation else ""


def following(incident: Mapping[str, Any], now: float, most: int = _MOST_FOLLOWING) -> list[str]:
    """Its consequences, one line each."""
    some = rows(incident, "consequences")
    told = [f"{harmless(text(one, 'title'))}{since(text(one, 'first_seen_iso'), now)}" for one in some[:most]]
    return [*told, "and more of the same kind"] if len(some) > most else told


def hit(incident: Mapping[str, Any], cite: str) -> str:
    """Whom it hits."""
    affects = part(incident, "affects")
    gpus, cost = number(affects, "gpus"), number(affects, "cost_per_hour")
    jobs = texts(affects, "jobs")
    told = joined((
        f"job{'s' if len(jobs) > 1 else ''} {named(jobs)}" if jobs else "",
        f"of {named(texts(incident, 'users'))}" if texts(incident, "users") else "",
    ), " ")  # fmt: skip
    told = joined((told, many(gpus, "GPU") if gpus else "", f"{dollars(cost, '/h')} lost" if cost else ""))
    return f"It hits {told}. {cite}" if told else ""


def evidence(root: Mapping[str, Any], cite: str, now: float, most: int = _MOST_EVIDENCE) -> list[str]:
    """What it rests on."""
    return [
        joined((at(text(one, "at_iso"), now), own(text(one, "text"))), " ") + f" {cite}"
        for one in rows(root, "evidence")[:most]
    ]


def steps(root: Mapping[str, Any]) -> list[str]:
    """What to do, each with its exact command."""
    return [step(text(one, "text"), text(one, "command")) for one in rows(root, "what_to_do")]


def step(what: str, command: str = "") -> str:
    """One thing to do."""
    return f"{harmless(what)}: `{command}`" if command else sentence(harmless(what))


def one_line(incident: Mapping[str, Any], now: float) -> str:
    """An incident in a line."""
    root = part(incident, "root_cause")
    return f"{text(incident, 'severity')}: {_titled(incident, root)}{since(text(incident, 'began_iso'), now)}"


def others(seen: Seen, told: Sequence[Mapping[str, Any]], now: float, most: int = 6) -> list[str]:
    """Incidents that were not told in full, a line each."""
    known = {text(one, "id") for one in told}
    left = [one for one in grave_first(seen) if text(one, "id") not in known]
    return [f"{one_line(one, now)} {seen.cite}" for one in left[:most]]


async def ended_for(ask: Inquiry, seen: Seen, most: int = 3) -> list[str]:
    """Incidents that are over."""
    return [
        f"{_titled(one, part(one, 'root_cause'))}: from {when(text(one, 'began_iso'), ask.now)} "
        f"to {when(text(one, 'ended_iso'), ask.now)} {seen.cite}"
        for one in seen.rows("ended_last_day")[:most]
    ]
