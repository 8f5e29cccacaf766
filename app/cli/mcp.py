"""`mcp`: offers what only reads to other agents, over standard input and output or over HTTP behind a token.

The cluster is reached as the screen reaches it, a daemon first; nothing of it is kept, and nothing of it is changed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.command import Context, Look, Parser
from app.cli.errors import OK, UNAVAILABLE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.output import Output
from app.cli.reaching import reached_live
from app.cli.session import run_async, runtime_options
from app.cli.slurm_session import jobs_if_any
from app.config.secret import SecretError
from app.config.settings import Settings
from app.config.tokens import HOW_TO_MAKE, Door, is_loopback, read_tokens
from app.config.version import installed_version
from app.runtime.options import RuntimeOptions

if TYPE_CHECKING:
    from app.domain.chat import ToolUse

FIRST_LOOK_S = 10.0
"""A call waits so long for the first picture of a cluster that is looked at from here."""
_LOOPBACK = "127.0.0.1"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what a person may write; nothing is bound by this line


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument(
        "--http", metavar="[ADDRESS:]PORT", help="serve over HTTP (default address 127.0.0.1; port 0: a free one)"
    )
    parser.add_argument(
        "--token-file", metavar="FILE", help="with --http: the tokens that are let in, one a line (0600); needed"
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="with --http: another name that clients call this machine by; may be repeated",
    )
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Serve until the input ends, or SIGINT or SIGTERM."""
    door = door_of(args)
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    return run_async(_serve(settings, options, context, door))


def door_of(args: argparse.Namespace) -> Door | None:
    """Where it listens and whom it lets in; None: it speaks on standard input and output. Raises CliError."""
    if args.http is None:
        if args.token_file or args.allow_host:
            raise CliError("--token-file and --allow-host go with --http")
        return None
    address, _, port = args.http.rpartition(":")
    host = address.strip("[]") or _LOOPBACK
    if not port.isascii() or not port.isdigit() or int(port) > 65535 or not host.isprintable() or " " in host:
        raise CliError(f"--http {args.http!r}: write a PORT or ADDRESS:PORT, such as 127.0.0.1:9480")
    if not args.token_file:
        raise CliError(f"--http needs --token-file: whoever gets there sees what you see; make one: {HOW_TO_MAKE}")
    try:
        tokens = read_tokens(Path(args.token_file).expanduser())
    except SecretError as error:
        raise CliError(f"--token-file: {error}") from error
    return Door(host, int(port), tokens, tuple(args.allow_host))


async def _serve(settings: Settings, options: RuntimeOptions, context: Context, door: Door | None) -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with _looking(settings, options, context) as look:
        try:
            await context.offer(look, installed_version(), door, partial(_tell, context.output, door), stopped.wait)
        except OSError as error:
            where = f"{door.host}:{door.port}" if door is not None else "standard output"
            raise CliError(f"cannot serve on {where}: {error.strerror or error}", UNAVAILABLE) from error
    return OK


def _tell(output: Output, door: Door | None, address: str) -> None:
    """Say where it is served, and what to mind."""
    output.note(f"serving on {address}, to who shows a token of --token-file")
    if door is None or is_loopback(door.host):
        return
    output.note("mind: this is plain HTTP, and whoever is on the way reads the token; put TLS or ssh before it")
    if door.host in _EVERYWHERE and not door.names:
        output.note("mind: clients are let in by no name but that address: name this machine with --allow-host")


@contextlib.asynccontextmanager
async def _looking(settings: Settings, options: RuntimeOptions, context: Context) -> AsyncIterator[Look]:
    """What makes one look at the cluster; looks of all clients are written down as those of an answer are."""
    from app.agent.audit import AgentAudit  # noqa: PLC0415 - late: `--help` needs no agent
    from app.agent.ground import Ground  # noqa: PLC0415 - likewise
    from app.agent.looking import ToolLooker  # noqa: PLC0415 - likewise
    from app.transport.runner import invoking_user  # noqa: PLC0415 - likewise

    user = invoking_user()
    audit = AgentAudit(options.state_dir, f"{user} (mcp)")
    async with (
        reached_live(settings, options, context.output) as reached,
        jobs_if_any(context, reached.settings, "mcp", read_only=True) as jobs,
    ):
        ground = Ground(reached.feed, reached.settings, jobs, user)

        async def look(tool: str, arguments: Mapping[str, Any]) -> ToolUse:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_LOOK_S):
                    await reached.diagnosed.wait()
            return await ToolLooker(ground, lambda _: None, audit=audit).look(tool, arguments)

        yield look
