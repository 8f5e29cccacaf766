"""What every command that acts does: show the plan, ask once, do it, say what came of it.

The plan goes to stderr, what came of it to stdout. Without a terminal to ask on, nothing is done without `--yes`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable

from app.cli.command import Context, Parser
from app.cli.errors import FOUND, NOT_DONE, OK, UNAVAILABLE, USAGE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async
from app.cli.slurm_session import slurm_jobs
from app.domain.job_actions import Outcome, Plan
from app.domain.slurm import SlurmPicture
from app.present.cells import tidy
from app.services.action_targets import ActionError
from app.services.job_lookup import picture_now
from app.services.jobs import Jobs
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.trouble import SlurmError

SCHEMA = 1
MakePlan = Callable[[SlurmPicture, float, str], Plan]
"""From the queue of this moment, the time, and whom it runs as. Raises ActionError."""
Do = Callable[[Jobs, Plan], Awaitable[Outcome]]
AsJson = Callable[[Jobs, Plan, Outcome], dict[str, object]]


def declare_jobs(parser: Parser) -> None:
    """Ids, and the options of every action."""
    parser.add_argument("ids", metavar="ID", nargs="+", help="job: 812, 820_3, 820_[7-9], 830+1; several are taken")
    declare_action(parser)


def declare_nodes(parser: Parser) -> None:
    """Names of nodes, and the options of every action."""
    parser.add_argument(
        "nodes", metavar="NODE", nargs="+", help="node or host list: gpu-1, gpu-[1-4]; several are taken"
    )
    declare_action(parser)


def declare_action(parser: Parser) -> None:
    """The options of every action."""
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--read-only", action="store_true", help="show what would be done, and refuse to do it")
    parser.add_argument("--json", action="store_true", help="print what came of it as JSON (docs/schema/action.json)")
    declare_sources(parser, replays=False)


def act(args: argparse.Namespace, context: Context, make: MakePlan, *, with_nodes: bool = False) -> int:
    """Plan, show, ask, do, tell; the exit code."""
    settings = settings_of(args, context.environ, context.home)

    async def whole() -> int:
        async with slurm_jobs(args, context, settings) as jobs:
            now = context.clock()
            try:
                picture = await picture_now(jobs.access, now, with_nodes=with_nodes)
                plan = make(picture, now, jobs.access.user)
            except ActionError as error:
                raise CliError(str(error), USAGE) from error
            except (SlurmError, SlurmParseError) as error:
                raise CliError(str(error), UNAVAILABLE) from error
            return await carry_through(args, context, jobs, plan)

    return run_async(whole())


async def carry_through(
    args: argparse.Namespace,
    context: Context,
    jobs: Jobs,
    plan: Plan,
    do: Do = Jobs.perform,
    as_json: AsJson | None = None,
) -> int:
    """Show a plan, ask, do it and tell; `as_json` makes the JSON of what came of it where it is another."""
    show(context, jobs, plan)
    if not jobs.read_only and not args.yes and not confirmed(context, plan):
        context.output.note("nothing was done")
        return NOT_DONE
    outcome = await do(jobs, plan)
    for line in outcome.details:
        context.output.note(f"  Slurm: {tidy(line, 500)}")
    if args.json:
        context.output.json((as_json or action_json)(jobs, plan, outcome))
    else:
        context.output.line(tidy(outcome.text, 2000))
    return OK if outcome.ok else NOT_DONE if jobs.read_only else FOUND


def show(context: Context, jobs: Jobs, plan: Plan) -> None:
    """The plan on stderr: what, by which command, whom it hits, what undoes it."""
    import shlex  # noqa: PLC0415 - late: for those who act

    note = context.output.note
    note(tidy(plan.summary, 400))
    for number, words in enumerate(jobs.commands(plan)[:20]):
        label = "runs  " if number == 0 else "      "
        note(f"  {label} {tidy(shlex.join(words), 2000)}")
    note(f"  as     {tidy(jobs.access.user)} on {tidy(jobs.access.where)}")
    for number, line in enumerate(plan.hits):
        note(f"  {'hits   ' if number == 0 else '       '}{tidy(line, 300)}")
    note(f"  undo   {tidy(plan.undo, 400)}")
    for line in plan.warnings:
        note(f"  mind   {tidy(line, 400)}")


def confirmed(context: Context, plan: Plan) -> bool:
    """Whether a person at the terminal says yes. Raises CliError where there is none to ask."""
    if not sys.stdin.isatty():
        raise CliError("nothing was done: there is no terminal to ask on; --yes does it without asking", USAGE)
    grave = "this loses work or hits others; " if plan.is_severe else ""
    context.output.note(f"{grave}do it? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def action_json(jobs: Jobs, plan: Plan, outcome: Outcome) -> dict[str, object]:
    """What came of an action, for `--json`."""
    return {
        "schema": SCHEMA,
        "verb": plan.verb,
        "targets": list(plan.targets),
        "ok": outcome.ok,
        "text": outcome.text,
        "details": list(outcome.details),
        "commands": [list(words) for words in jobs.commands(plan)],
    }
