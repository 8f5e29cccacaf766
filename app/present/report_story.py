"""What a report tells, as one value: every page of it is made of this, and of nothing else. Frozen, and free of words.

Whoever asks for it (`app.services.reporting`) has taken secrets out of it already; whoever writes it down escapes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Literal

from app.domain.diagnosis import Blind, Incident
from app.domain.evidence import LogEvidence
from app.domain.finding import Finding
from app.domain.frozen import frozen
from app.domain.series import Event, Series
from app.domain.snapshot import Mode

LOOKED_S = 120.0
"""After so long without a look nobody knows whether an incident lasts."""


@frozen
class HitJob:
    """One job that an incident hit."""

    id: str
    name: str = ""
    user: str = ""
    state: str = ""
    """As Slurm tells it last; empty where it is not known any more."""
    nodes: tuple[str, ...] = ()
    gpus: int | None = None
    began: float | None = None
    """Epoch seconds."""
    ended: float | None = None
    per_hour: float | None = None
    """$/h of its GPUs when the incident began."""
    so_far: float | None = None
    """$ it had cost by then."""


@frozen
class Chart:
    """One metric of one subject, over the time of the report."""

    title: str
    """Whose it is: `gpu-1/3`."""
    series: Series
    limit: float | None = None
    """A bound of the device's own (its power limit), drawn as a line."""


@frozen
class Chapter:
    """One incident."""

    incident: Incident
    findings: tuple[Finding, ...]
    """The root first, then by when they began."""
    jobs: tuple[HitJob, ...] = ()
    gpus: tuple[str, ...] = ()
    """GPUs that findings name, `gpu-1/3`."""
    charts: tuple[Chart, ...] = ()
    events: tuple[Event, ...] = ()
    """Of what it touches, oldest first, alerts among them."""
    until: float = 0.0
    """Epoch seconds of its end, or of the last look while it lasts."""
    lost: float | None = None
    """$ that went into it; None where no price is known."""

    @property
    def root(self) -> Finding | None:
        """The cause."""
        return self.findings[0] if self.findings else None

    def stands(self, made_at: float) -> Literal["over", "lasts", "unknown"]:
        """How it stands when the report is made; `unknown`: it lasted when somebody looked last, some time ago."""
        if self.incident.ended is not None:
            return "over"
        return "lasts" if made_at - self.until <= LOOKED_S else "unknown"

    @property
    def lasted_s(self) -> float:
        """How long."""
        return max(0.0, self.until - self.incident.began)


@frozen
class Deed:
    """One action, as the audit log has it."""

    at: float
    verb: str
    targets: tuple[str, ...]
    user: str
    face: str = ""
    commands: tuple[str, ...] = ()
    outcome: str = ""
    """What came of it; empty where the log does not say."""
    is_done: bool | None = None
    """None: not known."""


@frozen
class Money:
    """What all GPUs cost in that time."""

    spent: float | None = None
    idle: float | None = None
    energy_kwh: float | None = None


@frozen
class Recording:
    """The extract of the history that lies beside the report."""

    file: str
    pictures: int
    step_s: float
    """Seconds between two of them, as usual."""
    start: float
    end: float


@frozen
class Story:
    """A whole report."""

    made_at: float
    start: float
    """Epoch seconds: the time that is looked at, with what came just before and after."""
    end: float
    cluster: str = ""
    mode: Mode = "live"
    asked: str = ""
    """`incident i-3`, or `the last 24h`."""
    chapters: tuple[Chapter, ...] = ()
    blind: tuple[Blind, ...] = ()
    deeds: tuple[Deed, ...] = ()
    logs: tuple[LogEvidence, ...] = ()
    """Oldest first."""
    more_logs: int = 0
    """Lines that were left out."""
    money: Money = field(default_factory=Money)
    versions: tuple[tuple[str, str], ...] = ()
    """(what, which version)."""
    recording: Recording | None = None
    gaps: tuple[str, ...] = ()
    """What this report could not find out, one sentence each."""
    is_anonymous: bool = False
    has_flight: bool = False
    """What the flight recorder held of that time lies beside the page."""

    @property
    def title(self) -> str:
        """One line."""
        if len(self.chapters) == 1:
            return self.chapters[0].incident.title
        what = "incident" if len(self.chapters) == 1 else "incidents"
        return f"{len(self.chapters) or 'No'} {what}"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 job`, `1,024 GPUs`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def worst_first(chapters: Sequence[Chapter]) -> tuple[Chapter, ...]:
    """The gravest first, of equals the earliest."""
    order = {"critical": 0, "warning": 1, "info": 2}
    return tuple(sorted(chapters, key=lambda one: (order[one.incident.severity], one.incident.began)))
