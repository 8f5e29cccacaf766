"""`extend`: give jobs more time, or take some off."""

from __future__ import annotations

import argparse

from app.cli.acting import act, declare_jobs
from app.cli.command import Context, Parser
from app.cli.errors import CliError
from app.domain.times import parse_span
from app.services.actions import plan


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--by",
        metavar="SPAN",
        required=True,
        help="added to the time limit: 30m, 2h, 1d; --by=-30m takes off; more time is usually for operators",
    )
    declare_jobs(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Plan, ask and do it."""
    minutes = minutes_of(args.by)
    return act(
        args, context, lambda picture, now, user: plan("extend", args.ids, picture, now=now, user=user, minutes=minutes)
    )


def minutes_of(text: str) -> int:
    """Whole minutes of a span, below 0 with a minus. Raises CliError: Slurm counts limits in minutes."""
    wanted = text.strip()
    try:
        seconds = parse_span(wanted.lstrip("+-"))
    except ValueError as error:
        raise CliError(f"--by: {error}") from error
    if seconds % 60:
        raise CliError("--by: Slurm counts limits in whole minutes")
    return int(seconds // 60) * (-1 if wanted.startswith("-") else 1)
