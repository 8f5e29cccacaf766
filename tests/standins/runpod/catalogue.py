"""What the emulated RunPod has to rent out: GPU types with their prices, data centres, and how much stands where.

Prices and places are made up; the names of data centres and GPU types, and which centres have a private network,
are RunPod's own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GpuType:
    """One row of the catalogue of GPUs."""

    id: str
    name: str
    memory_gb: int
    secure: float | None
    """$/h of one GPU in the secure cloud; None: not offered there."""
    community: float | None
    data_centers: tuple[str, ...]
    """Where the secure cloud has it."""
    most: int = 8
    """GPUs of the largest machine."""
    manufacturer: str = "NVIDIA"
    pool: str | None = None

    def price(self, cloud: str) -> float | None:
        """$/h of one GPU in a cloud."""
        return self.secure if cloud == "SECURE" else self.community


@dataclass(frozen=True, slots=True)
class DataCenter:
    """One row of the catalogue of data centres."""

    id: str
    name: str
    region: str
    country: str
    has_private_network: bool
    volume_types: tuple[str, ...] = ("STANDARD",)


@dataclass(frozen=True, slots=True)
class CpuType:
    """One flavour of pods without a GPU."""

    id: str
    name: str
    memory_per_vcpu_gb: int
    price_per_vcpu: float


DATA_CENTERS = (
    DataCenter("US-KS-2", "US Kansas 2", "NORTH_AMERICA", "US", True, ("STANDARD", "HIGH_PERFORMANCE")),
    DataCenter("US-TX-3", "US Texas 3", "NORTH_AMERICA", "US", True),
    DataCenter("US-CA-2", "US California 2", "NORTH_AMERICA", "US", True),
    DataCenter("US-GA-1", "US Georgia 1", "NORTH_AMERICA", "US", True),
    DataCenter("CA-MTL-3", "CA Montreal 3", "NORTH_AMERICA", "CA", True),
    DataCenter("EU-RO-1", "EU Romania 1", "EUROPE", "RO", True, ("STANDARD", "HIGH_PERFORMANCE")),
    DataCenter("EU-SE-1", "EU Sweden 1", "EUROPE", "SE", True),
    DataCenter("EUR-IS-2", "EUR Iceland 2", "EUROPE", "IS", True),
    DataCenter("EUR-IS-1", "EUR Iceland 1", "EUROPE", "IS", False),
    DataCenter("AP-JP-1", "AP Japan 1", "ASIA", "JP", False, ()),
)

_AMERICA = ("US-KS-2", "US-TX-3", "US-CA-2", "US-GA-1")
GPU_TYPES = (
    GpuType(
        *("NVIDIA H100 80GB HBM3", "H100 SXM", 80, 2.69, None),
        data_centers=("US-KS-2", "US-CA-2", "EUR-IS-1", "EUR-IS-2", "AP-JP-1"),
        pool="ADA_80_PRO",
    ),
    GpuType("NVIDIA H200", "H200 SXM", 141, 3.59, None, ("US-CA-2", "EUR-IS-2"), pool="HOPPER_141"),
    GpuType(
        *("NVIDIA A100-SXM4-80GB", "A100 SXM", 80, 1.49, 1.39),
        data_centers=("US-KS-2", "US-TX-3", "EU-RO-1", "AP-JP-1"),
        pool="AMPERE_80",
    ),
    GpuType("NVIDIA A100 80GB PCIe", "A100 PCIe", 80, 1.39, 1.19, ("US-KS-2", "CA-MTL-3", "EU-SE-1"), pool="AMPERE_80"),
    GpuType("NVIDIA L40S", "L40S", 48, 0.86, 0.79, (*_AMERICA, "EU-SE-1"), pool="ADA_48_PRO"),
    GpuType("NVIDIA RTX A6000", "RTX A6000", 48, 0.49, 0.33, (*_AMERICA, "CA-MTL-3"), pool="AMPERE_48"),
    GpuType("NVIDIA GeForce RTX 4090", "RTX 4090", 24, 0.69, 0.34, (*_AMERICA, "EU-RO-1", "EUR-IS-1"), pool="ADA_24"),
    GpuType("NVIDIA RTX A4000", "RTX A4000", 16, 0.25, 0.17, ("CA-MTL-3", "EU-RO-1", "EU-SE-1"), most=4),
    GpuType("AMD Instinct MI300X OAM", "MI300X", 192, 2.49, None, ("EU-RO-1",), manufacturer="AMD"),
)
CPU_TYPES = (CpuType("cpu3c", "Compute-Optimized", 2, 0.03), CpuType("cpu5c", "Compute-Optimized", 2, 0.035))
CUDA_VERSIONS = ("12.4", "12.8")
"""What the machines with NVIDIA GPUs have; a create may ask for one."""

LEVELS = ("NONE", "LOW", "MEDIUM", "HIGH")


def level(free: int | None, wanted: int) -> str:
    """The catalogue's word for so many free GPUs, None for plenty, where so many are wanted at once."""
    if free is None:
        return "HIGH"
    rooms = free // wanted
    return LEVELS[min(rooms, 1)] if rooms < 3 else LEVELS[2]


def gpu_type(name: str) -> GpuType | None:
    """The GPU type of that id."""
    return next((kind for kind in GPU_TYPES if kind.id == name), None)


def cpu_type(name: str) -> CpuType | None:
    """The CPU flavour of that id."""
    return next((kind for kind in CPU_TYPES if kind.id == name), None)


def data_center(name: str) -> DataCenter | None:
    """The data centre of that id."""
    return next((center for center in DATA_CENTERS if center.id == name), None)
