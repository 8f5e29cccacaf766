"""Running a burn-in: as a Slurm job whose output is followed, or straight on this machine; and what was heard of it."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from app.domain.frozen import frozen
from app.domain.job_actions import LogChunk
from app.domain.naming import clean
from app.domain.slurm import SlurmJob
from app.engine.stress_results import Heard, Reader
from app.engine.stress_words import phase_words
from app.services.job_lookup import find_job, picture_now
from app.services.jobs import Jobs
from app.services.stress_pack import pack
from app.services.stress_script import PYTHON, Wish
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.trouble import SlurmError
from app.transport.process import ProcessError, run

Read = Callable[[int, int | None], Awaitable[LogChunk]]
"""Gives the next part of an output, from an offset of a file."""
Tell = Callable[[str], None]
"""Takes a line of progress for a person."""
POLL_S = 1.0
ASK_EVERY = 5
"""Looks at the output for one question to Slurm."""
_LOCAL_POLL_S = 0.2
_LAST_LINES = 10
_PART = 1024 * 1024
_LINGER = 5
"""Looks at the output after the end: NFS shows the last lines late."""


@frozen
class Ran:
    """How a burn-in went; what its processes said is with the reader."""

    expected: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Nodes with their GPUs that were to be heard of; empty where no node was given."""
    state: str = ""
    """Slurm's word for how the job ended; empty for a run on this machine, and where Slurm has forgotten it."""
    notes: tuple[str, ...] = ()
    """Why nothing, or not everything, was heard."""


class StressError(Exception):
    """The burn-in cannot be started; the message is for a person."""


class Tail:
    """Follows an output that grows, and tells when something new begins."""

    def __init__(self, reader: Reader, read: Read, tell: Tell) -> None:
        """What is heard goes to the reader, which outlives a cancel."""
        self.note = ""
        self._reader = reader
        self._read = read
        self._tell = tell
        self._offset = 0
        self._inode: int | None = None
        self._told: set[str] = set()

    async def more(self) -> bool:
        """Take in what is new; whether there was anything."""
        chunk = await self._read(self._offset, self._inode)
        self._offset, self._inode, self.note = chunk.offset, chunk.inode, chunk.note
        for line in chunk.text.splitlines():
            self._reader.feed((line,))
            self._progress()
        return bool(chunk.text)

    def _progress(self) -> None:
        """Each phase is told once, when the first process is through with it."""
        phase = self._reader.last_phase
        if phase and phase not in self._told:
            self._told.add(phase)
            self._tell(f"  measured: {phase_words(phase)}")


async def follow_job(jobs: Jobs, job_id: str, gpus: int, reader: Reader, tell: Tell, now: Callable[[], float]) -> Ran:
    """Wait for a job and follow its output to its end. Slurm may be away for a while; cancelled, the job goes on."""
    follower = _Follower(jobs, job_id, tell, now)
    tail = Tail(reader, follower.read, tell)
    looks = quiet = 0
    while quiet <= _LINGER and not (quiet and _is_whole(reader.heard())):
        if looks % ASK_EVERY == 0 or not follower.has_begun:
            await follower.look()
        looks += 1
        has_more = follower.has_begun and await tail.more()
        quiet = quiet + 1 if follower.is_over and not has_more else 0
        if not has_more:
            await asyncio.sleep(POLL_S)
    job, is_silent = follower.job, not reader.heard().devices
    expected = tuple((node, follower.given.get(node) or tuple(range(gpus))) for node in job.nodes) if job else ()
    return Ran(expected, job.state if job is not None else "", (tail.note,) if tail.note and is_silent else ())


def _is_whole(heard: Heard) -> bool:
    return bool(heard.devices) and all(one.end is not None for one in heard.devices)


class _Follower:
    """One job's state, as Slurm last told it."""

    def __init__(self, jobs: Jobs, job_id: str, tell: Tell, now: Callable[[], float]) -> None:
        self.job: SlurmJob | None = None
        self.is_over = False
        self.given: dict[str, tuple[int, ...]] = {}
        """The numbers of its GPUs by node; Slurm tells them while it runs."""
        self._jobs = jobs
        self._id = job_id
        self._tell = tell
        self._now = now
        self._told = ""

    @property
    def has_begun(self) -> bool:
        """There may be output."""
        return self.job is not None and not self.job.is_pending

    async def read(self, offset: int, inode: int | None) -> LogChunk:
        """The next part of the output."""
        assert self.job is not None, "it has begun"  # noqa: S101 - what `has_begun` means
        return await self._jobs.read_log(self.job, "stdout", offset, inode)

    async def look(self) -> None:
        """Ask Slurm how the job stands."""
        try:
            self.job = await find_job(self._jobs.access, self._id)
        except LookupError:
            self.is_over = True  # Slurm has forgotten it: it ended some time ago
            return
        except (SlurmError, SlurmParseError) as error:
            self._say(str(error))
            return
        self.is_over = self.job.is_ended
        self.given |= {one.node: one.indices for one in self.job.gpus_on if one.indices}
        if self.job.is_pending:
            self._say(await self._why(self.job))
        elif not self.job.is_ended:
            self._say(f"job {self._id} runs on {', '.join(self.job.nodes)}")

    async def _why(self, job: SlurmJob) -> str:
        """Why it waits, and how long by Slurm's estimate."""
        from app.engine.pending import explain  # noqa: PLC0415 - late: reads the registries of reasons

        try:
            picture = await picture_now(self._jobs.access, self._now(), with_nodes=True)
        except (SlurmError, SlurmParseError):
            return f"job {self._id} waits: {job.reason or 'Slurm has not looked at it yet'}"
        told = explain(job, picture, self._now())
        return f"job {self._id} waits: {told.text}" + "".join(f"; {one}" for one in told.more[:2])

    def _say(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._tell(text)


async def run_here(wish: Wish, processes: int, environ: Mapping[str, str], reader: Reader, tell: Tell) -> Ran:
    """Run the burn-in on this machine, one process a GPU (0: as many as there are); cancelled, it ends all of them.

    Raises PackError, and StressError where there is no such Python.
    """
    python = python_of(wish, environ)
    with tempfile.TemporaryDirectory(prefix="gpu-watchdog-") as made:
        program, output = await asyncio.to_thread(_laid_out, Path(made))
        words = (python, str(program), "--processes", str(processes), "--output", str(output))
        tail = Tail(reader, lambda offset, _: asyncio.to_thread(_part, output, offset), tell)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(_run((*words, *wish.words), wish.limit_s, environ))
            while not running.done():
                await tail.more()
                await asyncio.wait({running}, timeout=_LOCAL_POLL_S)
        while await tail.more():
            pass
    return Ran((), "", running.result())


def python_of(wish: Wish, environ: Mapping[str, str]) -> str:
    """The Python of this machine that is meant. Raises StressError where there is no such."""
    found = shutil.which(wish.python, path=environ.get("PATH"))
    if found is None and wish.python != PYTHON:
        raise StressError(f"{clean(wish.python, 200)}: no such command on this machine")
    return found or sys.executable


def _laid_out(folder: Path) -> tuple[Path, Path]:
    """The program and its empty output."""
    program, output = folder / "stress.pyz", folder / "output"
    program.write_bytes(pack())
    output.touch(0o600)
    return program, output


def _part(output: Path, offset: int) -> LogChunk:
    """Whole lines of our own output, from an offset."""
    with output.open("rb") as file:
        file.seek(offset)
        raw = file.read(_PART)
    raw = raw[: raw.rfind(b"\n") + 1]
    return LogChunk(str(output), raw.decode("utf-8", "replace"), offset + len(raw), offset + len(raw))


async def _run(words: Sequence[str], limit_s: float, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Run it to its end; what it says beside its results, the last lines of it."""
    try:
        result = await run(words, limit_s, env=environ)
    except ProcessError as error:
        return (str(error),)
    said = result.stderr.decode("utf-8", "replace").splitlines()
    return tuple(clean(line, 300) for line in said[-_LAST_LINES:] if line.strip())
