"""`stress`: a burn-in of GPUs, as a Slurm job or on this machine; slow and faulty ones are named."""

from __future__ import annotations

import argparse
import asyncio
import math
import sys

from app.cli.acting import confirmed, show
from app.cli.command import Context, Parser, nearest
from app.cli.errors import FOUND, NOT_DONE, UNAVAILABLE, USAGE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async
from app.cli.slurm_session import NO_SLURM, slurm_access, slurm_jobs
from app.cli.stress_output import INTERRUPTED_RUN, Found, print_report
from app.config.settings import Settings
from app.domain.job_actions import Plan
from app.engine.stress_results import Reader
from app.present.cells import tidy
from app.services.action_targets import ActionError, node_names
from app.services.actions import plan as plan_action
from app.services.job_lookup import picture_now
from app.services.jobs import READ_ONLY, Jobs
from app.services.stress import StressError, follow_job, python_of, run_here
from app.services.stress_pack import PackError, pack, text_of
from app.services.stress_script import JOB_NAME, PHASES, PYTHON, Where, Wish, choose, script_of
from app.services.submitting import plan_submit
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.trouble import SlurmError

SECONDS, QUICK_SECONDS = 120.0, 5.0
LONGEST_S = 86_400.0


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--nodes", metavar="N", type=int, help="how many nodes, of Slurm's choice (default 1)")
    parser.add_argument(
        "--node", metavar="NODE", action="append", default=[], help="this node, or host list; may be repeated"
    )
    parser.add_argument("--gpus", metavar="G", type=int, help="GPUs on each node (default: all, and the nodes whole)")
    parser.add_argument("--partition", metavar="NAME", default="", help="partition of Slurm (default: Slurm's own)")
    parser.add_argument(
        "--seconds",
        metavar="S",
        type=float,
        help="of the sustained load (default 120); other phases take a twelfth, at most 10 s",
    )
    parser.add_argument("--quick", action="store_true", help="some seconds of everything: a smoke test, no burn-in")
    parser.add_argument("--phases", metavar="LIST", default="", help=f"some of {','.join(PHASES)} (default: all)")
    parser.add_argument(
        "--engine", choices=("auto", "plain"), default="auto", help="plain: processors only, without torch"
    )
    parser.add_argument(
        "--python", metavar="FILE", default=PYTHON, help="Python that has torch, on the nodes (default python3)"
    )
    parser.add_argument("--local", action="store_true", help="on this machine, without Slurm")
    parser.add_argument("--chdir", metavar="DIR", default="", help="folder for the job's output (default: this one)")
    parser.add_argument("--keep", action="store_true", help="leave the job running when interrupted")
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--read-only", action="store_true", help="show what would be done, and refuse to do it")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/stress.json)")
    declare_sources(parser, replays=False)
    parser.take_rest("SBATCH-OPTION")


def run(args: argparse.Namespace, context: Context) -> int:
    """Run it and print what was found."""
    wish = wish_of(args)
    settings = settings_of(args, context.environ, context.home)
    return run_async(_run(args, context, settings, wish))


def wish_of(args: argparse.Namespace) -> Wish:
    """What is to be measured. Raises CliError."""
    phases = tuple(dict.fromkeys(one.strip() for one in args.phases.split(",") if one.strip())) or PHASES
    if unknown := [one for one in phases if one not in PHASES]:
        raise CliError(
            f"no phase is called {unknown[0]!r}{nearest(unknown[0], PHASES)}; there are: {', '.join(PHASES)}"
        )
    seconds = args.seconds if args.seconds is not None else QUICK_SECONDS if args.quick else SECONDS
    if not math.isfinite(seconds) or not 0.1 <= seconds <= LONGEST_S:
        raise CliError(f"--seconds must be between 0.1 and {LONGEST_S:.0f}")
    for name in ("nodes", "gpus"):
        number = getattr(args, name)
        if number is not None and not 1 <= number <= 4096:
            raise CliError(f"--{name} must be between 1 and 4096")
    if not args.python.isprintable() or not args.python:
        raise CliError("--python must be a plain file name")
    return Wish(phases, seconds, max(0.2, min(10.0, seconds / 12)), args.engine, args.python)


async def _run(args: argparse.Namespace, context: Context, settings: Settings, wish: Wish) -> int:
    named = bool(args.nodes or args.node or args.partition)
    if args.local and named:
        raise CliError("--local is for this machine: leave out --nodes, --node and --partition")
    try:
        if args.local:
            return await _here(args, context, wish)
        async with slurm_access(context, settings) as access:
            has_slurm = access is not None
        if has_slurm:
            return await _by_slurm(args, context, settings, wish)
        if named:
            raise CliError(NO_SLURM, UNAVAILABLE)
        context.output.note("there is no Slurm here: this machine is tested")
        return await _here(args, context, wish)
    except (PackError, StressError) as error:
        raise CliError(str(error), UNAVAILABLE) from error


async def _here(args: argparse.Namespace, context: Context, wish: Wish) -> int:
    """On this machine, as it is: nobody keeps others off its GPUs."""
    note, reader = context.output.note, Reader()
    number = f"{args.gpus} processes" if args.gpus else "one process a GPU"
    note(f"burn-in of this machine: {number}, {', '.join(wish.phases)}")
    note(f"  runs   {tidy(python_of(wish, context.environ), 300)}")
    note("  mind   GPUs that somebody works on are slowed down, and measured as slow")
    if args.read_only:
        note(READ_ONLY)
        return NOT_DONE
    plan = Plan("submit", (), (), "burn-in")
    if not args.yes and not confirmed(context, plan):
        note("nothing was done")
        return NOT_DONE
    found = Found("local", None)
    try:
        ran = await run_here(wish, args.gpus or 0, context.environ, reader, note)
    except asyncio.CancelledError:
        print_report(args, context, found, reader, INTERRUPTED_RUN)
        raise
    return print_report(args, context, found, reader, ran)


async def _by_slurm(args: argparse.Namespace, context: Context, settings: Settings, wish: Wish) -> int:
    """As a job: planned, shown, asked for, submitted and followed."""
    async with slurm_jobs(args, context, settings) as jobs:
        try:
            where = await _where(args, context, jobs)
            script = script_of(wish, where, text_of(pack()))
            plan = plan_submit(script, args.rest, folder=args.chdir)
        except ActionError as error:
            raise CliError(str(error), USAGE) from error
        except (SlurmError, SlurmParseError) as error:
            raise CliError(str(error), UNAVAILABLE) from error
        show(context, jobs, plan)
        for line in where.warnings:
            context.output.note(f"  mind   {tidy(line, 400)}")
        if not jobs.read_only and not args.yes and not confirmed(context, plan):
            context.output.note("nothing was done")
            return NOT_DONE
        outcome = await jobs.submit(script, args.rest, name=JOB_NAME, folder=args.chdir, origin="stress")
        context.output.note(tidy(outcome.text, 2000))
        if not outcome.ok or outcome.job_id is None:
            return NOT_DONE if jobs.read_only else FOUND
        return await _followed(args, context, jobs, outcome.job_id, where)


async def _where(args: argparse.Namespace, context: Context, jobs: Jobs) -> Where:
    names = node_names(args.node) if args.node else ()
    picture = await picture_now(jobs.access, context.clock(), with_nodes=True, with_partitions=True)
    return choose(picture, names, args.nodes, args.gpus, args.partition)


async def _followed(args: argparse.Namespace, context: Context, jobs: Jobs, job_id: str, where: Where) -> int:
    """The job's output to its end; interrupted, what was heard so far is printed all the same."""
    reader, note = Reader(), context.output.note
    found = Found("slurm", job_id)
    try:
        ran = await follow_job(jobs, job_id, where.gpus, reader, note, context.clock)
    except asyncio.CancelledError:
        await _leave(args, context, jobs, job_id)
        print_report(args, context, found, reader, INTERRUPTED_RUN)
        raise
    return print_report(args, context, found, reader, ran)


async def _leave(args: argparse.Namespace, context: Context, jobs: Jobs, job_id: str) -> None:
    """Interrupted: the job is cancelled, unless it is to stay or the person at the terminal says so."""
    note = context.output.note
    if args.keep or not _wants_cancel(context, job_id):
        note(f"job {job_id} goes on: `gpu-watchdog logs {job_id} --follow` shows it, `cancel {job_id}` ends it")
        return
    try:
        picture = await picture_now(jobs.access, context.clock())
        plan = plan_action("cancel", [job_id], picture, now=context.clock(), user=jobs.access.user)
        note(tidy((await jobs.perform(plan)).text, 2000))
    except (ActionError, SlurmError, SlurmParseError) as error:
        note(f"job {job_id} was not cancelled: {error}")


def _wants_cancel(context: Context, job_id: str) -> bool:
    """Whether the job is to end; without a terminal to ask on, it is: nobody waits for its answer any more."""
    if not sys.stdin.isatty():
        return True
    context.output.note(f"cancel job {job_id}? [Y/n]")
    try:
        return sys.stdin.readline().strip().lower() in ("", "y", "yes")
    except KeyboardInterrupt:
        return True
