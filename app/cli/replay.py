"""`replay`: opens the screen on a recording, and plays it; nothing is done to any cluster."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.command import Context, Parser
from app.cli.errors import CliError
from app.cli.options import declare_settings, plain_settings
from app.cli.recorded import moment_of, player_of, settings_for
from app.config import paths
from app.config.settings import Settings
from app.domain.frozen import frozen

if TYPE_CHECKING:
    from app.services.feed import Feed


@frozen
class Wish:
    """Which recording, from which moment, how fast."""

    path: Path
    at: float | None
    speed: float
    is_paused: bool


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("replay", metavar="FILE", help="recording, as `record` and `report` write them")
    parser.add_argument("--at", metavar="TIME", help="begin at this moment of it: 14:32, 2026-11-24T14:32, -10m")
    parser.add_argument(
        "--speed", metavar="X", type=float, default=1.0, help="so many times as fast as it happened (default 1)"
    )
    parser.add_argument("--paused", action="store_true", help="stand still until space is pressed")
    declare_settings(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Open the screen and return its exit code."""
    return open_recording(args, plain_settings(args, context.environ), context, args.speed, is_paused=args.paused)


def open_recording(
    args: argparse.Namespace, given: Settings, context: Context, speed: float = 1.0, *, is_paused: bool = False
) -> int:
    """Open the screen on `args.replay`. Raises CliError."""
    from app.services.recorder.playback import FASTEST, SLOWEST  # noqa: PLC0415 - late: for recordings only

    if not SLOWEST <= speed <= FASTEST:
        raise CliError(f"--speed: {SLOWEST:g} to {FASTEST:,.0f}")
    settings = settings_for(args, given)
    player = player_of(args.replay)
    said = getattr(args, "at", None)
    at = None if said is None else moment_of(player, said)
    player.shut()
    wish = Wish(player.path, at, speed, is_paused)
    state_dir = paths.state_dir(context.environ, context.home) / "replay"
    return context.open_screen(lambda: connect(wish), settings, state_dir)


@contextlib.asynccontextmanager
async def connect(wish: Wish) -> AsyncIterator[Feed]:
    """The feed of the recording, which plays."""
    from app.services.recorder.playback import playing  # noqa: PLC0415 - late: the screen is up before its data

    async with playing(wish.path, wish.at, wish.speed, is_paused=wish.is_paused) as feed:
        yield feed
