"""`logs`: what a job has written, and with `--follow` what it goes on writing."""

from __future__ import annotations

import argparse
import asyncio

from app.cli.command import Context, Parser
from app.cli.errors import OK, UNAVAILABLE, USAGE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async
from app.cli.slurm_session import slurm_jobs
from app.domain.job_actions import LogChunk
from app.domain.slurm import SlurmJob
from app.services.action_targets import ActionError
from app.services.job_files import Stream
from app.services.job_logs import FROM_END
from app.services.job_lookup import find_job
from app.services.jobs import Jobs
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.trouble import SlurmError

POLL_S = 1.0
"""Seconds between two looks at a file that is followed."""
ASK_EVERY = 15
"""Looks at the file for one question to Slurm whether the job still runs."""
DEFAULT_LINES = 200


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("id", metavar="ID", help="job: 812, 820_3 or 830+1")
    parser.add_argument("--follow", "-f", action="store_true", help="go on until the job has ended")
    parser.add_argument("--stderr", action="store_true", help="its errors, where they go to a file of their own")
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument(
        "--lines", metavar="N", type=int, default=DEFAULT_LINES, help="the last N lines (default 200)"
    )
    how_much.add_argument("--all", action="store_true", help="from the beginning")
    declare_sources(parser, replays=False)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print the log."""
    if args.lines < 0:
        raise CliError("--lines must be 0 or more")
    settings = settings_of(args, context.environ, context.home)

    async def whole() -> int:
        async with slurm_jobs(args, context, settings) as jobs:
            return await _Reader(args, context, jobs).print_all(await _found(jobs, args.id))

    return run_async(whole())


async def _found(jobs: Jobs, wanted: str) -> SlurmJob:
    try:
        return await find_job(jobs.access, wanted)
    except ActionError as error:
        raise CliError(str(error), USAGE) from error
    except (LookupError, SlurmError, SlurmParseError) as error:
        raise CliError(str(error.args[0]) if error.args else str(error), UNAVAILABLE) from error


class _Reader:
    """Prints one stream of one job, part by part."""

    def __init__(self, args: argparse.Namespace, context: Context, jobs: Jobs) -> None:
        self._stream: Stream = "stderr" if args.stderr else "stdout"
        self._follows = bool(args.follow)
        self._from_start = bool(args.all)
        self._lines: int = args.lines
        self._output = context.output
        self._jobs = jobs
        self._told = ""

    async def print_all(self, job: SlurmJob) -> int:
        """Print until there is no more, or the job has ended; the exit code."""
        chunk = await self._jobs.read_log(job, self._stream, 0 if self._from_start else FROM_END)
        self._note(chunk)
        self._print(chunk if self._from_start else _last(chunk, self._lines))
        while chunk.text and chunk.offset < chunk.size:
            chunk = await self._next(job, chunk)
        if not self._follows:
            return UNAVAILABLE if chunk.note else OK
        looks = 0
        while not (job.is_ended and chunk.offset >= chunk.size):
            await asyncio.sleep(0 if chunk.text else POLL_S)
            looks += 1
            if looks % ASK_EVERY == 0:
                job = await self._again(job)
            chunk = await self._next(job, chunk)
            if job.is_ended and not chunk.text:
                break
        return UNAVAILABLE if chunk.note else OK

    async def _next(self, job: SlurmJob, before: LogChunk) -> LogChunk:
        chunk = await self._jobs.read_log(job, self._stream, before.offset, before.inode)
        if chunk.was_truncated:
            self._output.note("the file begins anew: the job was requeued, or its output replaced")
        self._note(chunk)
        self._print(chunk)
        return chunk

    async def _again(self, job: SlurmJob) -> SlurmJob:
        """The job as Slurm knows it now; as it was where it does not answer."""
        try:
            return await find_job(self._jobs.access, job.id)
        except LookupError:
            from dataclasses import replace  # noqa: PLC0415 - late: once

            return replace(job, state="COMPLETED")  # Slurm has forgotten it: nobody writes any more
        except (ActionError, SlurmError, SlurmParseError):
            return job

    def _print(self, chunk: LogChunk) -> None:
        if chunk.text:
            self._output.text(chunk.text if chunk.text.endswith("\n") else chunk.text + "\n")
            self._output.flush()

    def _note(self, chunk: LogChunk) -> None:
        if chunk.note and chunk.note != self._told:
            self._output.note(chunk.note)
        self._told = chunk.note


def _last(chunk: LogChunk, lines: int) -> LogChunk:
    """The chunk with its last lines only."""
    from dataclasses import replace  # noqa: PLC0415 - late: once

    kept = chunk.text.splitlines(keepends=True)
    return replace(chunk, text="".join(kept[len(kept) - lines :] if lines < len(kept) else kept))
