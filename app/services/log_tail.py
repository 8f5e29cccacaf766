"""Following a model server's log for a front end: a bounded number of lines, harmless, without secrets, and its start.

Runs in the front end's own process as the user who looks, like everything about jobs; a daemon reads the same logs for
what went wrong, and keeps no line. A log is what `[[log]]` names, or the output of the Slurm job that serves the model.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path

from app.config.settings import Log
from app.domain.job_actions import LogChunk
from app.domain.log_text import Level, TextLine, level_of
from app.domain.model_start import ModelStart
from app.domain.naming import clean
from app.domain.reading import SourceSpec
from app.domain.redact import redact
from app.sources.log_targets import log_targets, name_of
from app.sources.logs.line import ESCAPES, LogLine, parse_line
from app.sources.logs.look import LogError, LogLook, LogWay
from app.sources.logs.moments import Timekeeping, moments
from app.sources.logs.source import BrokenWay, way_to
from app.sources.logs.starts import StartReader
from app.sources.registry import Making
from app.transport.clock import Clock
from app.transport.dialer import Dialer
from app.transport.scrape import ScrapeClient
from app.transport.ssh import open_forwards

MOST_LINES = 20_000
"""Lines of one log that are kept; older ones go."""
LONGEST = 4000
"""Characters of a line that are kept."""
LOOK_S = 5.0
"""One look at a log may take this long; an ssh login is in the first."""
_THREAD_LINES = 300
"""More lines than this are read in a thread: the screen must not wait for them."""
_FROM_END = -1


class SaveError(Exception):
    """A log cannot be saved; the message is for a person."""


class LogTail:
    """One log, followed."""

    def __init__(self, name: str, way: LogWay, clock: Clock, tz: tzinfo | None = None, most: int = MOST_LINES) -> None:
        """`tz` is the zone of stamps that name none; None: this machine's."""
        self.name = name
        self.where = way.target
        self.note = "reading"
        """Why there is no line, or why no more come; empty while all is well."""
        self.start = ModelStart()
        self.lines: Sequence[TextLine] = ()
        """The newest lines, oldest first."""
        self.lost = ""
        """What could not be read any more, in a sentence."""
        self._way = way
        self._clock = clock
        self._tz = tz
        self._kept: deque[TextLine] = deque(maxlen=most)
        self._count = 0
        self._keeping = Timekeeping()
        self._reader = StartReader()
        self._is_busy = False

    async def poll(self, timeout_s: float = LOOK_S) -> bool:
        """Look once; whether anything changed. Never raises for what is wrong with the log: `note` says it."""
        if self._is_busy:
            return False
        self._is_busy = True
        before = (self.note, self._count)
        try:
            look = await self._way.look(timeout_s)
            if len(look.lines) + len(look.parsed) > _THREAD_LINES:
                await asyncio.to_thread(self._take, look, self._clock.now())
            else:
                self._take(look, self._clock.now())
        except LogError as error:
            self.note = str(error)
        finally:
            self._is_busy = False
        return before != (self.note, self._count)

    async def close(self) -> None:
        """Give back what the way holds."""
        await self._way.close()

    def _take(self, look: LogLook, now: float) -> None:
        """Keep the lines of a look."""
        self.lost = look.lost or self.lost
        raw = [(line, parse_line(line, now, self._tz)) for line in look.lines]
        raw += [(line.text, _with_time(line, now)) for line in look.parsed]
        when, self._keeping = moments([line for _, line in raw], self._keeping, now)
        level: Level = self._kept[-1].level if self._kept else "info"
        for (text, line), moment in zip(raw, when, strict=True):
            level = level_of(text, line.level, level)
            at = moment.at if moment.at < now or not look.is_history else None
            self._kept.append(TextLine(self._count, harmless(text), level, at))
            self._count += 1
        self.start = self._reader.read([line for _, line in raw], when, now, is_live=not look.is_history)
        self.lines = tuple(self._kept)
        self.note = "" if self._kept else "nothing was written yet"


def harmless(text: str) -> str:
    """A line without control characters, escapes and secrets, cut where it is too long."""
    shown = ESCAPES.sub("", text) if "\x1b" in text else text
    return redact(clean(shown.expandtabs(8), LONGEST))


def _with_time(line: LogLine, now: float) -> LogLine:
    """An entry of a journal, taken apart as what the server wrote, at the time the journal gives it."""
    inner = parse_line(line.text, now)
    return replace(inner, at=line.at, has_zone=True, level=inner.level if inner.level is not None else line.level)


class JobOutputWay:
    """A job's output as a log: read as the job page reads it."""

    def __init__(self, read: Callable[[int, int | None], Awaitable[LogChunk]], job: str) -> None:
        """`read` takes the offset and the file's number, and gives the next part."""
        self.target = f"output of job {job}"
        self._read = read
        self._offset = _FROM_END
        self._inode: int | None = None

    async def look(self, timeout_s: float) -> LogLook:
        """What came since the last look. Raises LogError."""
        try:
            async with asyncio.timeout(timeout_s):
                chunk = await self._read(self._offset, self._inode)
        except TimeoutError as error:
            raise LogError(f"{self.target} does not answer within {timeout_s:g} s") from error
        if chunk.note:
            raise LogError(chunk.note)
        is_first = self._offset == _FROM_END
        self.target = chunk.path or self.target
        self._offset, self._inode = chunk.offset, chunk.inode
        lines = tuple(line for line in chunk.text.split("\n") if line.strip())
        lost = "the file was shortened or replaced; it is read from its beginning" if chunk.was_truncated else ""
        return LogLook(lines, is_history=is_first, size_bytes=len(chunk.text), lost=lost)

    async def close(self) -> None:
        """Nothing is held between looks."""


class ModelLogs:
    """The logs of model servers that are configured, each opened when somebody wants to see it."""

    def __init__(
        self,
        logs: Sequence[Log],
        client: ScrapeClient,
        clock: Clock,
        environ: Mapping[str, str],
        tz: tzinfo | None = None,
    ) -> None:
        self._logs = tuple(logs)
        self._client = client
        self._clock = clock
        self._environ = environ
        self._tz = tz
        self._open: dict[str, LogTail] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the logs, as their sources are called."""
        targets = log_targets(self._logs)
        return tuple(target.name for log, target in zip(self._logs, targets, strict=True) if log.kind == "vllm")

    def node_of(self, name: str) -> str:
        """The node a log is of, where the settings say; else the host it is reached on."""
        for log, target in zip(self._logs, log_targets(self._logs), strict=True):
            if target.name == name:
                return log.node or log.ssh.rpartition("@")[2].partition(":")[0]
        return ""

    def tail(self, name: str) -> LogTail:
        """The log of a name, followed from now on. Raises KeyError."""
        if name not in self._open:
            at = next(at for at, target in enumerate(log_targets(self._logs)) if target.name == name)
            self._open[name] = LogTail(name, self._way(at), self._clock, self._tz)
        return self._open[name]

    def job_tail(self, job: str, read: Callable[[int, int | None], Awaitable[LogChunk]]) -> LogTail:
        """The output of a job as a log, followed from now on."""
        return LogTail(f"job {job}", JobOutputWay(read, job), self._clock, self._tz)

    async def close(self) -> None:
        """Give back what the logs hold."""
        for tail in self._open.values():
            await tail.close()

    def _way(self, at: int) -> LogWay:
        log, target = self._logs[at], log_targets(self._logs)[at]
        spec = SourceSpec(name_of(log), "log", target.url, 0.0, log.node or None)
        making = Making(spec, target, LOOK_S, self._client, self._clock, environ=self._environ, logs=self._logs)
        try:
            return way_to(log, making)
        except ValueError as error:
            return BrokenWay(log.path or log.url, f"[[log]]: {error}")


@contextlib.asynccontextmanager
async def open_model_logs(
    logs: Sequence[Log], state_dir: Path, clock: Clock, environ: Mapping[str, str], tz: tzinfo | None = None
) -> AsyncIterator[ModelLogs]:
    """The model servers' logs until the context is left; nothing is read before somebody wants to see one."""
    forwards = open_forwards(state_dir, clock)
    try:
        async with ScrapeClient(Dialer(forwards)) as client:
            found = ModelLogs(logs, client, clock, environ, tz)
            try:
                yield found
            finally:
                await found.close()
    finally:
        await forwards.close()


def save(lines: Iterable[TextLine], path: Path) -> int:
    """Write lines to a new file that only its owner can read; how many. Raises SaveError."""
    written = 0
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            for line in lines:
                file.write(f"{line.text}\n")
                written += 1
    except OSError as error:
        raise SaveError(f"{path} cannot be written: {error.strerror or error}") from error
    return written
