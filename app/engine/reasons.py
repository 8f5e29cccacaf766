"""Slurm's reasons and states in plain words: the registries `reasons.toml`, `limits.toml` and `states.toml`, read once.

Whoever needs this imports it late: a cluster without Slurm never reads the files. What the registries do not know is
handed back raw with an honest sentence, never dropped.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from app.domain.frozen import frozen
from app.domain.hostlist import expand
from app.domain.naming import clean

Kind = Literal["waiting", "limit", "held", "broken", "dependency", "node", "ended", "unknown"]
Who = Literal["wait", "user", "admin"]
_HERE = Path(__file__).parent
_KINDS: tuple[Kind, ...] = ("waiting", "limit", "held", "broken", "dependency", "node", "ended")
_NODES = re.compile(r"unavailablenodes:\s*(\S+)", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z]+")
_STRUNG = re.compile(r", | [:;] |; ")
"""Between two reasons in one text."""


@frozen
class Reason:
    """One reason of Slurm's, explained."""

    code: str
    """As Slurm spells it; for a sentence of Slurm's own a name of ours."""
    kind: Kind
    text: str
    """What it means, as it goes on after the job's name."""
    do: str
    """What to do; may hold `{job}` and the like as `see` does."""
    who: tuple[Who, ...]
    """Who can change it, the likeliest first; `wait`: time does."""
    see: str = ""
    """A command that shows more, with `{user} {account} {qos} {job} {partition}` to be filled in, quoted."""
    versions: str = ""
    """`25.11+`, `to 22.05`; empty: all from 21.08 to 26.05."""
    said: tuple[str, ...] = ()
    """Beginnings of the sentences that Slurm gives instead of the code; `*` stands for one word."""
    family: str = ""
    """Of a limit: the family in `limits.toml`, `user_holds`."""
    what: str = ""
    """What a limit counts."""

    @property
    def clears_itself(self) -> bool:
        """It can go away while everybody waits; else somebody must change something."""
        return "wait" in self.who

    @property
    def is_known(self) -> bool:
        """The registry has it."""
        return self.kind != "unknown"


@frozen
class Said:
    """What Slurm gave as a job's reason, taken apart."""

    reason: Reason
    nodes: tuple[str, ...] = ()
    """Nodes that the reason itself names."""
    rest: str = ""
    """What followed the code, cleaned: a signal, a sentence."""


@lru_cache(maxsize=4096)
def reason_said(raw: str | None) -> Said:
    """What a job's reason means: the code, `(Code)`, `Code:more`, `Code,_More`, or one of Slurm's sentences."""
    text = clean((raw or "None").replace("_", " "), 400).strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    known = reasons()
    nodes = _NODES.search(clean(raw or "", 4000))  # before the blanks: names of nodes may hold underscores
    named = expand(nodes.group(1).rstrip(")")) if nodes else ()
    for pattern, reason in _sentences():
        if pattern.match(text.casefold()):
            return Said(reason, named, text)
    head = _CODE.match(text)
    found = known.get(head.group().casefold()) if head else None
    if found is not None and head is not None and not re.match(r" [^(]", text[head.end() :]):
        return Said(found, named, text[head.end() :].strip(" ,:"))
    return Said(_unknown(clean(raw or "", 120)), named, text)


def _unknown(raw: str) -> Reason:
    return Reason(
        raw, "unknown", f"Slurm says {raw!r}, which this version has no words for", "see squeue(1), or ask", ("admin",)
    )


@lru_cache(maxsize=1)
def reasons() -> Mapping[str, Reason]:
    """Every reason, by its code in lower case (Slurm compares them so)."""
    found: dict[str, Reason] = {}
    loaded = _load("reasons.toml")
    for kind in _KINDS:
        for code, row in loaded.get(kind, {}).items():
            found[code.casefold()] = _reason(code, kind, row)
    for name, family in _load("limits.toml")["family"].items():
        for code, what in family["codes"].items():
            found[code.casefold()] = replace(_reason(code, "limit", family, what), family=name)
    return found


def _reason(code: str, kind: Kind, row: Mapping[str, Any], what: str = "") -> Reason:
    return Reason(
        code=code,
        kind=kind,
        text=str(row["text"]).replace("{what}", what),
        do=str(row["do"]),
        who=tuple(row["who"]),
        see=str(row.get("see", "")),
        versions=str(row.get("versions", "")),
        said=tuple(row.get("said", ())),
        what=what,
    )


@lru_cache(maxsize=1)
def _sentences() -> tuple[tuple[re.Pattern[str], Reason], ...]:
    """Patterns of Slurm's sentences; the longest first, so that the more exact one wins."""
    rows = [(said, reason) for reason in reasons().values() for said in reason.said]
    rows.sort(key=lambda row: -len(row[0]))
    return tuple((re.compile(re.escape(said).replace(r"\*", r"\S+")), reason) for said, reason in rows)


def state_tables() -> Mapping[str, Mapping[str, str]]:
    """Every state and flag with its meaning: tables `node`, `node_flag`, `node_suffix`, `job`, `job_flag`."""
    tables = _load("states.toml")
    return {name: tables[name] for name in ("node", "node_flag", "node_suffix", "job", "job_flag")}


@frozen
class NodeReason:
    """Why Slurm itself took a node out of service."""

    begins: str
    text: str
    do: str
    sign: str = ""
    """What the diagnosis calls it; empty where somebody wished it so."""


def node_state_lines(state: str, flags: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each word of a node's state with its meaning, as the node's page lists them; an unknown word says so."""
    tables = _load("states.toml")
    for word in (state, *flags):
        text = tables["node_flag"].get(word) or tables["node"].get(word)
        yield clean(word, 40), str(text) if text else "a state this version has no words for"


def job_state_lines(state: str, flags: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each word of a job's state with its meaning; an unknown word says so."""
    tables = _load("states.toml")
    for word in (state, *flags):
        text = tables["job_flag"].get(word) if word != state else tables["job"].get(word)
        yield clean(word, 40), str(text) if text else "a state this version has no words for"


def node_reason(raw: str | None) -> NodeReason | None:
    """Slurm's own reason for a node out of service, explained; None where a person or a script wrote it."""
    text = (raw or "").replace("_", " ").strip().casefold()
    return next((one for one in node_reasons() if text.startswith(one.begins)), None)


def node_reasons_in(raw: str | None) -> tuple[NodeReason, ...]:
    """Every reason of Slurm's own in a text: one registration can fail in several ways, strung together."""
    found = (node_reason(part) for part in _STRUNG.split(raw or ""))
    return tuple(dict.fromkeys(one for one in found if one is not None))


@lru_cache(maxsize=1)
def node_reasons() -> tuple[NodeReason, ...]:
    """Every reason that Slurm itself gives a node."""
    return tuple(
        NodeReason(str(row["begins"]), str(row["text"]), str(row["do"]), str(row.get("sign", "")))
        for row in _load("states.toml")["node_reason"]
    )


@lru_cache(maxsize=4)
def _load(name: str) -> Mapping[str, Any]:
    with (_HERE / name).open("rb") as file:
        return tomllib.load(file)
