"""Starts the waiting jobs of the simulated Slurm where there is room, once somebody has acted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from app.sim.jobs import GpuKey, SimJob
from app.sim.slurm.book import Book
from app.sim.slurm.job import Job
from app.sim.slurm.reasons import Waiting, candidates

PATIENCE_S = 2 * 3600.0
"""Where a person's job can have room within this time, nobody else gets it first."""


def advance(book: Book, t: float) -> None:
    """Start what can start at `t`, those of the keyboard first; without any action nothing is ever started."""
    if not book.is_touched:
        return
    book.cluster.work.grow(t)
    held: set[str] = set()
    line = sorted(book.waiting.values(), key=lambda job: (not job.is_own, -job.priority, job.het or job.id, job.id))
    for _, group in groupby(line, key=lambda job: job.het or job.id):
        parts = list(group)
        look = Waiting(book, [job for job in book.jobs(t) if job.holds], t)
        if any(job.submit > t or look.obstacle(job) for job in parts):
            continue
        places = _places(book, parts, t)
        if places is not None:
            for job, gpus, nodes in places:
                _start(book, job, gpus, nodes, t)
        elif parts[0].is_own:
            held |= _pools(book, parts[0], t)
    book.cluster.work.hold(held, t)


def _places(book: Book, parts: Sequence[Job], t: float) -> list[tuple[Job, tuple[GpuKey, ...], tuple[str, ...]]] | None:
    """Where all parts of a job have room at once; None where they have not."""
    taken: set[GpuKey] = set()
    found = []
    for job in parts:
        gpus: list[GpuKey] = []
        nodes: list[str] = []
        for node in candidates(book, job):
            if node in book.deleted or len(nodes) == job.node_count:
                continue
            free = [key for key in book.cluster.work.free_gpus(node, book.cluster.spec.gpus, t) if key not in taken]
            if len(free) >= job.per_node and (job.per_node or node not in book.drains):
                gpus += free[: job.per_node]
                nodes.append(node)
        if len(nodes) < job.node_count:
            return None
        taken.update(gpus)
        found.append((job, tuple(gpus), tuple(nodes)))
    return found


def _start(book: Book, job: Job, gpus: tuple[GpuKey, ...], nodes: tuple[str, ...], t: float) -> None:
    lasts = min(job.lasts, job.limit)
    sim = SimJob(job.id, job.user, job.name, nodes, gpus, t, t + lasts, job.kind, job.submit, job.limit)
    del book.waiting[job.id]
    book.begun[job.id] = replace(job, reason="None", priority=max(1, job.priority))
    book.cluster.work.begin(sim)
    book.version += 1


def _pools(book: Book, job: Job, t: float) -> set[str]:
    """The pools that must hand out nothing for a job to have room soon; none where it is far off."""
    work, each = book.cluster.work, max(1, job.per_node)
    ready: list[tuple[float, str]] = []
    for node in candidates(book, job):
        times = sorted(work.busy_until(gpu.key) for gpu in book.cluster.node(node).gpus)
        if len(times) >= each:
            ready.append((times[each - 1], node))
    ready.sort()
    if len(ready) < job.node_count or math.isinf(at := ready[job.node_count - 1][0]) or at > t + PATIENCE_S:
        return set()
    nodes = {node for when, node in ready if when <= at}
    return {
        stream.pool.name
        for stream in work.streams
        if any(key.node in nodes for unit in stream.pool.units for key in unit)
    }
