"""Why the jobs of the simulated Slurm wait, and when they are expected to start."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.sim.jobs import GpuKey
from app.sim.slurm.ended import end_of
from app.sim.slurm.job import Job

if TYPE_CHECKING:  # the book asks for reasons, reasons look into the book
    from app.sim.slurm.book import Book


class Waiting:
    """One look along the line of waiting jobs, in order of priority."""

    def __init__(self, book: Book, holding: Sequence[Job], t: float) -> None:
        self._book, self._t = book, t
        self._running = {job.id: job for job in holding}
        self._tasks: dict[int, int] = {}
        for job in holding:
            if job.task is not None:
                self._tasks[job.array] = self._tasks.get(job.array, 0) + 1
        self._first: set[str] = set()
        self._frees: dict[GpuKey, float] | None = None
        self._holding = holding

    def explained(self, job: Job) -> Job:
        """A waiting job with its reason and, where one can be made, an estimate of its start."""
        if not job.is_pending:
            return job
        reason = self.obstacle(job)
        if reason:
            start = job.eligible if reason == "BeginTime" else None
            return self._with(job, reason, start)
        is_first = job.partition not in self._first
        self._first.add(job.partition)
        start = job.start if job.start is not None else self.estimate(job)
        return self._with(job, "Resources" if is_first else "Priority", start)

    def _with(self, job: Job, reason: str, start: float | None) -> Job:
        """The job with reason and estimate: the same object as at the last look where these did not change."""
        known = self._book.explained.get(job.id)
        if known is None or known[0] is not job or known[1:3] != (reason, start):
            known = self._book.explained[job.id] = (job, reason, start, replace(job, reason=reason, start=start))
        return known[3]

    def obstacle(self, job: Job) -> str:
        """What keeps a job from starting whatever is free; empty for nothing."""
        if job.reason.startswith("JobHeld") or job.priority == 0:
            return job.reason or "JobHeldUser"
        if job.dependency:
            return self._dependency(job)
        if job.eligible is not None and job.eligible > self._t:
            return "BeginTime"
        if job.reason not in ("", "None", "Resources", "Priority"):
            return job.reason
        if job.throttle and self._tasks.get(job.array, 0) >= job.throttle:
            return "JobArrayTaskLimit"
        if job.limit > self._book.parts[job.partition.split(",")[0]].longest:
            return "PartitionTimeLimit"
        return ""

    def _dependency(self, job: Job) -> str:
        """`Dependency` while what it waits for is not over, and for ever after that failed."""
        wanted = job.dependency.rpartition(":")[2]
        if not wanted.isdecimal() or int(wanted) in self._running or int(wanted) in self._book.waiting:
            return "Dependency"
        sim = self._book.cluster.work.jobs.get(int(wanted))
        if sim is None or sim.start > self._t:
            return "Dependency"
        went_well = end_of(sim, self._book.cluster.spec.seed).state == "COMPLETED"
        return "" if went_well or job.dependency.startswith("afterany") else "DependencyNeverSatisfied"

    def estimate(self, job: Job) -> float | None:
        """When there will be room if every job takes all of its time; None where that is not known."""
        return self.place(job)[0]

    def place(self, job: Job) -> tuple[float | None, tuple[str, ...]]:
        """The same, and the nodes."""
        frees = self._free_times()
        each = max(1, job.per_node)
        ready = []
        for node in candidates(self._book, job):
            times = sorted(frees.get(one.key, self._t) for one in self._book.cluster.node(node).gpus)
            if len(times) >= each and node not in self._book.drains:
                ready.append((times[each - 1], node))
        ready = sorted(ready)[: job.node_count]
        if len(ready) < job.node_count or math.isinf(ready[-1][0]):
            return None, ()
        return max(self._t, ready[-1][0]), tuple(node for _, node in ready)

    def _free_times(self) -> dict[GpuKey, float]:
        if self._frees is None:
            self._frees = {key: job.must_end() for job in self._holding for key in job.gpus}
        return self._frees


def candidates(book: Book, job: Job) -> Iterable[str]:
    """Nodes that a job could ever run on."""
    names = [name for part in job.partition.split(",") if part in book.parts for name in book.parts[part].nodes]
    wanted = job.required.split(",") if job.required else []
    return [
        name
        for name in dict.fromkeys(names)
        if (not job.model or book.models[name] == job.model) and (not wanted or name in wanted)
    ]
