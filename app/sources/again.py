"""Looks of the past read again: what a source was told then, through the parser that reads what it is told now.

A collector tells the tap what came in (`app.sources.registry.Tap`); here the same answers make the same readings, one
look after the other. What a look brought beside them (its time, its error) is given; no clock is asked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from app.domain.codec import decode
from app.domain.frozen import frozen
from app.domain.reading import Reading, SourceKind, SourceSpec
from app.transport.clock import Clock

if TYPE_CHECKING:
    from app.domain.evidence import LogKind
    from app.sources.logs.look import LogLook
    from app.sources.page import Page, PageContents

LARGE = 128 * 1024
"""Bytes beyond which an answer is read in a thread: the screen must not wait for it."""


@frozen
class Answer:
    """One answer: the part of the look it is, when it was complete (epoch seconds), and its bytes."""

    part: str
    at: float
    body: bytes


@frozen
class PastLook:
    """A look of the past that went well; what never changes (its host, the mark of its rows) only the first brings."""

    spec: SourceSpec
    at: float
    """Epoch seconds, of the reading."""
    duration_s: float
    answers: tuple[Answer, ...]
    notes: tuple[str, ...] = ()
    way: str = ""
    """Of Slurm: what its reading said of itself."""

    def body(self, part: str) -> bytes:
        """The answer of a part. Raises LookupError."""
        for one in self.answers:
            if one.part == part:
                return one.body
        raise LookupError(f"the answer of {part!r} is missing")


class Again(Protocol):
    """Reads the looks of one source, in their order."""

    async def read(self, look: PastLook) -> Reading:
        """The reading of a look. Raises ValueError or LookupError for what no look brings."""


def again(kind: SourceKind) -> Again | None:
    """Who reads the looks of a kind of source; None for a kind that tells the tap nothing."""
    make = _KINDS.get(kind)
    return None if make is None else make()


class PageAgain:
    """Pages of an exporter."""

    def __init__(self) -> None:
        self._page: Page | None = None
        self._before: PageContents | None = None

    async def read(self, look: PastLook) -> Reading:
        from app.sources.page import Page  # noqa: PLC0415 - late: one kind of the four is used
        from app.sources.rates import with_rates  # noqa: PLC0415 - as above

        if self._page is None:
            self._page = Page(look.spec.node, look.body("host").decode("utf-8", "replace") or look.spec.name)
        body = look.body("page")
        large = len(body) > LARGE
        contents = await asyncio.to_thread(self._page.read, body, look.at) if large else self._page.read(body, look.at)
        self._before = contents = with_rates(self._before, contents)
        return Reading(
            source=look.spec.name,
            at=look.at,
            duration_s=look.duration_s,
            nodes=contents.nodes,
            services=contents.services,
            page=contents.health,
            simulated=contents.simulated,
        )


class ServerPageAgain(PageAgain):
    """Pages of a target of a Prometheus server: one that was not scraped anew is the same reading once more."""

    def __init__(self) -> None:
        super().__init__()
        self._last: Reading | None = None

    async def read(self, look: PastLook) -> Reading:
        if self._last is None or look.at > self._last.at:
            self._last = await super().read(look)
        return self._last


class MachineAgain:
    """Readings of a machine's own driver."""

    def __init__(self) -> None:
        self._before: Reading | None = None
        self._node = ""

    async def read(self, look: PastLook) -> Reading:
        from app.sources.nvml import machine_of, reading_of  # noqa: PLC0415 - late: as above
        from app.sources.rates import nodes_with_rates  # noqa: PLC0415 - as above

        self._node = self._node or look.body("node").decode("utf-8", "replace")
        reading = reading_of(machine_of(look.body("machine")), look.spec.name, self._node, look.duration_s)
        if self._before is not None:
            nodes = nodes_with_rates(self._before.nodes, self._before.at, reading.nodes, reading.at)
            reading = replace(reading, nodes=nodes)
        self._before = reading
        return reading


@dataclass(slots=True)
class _Then(Clock):
    """The time of a look, for as long as it is read."""

    at: float = 0.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Nobody waits for the past."""


@dataclass(slots=True)
class _LogWay:
    """Gives the look that was told."""

    target: str
    told: LogLook | None = None

    async def look(self, timeout_s: float) -> LogLook:  # noqa: ARG002 - the protocol's
        assert self.told is not None, "set before each look"  # noqa: S101 - a mistake of ours
        return self.told

    async def close(self) -> None:
        """Nothing is held."""


class LogAgain:
    """Lines of a log."""

    def __init__(self) -> None:
        self._clock = _Then()
        self._way = _LogWay("")
        self._read: Callable[[], Awaitable[Reading]] | None = None

    async def read(self, look: PastLook) -> Reading:
        from app.sources.logs.look import LogLook  # noqa: PLC0415 - late: as above
        from app.sources.logs.source import LogSource  # noqa: PLC0415 - as above

        if self._read is None:
            kinds: Mapping[str, LogKind] = {"vllm": "vllm", "job": "job"}
            kind = kinds.get(look.body("kind").decode("utf-8", "replace"), "kernel")
            self._way.target = look.spec.target
            self._read = LogSource(look.spec, kind, self._way, self._clock, 10.0).read
        self._clock.at = look.at
        self._way.told = decode(LogLook, json.loads(look.body("log")))
        made = await self._read()
        return replace(made, duration_s=look.duration_s)


def _slurm() -> Again:
    from app.sources.slurm.again import SlurmAgain  # noqa: PLC0415 - late: a cluster without Slurm does not pay for it

    return SlurmAgain()


_KINDS: Mapping[SourceKind, Callable[[], Again]] = {
    "exporter": PageAgain,
    "prometheus": ServerPageAgain,
    "nvml": MachineAgain,
    "log": LogAgain,
    "slurm": _slurm,
}
