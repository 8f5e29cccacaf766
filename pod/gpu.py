"""What a reading of this machine's GPUs says: frozen values, no NVML, no HTTP.

Numbers are in `values`, keyed by the family under which the exporter prints them (`pod.families`), in that family's
unit. A value that the GPU, the driver or the permissions do not give is absent, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ProcessType = Literal["C", "G", "C+G"]
"""Compute, graphics, or both."""

EventKind = Literal["xid", "ecc_corrected", "ecc_uncorrected"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a GPU is. Parts that could not be read, as of a GPU that was lost from the start, are None."""

    index: int
    """NVML's index: stays the GPU's even when it or a lower one is lost."""
    minor: int | None = None
    """The N of /dev/nvidiaN."""
    uuid: str | None = None
    name: str | None = None
    pci_bus_id: str | None = None
    serial: str | None = None
    vbios: str | None = None


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """One process on one GPU. What /proc refuses, or has no such process for, is None."""

    pid: int
    type: ProcessType
    used_mib: float | None
    sm_percent: float | None
    """Share of the SMs' time over the driver's last samples; None where there was no sample."""
    gpu_instance: int | None = None
    """The MIG slice it runs in."""
    user: str | None = None
    name: str | None = None
    command: str | None = None
    """At most 256 characters, secrets replaced."""
    resident_bytes: int | None = None
    started_at: float | None = None
    job: str | None = None
    """The Slurm job it belongs to, by its number."""


@dataclass(frozen=True, slots=True)
class MigInstance:
    """One slice of a GPU: a compute instance inside a GPU instance."""

    index: int
    gpu_instance: int
    compute_instance: int | None
    profile: str
    uuid: str | None
    values: Mapping[str, float]
    """Memory and activity; they belong to the GPU instance, which several slices may share."""


@dataclass(frozen=True, slots=True)
class NvLink:
    """One link: up or down, and its error counters since the driver was loaded."""

    index: int
    is_up: bool | None
    errors: Mapping[str, float] = field(default_factory=dict)
    """By kind: replay, recovery, crc, and on newer links more (`pod.links`)."""


@dataclass(frozen=True, slots=True)
class GpuReading:
    """The newest finished numbers of one GPU, and how far to trust them."""

    identity: Identity
    at: float | None
    """When this was read, in seconds since the epoch; None before anything was. Values that change slowly (limits,
    links, fans) may be up to a minute older."""
    values: Mapping[str, float] = field(default_factory=dict)
    processes: tuple[GpuProcess, ...] | None = None
    """None where the driver would not list them; empty where there are none."""
    mig: tuple[MigInstance, ...] = ()
    links: tuple[NvLink, ...] = ()
    is_lost: bool = False
    """The driver says the GPU is gone. It keeps its index and last known identity, and has no values."""
    is_late: bool = False
    """The GPU had not answered this round; all else here is from `at`."""
    error: str | None = None
    """The first call that failed for another reason than not being supported, in words."""
    counts_xids: bool = False
    """Whether the driver reports this GPU's Xids to us; without it, no Xid means nothing."""
    seen_at: float | None = None
    """When it last gave numbers: equal to `at`, or earlier for a lost GPU."""

    @property
    def index(self) -> int:
        return self.identity.index

    @property
    def uuid(self) -> str | None:
        return self.identity.uuid

    @property
    def name(self) -> str | None:
        return self.identity.name

    @property
    def pci_bus_id(self) -> str | None:
        return self.identity.pci_bus_id

    @property
    def serial(self) -> str | None:
        return self.identity.serial

    def age_s(self, now: float) -> float | None:
        """Seconds since this was read; None when nothing ever was."""
        return None if self.at is None else max(0.0, now - self.at)


@dataclass(frozen=True, slots=True)
class XidCount:
    """How often one GPU raised one Xid since we began to listen."""

    gpu: int
    code: int
    count: int
    first_at: float
    last_at: float


@dataclass(frozen=True, slots=True)
class GpuEvent:
    """One event that the driver told us of."""

    id: int
    """Counts up from 1 within one run of this program."""
    at: float
    gpu: int
    uuid: str | None
    kind: EventKind
    xid: int | None
    """The Xid's number; None for other kinds."""


@dataclass(frozen=True, slots=True)
class MachineReading:
    """All GPUs of this machine, in index order, with none left out."""

    number: int
    """Counts readings, from 1."""
    at: float
    driver_version: str | None
    cuda_version: str | None
    gpus: tuple[GpuReading, ...]
    expected: int
    """How many GPUs there ought to be: what was configured, else what NVML counted when it started."""
    xids: tuple[XidCount, ...] = ()
