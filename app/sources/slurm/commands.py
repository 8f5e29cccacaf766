"""Slurm's own commands: their words, one deadline each, and errors a person understands. Bytes out; parsers read them.

Ids and names reach a command as words of a list and never as part of a shell's line. Reading asks slurmctld once a
call; what is not needed at every look is a call of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from app.config.settings import Slurm
from app.domain.naming import clean
from app.sources.slurm import trouble
from app.sources.slurm.environment import SET, UNSET, clean_environ
from app.sources.slurm.trouble import SlurmError
from app.transport.destination import SshError, parse_destination
from app.transport.process import ProcessError, Result, TimedOutError
from app.transport.runner import LocalRunner, Runner, SshRunner

if TYPE_CHECKING:  # ssh is paid for by those who use it
    from app.transport.ssh import SshForwards

MAX_OUTPUT = 128 * 1024 * 1024
"""Bytes one answer may have: 50,000 jobs in full."""
_NOTHING = (b"No jobs in the system", b"No nodes in the system", b"No partitions in the system")
_LONGEST_NOTHING = 1024
"""Bytes with all blanks around it."""


class SlurmCommands:
    """Runs Slurm's commands through a runner."""

    def __init__(self, runner: Runner, bin_dir: str = "") -> None:
        self.runner = runner
        self._bin_dir = bin_dir

    def argv(self, name: str, *words: str) -> tuple[str, ...]:
        """The words of a command, as they are run and as they are shown."""
        return (str(PurePosixPath(self._bin_dir) / name) if self._bin_dir else name, *words)

    async def text(self, name: str, *words: str, timeout_s: float, stdin: bytes = b"") -> bytes:
        """What a command prints. Raises SlurmError with a sentence."""
        result = await self.result(self.argv(name, *words), timeout_s, stdin=stdin)
        said = trouble.words_of(result.stderr)
        # Some versions end with status 0 when the controller is away: an error and no answer is no answer.
        if not result.ok or (_is_blank(result.stdout) and trouble.kind_of(said) == "controller"):
            raise trouble.refused(name, self.runner.where, result.returncode, said)
        return result.stdout

    async def result(self, argv: Sequence[str], timeout_s: float, *, stdin: bytes = b"") -> Result:
        """How a command ended, whatever its status. Raises SlurmError where it did not run to its end."""
        name, where = PurePosixPath(argv[0]).name, self.runner.where
        try:
            return await self.runner.run(argv, timeout_s, stdin=stdin, max_output=MAX_OUTPUT)
        except TimedOutError as error:
            if "no connection" in str(error):
                raise SlurmError("reach", str(error)) from error
            raise trouble.too_slow(name, where, timeout_s) from error
        except SshError as error:
            raise SlurmError("reach", str(error)) from error
        except ProcessError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise trouble.missing(argv[0], where) from error
            raise SlurmError("failed", str(error)) from error

    async def queue(self, timeout_s: float, mark: str) -> bytes:
        """All jobs, one line each (`squeue.QueueReader(mark=mark)`)."""
        from app.sources.slurm.squeue import queue_words  # noqa: PLC0415 - late: actions alone need no parser

        return await self.text("squeue", *queue_words(mark), timeout_s=timeout_s)

    async def nodes(self, timeout_s: float) -> bytes:
        """All nodes, one line each (`scontrol.parse_nodes`)."""
        from app.sources.slurm.scontrol import NODE_WORDS  # noqa: PLC0415 - late: as above

        return _something(await self.text("scontrol", *NODE_WORDS, timeout_s=timeout_s))

    async def partitions(self, timeout_s: float) -> bytes:
        """All partitions, one line each (`scontrol.parse_partitions`)."""
        from app.sources.slurm.scontrol import PARTITION_WORDS  # noqa: PLC0415 - late: as above

        return _something(await self.text("scontrol", *PARTITION_WORDS, timeout_s=timeout_s))

    async def details(self, timeout_s: float, job_id: int | None = None) -> bytes:
        """All jobs with the GPUs they hold, or one of them, one line each (`scontrol.parse_jobs`)."""
        from app.sources.slurm.scontrol import JOB_WORDS  # noqa: PLC0415 - late: as above

        words = JOB_WORDS if job_id is None else (*JOB_WORDS, str(job_id))
        return _something(await self.text("scontrol", *words, timeout_s=timeout_s))

    async def history(self, since: float, until: float, timeout_s: float) -> bytes:
        """Jobs that ran between two moments, epoch seconds, from the accounting (`sacct.parse_sacct`)."""
        from app.sources.slurm.sacct import HISTORY_WORDS  # noqa: PLC0415 - late: as above

        # `uts`: epoch seconds, so that the host's time zone does not matter.
        # One second more: a job that began in the second of `until` would fall out.
        span = ("-S", f"uts{int(since)}", "-E", f"uts{int(until) + 1}")
        return await self.text("sacct", *HISTORY_WORDS, *span, timeout_s=timeout_s)

    async def config(self, timeout_s: float) -> bytes:
        """The controller's configuration (`config_of`)."""
        return await self.text("scontrol", "show", "config", timeout_s=timeout_s)

    async def diagnostics(self, timeout_s: float) -> bytes:
        """How slurmctld is doing (`sdiag.parse_sdiag`)."""
        return await self.text("sdiag", timeout_s=timeout_s)

    async def version(self, timeout_s: float) -> str:
        """The commands' own version, `22.05.8`; asks no controller."""
        said = (await self.text("squeue", "--version", timeout_s=timeout_s)).decode("utf-8", "replace").split()
        return clean(said[-1], 40) if said else ""


def local_commands(slurm: Slurm, environ: Mapping[str, str]) -> SlurmCommands:
    """The commands of this machine."""
    bin_dir = str(Path(slurm.bin_dir).expanduser()) if slurm.bin_dir else ""
    return SlurmCommands(LocalRunner(clean_environ(environ)), bin_dir)


def ssh_commands(slurm: Slurm, forwards: SshForwards) -> SlurmCommands:
    """The commands of the ssh host. Raises ValueError where `slurm.ssh` is no destination."""
    return SlurmCommands(SshRunner(parse_destination(slurm.ssh), forwards, SET, UNSET), slurm.bin_dir)


def config_of(text: bytes) -> dict[str, str]:
    """`scontrol show config` as a mapping; what is no `Key = value` line is left out. Pure."""
    pairs = (line.partition("=") for line in text.decode("utf-8", "replace").splitlines())
    return {key.strip(): clean(value.strip(), 500) for key, equals, value in pairs if equals}


def _something(text: bytes) -> bytes:
    """The text, without the line by which scontrol says that there is nothing."""
    return b"" if len(text) < _LONGEST_NOTHING and text.strip() in _NOTHING else text


def _is_blank(text: bytes) -> bool:
    # Not by strip(): of ten thousand jobs in full that is a copy of fifteen megabytes, made while the screen waits.
    return not text or text.isspace()
