"""Timeline: what one GPU did and does, as stretches of one run each, with everything that accumulates carried along.

A stretch knows the totals and the warmth with which it began, so the state at any moment needs that stretch only.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import NamedTuple

from app.domain.frozen import frozen
from app.sim.jobs import Placement
from app.sim.layout import SimGpu
from app.sim.loads import IDLE, Run
from app.sim.waves import HUM_S, LAG_S, Wave

LOADING_ACTIVITY = 0.03
LOADING_S = 40.0
"""Time a job takes to fill device memory before it starts to work; in step for all its GPUs."""


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


class Leg(NamedTuple):
    """A part of a job, the same for all its GPUs; made once and laid on each of their timelines."""

    run: Run
    start: float
    end: float
    job: int | None = None
    fills: bool = False
    """The job is loading: memory fills over the leg."""
    area: float = 0.0
    """Activity integrated over the leg; of no use where it has no end."""
    lag_in: float = 0.0
    """Lagged activity at its start, as if it had always been running."""
    lag_out: float = 0.0


def legs_of(placement: Placement, begins: float) -> tuple[Leg, ...]:
    """A job's legs: it loads, then it works."""
    job, run = placement.job, placement.run
    start = max(job.start, begins)
    loaded = min(job.end, start + LOADING_S)
    loading = Run(start, loaded, run.load, base=LOADING_ACTIVITY)
    return _leg(loading, start, loaded, job.id, fills=True), _leg(run, loaded, job.end, job.id, fills=False)


def _leg(run: Run, start: float, end: float, job: int, *, fills: bool) -> Leg:
    if end == math.inf:
        return Leg(run, start, end, job, fills, lag_in=run.lag(start))
    return Leg(run, start, end, job, fills, run.area(start, end), run.lag(start), run.lag(end))


@frozen
class Stretch:
    """One leg, or the pause between two jobs, on one GPU."""

    leg: Leg
    span_w: float
    """Power above idle at activity 1."""
    before: Totals
    rest_j: float
    """Energy of idling and noise, less what the formula of `Timeline.rest_j` gives for the start."""
    warm_w: float
    """Lagged power above idle that is left from the stretch before, beyond what this run alone would show."""


class Timeline:
    """The stretches of one GPU, in order and without holes; grows at its end. The last one is open."""

    def __init__(self, gpu: SimGpu, begins: float, hum: Wave) -> None:
        self.gpu = gpu
        self._hum = hum
        self._starts: list[float] = []
        self._stretches: list[Stretch] = []
        self._append(Leg(IDLE, begins, math.inf))

    def place(self, legs: tuple[Leg, ...]) -> None:
        """Append a job; what lies between it and the one before stays idle."""
        if legs[0].start <= self._starts[-1]:
            del self._stretches[-1], self._starts[-1]
        for leg in legs:
            if leg.end > leg.start:
                self._append(leg)
        if legs[-1].end < math.inf:
            self._append(Leg(IDLE, legs[-1].end, math.inf))

    def withdraw(self, job: int, t: float) -> None:
        """Take out what a job does from `t` on; what other jobs do later stays."""
        place = max(0, bisect_right(self._starts, t) - 1)
        later = [one.leg for one in self._stretches[place + 1 :] if one.leg.job not in (None, job)]
        now = self._stretches[place].leg
        if now.job == job:
            place -= 1
        del self._stretches[place + 1 :], self._starts[place + 1 :]
        if now.job == job and now.start < t:
            self._append(_leg(now.run, now.start, t, job, fills=now.fills))
        last = self._stretches[-1].leg if self._stretches else None
        if last is None or last.end < math.inf:
            self._append(Leg(IDLE, last.end if last is not None else t, math.inf))
        for leg in later:
            self.place((leg,))

    @property
    def busy_until(self) -> float:
        """From when on nothing is planned; endless where the last job is."""
        return self._starts[-1] if self._stretches[-1].leg.job is None else math.inf

    def stretch(self, t: float) -> Stretch:
        """The stretch at `t`; before the history begins, its first."""
        return self._stretches[max(0, bisect_right(self._starts, t) - 1)]

    def totals(self, t: float) -> Totals:
        """What piled up until `t`, faults left out."""
        now = self.stretch(t)
        return _grown(now, now.leg.run.area(now.leg.start, t))

    def rest_j(self, now: Stretch, t: float) -> float:
        """Energy of idling and of the reading's noise until `t`, which lies in the stretch `now`."""
        return now.rest_j + self.gpu.idle_w * t + now.leg.run.load.jitter_w * self._noise_j(t)

    def _noise_j(self, t: float) -> float:
        """The integral of the noise; its table adds up to 0, so whole turns leave nothing."""
        whole = math.floor(t)
        place = (whole + self.gpu.offset) & (HUM_S - 1)
        return self._hum.sums[place] + (t - whole) * self._hum.values[place]

    def _append(self, leg: Leg) -> None:
        start, load, gpu = leg.start, leg.run.load, self.gpu
        span = max(0.0, load.power * gpu.board.limit_w - gpu.idle_w) * gpu.strength
        before, rest, warm = NOTHING, 0.0, 0.0
        if self._stretches:
            last = self._stretches[-1]
            before, rest = _grown(last, last.leg.area), self.rest_j(last, start)
            left = last.span_w * last.leg.lag_out + last.warm_w * _cooled(start - last.leg.start)
            warm = left - span * leg.lag_in
        rest -= gpu.idle_w * start + load.jitter_w * self._noise_j(start)
        self._starts.append(start)
        self._stretches.append(Stretch(leg, span, before, rest, warm))


def warmth(now: Stretch, t: float) -> float:
    """Lagged power above idle at `t`, in watts."""
    return now.span_w * now.leg.run.lag(t) + now.warm_w * _cooled(t - now.leg.start)


def memory_share(now: Stretch, t: float) -> float:
    """Share of device memory that the job holds at `t`."""
    leg = now.leg
    if not leg.fills:
        return leg.run.load.memory
    return leg.run.load.memory * min(1.0, max(0.0, (t - leg.start) / (leg.end - leg.start)))


def _cooled(seconds: float) -> float:
    """What is left of a warmth after so many seconds."""
    return math.exp(-seconds / LAG_S)


def _grown(now: Stretch, area: float) -> Totals:
    before, load = now.before, now.leg.run.load
    return Totals(
        before.work_j + now.span_w * area,
        before.cpu_s + load.cores * area,
        before.infiniband + load.infiniband * area,
        before.capped_s + load.capped * area,
    )
