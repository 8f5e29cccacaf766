"""A log file of this machine: followed in a thread, since a disk may hang."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.sources.logs.file_tail import FileTail
from app.sources.logs.look import MOST_BYTES, LogError, LogLook


class FileWay:
    """A file here."""

    def __init__(self, path: str) -> None:
        self.target = path
        self._tail = FileTail(Path(path).expanduser())
        self._running: asyncio.Future[LogLook] | None = None

    async def look(self, timeout_s: float) -> LogLook:
        """What came since the last look. Raises LogError; a look that hangs is not joined by a second one."""
        if self._running is None:
            self._running = asyncio.get_running_loop().run_in_executor(None, self._tail.look, MOST_BYTES)
        running = self._running
        # What a look brings that outlasts its time comes with the next: the tail has moved on and would not repeat it.
        done, _ = await asyncio.wait((running,), timeout=timeout_s)
        if not done:
            raise LogError(f"{self.target} does not answer within {timeout_s:g} s: is its disk stuck?")
        self._running = None
        return running.result()

    async def close(self) -> None:
        """Close the file, unless a look still hangs in it."""
        if self._running is None:
            self._tail.close()
