"""What people do to jobs of the simulated Slurm. Refusals are Slurm's own words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from app.sim.faults import Fault
from app.sim.slurm.book import Book, priority_for
from app.sim.slurm.ended import REQUEUED
from app.sim.slurm.job import Job
from app.sim.slurm.people import is_operator
from app.sim.slurm.refusals import (
    DENIED,
    DISABLED,
    DONE,
    HELD,
    NOT_RUNNING,
    NOT_SUSPENDED,
    PENDING,
    TIME_LIMIT,
    RefusedError,
)  # fmt: skip

AGAIN_S = 120.0
"""Real seconds before a requeued job may begin again."""
_BACK_S = 150.0


class Actions:
    """The verbs, for one user at one moment; a job is as `Book.jobs` gave it."""

    def __init__(self, book: Book, user: str, t: float) -> None:
        self._book, self._user, self._t = book, user, t

    def cancel(self, job: Job) -> None:
        """End a job, or take it out of line."""
        self._own(job)
        self._not_over(job)
        book, t = self._book, self._t
        if job.is_pending:
            self._taken(job)
            book.waiting.pop(job.id)
            book.over.append(replace(job, state="CANCELLED", reason="None", start=None, end=t))
        elif job.kind == "serve":
            book.cluster.inject(Fault("vllm-down", job.name, at_s=t))
            book.cancelled.add(job.id)
        else:
            book.cluster.end_job(job.id, t, "cancelled")
        book.touched()

    def hold(self, job: Job) -> None:
        """Let a waiting job wait on; one that runs is held only if it is requeued."""
        self._own(job)
        self._not_over(job)
        if not job.is_pending:
            return
        by = "JobHeldUser" if self._user == job.user else "JobHeldAdmin"
        self._set(self._taken(job), priority=0, reason=by)

    def release(self, job: Job) -> None:
        """Let a held job go on."""
        self._own(job)
        if job.is_pending and job.reason.startswith("JobHeld"):
            if job.reason == "JobHeldAdmin" and not is_operator(self._user):
                raise RefusedError(DENIED, job.key)
            self._set(self._taken(job), priority=priority_for(self._t), reason="", is_own=is_operator(self._user))

    def requeue(self, job: Job) -> None:
        """Stop a job and put it in line again; it begins after a while."""
        self._own(job)
        if job.is_pending:
            raise RefusedError(PENDING, job.key)
        book, t = self._book, self._t
        if job.kind == "serve":
            self._not_over(job)
            book.cluster.inject(Fault("vllm-down", job.name, at_s=t, for_s=_BACK_S / book.cluster.per_wall))
            book.touched()
            return
        sim = book.cluster.work.jobs[job.id]
        if job.holds:
            book.cluster.end_job(job.id, t, REQUEUED)
        again = replace(
            job, state="PENDING", reason="", submit=t, eligible=t + AGAIN_S / book.cluster.per_wall, start=None,
            end=None, gpus=(), nodes=(), restarts=job.restarts + 1, lasts=sim.end - sim.start, suspended_at=None,
            paused_s=0.0, priority=max(1, job.priority), exit_code=0, exit_signal=0,
        )  # fmt: skip
        book.edits.pop(job.id, None)
        book.waiting[job.id] = again
        book.touched()

    def suspend(self, job: Job) -> None:
        """Stop a job where it is; it keeps its GPUs."""
        self._operator(job)
        self._not_over(job)
        if job.state != "RUNNING":
            raise RefusedError(NOT_RUNNING if job.holds else PENDING, job.key)
        if job.kind == "serve":
            raise RefusedError(DISABLED, job.key)
        book, t = self._book, self._t
        book.take_over(book.cluster.work.evict(job.gpus, t))
        book.left_s[job.id] = book.cluster.work.jobs[job.id].end - t
        book.cluster.pause_job(job.id, t)
        self._edit(job, suspended_at=t)

    def resume(self, job: Job) -> None:
        """Let a suspended job go on."""
        self._operator(job)
        if job.state != "SUSPENDED" or job.suspended_at is None:
            raise RefusedError(NOT_SUSPENDED, job.key)
        book, t = self._book, self._t
        book.cluster.resume_job(job.id, t, t + book.left_s.pop(job.id))
        self._edit(job, suspended_at=None, paused_s=job.paused_s + t - job.suspended_at)

    def top(self, job: Job) -> None:
        """Put a waiting job before all others."""
        self._own(job)
        if not job.is_pending:
            raise RefusedError(NOT_RUNNING if job.holds else DONE, job.key)
        if job.reason.startswith("JobHeld"):
            raise RefusedError(HELD, job.key)
        highest = max(one.priority for one in self._book.jobs(self._t) if one.is_pending)
        self._set(self._taken(job), priority=highest + 1)

    def nice(self, job: Job, value: int) -> None:
        """Let a waiting job wait longer than others, or less."""
        self._own(job)
        if value < 0 and not is_operator(self._user):
            raise RefusedError(DENIED, job.key)
        if job.is_pending:
            mine = self._taken(job)
            priority = mine.priority and max(1, mine.priority + mine.nice - value)
            self._set(mine, nice=value, priority=priority)

    def limit(self, job: Job, change: Callable[[float], float]) -> None:
        """Change how long a job may run."""
        self._own(job)
        self._not_over(job)
        limit = max(60.0, change(job.limit))
        longest = self._book.parts[job.partition.split(",")[0]].longest
        if (limit > job.limit and not is_operator(self._user)) or (limit > longest and not is_operator(self._user)):
            raise RefusedError(DENIED if limit <= longest else TIME_LIMIT, job.key)
        if job.is_pending:
            self._set(self._taken(job), limit=limit)
            return
        self._edit(job, limit=limit)
        until = job.must_end() - job.limit + limit
        sim = self._book.cluster.work.jobs[job.id]
        if math.isfinite(until) and until < sim.end and job.kind != "serve":
            self._book.cluster.end_job(job.id, max(self._t, until), "timeout")

    def change(self, job: Job, **fields: str) -> None:
        """Set texts of a job: its name, comment, partition, QOS."""
        self._own(job)
        self._not_over(job)
        if job.is_pending:
            self._set(self._taken(job), **fields)
        else:
            self._edit(job, **fields)

    # ── inside ──

    def _own(self, job: Job) -> None:
        if self._user != job.user and not is_operator(self._user):
            raise RefusedError(DENIED, job.key)

    def _operator(self, job: Job) -> None:
        if not is_operator(self._user):
            raise RefusedError(DENIED, job.key)

    def _not_over(self, job: Job) -> None:
        if job.is_over:
            raise RefusedError(DONE, job.key)

    def _taken(self, job: Job) -> Job:
        """A waiting job as the book keeps it: one that a pool has in line leaves it and waits on its own."""
        book = self._book
        if job.id not in book.waiting:
            sim = book.cluster.work.withdraw(job.id)
            if sim is None:
                raise RefusedError(DONE, job.key)
            book.take_over((sim,))
        return book.waiting[job.id]

    def _set(self, job: Job, **fields: object) -> None:
        self._book.waiting[job.id] = replace(job, **fields)  # type: ignore[arg-type]  # fields of Job by name
        self._book.touched()

    def _edit(self, job: Job, **fields: object) -> None:
        self._book.edits.setdefault(job.id, {}).update(fields)
        self._book.touched()
