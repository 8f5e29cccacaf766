"""`top`: put waiting jobs before one's own other ones."""

from __future__ import annotations

import argparse

from app.cli.acting import act, declare_jobs
from app.cli.command import Context, Parser
from app.services.actions import plan


def declare(parser: Parser) -> None:
    """Add the arguments."""
    declare_jobs(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Plan, ask and do it."""
    return act(args, context, lambda picture, now, user: plan("top", args.ids, picture, now=now, user=user))
