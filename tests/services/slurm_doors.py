"""Ways to the stand-in commands for tests: on this machine, and through a shell as on an ssh host."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from app.services.audit import Actor, Audit
from app.services.jobs import Jobs
from app.services.slurm_access import SlurmAccess
from app.services.submissions import Submissions
from app.sources.slurm.commands import SlurmCommands
from app.sources.slurm_ways import Way
from app.transport.process import MAX_OUTPUT, Result, run
from app.transport.runner import LocalRunner, Runner
from tests.engine.slurm_builders import NOW
from tests.standins.slurm_commands import FakeSlurm


class ShellRunner:
    """Runs words as sshd does: joined into one line for the shell of the host."""

    where = "ana@head"

    async def run(
        self, argv: Sequence[str], timeout_s: float, *, stdin: bytes = b"", max_output: int = MAX_OUTPUT
    ) -> Result:
        return await run(("/bin/sh", "-c", shlex.join(argv)), timeout_s, stdin=stdin, max_output=max_output)

    async def user(self) -> str:
        return "ana"


def access_to(fake: FakeSlurm, runner: Runner | None = None, *, user: str = "ana") -> SlurmAccess:
    """A way to the stand-in, as ana."""
    used = runner or LocalRunner(dict(os.environ))
    way: Way = "ssh" if isinstance(used, ShellRunner) else "local"
    return SlurmAccess(way, used.where, user, commands=SlurmCommands(used, str(fake.folder)), runner=used)


def jobs_of(fake: FakeSlurm, state: Path, runner: Runner | None = None, *, read_only: bool = False) -> Jobs:
    """Slurm's verbs on the stand-in, with their log in `state`."""
    audit = Audit(state, Actor("ana", 1000, face="test"))
    return Jobs(access_to(fake, runner), audit, lambda: NOW, Submissions(state), read_only=read_only)
