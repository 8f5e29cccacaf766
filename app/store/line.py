"""One SQLite connection on a thread of its own: the only module that touches aiosqlite.

aiosqlite sends every statement to its thread and waits; a tick would cost hundreds of such trips. `run` sends a whole
piece of work there in one. The thread is a daemon: an unclosed store never keeps the process alive, and a write-ahead
log needs no farewell.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import TypeVar

import aiosqlite

T = TypeVar("T")


class Line(aiosqlite.Connection):
    """A connection that runs whole functions on its thread."""

    @classmethod
    async def open(cls, connect: Callable[[], sqlite3.Connection]) -> Line:
        """Start the thread and connect on it. Raises what `connect` raises."""
        line = cls(connect, iter_chunk_size=64)
        line._thread.daemon = True
        try:
            await line
        except BaseException:
            # The thread tells this loop of its end; a loop closed before that would make it a noisy one.
            await asyncio.to_thread(line._thread.join, 5)
            raise
        return line

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` with the connection on its thread, after all that was sent before. Raises what it raises.

        An error of SQLite's comes without the way it took. That way leads back to the error, by the future it came
        through, and holds all that `work` had at hand: while a disk is full, each tick would leave a fleet's tables
        behind, megabytes, until Python looks for cycles.
        """
        try:
            result: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]  # aiosqlite leaves it so
        except sqlite3.Error as error:
            raise error.with_traceback(None) from None
        return result
