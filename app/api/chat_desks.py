"""Conversations of those who ask through the API: a desk for each, with a file of its own that nobody else is shown.

Who runs the daemon finds the conversations of their own commands; everybody else has a folder in the daemon's state.
A desk that nobody uses is closed. Nothing that is proposed can be done from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.api.caller import Caller
from app.api.row import RefusedError
from app.config.paths import private_dir
from app.config.settings import Settings
from app.services.feed import Feed
from app.transport.clock import Clock, SystemClock

if TYPE_CHECKING:
    from app.agent.session import Session

FOLDER = "callers"
MOST_OPEN = 32
MOST_AT_ONCE = 8
"""Answers that are made at the same time, of all callers."""
MOST_OF_ONE = 2
"""Of one caller."""


class ChatDesks:
    """The desks that are open."""

    def __init__(self, feed: Feed, settings: Settings, state_dir: Path, clock: Clock | None = None) -> None:
        self._feed = feed
        self._settings = settings
        self._state_dir = state_dir
        self._clock = clock or SystemClock()
        self._desks: dict[str, Session] = {}
        """The least recently used first."""
        self._users: dict[str, int] = {}
        """Who uses a desk now, and how often at once."""
        self._answering: dict[str, int] = {}
        self._opening = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def desk(self, caller: Caller) -> AsyncIterator[Session]:
        """The caller's own."""
        key = caller.key
        self._users[key] = self._users.get(key, 0) + 1
        try:
            yield await self._desk(caller)
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key]

    @contextlib.contextmanager
    def answering(self, caller: Caller) -> Iterator[None]:
        """A place among those who are being answered. Raises RefusedError where there is none."""
        if sum(self._answering.values()) >= MOST_AT_ONCE or self._answering.get(caller.key, 0) >= MOST_OF_ONE:
            raise RefusedError(429, "too many questions are being answered: ask again in a moment")
        self._answering[caller.key] = self._answering.get(caller.key, 0) + 1
        try:
            yield
        finally:
            self._answering[caller.key] -= 1

    async def close(self) -> None:
        """Close all."""
        for desk in self._desks.values():
            await desk.close()
        self._desks.clear()

    async def _desk(self, caller: Caller) -> Session:
        async with self._opening:
            found = self._desks.pop(caller.key, None)
            if found is None:
                found = await asyncio.to_thread(self._opened, caller)
            self._desks[caller.key] = found
            idle = [key for key in self._desks if key not in self._users]
            for key in idle[: max(0, len(self._desks) - MOST_OPEN)]:
                await self._desks.pop(key).close()
            return found

    def _opened(self, caller: Caller) -> Session:
        from app.agent.opening import open_desk  # noqa: PLC0415 - late: a daemon that nobody asks loads no agent

        return open_desk(self._settings, self._folder(caller), self._feed, None, self._clock, user=caller.name)

    def _folder(self, caller: Caller) -> Path:
        if caller.uid == os.geteuid():
            return self._state_dir
        private_dir(self._state_dir / FOLDER)
        return private_dir(self._state_dir / FOLDER / caller.key)
