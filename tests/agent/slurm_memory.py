"""A way to Slurm that starts no process: it answers from memory and remembers what it was asked to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from app.services.audit import Actor, Audit
from app.services.jobs import Jobs
from app.services.slurm_access import SlurmAccess
from app.sources.slurm.commands import SlurmCommands
from app.transport.process import MAX_OUTPUT, Result
from tests.present.fleets import NOW

_CHANGING = ("update", "hold", "release", "requeue", "suspend", "resume", "top", "delete", "uhold")


class MemorySlurm:
    """A runner: answers by the beginning of the command line, with nothing where none fits."""

    where = "this machine"

    def __init__(self, answers: Mapping[str, str] | None = None) -> None:
        self.answers = dict(answers or {})
        """Beginning of a command line → what it prints."""
        self.argv: list[list[str]] = []

    async def run(
        self, argv: Sequence[str], timeout_s: float, *, stdin: bytes = b"", max_output: int = MAX_OUTPUT
    ) -> Result:
        words = [argv[0].rpartition("/")[2], *argv[1:]]
        self.argv.append(words)
        line = " ".join(words)
        found = [said for begins, said in self.answers.items() if line.startswith(begins)]
        return Result(words[0], 0, (found[-1] if found else "").encode("utf-8", "replace"), b"", 0.001)

    async def user(self) -> str:
        return "ana"

    @property
    def acts(self) -> list[list[str]]:
        """Of the command lines those that change something."""
        return [
            words
            for words in self.argv
            if words[0] in ("scancel", "srun", "salloc")
            or (words[0] == "sbatch" and "--test-only" not in words)
            or (words[0] == "scontrol" and words[1] in _CHANGING)
        ]

    def jobs(self, state: Path, *, read_only: bool = False) -> Jobs:
        """Slurm's verbs on it, with their log in a folder."""
        access = SlurmAccess("local", self.where, "ana", commands=SlurmCommands(self, ""), runner=self)
        return Jobs(access, Audit(state, Actor("ana", 1000, face="test")), lambda: NOW, read_only=read_only)
