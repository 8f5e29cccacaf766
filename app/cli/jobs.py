"""`jobs`: Slurm's jobs now, or those that have ended, as a table or as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.cli.command import Context, Parser
from app.cli.errors import INCOMPLETE, OK, UNAVAILABLE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import past_of, run_async, runtime_options
from app.cli.slurm_session import NO_SLURM, slurm_access
from app.cli.status import now_of
from app.config.settings import Settings
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot
from app.domain.times import parse_span
from app.runtime.options import RuntimeOptions
from app.services import queries_slurm

Keep = Callable[[Mapping[str, Any]], bool]
"""Whether a job, as JSON has it, is wanted."""
MOST_OF_HISTORY = 10_000


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/jobs.json)")
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--user", metavar="NAME", action="append", default=[], help="of this user; may be repeated")
    whose.add_argument("--me", action="store_true", help="one's own")
    parser.add_argument(
        "--state",
        metavar="STATE",
        action="append",
        default=[],
        help="in this state (running, pending, pd, r); repeatable",
    )
    parser.add_argument(
        "--partition", metavar="NAME", action="append", default=[], help="of this partition; repeatable"
    )
    parser.add_argument("--history", metavar="SPAN", help="those that ran within the last 6h, 7d, …, also ended ones")
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print the jobs; 2 when Slurm does not answer or there is none."""
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    return run_async(_show(args, context, settings, options))


async def _show(args: argparse.Namespace, context: Context, settings: Settings, options: RuntimeOptions) -> int:
    if args.history is not None:
        found = await _ended(_span(args.history), context, settings, options)
        now = options.clock.now()
        jobs: list[dict[str, Any]] | None = [queries_slurm.job_status(job, Snapshot(), now) for job in found]
        why = ""
    else:
        snapshot = await now_of(settings, options, context.output.note)
        now = options.clock.now()
        jobs, why = queries_slurm.jobs(snapshot, now), why_none(snapshot)
    keep = keep_of(args)
    kept = None if jobs is None else [job for job in jobs if keep(job)]
    if args.json:
        context.output.json({"schema": queries_slurm.SCHEMA, "at": round(now, 3), "jobs": kept})
    elif kept is not None:
        from app.cli.jobs_table import job_lines  # noqa: PLC0415 - late: the JSON path needs no presenters

        context.output.lines([context.output.render(line) for line in job_lines(kept, context.output.size()[0])])
    if why:
        context.output.note(why)
    return INCOMPLETE if why else OK


def why_none(snapshot: Snapshot) -> str:
    """Why there are no jobs to tell of, for a person; empty where Slurm answers."""
    failed = [state for state in snapshot.sources.values() if state.spec.kind == "slurm" and state.error is not None]
    if failed:
        return f"{failed[0].spec.name}: {failed[0].error}"
    if snapshot.slurm is None:
        return NO_SLURM
    return "" if snapshot.slurm.jobs is not None else f"Slurm's jobs are not listed by {snapshot.slurm.way}"


def keep_of(args: argparse.Namespace) -> Keep:
    """The filter that the options make."""
    users = {name.strip() for text in args.user for name in text.split(",")}
    if args.me:
        from app.transport.runner import invoking_user  # noqa: PLC0415 - late: for --me only

        users = {invoking_user()}
    states = {
        _STATES.get(name.strip().upper(), name.strip().upper()) for text in args.state for name in text.split(",")
    }
    partitions = {name.strip() for text in args.partition for name in text.split(",")}

    def keep(job: Mapping[str, Any]) -> bool:
        return (
            (not users or job["user"] in users)
            and (not states or bool(states & {job["state"], *job["flags"]}))
            and (not partitions or not partitions.isdisjoint(str(job["partition"]).split(",")))
        )

    return keep


_STATES: Mapping[str, str] = {
    "PD": "PENDING", "R": "RUNNING", "S": "SUSPENDED", "CG": "COMPLETING", "CD": "COMPLETED", "CA": "CANCELLED",
    "F": "FAILED", "TO": "TIMEOUT", "NF": "NODE_FAIL", "OOM": "OUT_OF_MEMORY", "PR": "PREEMPTED", "CF": "CONFIGURING",
}  # fmt: skip
"""Slurm's short names of states."""


def _span(text: str) -> float:
    try:
        return parse_span(text)
    except ValueError as error:
        raise CliError(f"--history: {error}") from error


async def _ended(span_s: float, context: Context, settings: Settings, options: RuntimeOptions) -> Sequence[SlurmJob]:
    """From the accounting where there is one, else from what the daemon or the store has kept."""
    from app.services.job_detail import history  # noqa: PLC0415 - late: for --history only
    from app.sources.slurm.parsed import SlurmParseError  # noqa: PLC0415 - late: as above
    from app.sources.slurm.trouble import SlurmError  # noqa: PLC0415 - late: as above

    now = options.clock.now()
    why = NO_SLURM
    async with slurm_access(context, settings) as access:
        if access is not None:
            try:
                return await history(access, now - span_s, now)
            except (SlurmError, SlurmParseError) as error:
                why = str(error)
    context.output.note(f"no accounting ({why}): these are the jobs that were seen from here")
    async with past_of(settings, options) as past:
        kept = await past.jobs(now - span_s, now, MOST_OF_HISTORY)
    if not kept:
        raise CliError("no job of that time was seen from here", UNAVAILABLE)
    return kept
