"""`nice`: let waiting jobs wait longer for others, or less long."""

from __future__ import annotations

import argparse

from app.cli.acting import act, declare_jobs
from app.cli.command import Context, Parser
from app.services.actions import plan


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--by",
        metavar="N",
        type=int,
        required=True,
        help="taken off the priority: higher waits longer; 0 is as it was; below 0 (--by=-10) is for operators",
    )
    declare_jobs(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Plan, ask and do it."""
    return act(
        args, context, lambda picture, now, user: plan("nice", args.ids, picture, now=now, user=user, nice=args.by)
    )
