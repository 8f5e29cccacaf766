"""A log as a source: one look an interval brings what its lines said since, as evidence.

Lines are read where they are known to be whole, on our clock, and bounded: a storm is folded and counted. A log that
cannot be read is a failed reading with a sentence: no lines is not the same as no faults.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from app.config.secret import SecretError
from app.config.settings import JOURNAL, Log
from app.domain.codec import encode
from app.domain.evidence import LogEvidence, LogKind
from app.domain.reading import PageHealth, Reading, SourceSpec
from app.sources.log_targets import SCHEME
from app.sources.logs.look import LogError, LogLook, LogWay
from app.sources.logs.reader import LogReader
from app.sources.registry import Making, Tap
from app.transport.clock import Clock

if TYPE_CHECKING:  # ssh is paid for by those who use it
    from app.transport.runner import Runner

MARGIN_S = 0.1
"""A look is given this much less than it may take, so that it is ended by us and says why."""
LEAST_OFFSET_S = 2.0
"""A clock that is off by less is taken for ours."""
THREAD_LINES = 500
"""More lines than this are read in a thread: the screen must not wait for them."""


class LogSource:
    """One log as a source."""

    def __init__(
        self,
        spec: SourceSpec,
        kind: LogKind,
        way: LogWay,
        clock: Clock,
        timeout_s: float,
        *,
        tap: Tap | None = None,
    ) -> None:
        self.spec = replace(spec, target=way.target)
        self.timeout_s = timeout_s
        self._way = way
        self._clock = clock
        self._tap = tap
        self._kind = kind
        self._reader = LogReader(kind, spec.name, spec.node or "")

    async def read(self) -> Reading:
        """Look once; a failure is a reading."""
        began = self._clock.monotonic()
        try:
            look = await self._way.look(max(0.1, self.timeout_s - MARGIN_S))
        except LogError as error:
            return Reading.failed(self.spec.name, self._clock.now(), str(error), self._clock.monotonic() - began)
        now = self._clock.now()
        if self._tap is not None:
            self._tap(self.spec.name, "kind", now, self._kind.encode())
            self._tap(self.spec.name, "log", now, json.dumps(encode(look)).encode())
        self._learn(look)
        count = len(look.lines) + len(look.parsed)
        if count > THREAD_LINES:
            found = await asyncio.to_thread(self._evidence, look, now)
        else:
            found = self._evidence(look, now)
        return Reading(
            source=self.spec.name,
            at=now,
            duration_s=self._clock.monotonic() - began,
            page=PageHealth(f"{self._kind} log", count, len(found), size_bytes=look.size_bytes),
            logs=found,
        )

    async def close(self) -> None:
        """Give back what the way holds."""
        await self._way.close()

    def _learn(self, look: LogLook) -> None:
        """Take note of the machine's clock and boot, where the way asked for them."""
        offset_s = look.offset_s
        if offset_s is not None and abs(offset_s) < LEAST_OFFSET_S:
            offset_s = 0.0  # no more than the way there and back
        boot_at = None if look.boot_at is None else look.boot_at - (offset_s or 0.0)
        self._reader.know(boot_at=boot_at, offset_s=offset_s)

    def _evidence(self, look: LogLook, now: float) -> tuple[LogEvidence, ...]:
        found = self._reader.read(look.parsed, now) if look.parsed else self._reader.read_text(look.lines, now)
        if look.lost:
            lost = LogEvidence("log.lost", now, look.lost, "warning", "read", self.spec.name, self.spec.node or "")
            found = (*found, lost)
        return tuple(replace(one, is_history=True) for one in found) if look.is_history else found


class BrokenWay:
    """Settings that lead nowhere: every look says why."""

    def __init__(self, target: str, why: str) -> None:
        self.target = target
        self._why = why

    async def look(self, timeout_s: float) -> LogLook:  # noqa: ARG002 - the protocol's
        """Never looks."""
        raise LogError(self._why)

    async def close(self) -> None:
        """Nothing is held."""


def make(making: Making) -> LogSource:
    """Make the source of `log:N`, the N-th of `[[log]]`."""
    number = making.target.url.removeprefix(SCHEME)
    if not number.isdigit() or int(number) >= len(making.logs):
        way: LogWay = BrokenWay(making.target.url, f"{making.target.url}: there is no such [[log]]")
        return LogSource(making.spec, "kernel", way, making.clock, making.timeout_s)
    log = making.logs[int(number)]
    try:
        way = way_to(log, making)
    except (ValueError, SecretError) as error:
        way = BrokenWay(log.path or log.url, f"[[log]]: {error}")
    return LogSource(making.spec, _kind(log.kind), way, making.clock, making.timeout_s, tap=making.tap)


def way_to(log: Log, making: Making) -> LogWay:
    """The way to a log; what it needs is imported now. Raises ValueError for settings that cannot be used."""
    if log.url:
        from app.sources.logs.by_url import UrlWay  # noqa: PLC0415 - late: one way of the four is used

        return UrlWay(log, making.client, making.clock)
    word, _, unit = log.path.partition(":")
    if word == JOURNAL:
        from app.sources.logs.by_journal import JournalWay  # noqa: PLC0415 - late: as above

        return JournalWay(_runner(log, making), unit, making.clock, is_kernel=log.kind == "kernel")
    if log.ssh:
        from app.sources.logs.by_ssh import SshWay  # noqa: PLC0415 - late: as above

        return SshWay(_runner(log, making), log.path, making.clock)
    from app.sources.logs.by_file import FileWay  # noqa: PLC0415 - late: as above

    return FileWay(log.path)


def _runner(log: Log, making: Making) -> Runner:
    """Where commands run. Raises ValueError where they cannot."""
    from app.transport.runner import LocalRunner, SshRunner  # noqa: PLC0415 - late: files and pods need none

    if not log.ssh:
        return LocalRunner({**making.environ, "LC_ALL": "C"})
    if making.client.forwards is None:
        raise ValueError("ssh is not available here")
    from app.transport.destination import parse_destination  # noqa: PLC0415 - late: as above

    return SshRunner(parse_destination(log.ssh), making.client.forwards, {"LC_ALL": "C"})


def _kind(text: str) -> LogKind:
    match text:
        case "vllm" | "job":
            return text
    return "kernel"
