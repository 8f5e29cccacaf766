"""Slurm's verbs where several clusters are in view: each goes to the Slurm of its cluster, as the invoking user.

The way there is the user's own, as `[[member]]` names it; a daemon never acts. A cluster without such a way is only
looked at, and an action on it is refused with what would be needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from app.config.settings import Settings
from app.domain.clusters import Naming, cluster_of
from app.domain.job_actions import JobDetail, LogChunk, Outcome, Plan, SubmitCheck
from app.domain.slurm import SlurmJob, SlurmPicture
from app.services.action_targets import ActionError
from app.services.job_files import Stream
from app.services.job_logs import FROM_END
from app.services.jobs import Jobs
from app.services.joined.acting import clusters_of, home_job, home_picture, slurm_of
from app.services.joined.renaming import renamed_job
from app.services.open_jobs import open_jobs
from app.services.submissions import Submission
from app.sources.slurm.trouble import SlurmError
from app.transport.clock import Clock

_CLUSTER_OPTIONS = ("--clusters=", "--cluster=", "-M")


class JoinedJobs:
    """What can be asked of the Slurms of several clusters and done to them, for one front end."""

    def __init__(self, by_cluster: Mapping[str, Jobs], why_not: Mapping[str, str]) -> None:
        """`why_not` says of the other clusters in view why nothing can be done there."""
        self._jobs = dict(by_cluster)
        self._why_not = dict(why_not)

    @property
    def read_only(self) -> bool:
        """Nothing may be changed anywhere."""
        return all(one.read_only for one in self._jobs.values())

    @property
    def user(self) -> str:
        """Whom actions run as; empty where that differs from cluster to cluster."""
        users = {one.user for one in self._jobs.values()}
        return users.pop() if len(users) == 1 else ""

    def _of(self, cluster: str) -> Jobs:
        """The verbs of a cluster. Raises LookupError with why there are none."""
        found = self._jobs.get(cluster)
        if found is None:
            known = ", ".join((*self._jobs, *self._why_not))
            raise LookupError(self._why_not.get(cluster) or f"which cluster? Write it first: {known}")
        return found

    def _at(self, plan: Plan) -> tuple[Jobs, Plan]:
        """Who does a plan, and the plan in its own names. Raises LookupError."""
        clusters = {cluster_of(one) for one in plan.targets}
        cluster = clusters.pop() if len(clusters) == 1 else ""
        return self._of(cluster), replace(plan, targets=tuple(map(Naming(cluster).home, plan.targets)))

    def commands(self, plan: Plan) -> tuple[tuple[str, ...], ...]:
        """The exact words that `perform` runs."""
        try:
            jobs, own = self._at(plan)
        except LookupError:
            return plan.commands
        return jobs.commands(own)

    async def perform(self, plan: Plan) -> Outcome:
        """Do a plan at its cluster; refused where there is no way there."""
        try:
            jobs, own = self._at(plan)
        except LookupError as error:
            return Outcome(False, f"nothing was done: {error.args[0]}")
        return await jobs.perform(own)

    async def detail(self, job: SlurmJob) -> JobDetail:
        """Everything that can be asked of one job. Raises SlurmError where there is no way to its Slurm, too."""
        try:
            jobs = self._of(cluster_of(job.id))
        except LookupError as error:
            raise SlurmError("reach", str(error.args[0])) from error
        return await jobs.detail(home_job(job))

    async def find(self, wanted: str) -> SlurmJob:
        """One job, living or ended, from its own Slurm. Raises ActionError, LookupError, SlurmError."""
        cluster = cluster_of(wanted)
        return renamed_job(await self._of(cluster).find(Naming(cluster).home(wanted)), Naming(cluster))

    async def read_log(
        self, job: SlurmJob, stream: Stream, offset: int = FROM_END, inode: int | None = None
    ) -> LogChunk:
        """The next part of a job's output; `note` says why there is nothing."""
        try:
            jobs = self._of(cluster_of(job.id))
        except LookupError as error:
            return LogChunk("", "", 0, 0, note=str(error.args[0]))
        return await jobs.read_log(home_job(job), stream, offset, inode)

    async def history(self, since: float, until: float) -> tuple[SlurmJob, ...]:
        """Jobs that ran between two moments, from every accounting that there is a way to. Raises SlurmError."""
        found: list[SlurmJob] = []
        trouble: SlurmError | None = None
        for cluster, jobs in self._jobs.items():
            try:
                found += [renamed_job(one, Naming(cluster)) for one in await jobs.history(since, until)]
            except SlurmError as error:
                trouble = error
        if not found and trouble is not None:
            raise trouble
        return tuple(sorted(found, key=lambda job: -(job.end_at or job.start_at or 0.0)))

    async def check(
        self, script: str, options: Sequence[str] = (), picture: SlurmPicture | None = None, folder: str = ""
    ) -> SubmitCheck:
        """What a script would meet if it were submitted now, at the cluster that its options name."""
        cluster, given = self._meant(script, options)
        return await self._of(cluster).check(script, given, home_picture(picture, cluster), folder)

    async def submit(
        self, script: str, options: Sequence[str] = (), *, name: str = "", folder: str = "", origin: str = ""
    ) -> Outcome:
        """Submit a script to the cluster that its options name."""
        try:
            cluster, given = self._meant(script, options)
            outcome = await self._of(cluster).submit(script, given, name=name, folder=folder, origin=origin)
        except LookupError as error:
            return Outcome(False, f"nothing was done: {error.args[0]}")
        job = None if outcome.job_id is None else Naming(cluster).out(outcome.job_id)
        return replace(outcome, text=f"{cluster}: {outcome.text}", job_id=job)

    def _meant(self, script: str, options: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        """The cluster a script is for, and the options without its name; the only one there is a way to needs none.

        `#SBATCH --clusters=NAME` in the script names it too, and is then sbatch's own business as well.
        """
        named, given = "", list[str]()
        for word in options:
            begin = next((one for one in _CLUSTER_OPTIONS if word.startswith(one) and len(word) > len(one)), None)
            if begin is None:
                given.append(word)
            else:
                named = word.removeprefix(begin)
        written = (line.partition("#SBATCH")[2].strip() for line in script.splitlines() if line.startswith("#SBATCH"))
        named = named or next((one.partition("=")[2] for one in written if one.startswith(_CLUSTER_OPTIONS[:2])), "")
        if not named and len(self._jobs) == 1:
            named = next(iter(self._jobs))
        if not named:
            raise LookupError(f"which cluster? Add --clusters=NAME: {', '.join((*self._jobs, *self._why_not))}")
        return named, tuple(given)

    def submissions(self) -> tuple[Submission, ...]:
        """What was submitted from here, the newest first: one list for all clusters."""
        return next(iter(self._jobs.values())).submissions() if self._jobs else ()

    def submitted_script(self, one: Submission) -> str | None:
        """The script of a submission, where it is still kept."""
        return next(iter(self._jobs.values())).submitted_script(one) if self._jobs else None


@contextlib.asynccontextmanager
async def open_joined_jobs(
    settings: Settings,
    state_dir: Path,
    clock: Clock,
    environ: Mapping[str, str],
    *,
    face: str,
    read_only: bool = False,
) -> AsyncIterator[JoinedJobs]:
    """The verbs of every cluster in view that there is a way to, until the context is left.

    Asks nothing of the clusters. Raises ValueError with a sentence for settings that cannot be used.
    """
    found: dict[str, Jobs] = {}
    why_not: dict[str, str] = {}
    async with contextlib.AsyncExitStack() as stack:
        for cluster in clusters_of(settings.member):
            try:
                way = slurm_of(settings, cluster)
            except ActionError as error:
                why_not[cluster] = str(error)
                continue
            opening = open_jobs(way, state_dir, clock, environ, face=face, read_only=read_only)
            jobs = await stack.enter_async_context(opening)
            if jobs is None:
                why_not[cluster] = f"there is no way to the Slurm of {cluster} that takes questions"
            else:
                found[cluster] = jobs
        yield JoinedJobs(found, why_not)
