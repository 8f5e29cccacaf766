"""The recording beside a report: a small history of its own, cut out of the past, which time travel opens.

Pictures are asked for one by one and written anew, so that a daemon's past can be cut like a file's, and nothing gets
in that was not hidden first. Where there are more pictures than are worth their weight, some are left out evenly, and
the intervals are widened to match: a value is as old as it was, and not shown as expired in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from app.domain.ages import STALE_INTERVALS
from app.domain.apply import Change
from app.domain.diagnosis import Diagnosis
from app.domain.evidence import LogEvidence
from app.domain.finding import Finding
from app.domain.fleet import fleet_values
from app.domain.frozen import frozen
from app.domain.series import FLEET, Event, Subject
from app.domain.snapshot import Gpu, Layer, Node, Snapshot
from app.engine.diagnosis.numbering import known_key
from app.engine.diagnosis.state import DiagnosisState, Known
from app.services import diagnosis_notes
from app.services.diagnosis_notes import Kept
from app.services.log_marks import LogMarks
from app.services.recording import FOLD
from app.services.report_ground import Past
from app.store.history import History, Tick
from app.store.levels import DAY_S, Retention
from app.store.settling import settle
from app.store.sqlite import open_store

MOST_PICTURES, LEAST_PICTURES = 720, 24
MOST_GPUS = 100_000
"""GPUs in all pictures together: a large fleet's are further apart."""
PIECE_S = 900.0
"""Moments are asked for in pieces of this, since a question names a few hundred at most."""
_EVER = Retention(3650 * DAY_S, 3650 * DAY_S, 3650 * DAY_S)


@dataclass(slots=True)
class Recorded:
    """What became of it."""

    pictures: int = 0
    step_s: float = 0.0
    start: float = 0.0
    end: float = 0.0
    logs: list[LogEvidence] = field(default_factory=list)
    """Lines that were said within the time, hidden like all else."""
    is_whole: bool = True
    """Every picture that was to be kept could be written."""


@frozen
class Told:
    """What is written beside the pictures."""

    diagnosis: Diagnosis
    """The report's own."""
    others: Sequence[Finding] = ()
    """What else is known by name, so that it keeps it."""
    events: Sequence[Event] = ()


async def chosen_moments(past: Past, start: float, end: float) -> Sequence[float]:
    """The moments to record, oldest first."""
    kept: list[float] = []
    at = start
    while at < end:
        kept += await past.moments(at, min(end, at + PIECE_S))
        at += PIECE_S
    kept = sorted(set(kept))
    last = await past.at(kept[-1] + 0.001) if kept else None
    gpus = sum(len(node.gpus) for node in last.nodes.values()) if last is not None else 0
    most = max(LEAST_PICTURES, min(MOST_PICTURES, MOST_GPUS // max(1, gpus)))
    every = max(1, -(-len(kept) // most))
    return [one for place, one in enumerate(reversed(kept)) if place % every == 0][::-1]


async def record(
    past: Past,
    moments: Sequence[float],
    hide: Callable[[Snapshot], Snapshot],
    told: Told,
    path: Path,
) -> Recorded:
    """Write the recording to `path`; `told` was hidden already.

    Raises OSError or sqlite3.Error where the file cannot be written.
    """
    made = Recorded(start=moments[0] if moments else 0.0, end=moments[-1] if moments else 0.0)
    made.step_s = _usual_gap(moments)
    marks = LogMarks(oldest=made.start - PIECE_S)
    history = await open_store(path, lambda: made.end, retention=_EVER)
    cut = _Cut(made.step_s)
    try:
        for moment in moments:
            snapshot = await past.at(moment + 0.001)
            if snapshot is None or snapshot.at <= cut.at:
                continue
            shown = hide(snapshot)
            made.logs += marks.take(shown)
            await history.write(cut.tick(shown, told.events if not made.pictures else ()))
            made.pictures += 1
        made.is_whole = await _noted(history, told) and not (await history.health()).dropped_ticks
    finally:
        await history.close()
    await asyncio.to_thread(settle, path)
    return made


async def _noted(history: History, told: Told) -> bool:
    """Write down what findings and incidents are called, so that time travel calls them the same."""
    diagnosis, findings = told.diagnosis, (*told.others, *told.diagnosis.findings)
    state = DiagnosisState(
        known={known_key(one.fault, one.subject): _known(one) for one in findings},
        diagnosis=diagnosis,
        last_finding=_highest([one.id for one in findings]),
        last_incident=_highest([one.incident for one in findings]),
        past={
            one.id: (one, tuple(each for each in diagnosis.findings if each.incident == one.id))
            for one in diagnosis.ended
        },
    )
    return await history.put_notes(diagnosis_notes.pack(Kept(state)))


def _known(one: Finding) -> Known:
    return Known(one.id, one.incident, one.first_seen, one.last_seen)


def _highest(ids: Sequence[str]) -> int:
    return max((int(one[2:]) for one in ids if one[2:].isdigit()), default=0)


def _usual_gap(moments: Sequence[float]) -> float:
    gaps = sorted(after - before for before, after in pairwise(moments))
    return round(gaps[len(gaps) // 2], 1) if gaps else 0.0


@dataclass(slots=True)
class _Cut:
    """Pictures as ticks: of each subject only what is newer than in the picture before."""

    step_s: float
    at: float = 0.0
    _seen: dict[tuple[Subject, str], float] = field(default_factory=dict)

    def tick(self, snapshot: Snapshot, events: Sequence[Event]) -> Tick:
        """The next tick."""
        self.at = snapshot.at
        shown = _widened(snapshot, self.step_s / STALE_INTERVALS)
        changes = [one for one in _changes(shown) if self._is_new(one)]
        folds = fleet_values(shown, shown.at)
        if folds:
            changes.append(Change(FLEET, Layer(FOLD, shown.at, max(1.0, self.step_s), folds)))
        return Tick(shown.at, tuple(changes), tuple(events), shown)

    def _is_new(self, change: Change) -> bool:
        key = (change.subject, change.layer.source)
        is_new = self._seen.get(key) != change.layer.at
        self._seen[key] = change.layer.at
        return is_new


def _changes(snapshot: Snapshot) -> Iterator[Change]:
    for node in snapshot.nodes.values():
        yield from (Change(Subject("node", node=node.name), one) for one in node.layers)
        for gpu in node.gpus:
            yield from _of_gpu(gpu)
    for service in snapshot.services.values():
        yield from (Change(Subject("service", key=service.id), one) for one in service.layers)


def _of_gpu(gpu: Gpu) -> Iterator[Change]:
    about = Subject("gpu", node=gpu.node, index=gpu.index)
    yield from (Change(about, one, gpu.uuid) for one in gpu.layers)
    for each in gpu.mig:
        part = Subject("mig", node=gpu.node, index=gpu.index, key=str(each.id))
        yield from (Change(part, one, each.uuid) for one in each.layers)


def _widened(snapshot: Snapshot, least_s: float) -> Snapshot:
    """The picture with no interval below `least_s`, so that nothing is stale only because pictures were left out."""
    if all(one.spec.interval_s >= least_s for one in snapshot.sources.values()):
        return snapshot

    def wide(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        return tuple(replace(one, interval_s=max(one.interval_s, least_s)) for one in layers)

    def node(one: Node) -> Node:
        gpus = tuple(
            replace(
                gpu,
                layers=wide(gpu.layers),
                mig=tuple(replace(each, layers=wide(each.layers)) for each in gpu.mig),
            )
            for gpu in one.gpus
        )
        return replace(one, layers=wide(one.layers), gpus=gpus)

    slurm = snapshot.slurm
    return replace(
        snapshot,
        sources={
            name: replace(one, spec=replace(one.spec, interval_s=max(one.spec.interval_s, least_s)))
            for name, one in snapshot.sources.items()
        },
        nodes={name: node(one) for name, one in snapshot.nodes.items()},
        services={name: replace(one, layers=wide(one.layers)) for name, one in snapshot.services.items()},
        slurm=None if slurm is None else replace(slurm, interval_s=max(slurm.interval_s, least_s)),
    )
