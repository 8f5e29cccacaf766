"""Timeline: what one GPU did and does, as stretches of one run each, with everything that accumulates carried along.

A stretch knows the totals and the warmth with which it began, so the state at any moment needs that stretch only.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.sim.jobs import Placement
from app.sim.layout import SimGpu
from app.sim.loads import IDLE, Load, Run
from app.sim.waves import LAG_S, Wave

LOADING_ACTIVITY = 0.03


class Totals(NamedTuple):
    """What piled up since the history began, as far as work makes it: a fault that slows work slows all of these."""

    work_j: float
    """Energy above the idle power."""
    cpu_s: float
    """Core seconds on the node."""
    infiniband: float
    """Bytes, one direction."""
    capped_s: float
    """Seconds at the power limit."""


NOTHING = Totals(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One run, or the pause between two, on one GPU."""

    start: float
    end: float
    run: Run
    job: int | None
    fills: bool
    """The job is loading: memory fills over the stretch."""
    span_w: float
    """Power above idle at activity 1."""
    before: Totals
    rest_j: float
    """Energy of idling and noise before the stretch."""
    warm_w: float
    """Lagged power above idle that is left from the stretch before, beyond what this run alone would show."""


class Timeline:
    """The stretches of one GPU, in order and without holes; grows at its end. The last one is open and idle."""

    def __init__(self, gpu: SimGpu, begins: float, hum: Wave) -> None:
        self.gpu = gpu
        self._hum = hum
        self._starts: list[float] = []
        self._stretches: list[Stretch] = []
        self._append(IDLE, begins, math.inf, job=None, fills=False)

    def place(self, placement: Placement, loading_s: float) -> None:
        """Append a job; what lies between it and the one before stays idle."""
        job, run, pause = placement.job, placement.run, self._stretches[-1]
        start = max(job.start, pause.start)
        if start > pause.start:
            self._stretches[-1] = replace(pause, end=start)
        else:
            del self._stretches[-1], self._starts[-1]
        loaded = min(job.end, start + loading_s)
        if loaded > start:
            loading = Run(start, loaded, run.load, base=LOADING_ACTIVITY)
            self._append(loading, start, loaded, job=job.id, fills=True)
        self._append(run, loaded, job.end, job=job.id, fills=False)
        if job.end < math.inf:
            self._append(IDLE, job.end, math.inf, job=None, fills=False)

    def stretch(self, t: float) -> Stretch:
        """The stretch at `t`; before the history begins, its first."""
        return self._stretches[max(0, bisect_right(self._starts, t) - 1)]

    def totals(self, t: float) -> Totals:
        """What piled up until `t`, faults left out."""
        now = self.stretch(t)
        area = now.run.area(now.start, t)
        return _grown(now, area)

    def rest_j(self, t: float) -> float:
        """Energy of idling and of the reading's noise until `t`."""
        return self._rest_j(self.stretch(t), t)

    def _rest_j(self, now: Stretch, t: float) -> float:
        offset = self.gpu.offset
        noise = self._hum.area(t + offset) - self._hum.area(now.start + offset)
        return now.rest_j + self.gpu.idle_w * (t - now.start) + now.run.load.jitter_w * noise

    def _append(self, run: Run, start: float, end: float, *, job: int | None, fills: bool) -> None:
        load = run.load
        span = max(0.0, load.power * self.gpu.board.limit_w - self.gpu.idle_w) * self.gpu.strength
        before, rest, warm = NOTHING, 0.0, 0.0
        if self._stretches:
            last = self._stretches[-1]
            before, rest = _grown(last, last.run.area(last.start, start)), self._rest_j(last, start)
            warm = warmth(last, start) - span * run.lag(start)
        self._starts.append(start)
        self._stretches.append(Stretch(start, end, run, job, fills, span, before, rest, warm))


def warmth(now: Stretch, t: float) -> float:
    """Lagged power above idle at `t`, in watts."""
    return now.span_w * now.run.lag(t) + now.warm_w * math.exp((now.start - t) / LAG_S)


def _grown(now: Stretch, area: float) -> Totals:
    before, load = now.before, now.run.load
    return Totals(
        before.work_j + now.span_w * area,
        before.cpu_s + load.cores * area,
        before.infiniband + load.infiniband * area,
        before.capped_s + load.capped * area,
    )


def memory_share(now: Stretch, t: float) -> float:
    """Share of device memory that the job holds at `t`."""
    load: Load = now.run.load
    if not now.fills:
        return load.memory
    return load.memory * min(1.0, max(0.0, (t - now.start) / max(1.0, now.end - now.start)))
