"""A desk for jobs that answers from memory and remembers what it was asked to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from app.domain.job_actions import JobDetail, LogChunk, Outcome, Plan, SubmitCheck
from app.domain.slurm import SlurmJob, SlurmPicture
from app.services.submissions import Submission
from tests.present.fleets import NOW
from tests.present.slurm_fleet import jobs

SCRIPT = (
    "#!/bin/bash\n#SBATCH --job-name=llama-ft\n#SBATCH --gres=gpu:8\n#SBATCH --time=24:00:00\n\nsrun python train.py\n"
)
STEPS = (
    {"JobID": "812.batch", "JobName": "batch", "State": "RUNNING", "Elapsed": "03:12:00", "MaxRSS": "41.2G"},
    {"JobID": "812.0", "JobName": "torchrun", "State": "RUNNING", "Elapsed": "03:11:40", "MaxRSS": "381.0G"},
)


class FakeJobs:
    """Implements `app.tui.job_desk.JobDesk`."""

    def __init__(self) -> None:
        self.user = "ana"
        self.outcome = Outcome(True, "cancelled job 812")
        self.performed: list[Plan] = []
        self.sent: list[str] = []
        self.checked: list[str] = []
        self.log = "".join(f"step {number:5d} | loss {2.31 - number / 900:.4f}\n" for number in range(400, 440))
        self.added = ""
        """What the log grew by since it was last read."""
        self.gate: asyncio.Event | None = None
        """Deeds wait for it."""

    def commands(self, plan: Plan) -> tuple[tuple[str, ...], ...]:
        return tuple((f"/opt/slurm/bin/{words[0]}", *words[1:]) for words in plan.commands)

    async def perform(self, plan: Plan) -> Outcome:
        self.performed.append(plan)
        if self.gate is not None:
            await self.gate.wait()
        return self.outcome

    async def detail(self, job: SlurmJob) -> JobDetail:
        environment = {"HOME": "/home/ana", "HF_TOKEN": "***", "PATH": "/usr/bin:/bin"}
        return JobDetail({}, SCRIPT if job.id == "812" else None, "an interactive job has none", environment, STEPS)

    async def read_log(self, job: SlurmJob, stream: str, offset: int, inode: int | None) -> LogChunk:
        if not job.holds_nodes:
            return LogChunk("", "", 0, 0, note="no output file is known: the job waits")
        text, self.added = self.log if offset < 0 else self.added, ""
        size = len(self.log) if offset < 0 else offset + len(text)
        return LogChunk(f"/home/ana/llama/slurm-{job.job_id}.out", text, size, size, 7)

    async def history(self, since: float, until: float) -> tuple[SlurmJob, ...]:
        return tuple(job for job in jobs() if job.is_ended)

    async def check(self, script: str, options: Sequence[str], picture: SlurmPicture | None) -> SubmitCheck:
        self.checked.append(script)
        return SubmitCheck(True, NOW + 4200, ("gpu-02",), "", ("1 GPU asked for: 1 free on gpu-02",))

    async def submit(self, script: str, options: Sequence[str]) -> Outcome:
        self.sent.append(script)
        return Outcome(True, "submitted job 837", (), "837")

    def submissions(self) -> tuple[Submission, ...]:
        return (Submission(NOW - 7200, "810", "train-7b", ()),)

    def submitted_script(self, one: Submission) -> str | None:
        return "#!/bin/bash\n#SBATCH --job-name=train-7b\n\nsrun python again.py\n" if one.job_id == "810" else None


def opening(jobs: FakeJobs | None):  # type: ignore[no-untyped-def]  # the type is contextlib's own
    """An `OpenJobs` that gives this desk."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[FakeJobs | None]:
        yield jobs

    return opened
