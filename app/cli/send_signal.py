"""`signal`: send running jobs a signal, for a checkpoint or a tidy end."""

from __future__ import annotations

import argparse

from app.cli.acting import act, declare_jobs
from app.cli.command import Context, Parser
from app.services.actions import plan


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--name", metavar="SIGNAL", required=True, help="USR1, TERM, … or its number")
    parser.add_argument(
        "--script", action="store_true", help="to the batch script and its children too, not to the job's steps only"
    )
    declare_jobs(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Plan, ask and do it."""
    return act(
        args,
        context,
        lambda picture, now, user: plan(
            "signal", args.ids, picture, now=now, user=user, signal=args.name, whole=args.script
        ),
    )
