"""`serve`: the daemon. Collects and stores in the background; screens and commands attach to its private socket."""

from __future__ import annotations

import argparse

from app.cli.command import Context, Parser
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async, runtime_options
from app.config import paths
from app.config.settings import Settings
from app.runtime import RuntimeOptions, serve


def declare(parser: Parser) -> None:
    """Add the options."""
    declare_sources(parser, replays=False)


def run(args: argparse.Namespace, context: Context) -> int:
    """Serve until SIGTERM or SIGINT; one line on stderr says where."""
    settings = settings_of(args, context.environ, context.home)
    args.target, args.embedded = [], False  # a daemon always listens, whatever it reads
    options = runtime_options(args, context, settings, write=True)
    paths.private_dir(options.state_dir)
    return run_async(_serve(settings, options, context))


async def _serve(settings: Settings, options: RuntimeOptions, context: Context) -> int:
    """Serve what is configured, else what is found on this machine when the daemon starts."""
    if settings.is_empty:
        from app.services.detect import found_here  # noqa: PLC0415 - late: only without a configuration

        here = await found_here(settings, options.clock, options.environ)
        context.output.note(here.text)
        settings = here.settings if here.has_something else settings
    return await serve(settings, options, context.listen, context.output.note)
