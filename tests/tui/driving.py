"""Runs the app on a frozen board, reads what is on screen, waits for conditions and never for time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from time import monotonic

from textual.app import App
from textual.pilot import Pilot

from app.domain.series import Event
from app.domain.snapshot import Snapshot
from app.tui.app import Watchdog
from app.tui.options import ScreenOptions
from tests.tui.boards import EVENTS, full
from tests.tui.fake_feed import FakeFeed, connection


@dataclass
class Drive:
    """A running app and its feed."""

    app: Watchdog
    feed: FakeFeed
    pilot: Pilot[None]

    @property
    def text(self) -> str:
        """The screen as plain text, one line a row."""
        return screen_text(self.app)

    def line(self, containing: str) -> str:
        """The first line of the screen that contains a text."""
        return next((line for line in self.text.splitlines() if containing in line), "")

    async def press(self, *keys: str) -> None:
        """Press keys, then let everything that follows happen."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a `:` or `/` line and enter it."""
        await self.pilot.press({":": "colon", "/": "slash"}[text[0]])
        prompt = self.app.screen.query_one("#prompt-line")
        prompt.value = text[1:]  # type: ignore[attr-defined]  # Input's; typing key by key takes 40 ms a key
        await self.pilot.press("enter")
        await self.pilot.pause()

    async def until(self, ready: Callable[[], bool], within: float = 60.0) -> None:
        """Pump the app until `ready()`; fail with the screen's text."""
        deadline = monotonic() + within
        while not ready():
            assert monotonic() < deadline, self.text
            await self.pilot.pause()

    async def shows(self, text: str, within: float = 60.0) -> None:
        """Pump the app until the screen shows a text."""
        await self.until(lambda: text in self.text, within)


def options(folder: Path, **more: object) -> ScreenOptions:
    """Options in a folder of the test's own, with clocks in UTC."""
    return ScreenOptions(state_dir=folder, keymap=folder / "keymap.toml", cluster="lab", tz=UTC, **more)  # type: ignore[arg-type]  # fields of ScreenOptions


@asynccontextmanager
async def driving(
    folder: Path,
    snapshot: Snapshot | None = None,
    size: tuple[int, int] = (120, 40),
    *failures: Exception,
    events: Sequence[Event] = EVENTS,
    **more: object,
) -> AsyncIterator[Drive]:
    """Run the app on a board; leaves when it has painted the feed's first picture."""
    feed = FakeFeed(full() if snapshot is None else snapshot, events)
    app = Watchdog(connection(feed, *failures), options(folder, **more))
    async with app.run_test(size=size) as pilot:
        feeding = asyncio.create_task(app.feeding())
        try:
            drive = Drive(app, feed, pilot)
            if not failures:
                await drive.until(lambda: bool(app.moment.origin))
            await pilot.pause()
            yield drive
        finally:
            feeding.cancel()
            await asyncio.wait({feeding})


def screen_text(app: App[None]) -> str:
    """The screen as plain text, one line a row."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)
