"""`drain`: let nodes take no new jobs; those that run there go on."""

from __future__ import annotations

import argparse

from app.cli.acting import act, declare_nodes
from app.cli.command import Context, Parser
from app.services.actions import plan


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why; everybody who looks at the node reads it")
    declare_nodes(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Plan, ask and do it."""
    return act(
        args,
        context,
        lambda picture, now, user: plan("drain", args.nodes, picture, now=now, user=user, reason=args.reason),
        with_nodes=True,
    )
