"""`serve`: the daemon. Collects and stores in the background; screens and commands attach to its private socket."""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from app.cli import new_token
from app.cli.command import Context, Parser
from app.cli.errors import CANNOT_WRITE, UNAVAILABLE, USAGE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async, runtime_options
from app.config import paths
from app.config.load import ConfigError
from app.config.settings import Serve, Settings
from app.runtime.options import RuntimeOptions
from app.runtime.serving import Service, serve
from app.services.listening import ListenError

_TAKE_OVER = "--take-over"
_SEARCHES = (1_000_000, 20, 100)
"""How seldom Python looks for garbage: over a thousand nodes each whole look takes 0.3 s, and finds next to none.

What is made and let go within an interval there must not reach this: at 50,000 a twentieth of all work was such looks.
"""
_log = logging.getLogger("app.serve")


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument(
        _TAKE_OVER, action="store_true", help="take sockets, store and clocks over from the daemon that runs"
    )
    parser.add_argument(
        "--unit",
        metavar="KIND",
        choices=("system", "user", "socket"),
        help="print a systemd unit for this installation (system, user or socket), and leave",
    )
    new_token.declare(parser)
    declare_sources(parser, replays=False)


def run(args: argparse.Namespace, context: Context) -> int:
    """Serve until a signal or another daemon ends it; a line on stderr for whatever happens."""
    if args.unit:
        return _print_unit(args, context)
    settings = settings_of(args, context.environ, context.home)
    if args.new_token:
        return new_token.make(args, context, settings)
    if settings.member:
        raise CliError(
            f"{settings.origin} names daemons to look at ([[member]]), and a daemon collects from a cluster: give it a "
            "configuration of its own",
            USAGE,
        )
    listens = argparse.Namespace(**{**vars(args), "target": [], "embedded": False})  # always, whatever it reads
    options = runtime_options(listens, context, settings, write=True)
    paths.private_dir(options.state_dir)
    gc.set_threshold(*_SEARCHES)
    with _logging(settings.serve, context) as told:
        try:
            return run_async(_serve(settings, options, _service(args, context), context, told))
        except ListenError as error:  # the door's: a token file or a certificate that cannot be used
            raise CliError(str(error), UNAVAILABLE) from error


def _service(args: argparse.Namespace, context: Context) -> Service:
    """How it is run: what it reads again on SIGHUP, and what starts the one that takes over."""

    def reread() -> Settings:
        try:
            return settings_of(args, context.environ, context.home)
        except CliError as error:
            raise ConfigError(str(error)) from error

    words = tuple(word for word in sys.orig_argv if word != _TAKE_OVER)
    return Service(reread, take_over=args.take_over, command=(sys.executable, *words[1:], _TAKE_OVER))


async def _serve(
    settings: Settings, options: RuntimeOptions, service: Service, context: Context, told: Callable[[str], None]
) -> int:
    """Serve what is configured, else what is found on this machine when the daemon starts."""
    if settings.is_empty:
        from app.services.detect import found_here  # noqa: PLC0415 - late: only without a configuration

        here = await found_here(settings, options.clock, options.environ)
        told(here.text)
        if here.has_something:
            settings, service = here.settings, replace(service, reread=None)
    return await serve(settings, options, context.listen, told, service)


@contextlib.contextmanager
def _logging(serve: Serve, context: Context) -> Iterator[Callable[[str], None]]:
    """What is told goes to stderr, and to the log file where one is configured. Raises CliError."""
    if not serve.log_file:
        yield context.output.note
        return
    from app.services.log_file import open_log  # noqa: PLC0415 - late: for who wants one

    path = Path(serve.log_file).expanduser()
    try:
        handler = open_log(path, serve.log_mib, serve.log_keep)
    except OSError as error:
        raise CliError(f"serve.log_file {path} cannot be written: {error.strerror or error}", CANNOT_WRITE) from error
    root, own = logging.getLogger(), logging.getLogger("app")
    warnings = logging.StreamHandler(sys.stderr)
    warnings.setLevel(logging.WARNING)
    before = own.level
    own.setLevel(logging.INFO)
    root.addHandler(handler)
    root.addHandler(warnings)

    def told(text: str) -> None:
        context.output.note(text)
        _log.info("%s", text)

    try:
        yield told
    finally:
        root.removeHandler(handler)
        root.removeHandler(warnings)
        own.setLevel(before)
        handler.close()


def _print_unit(args: argparse.Namespace, context: Context) -> int:
    """Print a unit; which program and which configuration are those of this command line."""
    from app.cli.unit import unit_text  # noqa: PLC0415 - late: for this option only

    config = Path(args.config).expanduser().absolute() if args.config else None
    context.output.text(unit_text(args.unit, config, sys.argv[0]))
    return 0
