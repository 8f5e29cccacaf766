"""Asking: one read-only connection on its own thread, opened when first needed and again when the file is another."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from app.store.line import Line
from app.store.schema import NotUsable, connect_reader
from app.store.trouble import trouble_of

T = TypeVar("T")
V = TypeVar("V")
FileKey = tuple[int, int]


class Unreadable(Exception):  # noqa: N818 - it names the state
    """Nothing can be read now; the message is for a person."""


def file_key(path: Path) -> FileKey | None:
    """Which file a path leads to now; None when to none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class _Opened(Generic[V]):
    """One connection, with what is made for it and used on its thread alone."""

    def __init__(self, line: Line, file: FileKey, look: Callable[[sqlite3.Connection], V]) -> None:
        self.line = line
        self.file = file
        self._look = look
        self._view: V | None = None

    def answer(self, question: Callable[[V], T], db: sqlite3.Connection) -> T:
        """Answer from one state of the store, whatever is written meanwhile."""
        if self._view is None:
            self._view = self._look(db)
        db.execute("BEGIN")
        try:
            return question(self._view)
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")


class Reader(Generic[V]):
    """Asks a store questions, each in one read transaction on the reader's thread.

    What a question is given is made once for each connection, by `look`: it may remember things of that file.
    """

    def __init__(self, path: Path, look: Callable[[sqlite3.Connection], V]) -> None:
        self.path = path
        self.damage: str | None = None
        """What SQLite said when it found the file damaged; for the writer to act on."""
        self._look = look
        self._opened: _Opened[V] | None = None
        self._opening = asyncio.Lock()

    async def ask(self, question: Callable[[V], T]) -> T:
        """The answer to a question. Raises Unreadable, and what the question raises."""
        opened = await self._open()
        try:
            return await opened.line.run(partial(opened.answer, question))
        except sqlite3.Error as error:
            self._note(error)
            await self.close()
            raise Unreadable(f"{self.path} cannot be read: {error}") from None

    async def _open(self) -> _Opened[V]:
        async with self._opening:
            file = file_key(self.path)
            if file is None:
                await self.close()
                raise Unreadable(f"nothing is stored at {self.path} yet")
            if self._opened is not None and file == self._opened.file:
                return self._opened
            await self.close()
            try:
                line = await Line.open(partial(connect_reader, self.path))
            except NotUsable as error:
                raise Unreadable(str(error)) from None
            except sqlite3.Error as error:
                self._note(error)
                raise Unreadable(f"{self.path} cannot be opened: {error}") from None
            self._opened = _Opened(line, file, self._look)
            return self._opened

    def _note(self, error: sqlite3.Error) -> None:
        if trouble_of(error) == "corrupt":
            self.damage = str(error)

    async def close(self) -> None:
        """Close the connection; the next question opens another."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.line.close()
