"""`History` kept in one SQLite file: the embedded default.

**The shape.** A tick is a handful of packed rows appended to the file (`recent`, one a shelf of up to sixteen tracks),
in one transaction; every twenty minutes they are sealed into compressed columns (`chunk`), one stream a metric and
shelf; minutes and quarters of an hour are made of those later. Chosen by measurement, for 1,024 GPUs with 20 metrics
every 5 s (medians on a shared two-core machine; `make bench` prints them anew):

- narrow rows (series, time, value) cost 16.5 bytes a sample and 300 ms a tick; one wide row a GPU 3.7 bytes and 22 ms,
  since it dirties a page a GPU; packed rows in order of time cost 9 ms, most of it in making them;
- unsealed, a number takes four bytes (`app.store.rows`): with eight, two hours of a fleet were 2.3 bytes a sample, the
  rows of the last half hour, free pages and the log counted; so they are 1.8;
- sealed, a sample takes 0.8 to 1.1 bytes, 1.0 to 1.5 with what the file adds: whole numbers of the metric's quantum, as
  steps or offsets in byte planes, deflated over the GPUs of a node together. The standard library does all of it at C
  speed; neither numpy nor zstd is needed;
- a day of one metric of one GPU is 72 small streams: 8 ms for 17,280 samples, 2.5 ms for 288 spans of five minutes. The
  fleet's folds are series of their own, so that asking for one costs the same; reckoning it from 1,024 GPUs would take
  a second in every layout;
- chores (sealing, rolling up, deleting) take 20 ms after a tick, so that the next one never waits for them long.

**The promises.** One writer, who holds the lease (`app.store.lease`); readers have connections of their own. A kill at
any moment costs at most the tick in flight; a power cut at most the ticks since the last checkpoint (some minutes).
A full disk or a locked file costs ticks, which are counted; a damaged file is moved aside and a new one begun.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.domain.series import Event, Series, Subject
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot
from app.store import answers, happened, job_series, jobs, notebook
from app.store.history import StoreHealth, Tick
from app.store.lease import Lease
from app.store.levels import Retention, Windows
from app.store.pages import Pages
from app.store.past import last_picture, picture_at
from app.store.reader import Reader, Unreadable
from app.store.scribe import Scribe
from app.store.view import View

_NOTES_AGAIN_S = (0.1, 0.4, 0.5, 1.0, 1.0)
"""Pauses between two tries at reading notes; each try itself waits for a lock (`BUSY_S`)."""

__all__ = ["Retention", "SqliteHistory", "Windows", "open_store"]


async def open_store(
    path: Path,
    now: Callable[[], float],
    *,
    want_lease: bool = True,
    retention: Retention | None = None,
    windows: Windows | None = None,
    clock: Callable[[], float] = time.perf_counter,
    lease: Lease | None = None,
) -> SqliteHistory:
    """Open the history at a path; it is made, migrated and written only with the lease.

    Never raises for what is wrong with the file: `health` says it. `now` gives epoch seconds (for the name of a file
    that must be moved aside), `clock` seconds that never jump. Without `want_lease` nothing is ever written or made.
    `lease` is the one that another process has handed on.
    """
    windows = windows or Windows()
    scribe = Scribe(path, now, retention or Retention(), windows, clock, lease) if want_lease else None
    if scribe is not None:
        await scribe.begin()
    return SqliteHistory(path, windows, scribe)


class SqliteHistory:
    """A `History` in one file; `scribe` is None for one that only reads."""

    def __init__(self, path: Path, windows: Windows, scribe: Scribe | None) -> None:
        self.path = path
        self._scribe = scribe
        self._reader = Reader(path, lambda db: Pages(View(db, windows)))
        self._is_closed = False

    async def try_lease(self) -> bool:
        """Take over writing if nobody holds the lease (any more); says whether this one writes now."""
        return self._scribe is not None and self._scribe.try_lease()

    def copy_lease(self) -> int | None:
        """A file of the lease's lock, to be handed on to another process; None: this one does not hold it."""
        return None if self._scribe is None else self._scribe.copy_lease()

    async def write(self, tick: Tick) -> None:
        """Keep one tick, in one transaction; does nothing without the lease, which it takes over when it is free."""
        if self._scribe is None:
            return
        if self._reader.damage is not None:
            self._scribe.suspect(self._reader.damage)
            self._reader.damage = None
        await self._scribe.write(tick)

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """One metric of one subject; see `History.series` and `app.store.answers`.

        Of a node's `gpu.*` metrics, the fold over its GPUs; of a job's, over those it held. Raises LookupError with
        a sentence for a person.
        """
        question = answers.Question(subject, metric, start, end, step_s)
        answer = job_series.series if subject.kind == "job" else answers.series
        try:
            return await self._reader.ask(lambda pages: answer(pages.view, question))
        except Unreadable as error:
            raise LookupError(str(error)) from None

    async def at(self, when: float) -> Snapshot | None:
        """The picture as it stood at `when`; None when nothing was kept near that time, or nothing can be read."""
        try:
            return await self._reader.ask(lambda pages: picture_at(pages, when))
        except Unreadable:
            return None

    async def last(self, since: float) -> Snapshot | None:
        """The last picture kept, for a new start; see `History.last`."""
        try:
            return await self._reader.ask(lambda pages: last_picture(pages, since))
        except Unreadable:
            return None

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """Times within start…end at which something was kept: at most 300, newest last."""
        try:
            return await self._reader.ask(lambda pages: happened.moments(pages.view.db, start, end))
        except Unreadable:
            return ()

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """The newest `limit` events within start…end, oldest first; those of a node are also its GPUs'."""
        try:
            return await self._reader.ask(lambda pages: happened.events(pages.view.db, start, end, subject, limit))
        except Unreadable:
            return ()

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """Slurm's jobs within start…end, newest first; see `History.jobs`."""
        try:
            return await self._reader.ask(lambda pages: jobs.jobs_between(pages.view.db, start, end, limit))
        except Unreadable:
            return ()

    async def put_notes(self, notes: Mapping[str, str | None]) -> bool:
        """Write small texts down at once; see `History.put_notes`."""
        return self._scribe is not None and await self._scribe.put_notes(notes)

    async def notes(self, begins: str) -> Mapping[str, str]:
        """Every note whose key begins so; see `History.notes`."""
        for wait_s in (*_NOTES_AGAIN_S, 0.0):
            try:
                return await self._reader.ask(lambda pages: notebook.read(pages.view.db, begins))
            except Unreadable:
                if not self.path.exists() or self._reader.damage is not None:
                    break
                await asyncio.sleep(wait_s)
        return {}

    async def health(self) -> StoreHealth:
        """How the store is doing."""
        contents, trouble = happened.Contents(0, None), ""
        if not self._is_closed:
            try:
                contents = await self._reader.ask(lambda pages: happened.contents(pages.view.db))
            except Unreadable as error:
                trouble = str(error)
        state, text = self._state(trouble)
        return StoreHealth(
            state=state,
            text=text,
            path=str(self.path),
            size_bytes=sum(_size(self.path.with_name(self.path.name + end)) for end in ("", "-wal")),
            samples=contents.samples,
            oldest=contents.oldest,
            dropped_ticks=self._scribe.dropped_ticks if self._scribe else 0,
            write_s=self._scribe.write_s if self._scribe else None,
        )

    def _state(self, trouble: str) -> tuple[str, str]:
        if self._is_closed:
            return "closed", f"{self.path} is closed"
        if self._scribe is None:
            return "read-only", trouble or f"{self.path} is only read"
        if trouble and self._scribe.state == "ok":
            return "failed", trouble
        return self._scribe.state, self._scribe.text

    async def close(self) -> None:
        """Finish the transaction in flight, give up the lease, close. Closing twice is fine."""
        self._is_closed = True
        await self._reader.close()
        if self._scribe is not None:
            await self._scribe.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
