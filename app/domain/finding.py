"""Findings: what is wrong, on what, by which evidence, and what to do. Frozen values, shaped like `diagnose --json`.

Whoever finds something says only that. Numbers, incidents and which finding caused which are the diagnosis' own: it
fills `id`, `incident`, `caused_by` and `consequences` when it has put all findings together.
"""

from __future__ import annotations

from app.domain.affects import NO_AFFECTS, Affects
from app.domain.frozen import frozen
from app.domain.series import Severity


@frozen
class FindingSubject:
    """What a finding is about; the more is filled, the more exact."""

    node: str = ""
    gpu: int | None = None
    uuid: str | None = None
    job: str | None = None
    service: str | None = None

    def __str__(self) -> str:
        """`gpu-1/3`, `gpu-1`, `job 812`, `cluster`."""
        if self.gpu is not None:
            return f"{self.node}/{self.gpu}"
        if self.node:
            return self.node
        return f"job {self.job}" if self.job else self.service or "cluster"


@frozen
class Evidence:
    """One observation that a finding rests on."""

    source: str
    """Name of the source, or the metric's key."""
    at: float
    """Epoch seconds of the observation."""
    text: str


@frozen
class Advice:
    """One thing to do."""

    text: str
    command: str | None = None
    """Ready to be typed, its words quoted; None where it is no command."""
    gated: bool = True
    """It changes something: asked for before it is done."""


@frozen
class Finding:
    """One thing that is wrong."""

    fault: str
    """`slurm.allocated_idle`: the key of the kind of fault."""
    code: str
    """Id in the list of faults, `G10`; empty where the list has none."""
    title: str
    """One line for a person."""
    severity: Severity
    subject: FindingSubject
    first_seen: float
    """Epoch seconds since when, as far as it was watched."""
    last_seen: float
    evidence: tuple[Evidence, ...]
    explanation: str
    """What it means and what else could look like it."""
    actions: tuple[Advice, ...] = ()
    affects: Affects = NO_AFFECTS
    id: str = ""
    incident: str = ""
    root: bool = True
    caused_by: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, FindingSubject]:
        """The same fault of the same subject is the same finding, from look to look."""
        return self.fault, self.subject
