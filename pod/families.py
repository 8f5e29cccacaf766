"""Every metric family that a reading may hold and the exporter may print: one row each, with unit and meaning.

Names are dcgm-exporter's (Apache-2.0, etc/default-counters.csv and DCGM's field list) wherever DCGM has one, in DCGM's
units, so that dashboards and parsers made for it work. What DCGM has no name for begins with `gpu_watchdog_` and is in
base units.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter"]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family as Prometheus knows it."""

    name: str
    kind: Kind
    help: str


def _gauge(name: str, meaning: str) -> Family:
    return Family(name, "gauge", meaning)


def _counter(name: str, meaning: str) -> Family:
    return Family(name, "counter", meaning)


GPU_FAMILIES = (
    _gauge("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %)."),
    _gauge("DCGM_FI_DEV_MEM_COPY_UTIL", "Memory utilization (in %)."),
    _gauge("DCGM_FI_DEV_ENC_UTIL", "Encoder utilization (in %)."),
    _gauge("DCGM_FI_DEV_DEC_UTIL", "Decoder utilization (in %)."),
    _gauge("DCGM_FI_DEV_FB_TOTAL", "Framebuffer memory total (in MiB)."),
    _gauge("DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB)."),
    _gauge("DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB)."),
    _gauge("DCGM_FI_DEV_FB_RESERVED", "Framebuffer memory reserved by the driver (in MiB)."),
    _gauge("DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C)."),
    _gauge("DCGM_FI_DEV_MEMORY_TEMP", "Memory temperature (in C)."),
    _gauge("DCGM_FI_DEV_GPU_TEMP_LIMIT", "Degrees left until the GPU slows down (in C)."),
    _gauge("DCGM_FI_DEV_SLOWDOWN_TEMP", "Temperature at which the GPU slows down (in C)."),
    _gauge("DCGM_FI_DEV_SHUTDOWN_TEMP", "Temperature at which the GPU shuts down (in C)."),
    _gauge("DCGM_FI_DEV_GPU_MAX_OP_TEMP", "Maximum operating temperature of the GPU (in C)."),
    _gauge("DCGM_FI_DEV_MEM_MAX_OP_TEMP", "Maximum operating temperature of the memory (in C)."),
    _gauge("gpu_watchdog_slowdown_tlimit_celsius", "Margin to the temperature limit below which the GPU slows down."),
    _gauge("gpu_watchdog_shutdown_tlimit_celsius", "Margin to the temperature limit below which the GPU shuts down."),
    _gauge("DCGM_FI_DEV_POWER_USAGE", "Power draw (in W)."),
    _gauge("DCGM_FI_DEV_POWER_USAGE_INSTANT", "Power draw of this instant (in W)."),
    _counter("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "Total energy consumption since the driver was loaded (in mJ)."),
    _gauge("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "Power limit that holds, of all limiters (in W)."),
    _gauge("DCGM_FI_DEV_POWER_MGMT_LIMIT", "Power limit set by management (in W)."),
    _gauge("DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF", "Default power limit (in W)."),
    _gauge("DCGM_FI_DEV_POWER_MGMT_LIMIT_MIN", "Lowest power limit that can be set (in W)."),
    _gauge("DCGM_FI_DEV_POWER_MGMT_LIMIT_MAX", "Highest power limit that can be set (in W)."),
    _gauge("DCGM_FI_DEV_SM_CLOCK", "SM clock frequency (in MHz)."),
    _gauge("DCGM_FI_DEV_MEM_CLOCK", "Memory clock frequency (in MHz)."),
    _gauge("DCGM_FI_DEV_VIDEO_CLOCK", "Video clock frequency (in MHz)."),
    _gauge("gpu_watchdog_graphics_clock_hertz", "Graphics clock frequency."),
    _gauge("DCGM_FI_DEV_MAX_SM_CLOCK", "Maximum SM clock frequency (in MHz)."),
    _gauge("DCGM_FI_DEV_MAX_MEM_CLOCK", "Maximum memory clock frequency (in MHz)."),
    _gauge("gpu_watchdog_graphics_clock_max_hertz", "Maximum graphics clock frequency."),
    _gauge("DCGM_FI_DEV_PSTATE", "Performance state, 0 the fastest."),
    _gauge("DCGM_FI_DEV_PERSISTENCE_MODE", "Persistence mode (0 or 1)."),
    _gauge("DCGM_FI_DEV_FAN_SPEED", "Fan speed (in %)."),
    _gauge("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "Why clocks are held down (bit mask)."),
    _counter("DCGM_FI_DEV_POWER_VIOLATION", "Throttling duration due to power constraints (in ns)."),
    _counter("DCGM_FI_DEV_THERMAL_VIOLATION", "Throttling duration due to thermal constraints (in ns)."),
    _counter("DCGM_FI_DEV_SYNC_BOOST_VIOLATION", "Throttling duration due to sync boost (in ns)."),
    _counter("DCGM_FI_DEV_BOARD_LIMIT_VIOLATION", "Throttling duration due to the board limit (in ns)."),
    _counter("DCGM_FI_DEV_LOW_UTIL_VIOLATION", "Throttling duration due to low utilization (in ns)."),
    _counter("DCGM_FI_DEV_RELIABILITY_VIOLATION", "Throttling duration due to reliability (in ns)."),
    _counter("DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN_NS", "Time slowed down by software for heat (in ns)."),
    _counter("DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN_NS", "Time slowed down by hardware for heat (in ns)."),
    _counter(
        "DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN_NS", "Time slowed down by the power brake (in ns)."
    ),
    _gauge("DCGM_FI_DEV_PCIE_LINK_GEN", "PCIe generation in use."),
    _gauge("DCGM_FI_DEV_PCIE_LINK_WIDTH", "PCIe lanes in use."),
    _gauge("DCGM_FI_DEV_PCIE_MAX_LINK_GEN", "Highest PCIe generation of GPU and system."),
    _gauge("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH", "Most PCIe lanes of GPU and system."),
    _counter("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "Total number of PCIe retries."),
    _gauge("DCGM_FI_DEV_PCIE_TX_THROUGHPUT", "PCIe bytes sent over the last 20 ms (in KB/s)."),
    _gauge("DCGM_FI_DEV_PCIE_RX_THROUGHPUT", "PCIe bytes received over the last 20 ms (in KB/s)."),
    _counter("gpu_watchdog_nvlink_transmitted_bytes_total", "Payload sent over all NVLinks."),
    _counter("gpu_watchdog_nvlink_received_bytes_total", "Payload received over all NVLinks."),
    _counter("DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL", "NVLink flow-control CRC errors, all links."),
    _counter("DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL", "NVLink data CRC errors, all links."),
    _counter("DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", "NVLink retries, all links."),
    _counter("DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL", "NVLink recoveries, all links."),
    _gauge("DCGM_FI_DEV_FABRIC_MANAGER_STATUS", "NVLink fabric: 0 none, 1 not started, 2 in progress, 3 complete."),
    _gauge("DCGM_FI_DEV_FABRIC_MANAGER_ERROR_CODE", "NVML error of a completed fabric registration, 0 for none."),
    _gauge("DCGM_FI_DEV_FABRIC_HEALTH_MASK", "NVLink fabric health (bit fields)."),
    _gauge("DCGM_FI_DEV_ECC_CURRENT", "ECC mode (0 or 1)."),
    _counter("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "Corrected ECC errors since the driver was loaded."),
    _counter("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "Uncorrected ECC errors since the driver was loaded."),
    _counter("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", "Corrected ECC errors of the board's life."),
    _counter("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "Uncorrected ECC errors of the board's life."),
    _gauge("gpu_watchdog_ecc_sram_threshold_exceeded", "Uncorrected SRAM errors passed the limit for a replacement."),
    _counter("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "Number of remapped rows for correctable errors."),
    _counter("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "Number of remapped rows for uncorrectable errors."),
    _gauge("DCGM_FI_DEV_ROW_REMAP_PENDING", "Whether rows wait for a reset to be remapped (0 or 1)."),
    _gauge("DCGM_FI_DEV_ROW_REMAP_FAILURE", "Whether remapping of rows has failed (0 or 1)."),
    _gauge("DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_MAX", "Banks with all spare rows left."),
    _gauge("DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_HIGH", "Banks with most spare rows left."),
    _gauge("DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_PARTIAL", "Banks with some spare rows left."),
    _gauge("DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_LOW", "Banks with few spare rows left."),
    _gauge("DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_NONE", "Banks with no spare row left."),
    _gauge("DCGM_FI_DEV_RETIRED_SBE", "Pages retired for corrected errors (GPUs before Ampere)."),
    _gauge("DCGM_FI_DEV_RETIRED_DBE", "Pages retired for uncorrected errors (GPUs before Ampere)."),
    _gauge("DCGM_FI_DEV_RETIRED_PENDING", "Whether pages wait for a reset to be retired (0 or 1)."),
    _gauge(
        "DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION",
        "What the driver wants done: 0 nothing, 1 reset, 2 reboot, 3 drain peers, 4 drain and reset.",
    ),
    _gauge("DCGM_FI_DEV_MIG_MODE", "MIG mode (0 or 1)."),
    _gauge("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Ratio of time the graphics engine is active."),
    _gauge("DCGM_FI_PROF_SM_ACTIVE", "Ratio of cycles an SM has at least one warp assigned."),
    _gauge("DCGM_FI_PROF_SM_OCCUPANCY", "Ratio of warps resident on an SM to the most it can hold."),
    _gauge("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "Ratio of cycles the tensor pipes are active."),
    _gauge("DCGM_FI_PROF_DRAM_ACTIVE", "Ratio of cycles the memory interface is active."),
    _gauge("DCGM_FI_PROF_PIPE_FP64_ACTIVE", "Ratio of cycles the FP64 pipes are active."),
    _gauge("DCGM_FI_PROF_PIPE_FP32_ACTIVE", "Ratio of cycles the FP32 pipes are active."),
    _gauge("DCGM_FI_PROF_PIPE_FP16_ACTIVE", "Ratio of cycles the FP16 pipes are active."),
    _gauge("DCGM_FI_PROF_PCIE_TX_BYTES", "PCIe bytes sent per second."),
    _gauge("DCGM_FI_PROF_PCIE_RX_BYTES", "PCIe bytes received per second."),
    _gauge("DCGM_FI_PROF_NVLINK_TX_BYTES", "NVLink bytes sent per second."),
    _gauge("DCGM_FI_PROF_NVLINK_RX_BYTES", "NVLink bytes received per second."),
)
"""Keys of `GpuReading.values` (and, some of them, of `MigInstance.values`)."""

XID_ERRORS = _gauge("DCGM_FI_DEV_XID_ERRORS", "Value of the last XID error encountered, 0 for none.")
XID_TOTAL = _counter("gpu_watchdog_xid_errors_total", "XID errors since the exporter started, by code.")
XID_LAST = _gauge("gpu_watchdog_xid_last_timestamp_seconds", "When this XID was last seen.")
NVLINK_UP = _gauge("gpu_watchdog_nvlink_up", "Whether this NVLink is up (0 or 1).")
NVLINK_ERRORS = _counter("gpu_watchdog_nvlink_errors_total", "Errors of this NVLink, by type; absent while 0.")
MIG_INFO = _gauge("gpu_watchdog_mig_info", "One MIG slice, always 1.")
PROCESS_MEMORY = _gauge("gpu_watchdog_process_memory_used_bytes", "GPU memory of a process.")
PROCESS_INFO = _gauge("gpu_watchdog_process_info", "A process whose GPU memory is not known, always 1.")
PROCESS_SM = _gauge("gpu_watchdog_process_sm_utilization_percent", "Share of SM time of a process.")
PROCESS_RESIDENT = _gauge("gpu_watchdog_process_resident_memory_bytes", "Host memory of a process.")
PROCESS_START = _gauge("gpu_watchdog_process_start_time_seconds", "When a process started.")
GPU_LOST = _gauge("gpu_watchdog_gpu_lost", "Whether the driver has lost this GPU (0 or 1).")
GPU_LATE = _gauge("gpu_watchdog_gpu_late", "Whether this GPU has not answered the newest round (0 or 1).")
GPU_INFO = _gauge("gpu_watchdog_gpu_info", "Serial number, VBIOS and last error of a GPU, always 1.")
SAMPLE_AGE = _gauge("gpu_watchdog_gpu_sample_age_seconds", "Age of this GPU's values on this page.")
GPUS_EXPECTED = _gauge("gpu_watchdog_gpus_expected", "How many GPUs this machine ought to have.")
EXPORTER_INFO = _gauge("gpu_watchdog_exporter_info", "Version of the exporter, always 1.")
NVML_ERROR = _gauge("gpu_watchdog_nvml_error", "Why NVML cannot be used, always 1; absent while it works.")

FAMILIES = (
    *GPU_FAMILIES,
    *(XID_ERRORS, XID_TOTAL, XID_LAST, NVLINK_UP, NVLINK_ERRORS, MIG_INFO),
    *(PROCESS_MEMORY, PROCESS_INFO, PROCESS_SM, PROCESS_RESIDENT, PROCESS_START),
    *(GPU_LOST, GPU_LATE, GPU_INFO, SAMPLE_AGE, GPUS_EXPECTED, EXPORTER_INFO, NVML_ERROR),
)
"""All, in the order of the page."""
