"""The writer: one tick, one transaction; then a few milliseconds of chores before the next one comes.

Runs on the writer's thread. Chores (sealing, rolling up, retention, checkpoints) are generators in small steps; a tick
that comes meanwhile waits for the step in hand, not for the work. What a tick needs of the tables is held in memory;
what a tick that failed changed of it is taken back or read anew, so that memory and file never disagree. Not all of it
each time: while a disk is full every tick fails, and a fleet's tables, made and dropped by the minute, leave holes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from app.domain.frozen import frozen
from app.store.chunks import state_value
from app.store.history import Tick
from app.store.levels import Retention, Windows
from app.store.parts import PictureBook
from app.store.pruning import prune
from app.store.rollup import roll_up
from app.store.schema import transaction
from app.store.sealing import drop_sealed_rows, last_of_window, seal
from app.store.shelves import Registry
from app.store.ticks import keep

CHORES_S = 0.02
"""Most time chores take after a tick, while they keep up; the step in hand is finished, which takes some ms more."""
BEHIND_SHARE = 0.05
"""Share of the time between ticks that they take when a whole window or more waits to be sealed."""
BEHIND_S = 0.5
"""Most time they take even then."""
WAL_BYTES = 4 << 20
"""Size of the write-ahead log at which it is carried over into the file."""


@frozen
class Kept:
    """What became of a tick that was written."""

    write_s: float
    """Duration of its transaction."""
    refused: int
    """Changes of subjects there was no more room for, since the store was opened."""
    chores_error: sqlite3.Error | None = None
    """What stopped the chores after it; the tick itself is safe."""


class Writer:
    """Writes ticks and keeps the house; used on one thread."""

    def __init__(
        self,
        db: sqlite3.Connection,
        path: Path,
        retention: Retention,
        windows: Windows,
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._wal = path.with_name(f"{path.name}-wal")
        self._retention = retention
        self._windows = windows
        self._clock = clock
        self._memory: tuple[Registry, PictureBook, int] | None = None
        self._chores: Iterator[None] | None = self._all_chores()
        self._last_at = 0.0
        self._quiet: int | None = None
        """The window that all unsealed ticks are known to be of; None: not known."""

    def write(self, tick: Tick) -> Kept:
        """Keep a tick, then do chores for a while. Raises sqlite3.Error when the tick could not be kept."""
        began = self._clock()
        registry, book, number = self._memory or self._load()
        self._memory = None  # until the commit is through, nothing in memory counts
        registry.begin()
        book.begin()
        try:
            with transaction(self._db):
                keep(self._db, registry, book, tick, number, self._windows.raw_s)
        except sqlite3.Error:
            self._take_back(registry, book)
            raise
        self._memory = (registry, book, number + 1)
        write_s = self._clock() - began
        gap_s, self._last_at = tick.at - (self._last_at or tick.at), tick.at
        try:
            if not self._checkpoint():
                self._do_chores(gap_s)
        except sqlite3.Error as error:
            self._chores = self._quiet = None
            return Kept(write_s, registry.refused, error)
        return Kept(write_s, registry.refused)

    def _take_back(self, registry: Registry, book: PictureBook) -> None:
        """Have memory say what the file does, after a tick that is not in it; else it is read anew with the next."""
        with suppress(sqlite3.Error):
            book.undo(self._db)
            self._memory = (Registry(self._db) if registry.has_news else registry, book, self._next_number())

    def _load(self) -> tuple[Registry, PictureBook, int]:
        return Registry(self._db), PictureBook(self._db), self._next_number()

    def _next_number(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM tick").fetchone()[0])

    def _do_chores(self, gap_s: float) -> None:
        if self._chores is None:
            if not self._is_window_over():
                return
            self._chores = self._all_chores()
        budget_s = CHORES_S
        if self._is_behind():
            budget_s = max(budget_s, min(BEHIND_S, BEHIND_SHARE * gap_s))
        until = self._clock() + budget_s
        for _ in self._chores:
            if self._clock() >= until:
                return
        self._chores = None

    def _is_window_over(self) -> bool:
        """Whether ticks of a window wait to be sealed. The store is asked only where a tick is of another window."""
        window = round(self._last_at * 1000) // (self._windows.raw_s * 1000)
        if window == self._quiet:
            return False
        is_over = last_of_window(self._db, self._windows) is not None
        self._quiet = None if is_over else window
        return is_over

    def _is_behind(self) -> bool:
        """Whether a whole window waits that should have been sealed by now."""
        first = self._db.execute(
            "SELECT at FROM tick WHERE id > ? ORDER BY id LIMIT 1", (state_value(self._db, "sealed"),)
        ).fetchone()
        return first is not None and self._last_at - first[0] / 1000 > 2 * self._windows.raw_s

    def _all_chores(self) -> Iterator[None]:
        """Seal what is due, then make of it and delete what follows from that."""
        db, windows = self._db, self._windows
        yield from self._seal_due()
        until_s = self._sealed_until_s()
        for (shelf,) in db.execute("SELECT id FROM shelf ORDER BY id").fetchall():
            yield from roll_up(db, windows, shelf, until_s)
            yield from self._seal_due()  # rolling up a large fleet takes longer than a window
        yield from prune(db, self._retention, windows, until_s)
        self._forget_dropped_shelves()

    def _seal_due(self) -> Iterator[None]:
        while (last := last_of_window(self._db, self._windows)) is not None:
            yield from seal(self._db, self._windows, last)
            yield from drop_sealed_rows(self._db)

    def _forget_dropped_shelves(self) -> None:
        """Read the shelves anew where some were dropped: no value may go to one that is not in the store."""
        shelves = self._db.execute("SELECT count(*) FROM shelf").fetchone()[0]
        if self._memory is not None and shelves != len(self._memory[0].shelves):
            self._memory = (Registry(self._db), *self._memory[1:])

    def _sealed_until_s(self) -> float:
        """Before this time all samples are in chunks, but for those of a clock that was set back."""
        first = self._db.execute(
            "SELECT at FROM tick WHERE id > ? ORDER BY id LIMIT 1", (state_value(self._db, "sealed"),)
        ).fetchone()
        return 0.0 if first is None else first[0] / 1000 - self._windows.raw_s

    def _checkpoint(self) -> bool:
        """Carry the write-ahead log over when it is large, without waiting for readers; says whether it was."""
        try:
            size = self._wal.stat().st_size
        except FileNotFoundError:
            return False
        if size <= WAL_BYTES:
            return False
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return True
