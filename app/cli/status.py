"""`status`: the whole cluster now, as a table or as JSON; once, again and again, or as it was.

Asks the daemon that serves this configuration, else looks at every source once; writes nothing anywhere. The JSON path
loads neither the screen nor anything that talks HTTP for it (a test walks the modules).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from app.cli.command import Context, Parser
from app.cli.errors import INCOMPLETE, OK, UNAVAILABLE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import past_of, run_async, runtime_options
from app.config.settings import Settings
from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.snapshot import Snapshot
from app.domain.times import parse_time
from app.domain.watched import Watched
from app.runtime.attaching import attach, feed_for
from app.runtime.looking import look_once
from app.runtime.options import RuntimeOptions, store_path
from app.runtime.past import open_history
from app.services import queries

Show = Callable[[Snapshot, float, Watched, AlertsNow], None]
"""Prints a snapshot as it stands at a time, with what was watched and evaluated until then."""
NOT_WATCHED = Watched()


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/status.json)")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--once", action="store_true", help="look at every source once and leave (the default)")
    when.add_argument(
        "--watch", action="store_true", help="go on: a JSON object a line, or a table redrawn on a terminal"
    )
    when.add_argument("--at", metavar="TIME", help="as it was: 14:32, 2026-11-24T14:32, epoch seconds or -10m")
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print the cluster; 2 when a source is down or no GPU is seen."""
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    show = _shower(args, settings, context)
    if args.at is not None:
        return run_async(_then(args.at, settings, options, show))
    if args.watch:
        return run_async(_watch(settings, options, show))
    return run_async(_once(settings, options, show, context))


def verdict(snapshot: Snapshot, now: float) -> int:
    """The exit code a picture deserves."""
    down = any(state.condition(now) == "down" for state in snapshot.sources.values())
    seen = bool(snapshot.nodes or snapshot.services)
    return INCOMPLETE if down or not seen else OK


def _shower(args: argparse.Namespace, settings: Settings, context: Context) -> Show:
    """How this run prints: JSON, a redrawn table, or a table."""
    output = context.output
    if args.json or (args.watch and not output.is_terminal):
        write = output.json_line if args.watch else output.json
        return lambda snapshot, now, watched, alerts: write(queries.status(snapshot, now, watched, alerts))
    from app.cli.status_table import status_lines  # noqa: PLC0415 - late: the JSON path needs no presenters

    put = output.redraw if args.watch else output.lines
    ascii_only = settings.screen.ascii or not output.is_unicode

    def show(snapshot: Snapshot, now: float, _watched: Watched, _alerts: AlertsNow) -> None:
        replay_at = now if args.at is not None else None
        lines = status_lines(snapshot, now, output.size()[0], replay_at=replay_at, ascii_only=ascii_only)
        put([output.render(line) for line in lines])

    return show


async def _once(settings: Settings, options: RuntimeOptions, show: Show, context: Context) -> int:
    """One picture: the daemon's, or one round of our own."""
    snapshot, watched, alerts = await seen_now(settings, options, context.output.note)
    now = options.clock.now()
    show(snapshot, now, watched, alerts)
    return verdict(snapshot, now)


async def now_of(settings: Settings, options: RuntimeOptions, note: Callable[[str], None]) -> Snapshot:
    """The picture of now; see `seen_now`."""
    return (await seen_now(settings, options, note))[0]


async def seen_now(
    settings: Settings, options: RuntimeOptions, note: Callable[[str], None]
) -> tuple[Snapshot, Watched, AlertsNow]:
    """The picture of now, from the daemon or from one bounded round; says what it found where nothing is configured.

    With it what the daemon has watched: one round of our own cannot know how long anything has lasted.
    """
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(settings, options, stack)
        if attached is not None:
            return attached.latest(), attached.watched(), attached.alerts()
    if settings.is_empty:
        from app.services.detect import found_here  # noqa: PLC0415 - late: seldom needed, and start-up is counted

        found = await found_here(settings, options.clock, options.environ)
        note(found.text)
        settings = found.settings
    return await look_once(settings, options), NOT_WATCHED, await stored_alerts(settings, options)


async def stored_alerts(settings: Settings, options: RuntimeOptions) -> AlertsNow:
    """What a process beside this one has evaluated just now and stored; beside it what fires at a Prometheus server."""
    own = await _stored_alerts(settings, options)
    if not settings.prometheus.url:
        return own
    from app.services.server_alerts import with_server_alerts  # noqa: PLC0415 - late: for who has a server

    return await with_server_alerts(own, settings, options.clock)


async def _stored_alerts(settings: Settings, options: RuntimeOptions) -> AlertsNow:
    """What a process beside this one has evaluated just now: a screen without a daemon."""
    path = store_path(settings, options)
    newest = max((_written_at(path.with_name(path.name + end)) for end in ("", "-wal")), default=0.0) if path else 0.0
    if path is None or options.clock.now() - newest > 3 * settings.cluster.interval_s + 1.0:
        return NO_ALERTS
    from app.services import alert_notes  # noqa: PLC0415 - late: only where somebody writes

    history = await open_history(path, options.clock, want_lease=False)
    try:
        return alert_notes.current(await history.notes(alert_notes.PREFIX))
    finally:
        await history.close()


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


async def _watch(settings: Settings, options: RuntimeOptions, show: Show) -> int:
    """A picture every interval until interrupted."""
    async with feed_for(settings, options) as feed:
        await _first(feed.latest, options)
        while True:
            show(feed.latest(), feed.now(), feed.watched(), feed.alerts())
            await options.clock.sleep(settings.cluster.interval_s)


async def _first(latest: Callable[[], Snapshot], options: RuntimeOptions) -> None:
    """Wait a moment for the first look, so that the first picture is not an empty one."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2.0):
            while not latest().sources:
                await options.clock.sleep(0.05)


async def _then(text: str, settings: Settings, options: RuntimeOptions, show: Show) -> int:
    """The picture of a moment in the past."""
    try:
        when = parse_time(text, options.clock.now())
    except ValueError as error:
        raise CliError(f"--at: {error}") from error
    async with past_of(settings, options) as past:
        snapshot = await past.at(when)
    if snapshot is None:
        raise CliError(f"nothing was kept near {text}", UNAVAILABLE)
    show(snapshot, when, NOT_WATCHED, NO_ALERTS)
    return verdict(snapshot, when)
