"""The screen on a recording: it plays, stands still, goes to another moment; nothing can be done to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.services.recorder.playback import playing
from app.services.recorder.replay_feed import ReplayFeed
from app.tui.app import Watchdog
from tests.services.recorder.recordings import INTERVAL_S, NOW, recording
from tests.tui.driving import Drive, options


@contextlib.asynccontextmanager
async def replaying(folder: Path, at: float = NOW) -> AsyncIterator[tuple[Drive, ReplayFeed]]:
    """The app on a recording of 24 looks, paused at a moment."""
    await recording(folder / "a.rec", 24)
    async with playing(folder / "a.rec", at, 1.0, is_paused=True) as feed:

        @contextlib.asynccontextmanager
        async def connect() -> AsyncIterator[ReplayFeed]:
            yield feed

        app = Watchdog(connect, options(folder, read_only=True))
        async with app.run_test(size=(120, 30)) as pilot:
            drive = Drive(app, feed, pilot)  # type: ignore[arg-type]  # a feed of another kind
            async with contextlib.AsyncExitStack() as stack:
                await _fed(app, stack)
                await drive.shows("REPLAY")
                yield drive, feed


async def _fed(app: Watchdog, stack: contextlib.AsyncExitStack) -> None:
    """Follow the feed until the stack is left."""
    task = asyncio.create_task(app.feeding())

    async def end() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)


async def test_the_badge_says_which_moment_and_that_it_stands_still(tmp_path: Path) -> None:
    """REPLAY, the recording's clock, and `paused`."""
    async with replaying(tmp_path) as (drive, _):
        await drive.shows("REPLAY 16:00:00 paused")


async def test_at_goes_to_a_moment_before_and_after(tmp_path: Path) -> None:
    """`:at` plays from that moment on, exactly as it was then."""
    async with replaying(tmp_path, NOW + 50) as (drive, feed):
        for number in (20, 3):
            await drive.type(f":at {NOW + number * INTERVAL_S:.0f}")
            await drive.app.workers.wait_for_complete()

            assert NOW + number * INTERVAL_S == feed.now()
            gpu = feed.latest().gpu("gpu-01", 0)
            assert gpu is not None
            assert 40 + 2 * number == gpu.value("gpu.temperature", feed.now())


async def test_space_plays_on_and_stops(tmp_path: Path) -> None:
    """At a high speed the end comes soon, and the badge says that it is the end."""
    async with replaying(tmp_path) as (drive, feed):
        await drive.type(":speed 1000")
        await drive.press("space")

        await drive.shows("REPLAY 16:01:55 end")
        assert NOW + 23 * INTERVAL_S == feed.now()


async def test_brackets_step_through_what_was_played(tmp_path: Path) -> None:
    """`[` shows the kept moment before, `}` comes back; `]` goes on to what was not played yet."""
    async with replaying(tmp_path, NOW + 50) as (drive, feed):
        await drive.press("left_square_bracket")
        await drive.app.workers.wait_for_complete()
        await drive.shows("REPLAY 16:00:4")

        await drive.press("right_curly_bracket")
        await drive.press("right_square_bracket")
        await drive.app.workers.wait_for_complete()

        assert NOW + 80 == feed.now()


@pytest.mark.parametrize(("speed", "said"), [("fast", "is no speed"), ("0", "plays 0.1 to")])
async def test_a_speed_that_is_none_is_refused(tmp_path: Path, speed: str, said: str) -> None:
    """One line says which speeds there are."""
    async with replaying(tmp_path) as (drive, _):
        await drive.type(f":speed {speed}")

        await drive.shows(said)
