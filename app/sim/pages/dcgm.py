"""The page of dcgm-exporter (4.5, with the commonly enabled fields switched on), byte for byte in its shape."""
# ruff: noqa: E501 - a row reads best as one table line

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from app.sim.boards import DRIVER, Board
from app.sim.gpu import GpuState
from app.sim.layout import SimGpu, SimNode
from app.sim.pages.text import Family, Series, Sheet, labelled, lead

# fmt: off
FAMILIES: tuple[Family, ...] = (
    Family("DCGM_FI_DEV_SM_CLOCK", "gauge", "SM clock frequency (in MHz).", source="sm_clock"),
    Family("DCGM_FI_DEV_MEM_CLOCK", "gauge", "Memory clock frequency (in MHz).", source="memory_clock"),
    Family("DCGM_FI_DEV_MAX_SM_CLOCK", "gauge", "Maximum supported SM clock (in MHz).", fixed="clock_mhz"),
    Family("DCGM_FI_DEV_MEMORY_TEMP", "gauge", "Memory temperature (in C).", source="memory_temperature"),
    Family("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C).", source="temperature"),
    Family("DCGM_FI_DEV_SLOWDOWN_TEMP", "gauge", "Slowdown temperature for the device (in C).", fixed="slowdown_c"),
    Family("DCGM_FI_DEV_SHUTDOWN_TEMP", "gauge", "Shutdown temperature for the device (in C).", fixed="shutdown_c"),
    Family("DCGM_FI_DEV_GPU_TEMP_LIMIT", "gauge", "Thermal margin to the highest operating temperature (in C).", source="margin"),
    Family("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W).", "%.6f", "power"),
    Family("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "gauge", "Effective power limit that the driver enforces (in W).", fixed="limit_w"),
    Family("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "counter", "Total energy consumption since boot (in mJ).", source="energy_mj"),
    Family("DCGM_FI_DEV_PSTATE", "gauge", "Performance state (P-State) 0-15. 0=highest.", source="pstate"),
    Family("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "counter", "Total number of PCIe retries.", source="pcie_replays"),
    Family("DCGM_FI_DEV_PCIE_LINK_GEN", "gauge", "PCIe link generation.", source="pcie_gen"),
    Family("DCGM_FI_DEV_PCIE_LINK_WIDTH", "gauge", "PCIe link width.", source="pcie_width"),
    Family("DCGM_FI_DEV_PCIE_MAX_LINK_GEN", "gauge", "Maximum PCIe link generation.", fixed="pcie_gen"),
    Family("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH", "gauge", "Maximum PCIe link width.", fixed="16"),
    Family("DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %).", source="utilization"),
    Family("DCGM_FI_DEV_MEM_COPY_UTIL", "gauge", "Memory utilization (in %).", source="memory_utilization"),
    Family("DCGM_FI_DEV_ENC_UTIL", "gauge", "Encoder utilization (in %).", fixed="0"),
    Family("DCGM_FI_DEV_DEC_UTIL", "gauge", "Decoder utilization (in %).", fixed="0"),
    Family("DCGM_FI_DEV_XID_ERRORS", "gauge", "Value of the last XID error encountered.", source="xid"),
    Family("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "gauge", "Current clock event reasons (bitmask).", source="clock_events"),
    Family("DCGM_FI_DEV_POWER_VIOLATION", "counter", "Throttling duration due to power constraints (in ns).", source="power_violation_ns"),
    Family("DCGM_FI_DEV_THERMAL_VIOLATION", "counter", "Throttling duration due to thermal constraints (in ns).", source="thermal_violation_ns"),
    Family("DCGM_FI_DEV_FB_FREE", "gauge", "Framebuffer memory free (in MiB).", source="memory_free"),
    Family("DCGM_FI_DEV_FB_USED", "gauge", "Framebuffer memory used (in MiB).", source="memory_used"),
    Family("DCGM_FI_DEV_FB_RESERVED", "gauge", "Framebuffer memory reserved (in MiB).", fixed="reserved_mib"),
    Family("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "counter", "Total number of single-bit volatile ECC errors.", source="sbe_volatile"),
    Family("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "counter", "Total number of double-bit volatile ECC errors.", source="dbe_volatile"),
    Family("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", "counter", "Total number of single-bit persistent ECC errors.", source="sbe_aggregate"),
    Family("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "counter", "Total number of double-bit persistent ECC errors.", source="dbe_aggregate"),
    Family("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "counter", "Number of remapped rows for uncorrectable errors", source="remapped_uncorrectable"),
    Family("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "counter", "Number of remapped rows for correctable errors", source="remapped_correctable"),
    Family("DCGM_FI_DEV_ROW_REMAP_FAILURE", "gauge", "Whether remapping of rows has failed", source="remap_failure"),
    Family("DCGM_FI_DEV_ROW_REMAP_PENDING", "gauge", "Whether a row is waiting for a reset to be remapped", source="remap_pending"),
    Family("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "gauge", "Ratio of time the graphics engine is active.", "%.6f", "engine_active"),
    Family("DCGM_FI_PROF_SM_ACTIVE", "gauge", "The ratio of cycles an SM has at least 1 warp assigned.", "%.6f", "sm_active"),
    Family("DCGM_FI_PROF_SM_OCCUPANCY", "gauge", "The ratio of number of warps resident on an SM.", "%.6f", "sm_occupancy"),
    Family("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "gauge", "Ratio of cycles the tensor (HMMA) pipe is active.", "%.6f", "tensor_active"),
    Family("DCGM_FI_PROF_DRAM_ACTIVE", "gauge", "Ratio of cycles the device memory interface is active sending or receiving data.", "%.6f", "dram_active"),
    Family("DCGM_FI_PROF_PIPE_FP32_ACTIVE", "gauge", "Ratio of cycles the fp32 pipes are active.", "%.6f", "fp32_active"),
    Family("DCGM_FI_PROF_PCIE_TX_BYTES", "gauge", "The rate of data transmitted over the PCIe bus - including both protocol headers and data payloads - in bytes per second.", source="pcie_tx"),
    Family("DCGM_FI_PROF_PCIE_RX_BYTES", "gauge", "The rate of data received over the PCIe bus - including both protocol headers and data payloads - in bytes per second.", source="pcie_rx"),
)
LINK_FAMILIES: tuple[Family, ...] = (
    Family("DCGM_FI_PROF_NVLINK_TX_BYTES", "gauge", "The number of bytes of active NvLink tx (transmit) data including both header and payload.", source="nvlink"),
    Family("DCGM_FI_PROF_NVLINK_RX_BYTES", "gauge", "The number of bytes of active NvLink rx (read) data including both header and payload.", source="nvlink"),
    Family("DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL", "counter", "Total number of NVLink flow-control CRC errors.", source="nvlink_crc"),
    Family("DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", "counter", "Total number of NVLink retries.", source="nvlink_replays"),
    Family("DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL", "counter", "Total number of NVLink recovery errors.", source="nvlink_recoveries"),
)
"""Only on boards with NVLink."""
# fmt: on

XID_COUNT = Family("DCGM_EXP_XID_ERRORS_COUNT", "gauge", "Count of XID Errors within user-specified time window.")
XID_WINDOW_S = 300.0


class DcgmPage:
    """The GPU page of one node."""

    def __init__(self, node: SimNode) -> None:
        self._gpus = node.gpus
        self._families = FAMILIES + LINK_FAMILIES if node.gpus[0].board.has_nvlink else FAMILIES
        self._labels = [_labels(node, gpu) for gpu in node.gpus]
        self._sheets: dict[tuple[int, ...], Sheet] = {}

    def render(self, states: Sequence[GpuState], t: float) -> bytes:
        """The page for the states of all the node's GPUs; what is lost is not on it."""
        listed = tuple(index for index, state in enumerate(states) if not state.is_lost)
        sheet = self._sheets.get(listed)
        if sheet is None:
            sheet = self._sheets[listed] = self._sheet(listed)
        columns = tuple(zip(*(states[index] for index in listed), strict=True))
        board = self._gpus[0].board
        text = sheet.fill(tuple(chain.from_iterable(_column(one, columns, board) for one in self._families)))
        if any(state.xids for state in states):
            text += self._xid_counts(states, listed, t)
        return text.encode("ascii")

    def _sheet(self, listed: tuple[int, ...]) -> Sheet:
        return Sheet(
            Series(lead(family, is_first=index == listed[0]), self._labels[index], family.form)
            for family in self._families
            for index in listed
        )

    def _xid_counts(self, states: Sequence[GpuState], listed: tuple[int, ...], t: float) -> str:
        """What dcgm-exporter counted in its five minutes."""
        lines: list[str] = []
        for index in listed:
            recent = Counter(xid.code for xid in states[index].xids if xid.at > t - XID_WINDOW_S)
            for code, count in recent.items():
                labels = f'{self._labels[index][:-2]},window_size_in_ms="300000",xid="{code}"}} '
                lines.append(f"{lead(XID_COUNT, is_first=not lines)}{labels}{count}")
        return "".join(lines).removeprefix("\n") + "\n" if lines else ""


_PLACES = {name: place for place, name in enumerate(GpuState._fields)}


def _column(family: Family, columns: Sequence[tuple[object, ...]], board: Board) -> Sequence[object]:
    """A family's values, one a listed GPU."""
    if not columns:
        return ()
    if family.source is not None:
        return columns[_PLACES[family.source]]
    return (_fixed(family.fixed or "0", board),) * len(columns[0])


def _fixed(what: str, board: Board) -> float:
    """A number that never changes: given itself, or as the attribute of the board."""
    return float(what) if what.isdigit() else float(getattr(board, what))


def _labels(node: SimNode, gpu: SimGpu) -> str:
    index = gpu.key.gpu
    pairs = [("gpu", str(index)), ("UUID", gpu.uuid), ("pci_bus_id", gpu.pci_bus_id), ("device", f"nvidia{index}")]
    pairs += [("modelName", gpu.board.model), ("Hostname", node.name), ("DCGM_FI_DRIVER_VERSION", DRIVER)]
    return labelled(pairs)
