"""Writing, with all that can go wrong: the lease, the file, its troubles, and what is said of them.

No trouble of the file's is raised to who brings the tick: the tick is dropped and counted, the state says why, and the
next tick tries again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.domain.series import FLEET, Event
from app.store import notebook
from app.store.history import Tick
from app.store.lease import Lease, LeaseError
from app.store.levels import Retention, Windows
from app.store.line import Line
from app.store.reader import FileKey, file_key
from app.store.schema import NotUsable, connect_writer
from app.store.trouble import set_aside, trouble_of
from app.store.writer import Kept, Writer

_WHY = {
    "full": ("the disk is full; it goes on by itself when there is room", "the disk was full"),
    "locked": (
        "another program has locked the file; it goes on by itself when that one lets go",
        "another program had locked the file",
    ),
}
"""What is said while a trouble lasts, and what of it once it is over."""


class Scribe:
    """The one who writes, where the lease allows it."""

    def __init__(
        self,
        path: Path,
        now: Callable[[], float],
        retention: Retention,
        windows: Windows,
        clock: Callable[[], float],
        lease: Lease | None = None,
    ) -> None:
        """`lease`: as another process has handed it on; None: it is taken when it is free."""
        self.path = path
        self.state = "read-only"
        self.text = f"{path} is only read"
        self.dropped_ticks = 0
        self.write_s: float | None = None
        self._now = now
        self._hire = partial(Writer, path=path, retention=retention, windows=windows, clock=clock)
        self._lease = lease
        self._line: Line | None = None
        self._writer: Writer | None = None
        self._file: FileKey | None = None
        self._damage: str | None = None
        self._news: list[Event] = []
        self._gap = 0
        self._gap_why = ""
        self._one = asyncio.Lock()

    async def begin(self) -> None:
        """Take the lease and open the file, if both can be had now."""
        if self.try_lease():
            async with self._one:
                await self._ready()

    def try_lease(self) -> bool:
        """Take the lease unless it is held already; says whether it is ours now. Never waits."""
        if self._lease is not None:
            return True
        if self.state == "closed":
            return False
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lease = Lease.take(self.path)
        except (LeaseError, OSError) as error:
            self._say("failed", str(error))
            return False
        if self._lease is None:
            self._say("read-only", f"{Lease.holder(self.path)} writes {self.path}; this one only reads")
            return False
        return True

    async def write(self, tick: Tick) -> None:
        """Keep one tick if this process holds the lease; drop and count it where the file will not have it."""
        if not self.try_lease():
            if self.state == "failed":
                self._drop()
            return
        async with self._one:
            for _ in range(2):  # a second time, into a new file, where the first was damaged
                if not await self._ready():
                    self._drop()
                    return
                if await self._written(tick):
                    return
            self._drop()

    async def put_notes(self, notes: Mapping[str, str | None]) -> bool:
        """Write notes down now, if this process holds the lease and the file will have them; says whether it did."""
        if not self.try_lease():
            return False
        async with self._one:
            if not await self._ready() or self._line is None:
                return False
            try:
                await self._line.run(lambda db: notebook.put(db, notes))
            except sqlite3.Error as error:
                if trouble_of(error) == "corrupt":
                    self._damage = str(error)
                else:
                    self._say_trouble(error)
                return False
        return True

    def copy_lease(self) -> int | None:
        """A file of the lease's lock, to be handed on; None: it is not held."""
        return None if self._lease is None else self._lease.copy()

    def suspect(self, why: str) -> None:
        """Take note that a reader found the file damaged: it is moved aside before the next tick."""
        if self._lease is not None:
            self._damage = why

    async def close(self) -> None:
        """Finish what is being written, close, give up the lease."""
        async with self._one:
            await self._put_down()
            if self._lease is not None:
                self._lease.give_up()
                self._lease = None
            self._say("closed", f"{self.path} is closed")

    async def _ready(self) -> bool:
        """Whether the file is open for writing; opens it, and puts a damaged one aside."""
        if self._damage is not None:
            await self._set_aside(self._damage)
        elif self._line is not None and file_key(self.path) != self._file:
            await self._put_down()  # somebody took the file away while it was open
        if self._line is not None:
            return True
        try:
            await self._open()
        except NotUsable as error:
            self._say("read-only", str(error))
        except OSError as error:
            self._say("failed", f"{self.path}: {error.strerror}; check the folder, or set store.path")
        except sqlite3.Error as error:
            if trouble_of(error) != "corrupt":
                self._say_trouble(error)
                return False
            await self._set_aside(str(error))
            return await self._open_anew()
        return self._line is not None

    async def _open_anew(self) -> bool:
        """Open a new file in the place of one that was moved aside."""
        try:
            await self._open()
        except (sqlite3.Error, OSError, NotUsable) as error:
            self._say("failed", f"{self.path}: {error}")
        return self._line is not None

    async def _open(self) -> None:
        self._line = await Line.open(partial(connect_writer, self.path))
        try:
            self._writer = await self._line.run(self._hire)
        except BaseException:
            await self._put_down()
            raise
        self._file = file_key(self.path)
        if not self._gap:
            self._say("ok", f"writing {self.path}")

    async def _written(self, tick: Tick) -> bool:
        """Whether this tick is dealt with: kept, or dropped for a reason that a new file would not mend."""
        line, writer = self._line, self._writer
        if line is None or writer is None:
            return False
        if self._gap:
            text = f"{self._gap} ticks before this one were not kept: {self._gap_why}"
            tick = replace(tick, events=(Event(tick.at, "store.gap", "warning", FLEET, text), *tick.events))
        try:
            kept = await line.run(lambda _: writer.write(replace(tick, events=(*self._news, *tick.events))))
        except sqlite3.Error as error:
            if trouble_of(error) == "corrupt":
                await self._set_aside(str(error))
                return False
            self._say_trouble(error)
            self._drop()
            if trouble_of(error) == "failed":
                await self._put_down()
            return True
        self._was_kept(kept)
        return True

    def _was_kept(self, kept: Kept) -> None:
        self._gap = 0
        self._news.clear()
        self.write_s = kept.write_s
        refused = f"; {kept.refused} values of new subjects found no room" if kept.refused else ""
        self._say("ok", f"writing {self.path}{refused}")
        if kept.chores_error is not None:
            if trouble_of(kept.chores_error) == "corrupt":
                self._damage = str(kept.chores_error)
            else:
                self._say_trouble(kept.chores_error)

    async def _set_aside(self, why: str) -> None:
        """Move the damaged file out of the way; the new one begins with an event that says so."""
        await self._put_down()
        self._damage = None
        now = self._now()
        try:
            aside = set_aside(self.path, now)
        except OSError as error:
            self._say("failed", f"{self.path} is damaged ({why}) and cannot be moved aside: {error.strerror}")
            return
        text = f"the history was damaged ({why}); it was moved to {aside.name} and a new one begun"
        self._news.append(Event(now, "store.damaged", "warning", FLEET, text))

    async def _put_down(self) -> None:
        line, self._line, self._writer = self._line, None, None
        if line is not None:
            try:
                await line.close()
            except sqlite3.Error as error:
                self._say_trouble(error)

    def _drop(self) -> None:
        self.dropped_ticks += 1
        self._gap += 1

    def _say(self, state: str, text: str, afterwards: str = "") -> None:
        self.state, self.text = state, text
        if state != "ok":
            self._gap_why = afterwards or text

    def _say_trouble(self, error: sqlite3.Error) -> None:
        kind = trouble_of(error)
        now, afterwards = _WHY.get(kind, (str(error), str(error)))
        self._say("full" if kind == "full" else "failed", f"{self.path}: {now}", afterwards)
