"""`job`: everything about one job, running, waiting or ended."""

from __future__ import annotations

import argparse

from app.cli.command import Context, Parser
from app.cli.errors import OK, UNAVAILABLE, USAGE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async, runtime_options
from app.cli.slurm_session import NO_SLURM, of_cluster, slurm_access
from app.cli.status import now_of
from app.config.settings import Settings
from app.domain.job_actions import JobDetail
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot
from app.services import job_detail, queries_jobs
from app.services.action_targets import ActionError
from app.services.job_lookup import find_job
from app.services.joined.acting import home_job
from app.services.slurm_access import SlurmAccess
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.trouble import SlurmError


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("id", metavar="ID", help="job: 812, 820_3 or 830+1")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/job.json)")
    parser.add_argument("--script", action="store_true", help="print its batch script and nothing else")
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print the job."""
    settings = settings_of(args, context.environ, context.home)
    return run_async(_show(args, context, settings))


async def _show(args: argparse.Namespace, context: Context, settings: Settings) -> int:
    snapshot = Snapshot()
    options = runtime_options(args, context, settings, write=False)
    if not args.script:
        snapshot = await now_of(settings, options, context.output.note)
    shown, own, why_not = args.id, settings, ""
    try:
        own = of_cluster(args, settings)
    except CliError as error:  # it is looked up all the same: the view may know it
        why_not = str(error)
    async with slurm_access(context, own) as access:
        job = await _job(shown, args.id, snapshot, access, why_not)
        detail, why = await _detail(access, home_job(job))
    why = why_not or why
    if args.script:
        return _script(context, detail, why)
    now = options.clock.now()
    answer = queries_jobs.job(job, snapshot, now, detail, why)
    if args.json:
        context.output.json(answer)
    else:
        from app.cli.job_table import job_page  # noqa: PLC0415 - late: the JSON path needs no presenters

        context.output.lines([context.output.render(line) for line in job_page(answer, context.output.size()[0], now)])
    return OK


async def _job(wanted: str, own: str, snapshot: Snapshot, access: SlurmAccess | None, why_not: str = "") -> SlurmJob:
    """The job in the picture, else as its Slurm knows it, where it is called `own`. Raises CliError."""
    known = snapshot.slurm.jobs if snapshot.slurm is not None else None
    if known is not None and wanted in known:
        return known[wanted]
    if access is None:
        raise CliError(why_not or (NO_SLURM if known is None else f"no job {wanted} is listed"), UNAVAILABLE)
    try:
        return await find_job(access, own)
    except ActionError as error:
        raise CliError(str(error), USAGE) from error
    except (LookupError, SlurmError, SlurmParseError) as error:
        raise CliError(str(error.args[0]) if error.args else str(error), UNAVAILABLE) from error


async def _detail(access: SlurmAccess | None, job: SlurmJob) -> tuple[JobDetail | None, str]:
    if access is None:
        return None, "details are not known: there is no way from here to Slurm itself"
    try:
        return await job_detail.read(access, job), ""
    except SlurmError as error:
        return None, str(error)


def _script(context: Context, detail: JobDetail | None, why: str) -> int:
    if detail is None or detail.script is None:
        raise CliError(why or (detail.script_note if detail else "") or "no script is kept", UNAVAILABLE)
    context.output.text(detail.script if detail.script.endswith("\n") else detail.script + "\n")
    return OK
