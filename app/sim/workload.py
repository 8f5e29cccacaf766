"""Workload: which jobs run on which GPUs, and when; grows at its end as time goes on, and takes what people do to it.

What is behind never changes, and while nobody interferes what is ahead depends on the seed alone. Times are simulated
seconds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from app.sim.dice import Dice
from app.sim.jobs import GpuKey, Placement, SimJob, Stream
from app.sim.layout import Layout
from app.sim.loads import Run, draw, waves_of
from app.sim.spec import SimSpec
from app.sim.timeline import Leg, Timeline, legs_of

GAP_S = 60.0
"""How long a GPU that somebody freed stays empty before the next job in line gets it."""
_KEPT_S = 7200.0
"""Jobs that ended longer ago are looked for one by one."""


class Workload:
    """Jobs and timelines of one cluster."""

    def __init__(self, layout: Layout, spec: SimSpec, begins: float) -> None:
        self._seed, self._begins = spec.seed, begins
        self._waves = waves_of(spec.seed)
        gpus = [gpu for node in layout.nodes for gpu in node.gpus]
        self.lines = {gpu.key: Timeline(gpu, begins, self._waves.hum) for gpu in gpus}
        self.stride = len(layout.pools) + 1
        self.streams = [
            Stream(pool, spec.seed, begins, self._waves, 1000 + n, self.stride) for n, pool in enumerate(layout.pools)
        ]
        self.jobs: dict[int, SimJob] = {}
        self._earlier: list[SimJob] = []
        """Former runs of jobs that began again."""
        self.version = 0
        """Grows with every job that is handed out or changed."""
        self._units = {
            key: (stream, unit)
            for stream in self.streams
            for unit, keys in enumerate(stream.pool.units)
            for key in keys
        }
        self._runs: dict[int, Run] = {}
        self._known_until = -math.inf
        self._kept: dict[int, SimJob] = {}
        self._kept_since = -math.inf
        self._held: frozenset[str] = frozenset()
        self._barred: dict[str, float] = {}
        self._peeked: dict[str, tuple[int, tuple[SimJob, ...]]] = {}

    # ── questions ──

    def between(self, since: float, until: float) -> Iterator[SimJob]:
        """Jobs that hold GPUs at some moment from `since` to `until`."""
        self.grow(until)
        if since > self._kept_since + 2 * _KEPT_S:
            self._kept_since = since - _KEPT_S
            self._kept = {job.id: job for job in self._kept.values() if job.end > self._kept_since}
        jobs = self._kept if since >= self._kept_since else self.jobs
        return (job for job in chain(jobs.values(), self._earlier) if job.start <= until and job.end > since)

    def upcoming(self, t: float) -> list[SimJob]:
        """Jobs that were submitted by `t` and begin later, in the order in which their pools hand them out."""
        self.grow(t)
        placed = (job for job in self._kept.values() if job.start > t)
        peeked = chain.from_iterable(self._peek(stream) for stream in self.streams)
        return [job for job in chain(placed, peeked) if job.submit <= t]

    def last_id(self, t: float) -> int:
        """The highest id of a job that was handed out or is about to be at `t`."""
        self.grow(t)
        return max((stream.serial + self.stride * stream.line for stream in self.streams), default=1000)

    def free_gpus(self, node: str, count: int, t: float) -> tuple[GpuKey, ...]:
        """GPUs of a node that nobody uses or has booked."""
        if node in self._barred:
            return ()
        keys = (GpuKey(node, index) for index in range(count))
        return tuple(key for key in keys if self.lines[key].busy_until <= t)

    def busy_until(self, key: GpuKey) -> float:
        """From when on nothing is planned for a GPU."""
        return self.lines[key].busy_until

    # ── time ──

    def grow(self, t: float) -> None:
        """Hand out jobs until no GPU waits for one at `t`."""
        if t < self._known_until:
            return
        self._known_until = t
        for name in [name for name, end in self._barred.items() if end <= t]:
            self.unbar(name, self._barred[name])
        for stream in self.streams:
            if stream.pool.name not in self._held:
                for placement in stream.until(t):
                    self.place(placement)

    def place(self, placement: Placement) -> None:
        """Lay a job on the timelines of its GPUs."""
        job = placement.job
        self._note(job)
        self._runs[job.id] = placement.run
        legs = legs_of(placement, self._begins)
        for key in job.gpus:
            self.lines[key].place(legs)

    # ── what people do ──

    def begin(self, job: SimJob) -> None:
        """Start a job that no pool hands out, on GPUs that are free."""
        if job.id in self.jobs:
            self._earlier.append(self.jobs[job.id])
        dice = Dice(self._seed, "own", job.id, job.start)
        self.place(Placement(job, draw(job.kind, job.start, job.end, len(job.nodes), self._waves, dice)))
        self._settle(job.gpus)

    def end(self, job_id: int, t: float, cause: str) -> SimJob:
        """End a job at `t`. Raises KeyError for no such job."""
        job = self.jobs[job_id]
        for key in job.gpus:
            self.lines[key].withdraw(job_id, t)
        ended = replace(job, end=t, cause=cause)
        self._note(ended)
        self._settle(job.gpus, t)
        return ended

    def pause(self, job_id: int, t: float) -> SimJob:
        """Keep a job where it is until `go_on`, however long that takes; what is laid out is its waiting."""
        return self._lay(self.jobs[job_id], t, math.inf)

    def go_on(self, job_id: int, t: float, end: float) -> SimJob:
        """Let a paused job run on to `end`."""
        return self._lay(self.jobs[job_id], t, end)

    def withdraw(self, job_id: int) -> SimJob | None:
        """Take a job that has not begun out of line; None where there is none of that id."""
        job = self.jobs.get(job_id)
        if job is not None:
            del self.jobs[job_id], self._kept[job_id]
            self.version += 1
            for key in job.gpus:
                self.lines[key].withdraw(job_id, job.start)
            self._settle(job.gpus)
            return job
        for stream in self.streams:
            found = next((one for one in self._peek(stream) if one.id == job_id), None)
            if found is not None:
                stream.strike(job_id)
                return found
        return None

    def evict(self, keys: Iterable[GpuKey], t: float) -> tuple[SimJob, ...]:
        """Take the jobs out of line that have booked these GPUs and not begun."""
        wanted = frozenset(keys)
        booked = [job.id for job in self._kept.values() if job.start > t and not wanted.isdisjoint(job.gpus)]
        return tuple(job for one in booked if (job := self.withdraw(one)) is not None)

    def bar(self, node: str, until: float) -> None:
        """Start nothing new on a node before `until`; it goes by itself then."""
        self._barred[node] = until
        for stream, units in self._units_on(node).items():
            stream.bar(units)

    def unbar(self, node: str, t: float) -> None:
        """Start jobs on a node again, also on one that was not barred."""
        if self._barred.pop(node, None) is not None:
            for stream, units in self._units_on(node).items():
                stream.unbar(units, t)

    def hold(self, pools: Iterable[str], t: float) -> None:
        """Let just these pools hand out nothing, since somebody else comes first."""
        held = frozenset(pools)
        for stream in self.streams:
            if stream.pool.name in self._held - held:
                stream.not_before(t + 1.0)
        self._held = held

    # ── inside ──

    def _lay(self, job: SimJob, t: float, end: float) -> SimJob:
        laid = replace(job, end=end)
        run = self._runs[job.id]
        for key in job.gpus:
            line = self.lines[key]
            line.withdraw(job.id, t)
            area = run.area(t, end) if end < math.inf else 0.0
            line.place((Leg(run, t, end, job.id, False, area, run.lag(t), run.lag(end) if end < math.inf else 0.0),))
        self._note(laid)
        self._settle(job.gpus)
        return laid

    def _note(self, job: SimJob) -> None:
        self.jobs[job.id] = job
        if job.end > self._kept_since:
            self._kept[job.id] = job
        self.version += 1

    def _settle(self, keys: Iterable[GpuKey], t: float = -math.inf) -> None:
        """Tell the pools when the units of these GPUs are free now."""
        times: defaultdict[Stream, dict[int, float]] = defaultdict(dict)
        for key in keys:
            if key in self._units:
                stream, unit = self._units[key]
                busy = max(self.lines[one].busy_until for one in stream.pool.units[unit])
                times[stream][unit] = max(busy, t) + GAP_S
        for stream, found in times.items():
            stream.frees(found)

    def _units_on(self, node: str) -> dict[Stream, set[int]]:
        found: defaultdict[Stream, set[int]] = defaultdict(set)
        for key, (stream, unit) in self._units.items():
            if key.node == node:
                found[stream].add(unit)
        return found

    def _peek(self, stream: Stream) -> tuple[SimJob, ...]:
        version, jobs = self._peeked.get(stream.pool.name, (-1, ()))
        if version != stream.version:
            jobs = tuple(one.job for one in stream.peek(stream.line))
            self._peeked[stream.pool.name] = (stream.version, jobs)
        return jobs
