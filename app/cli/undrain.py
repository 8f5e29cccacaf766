"""`undrain`: give drained or downed nodes back to Slurm."""

from __future__ import annotations

import argparse

from app.cli.acting import act, declare_nodes
from app.cli.command import Context, Parser
from app.services.actions import plan


def declare(parser: Parser) -> None:
    """Add the arguments."""
    declare_nodes(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Plan, ask and do it."""
    return act(
        args,
        context,
        lambda picture, now, user: plan("undrain", args.nodes, picture, now=now, user=user),
        with_nodes=True,
    )
