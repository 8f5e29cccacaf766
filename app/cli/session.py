"""What commands do to reach a cluster: runtime options from arguments, and the past without collecting."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from app.cli.command import Context
from app.cli.errors import UNAVAILABLE, CliError
from app.cli.options import is_embedded, remote_of
from app.config import paths
from app.config.settings import Settings
from app.domain.series import Series, Subject
from app.domain.snapshot import Snapshot
from app.runtime.attaching import attach
from app.runtime.options import RuntimeOptions, store_path
from app.runtime.past import open_past

if TYPE_CHECKING:
    from app.domain.slurm import SlurmJob
    from app.store.history import History

T = TypeVar("T")


class Past(Protocol):
    """The part of a feed or a store that looks back."""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """As `History.series`."""

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`."""

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """As `History.jobs`."""


def runtime_options(args: argparse.Namespace, context: Context, settings: Settings, *, write: bool) -> RuntimeOptions:
    """Where this run keeps things and where it looks for a daemon (nowhere, if it must collect for itself)."""
    if getattr(args, "replay", None):
        return _replaying(args, context)
    sockets = () if is_embedded(args) else paths.sockets(context.environ, settings.serve.socket)
    state_dir = paths.state_dir(context.environ, context.home)
    remote = remote_of(args)
    return RuntimeOptions(state_dir=state_dir, sockets=sockets, write=write, environ=context.environ, remote=remote)


def _replaying(args: argparse.Namespace, context: Context) -> RuntimeOptions:
    """A run that looks at a recording: at the moment that --at says, which is now for it. Raises CliError."""
    from app.cli.recorded import moment_of, player_of  # noqa: PLC0415 - late: for recordings only
    from app.services.recorder.replaying import Replay  # noqa: PLC0415 - as above

    player = player_of(args.replay)
    player.shut()
    wanted = Replay(player.path, moment_of(player, getattr(args, "at", None)), context.output.note)
    args.at = None
    state_dir = paths.state_dir(context.environ, context.home) / "replay"
    return RuntimeOptions(state_dir=state_dir, write=False, clock=wanted.clock, replay=wanted)


def run_async(work: Coroutine[object, object, T]) -> T:
    """Run a command's coroutine to its end. Raises CliError where the daemon refuses."""
    try:
        return asyncio.run(work)
    except Exception as error:
        from app.services.client import DaemonError  # noqa: PLC0415 - late: for errors only

        cause = _only(error)
        if isinstance(cause, DaemonError):
            raise CliError(str(cause), UNAVAILABLE) from error
        if cause is error:
            raise
        raise cause from None


def _only(error: Exception) -> Exception:
    """What a task group wrapped, where that is one error."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


@contextlib.asynccontextmanager
async def past_of(settings: Settings, options: RuntimeOptions) -> AsyncIterator[Past]:
    """The daemon's history, else the store's file, which is only read. Raises CliError where there is neither."""
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(settings, options, stack)
        if attached is not None:
            yield attached
        else:
            yield await stack.enter_async_context(stored_past(settings, options))


@contextlib.asynccontextmanager
async def stored_past(settings: Settings, options: RuntimeOptions) -> AsyncIterator[History]:
    """The store's file, only read. Raises CliError where there is none."""
    path, history = store_path(settings, options), await open_past(settings, options)
    if history is None and path is None:
        raise CliError("no history is kept: store.path is `none`, and no daemon answers", UNAVAILABLE)
    if history is None:
        raise CliError(
            f"there is no history yet: {path} does not exist; the screen or `gpu-watchdog serve` keeps one",
            UNAVAILABLE,
        )
    try:
        yield history
    finally:
        await history.close()
