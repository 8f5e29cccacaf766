"""Plays a recording as time goes by: at a speed, with pauses, to any moment of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from app.services.recorder.player import Player
from app.services.recorder.replay_feed import ReplayFeed
from app.transport.tasks import Tasks

STEP_S = 0.2
"""What happened is applied in steps of this, of the time of here."""
SLOWEST, FASTEST = 0.1, 10_000.0


class Playback:
    """Who plays. A seek and the play never go on at once."""

    def __init__(self, player: Player, speed: float, *, is_paused: bool) -> None:
        self._player = player
        self._turn = asyncio.Lock()
        self.speed = speed
        self.is_paused = is_paused

    @property
    def start(self) -> float:
        """Epoch seconds of the recording's beginning."""
        return self._player.start

    @property
    def end(self) -> float:
        """Epoch seconds of its end."""
        return self._player.end

    @property
    def is_at_end(self) -> bool:
        """There is nothing left to play."""
        return self._player.is_at_end

    @property
    def says(self) -> str:
        """How it plays, for the badge: nothing at its own pace."""
        if self.is_at_end:
            return "end"
        if self.is_paused:
            return "paused"
        return "" if self.speed == 1 else f"x{self.speed:g}"

    def pause(self) -> None:
        """Stand still, or go on."""
        self.is_paused = not self.is_paused

    def hasten(self, speed: float) -> None:
        """Play so many times as fast as it happened. Raises ValueError."""
        if not SLOWEST <= speed <= FASTEST:
            raise ValueError(f"a recording plays {SLOWEST:g} to {FASTEST:,.0f} times as fast as it happened")
        self.speed = speed

    async def seek(self, when: float) -> float:
        """Go to a moment, as near as the recording comes to it; says which that is."""
        wanted = min(max(when, self.start), self.end)
        async with self._turn:
            await self._player.seek(wanted, keep=True)
        return wanted

    async def run(self) -> None:
        """Play until cancelled."""
        before = time.monotonic()
        while True:
            await asyncio.sleep(STEP_S)
            now = time.monotonic()
            if not self.is_paused and not self.is_at_end:
                async with self._turn:
                    await self._player.play(min(self._player.clock.now() + (now - before) * self.speed, self.end))
                now = max(now, time.monotonic())  # what took long is not caught up with: a slow machine plays slowly
            before = now


@contextlib.asynccontextmanager
async def playing(path: Path, at: float | None, speed: float, *, is_paused: bool) -> AsyncIterator[ReplayFeed]:
    """The feed of a recording that plays from a moment on, else from its beginning. Raises RecordingError."""
    player = Player(path)
    try:
        playback = Playback(player, speed, is_paused=is_paused)
        player.feed.playback = playback
        await playback.seek(player.start if at is None else at)
        async with Tasks() as tasks:
            tasks.start(playback.run(), "playback")
            yield player.feed
    finally:
        await player.close()
