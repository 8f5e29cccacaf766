"""A daemon's door in the test's own process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from app.api.server import listen
from app.config.settings import Settings, Target
from app.runtime.collecting import Collecting
from app.runtime.serving import Served
from app.services.board import Board
from app.services.feed import Feed
from app.services.listening import open_unix, unbind


@contextlib.asynccontextmanager
async def answering(
    feed: Feed, board: Board, path: Path, targets: Callable[[], tuple[Target, ...]] = tuple
) -> AsyncIterator[None]:
    """A feed and its board, answering on a socket at `path` for the configuration without a file."""
    async with _door(Served(feed, board, Settings(), targets, path.parent, lambda: None), path):
        yield


@contextlib.asynccontextmanager
async def listening(parts: Collecting, settings: Settings, path: Path) -> AsyncIterator[None]:
    """What collects here, answering on a socket at `path`."""
    async with _door(
        Served(parts.feed, parts.board, settings, parts.targets, path.parent, lambda: parts.history), path
    ):
        yield


@contextlib.asynccontextmanager
async def _door(served: Served, path: Path) -> AsyncIterator[None]:
    try:
        async with listen(served, [open_unix(path)]):
            yield
    finally:
        unbind(path)
