"""What a report is made from, and which incidents it is about: by name, or all of a time.

A daemon's view and the store's file are asked alike. What is known of an incident now is told as it was told then; the
past is stepped through once more for what was over by the time it ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from app.domain.diagnosis import GRAVITY, Blind, Diagnosis, Incident
from app.domain.finding import Finding
from app.domain.frozen import frozen
from app.domain.series import Event, Series, Subject
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot

DAY_S = 86400.0
MARGIN_S = 1800.0
"""Before and after an incident this much is shown and recorded."""
MOST_CHAPTERS = 20


class Past(Protocol):
    """The part of a feed or a store that looks back."""

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`."""

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """As `History.moments`."""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """As `History.series`."""

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """As `History.events`."""

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """As `History.jobs`."""


@frozen
class Ground:
    """What is asked."""

    past: Past
    known: Diagnosis
    """What is wrong now, with the incidents of the last day."""
    then: Callable[[float, float], Awaitable[Diagnosis | None]]
    """The diagnosis of a moment, by what so many seconds before it brought."""
    now: float
    state_dir: Path
    """Where the audit log lies."""
    version: str = ""


@frozen
class Wanted:
    """Which report."""

    incident: str = ""
    since_s: float = DAY_S
    """Of one about a time: how long it is."""
    until: float | None = None
    """Epoch seconds of its end; None: now."""
    said: str = ""
    """The time as it was asked for, `24h`."""


@frozen
class Found:
    """The incidents of a report."""

    diagnosis: Diagnosis
    """All of them, those that are over among `ended`; every finding is in `findings`."""
    start: float
    """With what came just before."""
    end: float
    asked: str
    gaps: tuple[str, ...] = ()

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """The gravest first, then by when they began."""
        some = (*self.diagnosis.incidents, *self.diagnosis.ended)
        return tuple(sorted(some, key=lambda one: (-GRAVITY[one.severity], one.began, one.id)))


async def found(ground: Ground, wanted: Wanted) -> Found:
    """The incidents. Raises LookupError with a sentence for a person where there is none of that name."""
    return await (_one(ground, wanted.incident) if wanted.incident else _all(ground, wanted))


async def _one(ground: Ground, key: str) -> Found:
    told = ground.known
    incident = told.incident(key)
    if incident is None:
        replayed = await ground.then(ground.now, DAY_S)
        told = replayed if replayed is not None else told
        incident = told.incident(key)
    if incident is None:
        raise LookupError(f"there is no incident {key} now, nor was there within a day{_others(ground.known)}")
    until = incident.ended if incident.ended is not None else min(ground.now, told.at or ground.now)
    seen = await ground.then(incident.last_seen, min(DAY_S, incident.last_seen - incident.began + MARGIN_S))
    findings = _joined(told, seen, key)
    blind = told.blind if incident.ended is None or seen is None else seen.blind
    diagnosis = _diagnosis(until, [_with(incident, findings)], findings, blind)
    gaps = () if seen is not None else ("nothing was kept of that time: charts and recording are empty",)
    return Found(diagnosis, incident.began - MARGIN_S, min(ground.now, until + MARGIN_S), f"incident {key}", gaps)


def _others(known: Diagnosis) -> str:
    names = [one.id for one in (*known.incidents, *known.ended)][:8]
    return f"; there are {', '.join(names)}" if names else ""


async def _all(ground: Ground, wanted: Wanted) -> Found:
    """Everything from a time that was graver than information."""
    end = min(ground.now, wanted.until if wanted.until is not None else ground.now)
    start = end - wanted.since_s
    seen = await ground.then(end, wanted.since_s)
    by_id = {one.id: one for one in (*(seen.incidents + seen.ended if seen is not None else ()),)}
    by_id |= {one.id: one for one in (*ground.known.incidents, *ground.known.ended)}
    within = [one for one in by_id.values() if one.began <= end and _until(one) >= start]
    grave = sorted(
        (one for one in within if one.severity != "info"), key=lambda one: (-GRAVITY[one.severity], one.began)
    )
    gaps = [] if seen is not None else [f"nothing was kept near the end of that time, {wanted.said} back from there"]
    if len(within) > len(grave):
        gaps.append(f"{len(within) - len(grave)} incidents of mere information are not told")
    if len(grave) > MOST_CHAPTERS:
        gaps.append(f"{len(grave) - MOST_CHAPTERS} incidents of less weight are left out")
    kept = grave[:MOST_CHAPTERS]
    findings = tuple(one for each in kept for one in _joined(ground.known, seen, each.id))
    blind = seen.blind if seen is not None else ground.known.blind
    named = [_with(one, [each for each in findings if each.incident == one.id]) for one in kept]
    asked = f"the last {wanted.said}" if wanted.until is None else f"{wanted.said} of the past"
    return Found(_diagnosis(end, named, findings, blind), start, end, asked, tuple(gaps))


def _until(one: Incident) -> float:
    return one.ended if one.ended is not None else one.last_seen


def _joined(known: Diagnosis, seen: Diagnosis | None, incident: str) -> tuple[Finding, ...]:
    """The findings of an incident that either knows, the root first; the same fault of the same subject once."""
    ids: set[str] = set()
    keys: set[object] = set()
    joined: list[Finding] = []
    pools = (known.findings, known.past, *((seen.findings, seen.past) if seen is not None else ()))
    for one in (one for pool in pools for one in pool if one.incident == incident):
        key = (one.fault, replace(one.subject, uuid=None))
        if one.id not in ids and key not in keys:
            ids.add(one.id)
            keys.add(key)
            joined.append(one)
    return tuple(sorted(joined, key=lambda one: (not one.root, one.first_seen, one.id)))


def _with(incident: Incident, findings: Iterable[Finding]) -> Incident:
    """The incident with every finding that is known of it."""
    ids = tuple(dict.fromkeys((*incident.findings, *(one.id for one in findings))))
    return incident if ids == incident.findings else replace(incident, findings=ids)


def _diagnosis(
    at: float, incidents: Iterable[Incident], findings: tuple[Finding, ...], blind: tuple[Blind, ...]
) -> Diagnosis:
    some = tuple(incidents)
    return Diagnosis(
        at,
        findings,
        tuple(one for one in some if one.ended is None),
        blind,
        tuple(one for one in some if one.ended is not None),
    )
