"""Slurm's counts for the header and JSON: GPUs allocated, jobs running and pending. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from app.domain.fleet import NO_COUNTS, SlurmCounts
from app.domain.slurm import SlurmPicture


def slurm_counts(picture: SlurmPicture, now: float) -> SlurmCounts:
    """The counts of a picture; all None past its age."""
    return NO_COUNTS if picture.is_expired(now) else _counted(picture)


# Of two: while the newest picture is made ready to be looked at, the one before is what is looked at.
@lru_cache(maxsize=2)
def _counted(picture: SlurmPicture) -> SlurmCounts:
    if picture.jobs is None:
        said = picture.counts
        return SlurmCounts(_whole(said, "gpus_allocated"), _whole(said, "jobs_running"), _whole(said, "jobs_pending"))
    running = sum(job.is_running for job in picture.jobs.values())
    pending = sum(task_count(job.array_task) for job in picture.jobs.values() if job.is_pending)
    used = [node.gpus_used for node in picture.nodes.values() if node.gpus]
    allocated = None if not used or None in used else sum(one for one in used if one is not None)
    if allocated is None:
        held = [job.gpus for job in picture.jobs.values() if job.holds_nodes]
        allocated = None if None in held else sum(one for one in held if one is not None)
    return SlurmCounts(allocated, running, pending)


def _whole(said: Mapping[str, float], key: str) -> int | None:
    return int(said[key]) if key in said else None


def task_count(text: str | None) -> int:
    """How many tasks `3`, `1,4-9` or `7-99:2%4` stands for; one where it is no list."""
    if text is None or text.isdigit():
        return 1
    total = 0
    for part in text.split("%")[0].split(","):
        span, _, step = part.partition(":")
        first, dash, last = span.partition("-")
        if dash and first.isdigit() and last.isdigit():
            every = int(step) if step.isdigit() and int(step) else 1
            total += max(0, int(last) - int(first)) // every + 1
        elif first.isdigit():
            total += 1
    return max(1, total)
