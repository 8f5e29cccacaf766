"""What a step of the diagnosis is given, and what it leaves to the next one. Frozen values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field

from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis, Incident
from app.domain.evidence import LogEvidence
from app.domain.finding import Finding
from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot
from app.engine.diagnosis.memory import Memory
from app.engine.diagnosis.sign import Look, Sign
from app.engine.episodes import Episodes

PAST_S = 86400.0
"""For so long a fault that comes back is the same finding of the same incident."""

Observer = Callable[[Look], Iterable[Sign]]


@frozen
class Known:
    """What is remembered of a finding beyond the moment."""

    id: str
    incident: str
    first: float
    last: float
    times: int = 1
    """How often it began."""
    began: float = 0.0
    """Epoch seconds when it began for the first time within a day; 0: as `first`."""


@frozen
class DiagnosisState:
    """All that a step leaves to the next one."""

    memory: Memory = field(default_factory=Memory)
    episodes: Episodes = field(default_factory=Episodes)
    known: Mapping[str, Known] = field(default_factory=dict)
    """By fault and subject, present and past."""
    diagnosis: Diagnosis = NO_DIAGNOSIS
    last_finding: int = 0
    last_incident: int = 0
    past: Mapping[str, tuple[Incident, tuple[Finding, ...]]] = field(default_factory=dict)
    """Incidents that are over, by id."""


@frozen
class Seen:
    """What came in since the last step."""

    snapshot: Snapshot
    before: Snapshot | None = None
    before_at: float = 0.0
    said: Sequence[LogEvidence] = ()
    findings: Sequence[Finding] = ()
    """What others found: of Slurm's jobs and GPUs (`app.engine.findings_slurm`)."""
    interval_s: float = 5.0
