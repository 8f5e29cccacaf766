"""Readings: what one look at one source brought back, success or failure.

A reading is a frozen value. A failure is a reading too, so "down", "stale" and "never seen" need no path of their own.
Values are under catalogue keys and in catalogue units (`app.domain.metrics`); what a source did not say is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from app.domain.frozen import frozen, unguarded

if TYPE_CHECKING:  # a cluster without Slurm or logs does not pay for their classes; the codec finds them by name
    from app.domain.evidence import LogEvidence
    from app.domain.slurm import SlurmReading

SourceKind = Literal["exporter", "slurm", "vllm", "nvml", "log", "prometheus", "provider", "daemon"]


@frozen
class SourceSpec:
    """A source as configured: who it is and how often it is read."""

    name: str
    """Unique among the sources; what `sources[].name` and a value's `source` say."""
    kind: SourceKind
    target: str
    """Where it is read from, for people: credentials already removed."""
    interval_s: float
    node: str | None = None
    """The node's name where the configuration gives it; it beats what the page says."""


@frozen
class GpuProcess:
    """A process that holds device memory or runs on the GPU."""

    pid: int
    name: str
    user: str | None = None
    command: str | None = None
    memory_mib: float | None = None
    utilization_percent: float | None = None
    kind: Literal["compute", "graphics", "unknown"] = "unknown"
    started_at: float | None = None
    """Epoch seconds."""
    job_id: str | None = None
    """Number of the Slurm job it belongs to, as its machine tells; None where it tells of none."""


@frozen
class XidCount:
    """How often a GPU reported one Xid code, as counted by its exporter."""

    code: int
    count: int
    last_at: float | None = None
    """Epoch seconds of the last one, where the exporter says."""


@frozen
class MigReading:
    """A MIG slice of a GPU; never counted as a GPU."""

    id: int
    """GPU instance id."""
    profile: str
    uuid: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)


@unguarded()
class GpuReading:
    """One GPU as one source sees it."""

    index: int | None
    """NVML index on its node; None where the page gives only a UUID."""
    uuid: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    """`model`, `driver_version`, `pci_bus_id`, `serial`, `vbios_version`, … as text."""
    processes: tuple[GpuProcess, ...] | None = None
    """None where this source does not list processes; empty where it does and there are none."""
    mig: tuple[MigReading, ...] = ()
    xids: tuple[XidCount, ...] = ()
    hpc_jobs: tuple[str, ...] = ()
    """Job ids the exporter ties to the GPU (dcgm-exporter's `hpc_job`)."""
    lost: bool = False
    """The source says the GPU is gone (fell off the bus, handle lost)."""
    at: float | None = None
    """When these values were taken, where older than the reading itself (a GPU that answers late)."""
    note: str | None = None
    """Why values are missing, for the cell that would show them."""


@frozen
class NodeReading:
    """One machine as one source sees it."""

    name: str
    values: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[GpuReading, ...] | None = None
    """None where this source does not list GPUs (node_exporter); then nothing is concluded about them."""
    gpus_expected: int | None = None
    host: str | None = None
    """Host part of the target's address when it is not loopback: joins pages that name the node differently."""


@frozen
class ServiceReading:
    """One model server."""

    kind: Literal["vllm", "triton"]
    model: str
    values: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


@frozen
class PageHealth:
    """What became of the samples of a page."""

    flavour: str
    """Which exporter it turned out to be (`dcgm-exporter`, `nvidia_gpu_exporter`, …)."""
    samples: int = 0
    """Good sample lines."""
    known: int = 0
    """Samples that a catalogue row took."""
    unknown: tuple[tuple[str, int], ...] = ()
    """Sample names no row takes, and how many samples each had; the commonest first."""
    bad_lines: int = 0
    bad_examples: tuple[tuple[int, str], ...] = ()
    """(line number, why) of the first bad lines."""
    size_bytes: int = 0


@frozen
class Reading:
    """What one look at one source brought back."""

    source: str
    at: float
    """Epoch seconds when the answer was complete."""
    duration_s: float
    error: str | None = None
    """Why there is nothing, for a person: what failed, on what, what to do. None for a success."""
    nodes: tuple[NodeReading, ...] = ()
    services: tuple[ServiceReading, ...] = ()
    page: PageHealth | None = None
    simulated: bool = False
    slurm: SlurmReading | None = None
    logs: tuple[LogEvidence, ...] = ()
    """What its lines said since the look before, in the order they were said."""

    @staticmethod
    def failed(source: str, at: float, error: str, duration_s: float = 0.0) -> Reading:
        """A look that brought nothing back."""
        return Reading(source=source, at=at, duration_s=duration_s, error=error)
