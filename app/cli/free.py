"""`free`: free GPUs now, by model, partition and node, and what would start at once."""

from __future__ import annotations

import argparse

from app.cli.command import Context, Parser
from app.cli.errors import FOUND, INCOMPLETE, OK, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async, runtime_options
from app.cli.status import now_of
from app.services import queries_jobs
from app.services.queries_jobs import Want


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/free.json)")
    parser.add_argument("--gpus", metavar="N", type=int, help="would so many GPUs on one node start at once?")
    parser.add_argument("--nodes", metavar="N", type=int, default=1, help="on each of so many nodes (with --gpus)")
    parser.add_argument("--model", metavar="NAME", help="of this model: h100, a100, … (with --gpus)")
    parser.add_argument("--partition", metavar="NAME", help="in this partition (with --gpus)")
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print what is free; 1 when what is asked for would not start, 2 when no GPU is seen."""
    wanted = wants_of(args)
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    snapshot = run_async(now_of(settings, options, context.output.note))
    answer = queries_jobs.free(snapshot, options.clock.now(), wanted)
    if args.json:
        context.output.json(answer)
    else:
        from app.cli.free_table import free_lines  # noqa: PLC0415 - late: the JSON path needs no presenters

        context.output.lines([context.output.render(line) for line in free_lines(answer, context.output.size()[0])])
    if not answer["total"]["total"]:
        return INCOMPLETE
    return FOUND if wanted and not answer["starts"][0]["ok"] else OK


def wants_of(args: argparse.Namespace) -> tuple[Want, ...]:
    """What is asked for; empty for the usual sizes. Raises CliError."""
    if args.gpus is None:
        if args.nodes != 1 or args.model or args.partition:
            raise CliError("--nodes, --model and --partition say more about --gpus N")
        return ()
    if args.gpus < 1 or args.nodes < 1:
        raise CliError("--gpus and --nodes are 1 or more")
    return (Want(args.gpus, args.nodes, args.model, args.partition),)
