"""`delete-node`: take dead dynamic nodes off Slurm's list."""

from __future__ import annotations

import argparse

from app.cli.acting import act, declare_nodes
from app.cli.command import Context, Parser
from app.services.actions import plan


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--anyway", action="store_true", help="even a node that is alive: it stays away until restarted"
    )
    declare_nodes(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Plan, ask and do it."""
    return act(
        args,
        context,
        lambda picture, now, user: plan("delete", args.nodes, picture, now=now, user=user, anyway=args.anyway),
        with_nodes=True,
    )
