"""The diagnosis of the past: stored pictures go through the same engine, one after the other.

A picture holds what each source said last, and the lines of logs; so states, rises of counters and lines are seen as
they were then, at the store's own steps, or wider ones where there are too many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.domain.diagnosis import Diagnosis
from app.domain.finding import Finding
from app.domain.snapshot import Mode, Snapshot
from app.engine.diagnosis.blind import blind
from app.engine.diagnosis.fault_table import fault_table
from app.engine.diagnosis.observers import OBSERVERS
from app.engine.diagnosis.state import DiagnosisState, Seen
from app.engine.diagnosis.step import step
from app.services import diagnosis_notes
from app.services.log_marks import LogMarks

MOST_MOMENTS, LEAST_MOMENTS = 120, 8
MOST_GPUS = 16_000
"""GPUs that are looked at in all: a large fleet's past is stepped through more widely."""

FIRST_GAP_S = 5.0


class Past(Protocol):
    """The part of `History` that looks back."""

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`."""

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """As `History.moments`."""

    async def notes(self, begins: str) -> Mapping[str, str]:
        """As `History.notes`."""


@dataclass(slots=True)
class Replayed:
    """How far the past has been stepped through."""

    state: DiagnosisState
    logs: LogMarks
    snapshot: Snapshot | None = None
    """The last picture; None: nothing was kept."""
    at: float = 0.0


async def diagnosis_at(past: Past, when: float, since_s: float = 1800.0) -> Diagnosis | None:
    """The diagnosis as it stood at `when`; None when nothing was kept near that time."""
    if await past.at(when) is None:
        return None
    return (await replayed(past, when - since_s, when)).state.diagnosis


async def replayed(
    past: Past,
    start: float,
    end: float,
    *,
    sources: Collection[str] | None = None,
    mode: Mode | None = None,
) -> Replayed:
    """Step through start…end. Only what `sources` said counts, and only pictures of `mode`, where these are given.

    Incidents that the store knows keep their ids.
    """
    ids = diagnosis_notes.read(await past.notes(diagnosis_notes.PREFIX)).state
    found = Replayed(_unseen(ids, end), LogMarks(oldest=start))
    watch = _Watch()
    for moment in await _moments(past, start, end):
        snapshot = await past.at(moment)
        if snapshot is None or snapshot.at <= found.at or (mode is not None and snapshot.mode != mode):
            continue
        # The time of the picture, not the moment asked for: where nothing was kept for a while, nobody fell silent.
        now = snapshot.at
        said = found.logs.take(snapshot)
        if sources is not None:
            snapshot, said = narrowed(snapshot, sources), tuple(one for one in said if one.source in sources)
        gap_s = now - found.at if found.at else FIRST_GAP_S
        watched = await watch.findings(snapshot, now)
        seen = Seen(snapshot, found.snapshot, found.at, said, watched, max(1.0, gap_s))
        found.state = await asyncio.to_thread(step, found.state, seen, now, fault_table(), OBSERVERS, blind)
        found.snapshot, found.at = snapshot, now
    return found


def _unseen(ids: DiagnosisState, end: float) -> DiagnosisState:
    """A state that has seen nothing, but knows what findings and incidents are called."""
    known = {key: replace(one, first=end, last=end, times=0) for key, one in ids.known.items()}
    return DiagnosisState(known=known, last_finding=ids.last_finding, last_incident=ids.last_incident)


async def _moments(past: Past, start: float, end: float) -> Sequence[float]:
    """The moments to look at, the last one always."""
    kept = await past.moments(start, end)
    last = await past.at(end)
    gpus = sum(len(node.gpus) for node in last.nodes.values()) if last is not None else 0
    most = max(LEAST_MOMENTS, min(MOST_MOMENTS, MOST_GPUS // max(1, gpus)))
    every = max(1, -(-len(kept) // most))
    chosen = [at for place, at in enumerate(reversed(kept)) if place % every == 0][::-1]
    return chosen if chosen and chosen[-1] >= end else [*chosen, end]


def narrowed(snapshot: Snapshot, sources: Collection[str]) -> Snapshot:
    """What some sources say of machines, servers and Slurm: the store may have been another cluster's before."""
    nodes = {
        name: replace(
            node,
            layers=tuple(one for one in node.layers if one.source in sources),
            gpus=tuple(
                replace(gpu, layers=tuple(one for one in gpu.layers if one.source in sources)) for gpu in node.gpus
            ),
        )
        for name, node in snapshot.nodes.items()
        if any(one in sources for one in node.sources)
    }
    slurm = snapshot.slurm if snapshot.slurm is not None and snapshot.slurm.source in sources else None
    return replace(
        snapshot,
        sources={name: one for name, one in snapshot.sources.items() if name in sources},
        nodes=nodes,
        services={name: one for name, one in snapshot.services.items() if one.source in sources},
        slurm=slurm,
    )


class _Watch:
    """What watching jobs and their GPUs would have found."""

    def __init__(self) -> None:
        self._step: Callable[[Snapshot, float], tuple[Finding, ...]] | None = None

    async def findings(self, snapshot: Snapshot, now: float) -> tuple[Finding, ...]:
        """The findings at a moment; a cluster without Slurm costs nothing."""
        if snapshot.slurm is None:
            return ()
        if self._step is None:
            self._step = _watching()
        return await asyncio.to_thread(self._step, snapshot, now)


def _watching() -> Callable[[Snapshot, float], tuple[Finding, ...]]:
    from app.engine import watch_slurm  # noqa: PLC0415 - only a cluster with Slurm pays for it
    from app.engine.findings_slurm import slurm_findings  # noqa: PLC0415 - likewise

    spells = watch_slurm.SlurmWatch()

    def look(snapshot: Snapshot, now: float) -> tuple[Finding, ...]:
        nonlocal spells
        spells = watch_slurm.step(spells, snapshot, now)
        return slurm_findings(spells, snapshot, now)

    return look
