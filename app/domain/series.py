"""Subjects and series: whose past is asked for, and what comes back.

A subject is written `fleet`, `node:N`, `gpu:N/I`, `gpu:UUID`, `service:ID` or `job:ID`. A series is a tuple of spans
with the mean and the extremes of each; a span with no sample is a gap, and stays one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from operator import eq
from typing import Literal, NamedTuple, overload

from app.domain.frozen import frozen, unguarded

SubjectKind = Literal["fleet", "node", "gpu", "mig", "service", "job"]
Severity = Literal["info", "warning", "critical"]


@unguarded()
class Subject:
    """Whom a series belongs to."""

    kind: SubjectKind
    node: str = ""
    index: int | None = None
    """GPU index, for kind `gpu` and `mig`."""
    key: str = ""
    """UUID of a GPU asked for by UUID; slice id of a MIG slice; id of a service or job."""

    def __str__(self) -> str:
        """As written on the command line."""
        match self.kind:
            case "fleet":
                return "fleet"
            case "node":
                return f"node:{self.node}"
            case "gpu":
                return f"gpu:{self.node}/{self.index}" if self.node else f"gpu:{self.key}"
            case "mig":
                return f"mig:{self.node}/{self.index}/{self.key}"
            case _:
                return f"{self.kind}:{self.key}"


FLEET = Subject("fleet")


def parse_subject(text: str) -> Subject:
    """Read WHAT of the command line.

    Raises ValueError with a sentence for a person when it is none of the known forms.
    """
    kind, _, rest = text.strip().partition(":")
    if kind == "fleet" and not rest:
        return FLEET
    if rest and kind == "node":
        return Subject("node", node=rest)
    if rest and kind in ("service", "job"):
        return Subject(kind, key=rest)  # type: ignore[arg-type]  # narrowed by the line above, which mypy does not see
    if rest and kind == "gpu":
        node, slash, index = rest.rpartition("/")
        if slash and node and index.isdigit():
            return Subject("gpu", node=node, index=int(index))
        if not slash:
            return Subject("gpu", key=rest)
    raise ValueError(f"{text!r} is not fleet, node:NAME, gpu:NODE/INDEX, gpu:UUID, service:ID or job:ID")


class Point(NamedTuple):
    """One span of a series."""

    at: float
    """Epoch seconds of the span's beginning."""
    mean: float | None
    """None: no sample in the span."""
    low: float | None = None
    high: float | None = None


class Columns(Sequence[Point]):
    """Points that are kept as columns, and made when they are looked at: a day of raw samples is 17,280 of them."""

    __slots__ = ("_highs", "_lows", "_means", "_times")

    def __init__(
        self,
        times: Sequence[float],
        means: Sequence[float | None],
        lows: Sequence[float | None],
        highs: Sequence[float | None],
    ) -> None:
        self._times = times
        self._means = means
        self._lows = lows
        self._highs = highs

    def __len__(self) -> int:
        """How many points."""
        return len(self._times)

    @overload
    def __getitem__(self, place: int) -> Point: ...
    @overload
    def __getitem__(self, place: slice) -> Columns: ...
    def __getitem__(self, place: int | slice) -> Point | Columns:
        """One point, or the columns of some."""
        found = (self._times[place], self._means[place], self._lows[place], self._highs[place])
        return Columns(*found) if isinstance(place, slice) else Point(*found)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Point]:
        """Every point, without a call of Python's for each."""
        return map(tuple.__new__, repeat(Point), zip(self._times, self._means, self._lows, self._highs, strict=True))

    def __eq__(self, other: object) -> bool:
        """Whether the same points stand in another sequence."""
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # as of every sequence whose columns may be lists

    def __repr__(self) -> str:
        """As the tuple of the points."""
        return repr(tuple(self))


@frozen
class Series:
    """One metric of one subject over time, in equal spans."""

    subject: Subject
    metric: str
    unit: str
    start: float
    end: float
    step_s: float
    """Width of a span; 0 for raw samples at their own times."""
    points: Sequence[Point]


@frozen
class Event:
    """Something that happened, kept in the history and shown on the event strip and on time axes."""

    at: float
    """Epoch seconds."""
    kind: str
    """`source.down`, `source.up`, `gpu.lost`, `gpu.found`, `gpu.xid`, `node.new`, `run.start`, `run.stop`, `store.gap`
    (ticks that could not be kept), `store.damaged` (a file that was moved aside); of Slurm `job.started`, `job.ended`,
    `job.requeued`, `finding.began`, `finding.ended`, `node.down`, `node.up`, `node.drained`, `node.resumed`,
    `node.deleted`; of alerts `alert.firing`, `alert.resolved`, `alert.no_data`; of the diagnosis `incident.began`,
    `incident.worse`, `incident.ended` (where nobody diagnoses, `finding.…` instead); of telling
    `notify.failed`, `notify.sent`;
    of logs `log.` and the kind of the evidence: `log.xid`, `log.host.oom`, …"""
    severity: Severity
    subject: Subject
    text: str
    """One line for a person, free of control characters."""


def span_for(start: float, end: float, most: int = 600) -> float:
    """A pleasant step (1 s … 1 day) that cuts start…end into at most `most` spans."""
    pleasant = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
    wanted = (end - start) / max(1, most)
    return float(next((step for step in pleasant if step >= wanted), pleasant[-1]))
