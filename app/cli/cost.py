"""`cost`: what the GPUs cost now and cost so far, by whom, how much of it for nothing, and what it comes to."""

from __future__ import annotations

import argparse
from typing import Any

from app.cli.command import Context, Parser
from app.cli.errors import INCOMPLETE, OK, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import past_of, run_async, runtime_options
from app.cli.status import now_of
from app.config.settings import Settings
from app.domain.series import FLEET, Series
from app.domain.snapshot import Snapshot
from app.domain.times import parse_span
from app.runtime.options import RuntimeOptions
from app.services import queries_money


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("--since", metavar="24h", default="24h", help="sums over so long (default 24h)")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/cost.json)")
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print it; 2 when no GPU is seen, or none has a price."""
    try:
        since_s = parse_span(args.since)
    except ValueError as error:
        raise CliError(str(error)) from error
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    snapshot = run_async(now_of(settings, options, context.output.note))
    answer = run_async(_answer(snapshot, since_s, settings, options))
    if args.json:
        context.output.json(answer)
    else:
        from app.cli.cost_table import cost_lines  # noqa: PLC0415 - late: the JSON path needs no presenters

        lines = cost_lines(answer, args.since.strip(), context.output.size()[0])
        context.output.lines([context.output.render(line) for line in lines])
    return OK if answer["now"] is not None else INCOMPLETE


async def _answer(snapshot: Snapshot, since_s: float, settings: Settings, options: RuntimeOptions) -> dict[str, Any]:
    now = options.clock.now()
    try:
        async with past_of(settings, options) as past:

            async def ask(key: str, start: float, end: float, step_s: float) -> Series:
                return await past.series(FLEET, key, start, end, step_s)

            return await queries_money.money(snapshot, now, since_s, ask)
    except CliError:  # no history is kept: what things cost now can be said all the same
        return await queries_money.money(snapshot, now, since_s, None)
