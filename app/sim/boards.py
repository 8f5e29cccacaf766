"""The boards that the simulated cluster is made of.

Memory, limits, clocks and thresholds are those of nvidia-smi on real boards. An H100 gives its thresholds as a margin
(T.Limit): 41 °C at a margin of 46 makes 87 °C the highest to work at, slowdown at 89 °C, shutdown at 95 °C. Degrees a
watt are what exporters show between idle (78 W, 28 °C) and full load (627 W, 52 °C). The thresholds of the L40S are
plausible, not measured.
"""

from __future__ import annotations

from app.domain.frozen import frozen

DRIVER = "580.105.08"


@frozen
class Board:
    """A GPU model as its driver describes it."""

    model: str
    memory_mib: int
    reserved_mib: int
    idle_w: float
    limit_w: float
    clock_mhz: int
    """Highest SM clock."""
    idle_clock_mhz: int
    memory_clock_mhz: int
    idle_memory_clock_mhz: int
    work_c: int
    """Highest temperature to work at; the margin counts down to it."""
    slowdown_c: int
    shutdown_c: int
    degrees_per_w: float
    pcie_gen: int
    idle_pstate: int
    idle_pcie_gen: int
    """Boards may lower the link when nothing runs; that is no fault."""
    has_nvlink: bool
    has_memory_sensor: bool
    """Without one, dcgm-exporter prints a memory temperature of 0."""


H100 = Board(
    model="NVIDIA H100 80GB HBM3",
    memory_mib=81559,
    reserved_mib=479,
    idle_w=70.0,
    limit_w=700.0,
    clock_mhz=1980,
    idle_clock_mhz=345,
    memory_clock_mhz=2619,
    idle_memory_clock_mhz=2619,
    work_c=87,
    slowdown_c=89,
    shutdown_c=95,
    degrees_per_w=0.046,
    pcie_gen=5,
    idle_pstate=0,
    idle_pcie_gen=5,
    has_nvlink=True,
    has_memory_sensor=True,
)
A100 = Board(
    model="NVIDIA A100-SXM4-80GB",
    memory_mib=81920,
    reserved_mib=639,
    idle_w=63.0,
    limit_w=400.0,
    clock_mhz=1410,
    idle_clock_mhz=210,
    memory_clock_mhz=1593,
    idle_memory_clock_mhz=1593,
    work_c=85,
    slowdown_c=89,
    shutdown_c=92,
    degrees_per_w=0.085,
    pcie_gen=4,
    idle_pstate=0,
    idle_pcie_gen=4,
    has_nvlink=True,
    has_memory_sensor=True,
)
L40S = Board(
    model="NVIDIA L40S",
    memory_mib=46068,
    reserved_mib=598,
    idle_w=35.0,
    limit_w=350.0,
    clock_mhz=2520,
    idle_clock_mhz=210,
    memory_clock_mhz=9001,
    idle_memory_clock_mhz=405,
    work_c=92,
    slowdown_c=97,
    shutdown_c=100,
    degrees_per_w=0.11,
    pcie_gen=4,
    idle_pstate=8,
    idle_pcie_gen=1,
    has_nvlink=False,
    has_memory_sensor=False,
)

PCI_BUSES = (0x1B, 0x43, 0x52, 0x61, 0x9D, 0xC3, 0xD1, 0xDF, 0x0F, 0x2D, 0x34, 0x76, 0x87, 0x90, 0xA9, 0xB7)
"""Bus numbers of an 8-GPU baseboard, then some more for larger machines."""
