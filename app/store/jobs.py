"""Slurm's jobs over time: a row for each span in which nothing lasting of a job changed.

A job is pending for a while, runs for a while, and is over: three rows, whatever happens to its priority meanwhile.
The row that still holds has no end. With its GPUs as the snapshot knows them, so that an ended job keeps their history.
Writing is the writer's thread's, asking a reader's.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from operator import attrgetter

from app.domain.allocation import allocations
from app.domain.apply_slurm import job_order
from app.domain.codec import decode, encode
from app.domain.frozen import frozen
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot
from app.store.shelves import storable

Place = tuple[str, int]
"""Node and index of a GPU, as the snapshot names it."""
MOST = 20_000
"""Ended jobs that are answered at most."""

_lasting_fields = attrgetter(
    "name", "user", "account", "partition", "qos", "state", "flags", "nodes", "node_count", "cpus", "gpus",
    "gpu_type", "gpus_on", "time_limit_s", "submit_at", "dependency", "reservation", "comment", "stdout", "stderr",
    "restarts", "exit_code", "exit_signal", "array_task",
)  # fmt: skip
_QUEUED = frozenset({"Priority", "Resources"})
"""Reasons that change places with every pass of the scheduler: one and the same for the history."""


def lasting(job: SlurmJob) -> object:
    """What must change for a job to be kept anew: not priority, estimates, or how the scheduler just looked at it."""
    times = None if job.is_pending else (job.start_at, job.end_at if job.is_ended else None)
    reason = "Priority" if job.reason in _QUEUED else job.reason
    return _lasting_fields(job), times, reason


@frozen
class Span:
    """A job as it stood for a while."""

    job: SlurmJob
    since: float
    until: float | None
    """None: it still does."""
    places: tuple[Place, ...]


@frozen
class _Open:
    """The row of a job that still holds."""

    row: int
    lasting: object
    needs_places: bool


class JobBook:
    """What of the jobs is in the store already; used on the writer's thread."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._open: dict[str, _Open] = {}
        self._last: Mapping[str, SlurmJob] | None = None
        self._ended_at: float | None = None
        rows = db.execute("SELECT id, key, body FROM job WHERE until IS NULL").fetchall()
        for row, key, body in rows:
            found = _read(body)
            known = None if found is None else lasting(found[0])
            self._open[key] = _Open(row, known, needs_places=False)
        if rows:
            last = db.execute("SELECT max(at) FROM tick").fetchone()[0]
            self._ended_at = None if last is None else last / 1000
        """Until when those that were open before this start were seen."""

    def keep(self, db: sqlite3.Connection, at: float, snapshot: Snapshot) -> None:
        """Keep what changed since the picture before; one without jobs changes nothing."""
        picture = snapshot.slurm
        jobs = picture.jobs if picture is not None else None
        if jobs is None:
            return
        unplaced = {key for key, one in self._open.items() if one.needs_places}
        if jobs is self._last and not unplaced:
            return
        before = self._last or {}
        join = allocations(snapshot, at)
        for key, job in jobs.items():
            if before.get(key) is job and key not in unplaced:
                continue
            kept, now = self._open.get(key), lasting(job)
            places = tuple((gpu.node, gpu.index) for gpu in join.gpus_of(job)) if job.gpus != 0 else ()
            if kept is not None and kept.lasting == now and not (kept.needs_places and places):
                continue
            needs = bool(job.gpus) and job.holds_nodes and not places
            if kept is not None and kept.lasting == now:
                db.execute("UPDATE job SET body = ? WHERE id = ?", (_body(job, places), kept.row))
                self._open[key] = _Open(kept.row, now, needs_places=False)
                continue
            self._close(db, kept, at)
            made = db.execute(
                "INSERT INTO job (key, since, until, body) VALUES (?, ?, NULL, ?)",
                (storable(key), at, _body(job, places)),
            )
            self._open[key] = _Open(made.lastrowid or 0, now, needs)
        for key in self._open.keys() - jobs.keys():
            # Of one that ended while nobody looked, only when it was last seen is known.
            self._close(db, self._open.pop(key), at if self._last is not None else self._ended_at or at)
        self._last = jobs

    def _close(self, db: sqlite3.Connection, kept: _Open | None, at: float) -> None:
        if kept is not None:
            db.execute("UPDATE job SET until = ? WHERE id = ?", (at, kept.row))


def _body(job: SlurmJob, places: tuple[Place, ...]) -> bytes:
    said = {"job": encode(job), "gpus": [list(place) for place in places]}
    return zlib.compress(json.dumps(said, separators=(",", ":")).encode(), 6)


def _read(body: bytes) -> tuple[SlurmJob, tuple[Place, ...]] | None:
    """A stored job with its GPUs; None where it cannot be read."""
    try:
        said = json.loads(zlib.decompress(body))
        return decode(SlurmJob, said["job"]), tuple((str(node), int(index)) for node, index in said["gpus"])
    except (zlib.error, ValueError, TypeError, KeyError):
        return None


def jobs_at(db: sqlite3.Connection, when: float) -> Mapping[str, SlurmJob]:
    """The jobs as they stood at a time, by id, in the order of their numbers."""
    rows = db.execute(
        "SELECT body FROM job WHERE (until IS NULL AND since <= ?) UNION ALL"
        " SELECT body FROM job WHERE until > ? AND since <= ?",
        (when, when, when),
    )
    found = [one[0] for (body,) in rows if (one := _read(body)) is not None]
    return {job.id: job for job in sorted(found, key=job_order)}


def jobs_between(db: sqlite3.Connection, start: float, end: float, limit: int) -> tuple[SlurmJob, ...]:
    """Jobs that were there within start…end, each as it stood last, newest first.

    One that is over and that Slurm no longer lists has the time it was last seen as its end where it had none.
    """
    rows = db.execute(
        "SELECT key, since, until, body FROM job WHERE since <= ? AND (until IS NULL OR until >= ?)"
        " ORDER BY since DESC, id DESC LIMIT ?",
        (end, start, 4 * min(limit, MOST)),
    )
    found: dict[str, SlurmJob] = {}
    for key, _, until, body in rows:
        one = None if key in found else _read(body)
        if one is not None:
            job = one[0]
            is_over = until is not None and job.holds_nodes and job.end_at is None
            found[key] = replace(job, end_at=until) if is_over else job
        if len(found) >= limit:
            break
    return tuple(found.values())


def spans_of(db: sqlite3.Connection, key: str) -> tuple[Span, ...]:
    """How a job stood over time, oldest first."""
    rows = db.execute("SELECT since, until, body FROM job WHERE key = ? ORDER BY since, id", (storable(key),))
    return tuple(Span(one[0], since, until, one[1]) for since, until, body in rows if (one := _read(body)) is not None)


def holdings(spans: Iterable[Span]) -> Mapping[Place, tuple[tuple[float, float | None], ...]]:
    """GPU → when the job held it."""
    found: dict[Place, tuple[tuple[float, float | None], ...]] = {}
    for span in spans:
        if not span.job.holds_nodes:
            continue
        start = min(span.since, span.job.start_at) if span.job.start_at is not None else span.since
        for place in span.places:
            found[place] = (*found.get(place, ()), (start, span.until))
    return found


def drop_jobs(db: sqlite3.Connection, horizon_s: float) -> Iterator[None]:
    """Forget what was over before a time, a little at a time."""
    while db.execute(
        "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE until < ? LIMIT 256)", (horizon_s,)
    ).rowcount:
        yield
