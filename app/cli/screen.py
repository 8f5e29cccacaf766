"""`tui`: opens the screen. How it reaches a feed is handed to it as a function, called once its first frame is out.

So that the frame comes at once, nothing that looks at a cluster is imported before (a test walks the modules).
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.command import Context, Parser
from app.cli.errors import CANNOT_WRITE, CliError
from app.cli.options import declare_sources, is_embedded, plain_settings, remote_of, settings_of
from app.config import paths
from app.config.settings import Settings, Slurm

if TYPE_CHECKING:
    from app.services.feed import Feed
    from app.transport.remote_place import Remote


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument(
        "--read-only", action="store_true", help="do nothing to jobs, nodes or processes from the screen"
    )
    parser.add_argument(
        "--bastion", action="store_true", help="for a login that is this screen alone: no actions, no shell, no files"
    )
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Open the screen and return its exit code."""
    if args.replay:
        from app.cli.replay import open_recording  # noqa: PLC0415 - late: for recordings only

        return open_recording(args, plain_settings(args, context.environ), context)
    environ = {} if args.bastion else context.environ  # what whoever came brings along says nothing here
    settings = settings_of(args, environ, context.home)
    if args.read_only:
        settings = replace(settings, screen=replace(settings.screen, read_only=True))
    if args.bastion or settings.screen.bastion:
        return _alone(args, settings, context)
    sockets = () if is_embedded(args) else paths.sockets(context.environ, settings.serve.socket)
    state_dir = paths.state_dir(context.environ, context.home)
    settled, environ, remote = Settled(settings, settings.slurm), context.environ, remote_of(args)
    return context.open_screen(
        lambda: connect(settled, state_dir, sockets, environ, remote), settings, state_dir, lambda: settled.slurm
    )


def _alone(args: argparse.Namespace, settings: Settings, context: Context) -> int:
    """The screen of a login that is nothing else: only a daemon's view, and the visit is written down."""
    from app.services.audit import AuditError  # noqa: PLC0415 - late: for such a login only
    from app.services.visits import visit  # noqa: PLC0415 - likewise
    from app.transport.runner import invoking_user  # noqa: PLC0415 - likewise

    if is_embedded(args) or args.attach or not args.config:
        raise CliError("--bastion shows what the daemon of this machine sees: it needs --config FILE, and nothing else")
    settings = replace(settings, screen=replace(settings.screen, bastion=True, read_only=True, shell=False))
    state_dir = paths.state_dir({}, context.home)
    sockets = paths.sockets({}, settings.serve.socket)
    settled = Settled(settings, settings.slurm)
    try:
        with visit(state_dir, context.environ, invoking_user(), context.clock):
            return context.open_screen(lambda: connect(settled, state_dir, sockets, {}), settings, state_dir)
    except AuditError as error:
        raise CliError(str(error), CANNOT_WRITE) from error


@dataclass(slots=True)
class Settled:
    """The way to Slurm of the feed that is open: as configured, else what was found, else the simulated cluster's."""

    given: Settings
    slurm: Slurm


@contextlib.asynccontextmanager
async def connect(
    settled: Settled,
    state_dir: Path,
    sockets: tuple[Path, ...],
    environ: Mapping[str, str],
    remote: Remote | None = None,
) -> AsyncIterator[Feed]:
    """The feed of `app.cli.live`, imported now."""
    from app.cli import live  # noqa: PLC0415 - late: the screen is up before its data
    from app.runtime.options import RuntimeOptions  # noqa: PLC0415 - late: with it

    options = RuntimeOptions(state_dir=state_dir, sockets=sockets, environ=environ, remote=remote)

    def settle(found: Settings) -> None:
        settled.slurm = found.slurm

    async with live.connect(settled.given, options, settle) as feed:
        yield feed
