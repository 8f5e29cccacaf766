"""Opens a recording: the feed of what it holds, at a moment of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import field
from pathlib import Path

from app.domain.frozen import frozen
from app.services.recorder.player import Player, ReplayClock
from app.services.recorder.replay_feed import ReplayFeed


@frozen
class Replay:
    """A moment of a recording."""

    path: Path
    at: float
    told: Callable[[str], None] = lambda _: None
    """Told what of the recording could not be read."""
    clock: ReplayClock = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "clock", ReplayClock(self.at))


@contextlib.asynccontextmanager
async def replayed(wanted: Replay) -> AsyncIterator[ReplayFeed]:
    """The feed of a recording at a moment, where it stays. Raises RecordingError."""
    player = Player(wanted.path, wanted.clock)
    try:
        await player.seek(wanted.at)
        if player.damage:
            wanted.told(f"a part of {wanted.path.name} could not be read: {player.damage}")
        yield player.feed
    finally:
        await player.close()
