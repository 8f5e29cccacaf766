"""The diagnosis as values: findings put together as incidents, and what could not be looked at. Frozen."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from app.domain.affects import NO_AFFECTS, Affects
from app.domain.frozen import frozen
from app.domain.series import Severity

if TYPE_CHECKING:  # before anything is found nobody pays for its classes; the codec finds them by name
    from app.domain.finding import Finding

GRAVITY: dict[Severity, int] = {"info": 0, "warning": 1, "critical": 2}
"""The graver, the more."""


@frozen
class Incident:
    """One cause, with all that follows from it."""

    id: str
    root: str
    """Id of the finding that all others follow from."""
    title: str
    severity: Severity
    """Of the gravest of its findings."""
    began: float
    """Epoch seconds."""
    last_seen: float
    findings: tuple[str, ...]
    """Ids, the root first, then by when they began."""
    affects: Affects = NO_AFFECTS
    """Of all its findings together."""
    users: tuple[str, ...] = ()
    """Whose jobs it hits."""
    ended: float | None = None
    """Epoch seconds when its last finding was gone; None while it lasts."""


@frozen
class Blind:
    """Something that could not be looked at, so that nothing said of it means nothing."""

    what: str
    why: str


@frozen
class Diagnosis:
    """What is wrong at one moment, the root of each incident before its symptoms, the gravest incident first."""

    at: float = 0.0
    """Epoch seconds; 0: nothing was looked at yet."""
    findings: tuple[Finding, ...] = ()
    incidents: tuple[Incident, ...] = ()
    blind: tuple[Blind, ...] = ()
    ended: tuple[Incident, ...] = ()
    """Incidents of the last day that are over, the newest first."""
    past: tuple[Finding, ...] = field(default=())
    """Their findings."""

    @property
    def is_healthy(self) -> bool:
        """Nothing worse than information was found. What is in `blind` was not looked at."""
        return all(one.severity == "info" for one in self.findings)

    def finding(self, key: str) -> Finding | None:
        """The finding of an id, past ones too."""
        return next((one for one in (*self.findings, *self.past) if one.id == key), None)

    def incident(self, key: str) -> Incident | None:
        """The incident of an id, past ones too."""
        return next((one for one in (*self.incidents, *self.ended) if one.id == key), None)


NO_DIAGNOSIS = Diagnosis()


def gravest(severities: tuple[Severity, ...]) -> Severity:
    """The gravest of some; `info` of none."""
    return max(severities, key=GRAVITY.__getitem__, default="info")
