"""The verbs of Slurm for front ends: do a plan, look into a job, read its output, check and submit a script.

Everything runs in the front end's own process as the user who asks. `--read-only` refuses whatever changes something;
the intent of every action is in the audit log before it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from app.domain.clusters import cluster_of
from app.domain.job_actions import JobDetail, LogChunk, Outcome, Plan, SubmitCheck
from app.domain.slurm import SlurmJob, SlurmPicture
from app.services import job_detail, job_logs, submit_check
from app.services.audit import Audit, AuditError
from app.services.job_files import Stream, output_path
from app.services.job_logs import Mark
from app.services.job_lookup import find_job
from app.services.performing import carry_out
from app.services.slurm_access import SlurmAccess
from app.services.submissions import Submission, Submissions
from app.services.submitting import plan_submit
from app.sources.slurm.trouble import SlurmError

READ_ONLY = "nothing was done: this is a read-only run (--read-only)"
NO_OUTPUT = "no output file is known: the job waits, is interactive, or is no longer known to Slurm"
_REMEMBERED = 200
"""Jobs whose paths and places are kept."""
K = TypeVar("K")
V = TypeVar("V")


class Jobs:
    """What can be asked of Slurm and done to it, for one front end."""

    def __init__(
        self,
        access: SlurmAccess,
        audit: Audit,
        now: Callable[[], float],
        submissions: Submissions | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        """`now` gives epoch seconds; without `submissions` none are kept."""
        self.access = access
        self.read_only = read_only
        self._audit = audit
        self._now = now
        self._submissions = submissions
        self._paths: dict[tuple[str, str, int | None, str], str] = {}
        self._marks: dict[str, Mark] = {}
        self._one_at_a_time = asyncio.Lock()

    @property
    def user(self) -> str:
        """Whom Slurm sees."""
        return self.access.user

    def commands(self, plan: Plan) -> tuple[tuple[str, ...], ...]:
        """The exact words that `perform` runs, with the folder they are taken from; through slurmrestd its requests."""
        commands = self.access.commands
        if self.access.rest is not None:
            from app.services.rest_actions import shown  # noqa: PLC0415 - late: for those who use slurmrestd

            return shown(plan, self.access.rest.version) or plan.commands
        if commands is None:
            return plan.commands
        return tuple(commands.argv(words[0], *words[1:]) for words in plan.commands)

    async def perform(self, plan: Plan) -> Outcome:
        """Do a plan, one at a time. Never raises for what Slurm or the audit log says; cancelled, it is left open."""
        if self.read_only:
            return Outcome(False, READ_ONLY)
        if elsewhere := next(filter(None, map(cluster_of, plan.targets)), ""):
            return Outcome(False, f"nothing was done: this is of the cluster {elsewhere}, and Slurm here is another's")
        async with self._one_at_a_time:
            try:
                fact = await asyncio.to_thread(self._audit.intend, plan, self.commands(plan), self._now())
            except AuditError as error:
                return Outcome(False, f"nothing was done: {error}")
            try:
                outcome = await self._do(plan)
            except BaseException:
                self._conclude(fact, plan, Outcome(False, "interrupted: it is not known whether Slurm did it"))
                raise
            return self._conclude(fact, plan, outcome)

    async def _do(self, plan: Plan) -> Outcome:
        if self.access.rest is not None:
            from app.services.rest_actions import carry_out_by_rest  # noqa: PLC0415 - late: for those who use slurmrestd

            return await carry_out_by_rest(plan, self.access.rest)
        return await carry_out(plan, self.access)

    def _conclude(self, fact: str, plan: Plan, outcome: Outcome) -> Outcome:
        """Note what came of it; the intent is on disk, so a disk that is full by now changes nothing that was done."""
        try:
            self._audit.conclude(fact, plan, outcome, self._now())
        except AuditError as error:
            return Outcome(outcome.ok, outcome.text, (*outcome.details, str(error)), outcome.job_id)
        return outcome

    async def find(self, wanted: str) -> SlurmJob:
        """One job, living or ended, from Slurm itself. Raises ActionError, LookupError, SlurmError."""
        return await find_job(self.access, wanted)

    async def detail(self, job: SlurmJob) -> JobDetail:
        """Everything that can be asked of one job. Raises SlurmError where Slurm does not answer at all."""
        return await job_detail.read(self.access, job)

    async def read_log(
        self, job: SlurmJob, stream: Stream, offset: int = job_logs.FROM_END, inode: int | None = None
    ) -> LogChunk:
        """The next part of a job's output: from `offset`, by default the last part there is.

        Give `offset` and `inode` of the part before; 256 KiB at most come at once. Never raises: `note` says why there
        is nothing.
        """
        key = (job.id, stream, job.restarts, job.state)
        path = self._paths.get(key)
        if path is None:
            path = output_path(job, stream) or await self._asked_path(job, stream)
            # Also that there is none, until the job starts, ends or is requeued: a look at a file asks Slurm nothing.
            self._keep(self._paths, key, path)
        if not path:
            return LogChunk("", "", 0, 0, note=NO_OUTPUT)
        runner = self.access.runner if self.access.way == "ssh" else None
        known = self._marks.pop(path, None)
        is_known = known is not None and (known.offset, known.inode) == (offset, inode)
        mark = known if known is not None and is_known else Mark(offset, inode)
        chunk, after = await job_logs.read_on(runner, path, mark, is_over=job.is_ended)
        self._keep(self._marks, path, after)
        return chunk

    async def _asked_path(self, job: SlurmJob, stream: Stream) -> str:
        """The path as the job's own record tells it; empty where it does not."""
        try:
            return output_path(await job_detail.placed(self.access, job), stream) or ""
        except SlurmError:
            return ""

    @staticmethod
    def _keep(kept: dict[K, V], key: K, value: V) -> None:
        """Keep the last few of what was learned."""
        while len(kept) >= _REMEMBERED:
            kept.pop(next(iter(kept)))
        kept[key] = value

    async def check(
        self, script: str, options: Sequence[str] = (), picture: SlurmPicture | None = None, folder: str = ""
    ) -> SubmitCheck:
        """What a script would meet if it were submitted now. Raises ActionError for options that are none."""
        return await submit_check.check(self.access, plan_submit(script, options, folder=folder), picture)

    async def submit(
        self, script: str, options: Sequence[str] = (), *, name: str = "", folder: str = "", origin: str = ""
    ) -> Outcome:
        """Submit a script, and keep it for another time. Raises ActionError for options that are none."""
        plan = plan_submit(script, options, name=name, folder=folder)
        outcome = await self.perform(plan)
        if not outcome.ok or outcome.job_id is None or self._submissions is None:
            return outcome
        given = plan.commands[0][2:]
        one = Submission(self._now(), outcome.job_id, plan.summary.removeprefix("submit "), given, origin=origin)
        try:
            await asyncio.to_thread(self._submissions.add, one, script)
        except OSError as error:
            note = f"the script was not kept for another time: {error.strerror or error}"
            return Outcome(True, outcome.text, (*outcome.details, note), outcome.job_id)
        return outcome

    def submissions(self) -> tuple[Submission, ...]:
        """What was submitted from here, the newest first."""
        return tuple(reversed(self._submissions.all())) if self._submissions is not None else ()

    def submitted_script(self, one: Submission) -> str | None:
        """The script of a submission, where it is still kept."""
        return self._submissions.script(one) if self._submissions is not None else None

    async def history(self, since: float, until: float) -> tuple[SlurmJob, ...]:
        """Jobs that ran between two moments, from the accounting. Raises SlurmError where there is none."""
        return await job_detail.history(self.access, since, until)
