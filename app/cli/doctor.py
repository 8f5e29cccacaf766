"""`doctor`: what works, what does not, and what to do about it; exit 1 if something has failed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from app.cli.checks import Check, configuration_checks, program_checks, state_checks, terminal_checks
from app.cli.command import Context, Parser
from app.cli.errors import FOUND, OK
from app.cli.options import declare_sources
from app.cli.session import run_async, runtime_options
from app.present.cells import Cell, Line, Tone, fit, line, tidy

SCHEMA = 1
_MARKS: dict[str, tuple[str, Tone]] = {
    "ok": ("ok", "quiet"),
    "note": ("note", "quiet"),
    "warning": ("look", "look"),
    "failed": ("FAILED", "bad"),
}


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/doctor.json)")
    declare_sources(parser, replays=False)


def run(args: argparse.Namespace, context: Context) -> int:
    """Check everything and print it."""
    settings, configuration = configuration_checks(args, context)
    checks = [*program_checks(context.environ), *configuration, *state_checks(context)]
    if settings is not None:
        from app.cli.checks_alerts import alert_checks  # noqa: PLC0415 - late: a broken configuration must still be told

        checks += alert_checks(settings)
        from app.cli.checks_live import live_checks  # noqa: PLC0415 - late: a broken configuration must still be told

        checks += run_async(live_checks(settings, runtime_options(args, context, settings, write=False)))
    checks += terminal_checks(context)
    if args.json:
        context.output.json(as_json(checks, context.clock()))
    else:
        context.output.lines([context.output.render(one) for one in table(checks)])
    return FOUND if any(check.state == "failed" for check in checks) else OK


def as_json(checks: Sequence[Check], now: float) -> dict[str, object]:
    """The answer of `doctor --json`."""
    return {
        "schema": SCHEMA,
        "at": round(now, 3),
        "ok": not any(check.state == "failed" for check in checks),
        "checks": [
            {"group": one.group, "name": one.name, "state": one.state, "text": one.text, "advice": one.advice or None}
            for one in checks
        ],
    }


def table(checks: Sequence[Check]) -> list[Line]:
    """The checks group by group, aligned; advice under what needs it."""
    width = min(44, max(len(tidy(check.name)) for check in checks))
    lines: list[Line] = []
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            lines += [(), line(Cell(group, "strong"))] if lines else [line(Cell(group, "strong"))]
        mark, tone = _MARKS[check.state]
        lines.append(
            line("  ", Cell(fit(mark, 6), tone), "  ", fit(tidy(check.name), width), "  ", tidy(check.text, 2000))
        )
        if check.advice:
            lines.append(line(" " * (width + 12), Cell(f"→ {tidy(check.advice, 2000)}", "accent")))
    return lines
