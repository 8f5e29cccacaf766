"""`record`: writes down what is seen, as it came, in one file; until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import signal
from dataclasses import replace
from pathlib import Path

from app.cli.command import Context, Parser
from app.cli.errors import CANNOT_WRITE, OK, UNAVAILABLE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.reaching import found_settings
from app.cli.session import run_async, runtime_options
from app.config.settings import Settings
from app.domain.times import parse_span
from app.runtime.collecting import collecting
from app.runtime.options import RuntimeOptions
from app.services.recorder.opening import Recording

TELL_S = 60.0
MIB = 1024 * 1024


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("file", metavar="FILE", help="file to write; must not exist yet")
    parser.add_argument("--for", dest="lasts", metavar="SPAN", help="end by itself after 10m, 2h, …")
    parser.add_argument(
        "--hide-names", action="store_true", help="make up names of people, machines and work (secrets always go)"
    )
    declare_sources(parser, replays=False)


def run(args: argparse.Namespace, context: Context) -> int:
    """Record until SIGINT or SIGTERM."""
    settings = settings_of(args, context.environ, context.home)
    try:
        lasts_s = None if args.lasts is None else parse_span(args.lasts)
    except ValueError as error:
        raise CliError(f"--for: {error}") from error
    path = Path(args.file).expanduser()
    wanted = Recording(path, hides_names=bool(args.hide_names))
    options = replace(runtime_options(args, context, settings, write=False), record=wanted)
    try:
        return run_async(_record(settings, options, path, lasts_s, context))
    except FileExistsError as error:
        raise CliError(f"{path} exists already: name another file", CANNOT_WRITE) from error
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror or error}", CANNOT_WRITE) from error


async def _record(
    settings: Settings, options: RuntimeOptions, path: Path, lasts_s: float | None, context: Context
) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = await found_settings(settings, options, context.output)
    if settings.is_empty and not settings.discover.local:
        raise CliError("there is nothing to record: configure a target, or name one with --target", UNAVAILABLE)
    began = options.clock.now()
    async with collecting(settings, options) as parts:
        context.output.note(f"recording {settings.cluster.name or 'what is seen'} to {path} until interrupted")
        try:
            async with asyncio.timeout(lasts_s):
                while not stop.is_set():
                    if parts.recorder is not None and parts.recorder.trouble:
                        raise CliError(f"{path} cannot be written: {parts.recorder.trouble}", CANNOT_WRITE)
                    await options.clock.sleep(0.1)
        except TimeoutError:
            pass
    size = await asyncio.to_thread(lambda: path.stat().st_size)
    minutes = (options.clock.now() - began) / 60
    context.output.note(f"{path}: {minutes:.1f} min, {size / MIB:.1f} MiB; `gpu-watchdog replay {path}` shows it")
    return OK
