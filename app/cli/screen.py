"""`tui`: opens the screen. How it reaches a feed is handed to it as a function, called once its first frame is out.

So that the frame comes at once, nothing that looks at a cluster is imported before (a test walks the modules).
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.command import Context, Parser
from app.cli.options import declare_sources, is_embedded, settings_of
from app.config import paths
from app.config.settings import Settings

if TYPE_CHECKING:
    from app.services.feed import Feed


def declare(parser: Parser) -> None:
    """Add the options."""
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Open the screen and return its exit code."""
    settings = settings_of(args, context.environ, context.home)
    sockets = () if is_embedded(args) else paths.sockets(context.environ, settings.serve.socket)
    state_dir = paths.state_dir(context.environ, context.home)
    return context.open_screen(lambda: connect(settings, state_dir, sockets), settings, state_dir)


@contextlib.asynccontextmanager
async def connect(settings: Settings, state_dir: Path, sockets: tuple[Path, ...]) -> AsyncIterator[Feed]:
    """The feed of `app.cli.live`, imported now."""
    from app.cli import live  # noqa: PLC0415 - late: the screen is up before its data
    from app.runtime import RuntimeOptions  # noqa: PLC0415 - late: with it

    async with live.connect(settings, RuntimeOptions(state_dir=state_dir, sockets=sockets)) as feed:
        yield feed
