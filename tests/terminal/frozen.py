"""The real screen in a real terminal on a frozen board: `python -m tests.terminal.frozen STATE_FOLDER [break] [slow]`.

Everything from the terminal's bytes to the widgets is the program's own; only the feed stands still. With `break` the
grid makes a mistake that no page can survive, as soon as it gets the focus. With `slow` the line is said to be slow.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

from app.tui.options import ScreenOptions
from app.tui.run import run

STATE = Path(sys.argv[1])


def say_closed() -> None:
    """Leave a sign for the test that the feed was closed."""
    (STATE / "closed").write_text("closed")


@asynccontextmanager
async def connect() -> AsyncIterator[object]:
    """The frozen feed, with a past."""
    from tests.tui.boards import EVENTS, NOW, full, healthy  # as late as a real feed's parts are imported
    from tests.tui.fake_feed import FakeFeed

    if "break" in sys.argv:
        break_grid()
    feed = FakeFeed(full(), EVENTS)
    feed.past = {NOW - 60.0 * minute: healthy() for minute in range(1, 30)}
    try:
        yield feed
    finally:
        say_closed()


def break_grid() -> None:
    """Make the grid fail in its own message loop, out of the reach of its page."""
    from widgets.gpu_grid import GpuGrid

    def fail(_: GpuGrid, *_more: object) -> None:
        secret = "hunter2"
        raise RuntimeError("the grid is broken") from ValueError(secret)

    GpuGrid.action_step = fail  # type: ignore[assignment]  # that is what makes it fail
    GpuGrid.on_blur = fail  # type: ignore[assignment]


if __name__ == "__main__":
    options = ScreenOptions(state_dir=STATE, cluster="lab", tz=UTC, line="slow" if "slow" in sys.argv else "auto")
    sys.exit(run(connect, options))  # type: ignore[arg-type]  # an AsyncIterator of a fake
