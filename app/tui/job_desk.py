"""The desk for jobs: how pages reach what looks jobs up and acts on them, opened when first needed.

It runs in the screen's own process, as the user who opened the screen; a daemon never acts. What does the work is
handed in by the composition root and known here by its form only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from app.tui.feed import RefusedError, sentence

if TYPE_CHECKING:
    from app.domain.job_actions import JobDetail, LogChunk, Outcome, Plan, SubmitCheck
    from app.domain.slurm import SlurmJob, SlurmPicture
    from app.services.submissions import Submission
    from app.tui.desk import Desk

log = logging.getLogger("gpu_watchdog.screen")
Stream = Literal["stdout", "stderr"]
FROM_END = -1
"""The offset that asks a log for its last part."""
_NO_ANSWERS = "this way to Slurm takes no questions; its commands and slurmrestd do"
_OPEN_S = 20.0
"""Reaching Slurm may take this long; an ssh login is in it."""


class JobDesk(Protocol):
    """What can be asked of jobs and done to them."""

    @property
    def user(self) -> str:
        """Whom actions run as."""

    def commands(self, plan: Plan) -> tuple[tuple[str, ...], ...]:
        """The exact words that `perform` runs."""

    async def perform(self, plan: Plan) -> Outcome:
        """Do a plan; never raises for what Slurm refuses."""

    async def detail(self, job: SlurmJob) -> JobDetail:
        """Everything that can be asked of one job."""

    async def read_log(self, job: SlurmJob, stream: Stream, offset: int, inode: int | None) -> LogChunk:
        """The next part of an output; `FROM_END` for the last."""

    async def history(self, since: float, until: float) -> tuple[SlurmJob, ...]:
        """Jobs that ran between two moments, from the accounting."""

    async def check(self, script: str, options: Sequence[str], picture: SlurmPicture | None) -> SubmitCheck:
        """What a script would meet if it were submitted now."""

    async def submit(self, script: str, options: Sequence[str]) -> Outcome:
        """Submit a script, and keep it for another time."""

    def submissions(self) -> tuple[Submission, ...]:
        """What was submitted from here, the newest first."""

    def submitted_script(self, one: Submission) -> str | None:
        """The script of a submission, where it is still kept."""


class JobLink:
    """Opens the desk once and keeps it until the screen ends."""

    def __init__(self) -> None:
        self._opened: asyncio.Future[JobDesk] | None = None

    async def desk(self, desk: Desk) -> JobDesk:
        """The desk. Raises RefusedError with why there is none."""
        if desk.options.jobs is None:
            raise RefusedError("no Slurm to ask: [slurm] in the configuration connects it")
        if self._opened is None or (self._opened.done() and self._opened.exception() is not None):
            if desk.bridge.tasks is None:
                raise RefusedError("not connected yet")
            self._opened = asyncio.get_running_loop().create_future()
            desk.bridge.tasks.create_task(self._hold(desk, self._opened), name="jobs")
        try:
            async with asyncio.timeout(_OPEN_S):
                return await asyncio.shield(self._opened)
        except TimeoutError as error:
            raise RefusedError(f"Slurm was not reached within {_OPEN_S:.0f} s; `doctor` says what is wrong") from error

    async def _hold(self, desk: Desk, opened: asyncio.Future[JobDesk]) -> None:
        """Keep the way to Slurm open until the screen ends, which cancels this."""
        assert desk.options.jobs is not None  # noqa: S101 - the caller looked
        try:
            async with desk.options.jobs() as found:
                if found is None:
                    opened.set_exception(
                        RefusedError("this way to Slurm takes no questions; commands or slurmrestd do")
                    )
                    return
                opened.set_result(found)
                await asyncio.Event().wait()
        except Exception as error:  # whatever it is, who asked is told in one line
            log.warning("the way to Slurm failed", exc_info=error)
            if not opened.done():
                opened.set_exception(RefusedError(f"Slurm cannot be reached: {sentence(error)}"))
        finally:
            if not opened.done():
                opened.cancel()


async def job_desk(desk: Desk) -> JobDesk:
    """The desk for jobs. Raises RefusedError with why there is none."""
    if desk.bridge.jobs is None:
        desk.bridge.jobs = JobLink()
    return await desk.bridge.jobs.desk(desk)
