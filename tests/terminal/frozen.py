"""The real screen in a real terminal on a frozen board: `python -m tests.terminal.frozen STATE_FOLDER`.

Everything from the terminal's bytes to the widgets is the program's own; only the feed stands still.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

from app.tui.options import ScreenOptions
from app.tui.run import run

CLOSED = Path(sys.argv[-1], "closed")
"""Written when the feed is closed."""


def say_closed() -> None:
    """Leave a sign for the test."""
    CLOSED.write_text("closed")


@asynccontextmanager
async def connect() -> AsyncIterator[object]:
    """The frozen feed, with a past; says in a file that it was closed."""
    from tests.tui.boards import EVENTS, NOW, full, healthy  # as late as a real feed's parts are imported
    from tests.tui.fake_feed import FakeFeed

    feed = FakeFeed(full(), EVENTS)
    feed.past = {NOW - 60.0 * minute: healthy() for minute in range(1, 30)}
    try:
        yield feed
    finally:
        say_closed()


if __name__ == "__main__":
    options = ScreenOptions(state_dir=Path(sys.argv[1]), cluster="lab", tz=UTC)
    sys.exit(run(connect, options))  # type: ignore[arg-type]  # an AsyncIterator of a fake
