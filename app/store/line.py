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
        """Run `work` with the connection on its thread, after all that was sent before. Raises what it raises."""
        result: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]  # aiosqlite leaves it so
        return result
