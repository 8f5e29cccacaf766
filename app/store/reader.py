"""Asking: one read-only connection on its own thread, opened when first needed and again when the file is another."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.store.line import Line
from app.store.schema import NotUsable, connect_reader
from app.store.trouble import trouble_of

T = TypeVar("T")
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


class Reader:
    """Asks a store questions, each in one read transaction on the reader's thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: str | None = None
        """What SQLite said when it found the file damaged; for the writer to act on."""
        self._line: Line | None = None
        self._file: FileKey | None = None
        self._opening = asyncio.Lock()

    async def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The answer to a question. Raises Unreadable, and what the question raises."""
        line = await self._open()
        try:
            return await line.run(partial(_in_one_transaction, question))
        except sqlite3.Error as error:
            if trouble_of(error) == "corrupt":
                self.damage = str(error)
            await self.close()
            raise Unreadable(f"{self.path} cannot be read: {error}") from None

    async def _open(self) -> Line:
        async with self._opening:
            now = file_key(self.path)
            if now is None:
                await self.close()
                raise Unreadable(f"nothing is stored at {self.path} yet")
            if self._line is not None and now == self._file:
                return self._line
            await self.close()
            try:
                self._line = await Line.open(partial(connect_reader, self.path))
            except NotUsable as error:
                raise Unreadable(str(error)) from None
            except sqlite3.Error as error:
                if trouble_of(error) == "corrupt":
                    self.damage = str(error)
                raise Unreadable(f"{self.path} cannot be opened: {error}") from None
            self._file = now
            return self._line

    async def close(self) -> None:
        """Close the connection; the next question opens another."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()


def _in_one_transaction(question: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
    """Answer from one state of the store, whatever is written meanwhile."""
    db.execute("BEGIN")
    try:
        return question(db)
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
