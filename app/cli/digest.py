"""`digest`: what happened while you were away: since you last closed the screen, or asked this."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence

from app.cli.command import Context, Parser
from app.cli.errors import FOUND, OK, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async, runtime_options, stored_past
from app.config.settings import Settings
from app.domain.digest import digest
from app.domain.series import Event
from app.domain.times import parse_span, parse_time
from app.runtime.attaching import attach
from app.runtime.options import RuntimeOptions
from app.services import queries_digest
from app.services.looked import looked, looked_at

USUAL_S = 86400.0
"""How far back where nobody has looked yet."""
LONGEST_S = 14 * 86400.0
MOST_EVENTS = 20_000


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument(
        "--since", metavar="TIME", help="since then: a span (8h) or a TIME; your last look stays as it is"
    )
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/digest.json)")
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print it; 1 when something of warning or critical fired and is not over."""
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    now = options.clock.now()
    last = None if args.replay else looked_at(options.state_dir)
    start = _since(args.since, now) if args.since else (now - USUAL_S if last is None else last)
    start = max(start, now - LONGEST_S)
    found = digest(run_async(_events(settings, options, start, now)), start, now)
    if args.json:
        context.output.json(queries_digest.answer(found))
    else:
        from app.present.digest_lines import digest_lines  # noqa: PLC0415 - late: the JSON path needs no presenters

        context.output.lines([context.output.render(one) for one in digest_lines(found, now, context.output.size()[0])])
    if not args.since and not args.replay:
        with contextlib.suppress(OSError):  # a digest that cannot be remembered is told again
            looked(options.state_dir, now)
    is_bad = any(one.ended_at is None and one.severity != "info" for one in found.fired)
    return FOUND if is_bad else OK


def _since(text: str, now: float) -> float:
    try:
        try:
            return now - parse_span(text)
        except ValueError:
            return min(now, parse_time(text, now))
    except ValueError as error:
        raise CliError(f"--since: {error}") from error


async def _events(settings: Settings, options: RuntimeOptions, start: float, end: float) -> Sequence[Event]:
    """The events of that time: the daemon's, else the store's. Raises CliError where there is neither."""
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(settings, options, stack)
        if attached is not None:
            return await attached.events(start, end, None, MOST_EVENTS)
        history = await stack.enter_async_context(stored_past(settings, options))
        return await history.events(start, end, None, MOST_EVENTS)
