"""What to ask NVML of a GPU, as data: each row names a call or a field, and the families its answer fills.

Three lanes by how fast things change and what they cost. Add a metric here and in `pod.families`; nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pod.driver import MEMORY_V2, Part
from pod.fields import ALL_LINKS

MIB = 1 / 2**20
KIB_TO_BYTES = 1024.0
MILLI = 1e-3
MEGA = 1e6


@dataclass(frozen=True, slots=True)
class Call:
    """One NVML function and what its answer means."""

    function: str
    gives: Mapping[str, Part]
    """Family to the part of the answer that holds it."""
    args: tuple[int, ...] = ()
    scale: float = 1.0
    """Family's unit per NVML's unit."""
    instead: "Call | None" = None
    """What to ask where this is not supported."""

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(self.gives.values())


@dataclass(frozen=True, slots=True)
class Field:
    """One NVML field value; many are fetched in one call."""

    id: int
    family: str
    scope: int = 0
    scale: float = 1.0
    zero_is_unknown: bool = False
    instead: Call | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """Questions asked together."""

    calls: tuple[Call, ...]
    fields: tuple[Field, ...]


_MEMORY_V1 = Call(
    "nvmlDeviceGetMemoryInfo",
    # The old call counts the driver's reserve as used, so "used" would not mean what it does elsewhere.
    {"DCGM_FI_DEV_FB_TOTAL": "total", "DCGM_FI_DEV_FB_FREE": "free"},
    scale=MIB,
)


def _ecc(family: str, field_id: int, uncorrected: int, aggregate: int) -> Field:
    return Field(
        field_id, family, instead=Call("nvmlDeviceGetTotalEccErrors", {family: None}, args=(uncorrected, aggregate))
    )


def _remap(family: str, field_id: int, place: int) -> Field:
    return Field(field_id, family, instead=Call("nvmlDeviceGetRemappedRows", {family: place}))


def _violation(family: str, field_id: int) -> Field:
    policy = field_id - 74
    return Field(
        field_id, family, instead=Call("nvmlDeviceGetViolationStatus", {family: "violationTime"}, args=(policy,))
    )


FAST = Lane(
    calls=(
        Call("nvmlDeviceGetUtilizationRates", {"DCGM_FI_DEV_GPU_UTIL": "gpu", "DCGM_FI_DEV_MEM_COPY_UTIL": "memory"}),
        Call(
            "nvmlDeviceGetMemoryInfo",
            {
                "DCGM_FI_DEV_FB_TOTAL": "total",
                "DCGM_FI_DEV_FB_FREE": "free",
                "DCGM_FI_DEV_FB_USED": "used",
                "DCGM_FI_DEV_FB_RESERVED": "reserved",
            },
            args=(MEMORY_V2,),
            scale=MIB,
            instead=_MEMORY_V1,
        ),
        Call("nvmlDeviceGetTemperature", {"DCGM_FI_DEV_GPU_TEMP": None}, args=(0,)),
        Call("nvmlDeviceGetPowerUsage", {"DCGM_FI_DEV_POWER_USAGE": None}, scale=MILLI),
        Call("nvmlDeviceGetClockInfo", {"DCGM_FI_DEV_SM_CLOCK": None}, args=(1,)),
        Call("nvmlDeviceGetClockInfo", {"DCGM_FI_DEV_MEM_CLOCK": None}, args=(2,)),
        Call("nvmlDeviceGetPerformanceState", {"DCGM_FI_DEV_PSTATE": None}),
        Call(
            "nvmlDeviceGetCurrentClocksEventReasons",
            {"DCGM_FI_DEV_CLOCKS_EVENT_REASONS": None},
            instead=Call("nvmlDeviceGetCurrentClocksThrottleReasons", {"DCGM_FI_DEV_CLOCKS_EVENT_REASONS": None}),
        ),
    ),
    fields=(
        # Boards without a memory sensor (T4, L4) answer 0.
        Field(82, "DCGM_FI_DEV_MEMORY_TEMP", zero_is_unknown=True),
        Field(186, "DCGM_FI_DEV_POWER_USAGE_INSTANT", scale=MILLI),
        Field(
            83,
            "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
            instead=Call("nvmlDeviceGetTotalEnergyConsumption", {"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": None}),
        ),
        Field(
            94,
            "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
            instead=Call("nvmlDeviceGetPcieReplayCounter", {"DCGM_FI_DEV_PCIE_REPLAY_COUNTER": None}),
        ),
        _ecc("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", 3, 0, 0),
        _ecc("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", 4, 1, 0),
        _ecc("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", 5, 0, 1),
        _ecc("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", 6, 1, 1),
        _remap("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", 142, 0),
        _remap("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", 143, 1),
        _remap("DCGM_FI_DEV_ROW_REMAP_PENDING", 144, 2),
        _remap("DCGM_FI_DEV_ROW_REMAP_FAILURE", 145, 3),
        Field(230, "DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION"),
        _violation("DCGM_FI_DEV_POWER_VIOLATION", 74),
        _violation("DCGM_FI_DEV_THERMAL_VIOLATION", 75),
        _violation("DCGM_FI_DEV_SYNC_BOOST_VIOLATION", 76),
        _violation("DCGM_FI_DEV_BOARD_LIMIT_VIOLATION", 77),
        _violation("DCGM_FI_DEV_LOW_UTIL_VIOLATION", 78),
        _violation("DCGM_FI_DEV_RELIABILITY_VIOLATION", 79),
        Field(269, "DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN_NS"),
        Field(270, "DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN_NS"),
        Field(271, "DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN_NS"),
        Field(138, "gpu_watchdog_nvlink_transmitted_bytes_total", scope=ALL_LINKS, scale=KIB_TO_BYTES),
        Field(139, "gpu_watchdog_nvlink_received_bytes_total", scope=ALL_LINKS, scale=KIB_TO_BYTES),
    ),
)
"""Every round: what a person watches, and what an alert must see at once."""

MEDIUM = Lane(
    calls=(
        Call("nvmlDeviceGetMarginTemperature", {"DCGM_FI_DEV_GPU_TEMP_LIMIT": None}),
        Call("nvmlDeviceGetEnforcedPowerLimit", {"DCGM_FI_DEV_ENFORCED_POWER_LIMIT": None}, scale=MILLI),
        Call("nvmlDeviceGetEncoderUtilization", {"DCGM_FI_DEV_ENC_UTIL": 0}),
        Call("nvmlDeviceGetDecoderUtilization", {"DCGM_FI_DEV_DEC_UTIL": 0}),
        Call("nvmlDeviceGetClockInfo", {"gpu_watchdog_graphics_clock_hertz": None}, args=(0,), scale=MEGA),
        Call("nvmlDeviceGetClockInfo", {"DCGM_FI_DEV_VIDEO_CLOCK": None}, args=(3,)),
        Call("nvmlDeviceGetFanSpeed", {"DCGM_FI_DEV_FAN_SPEED": None}),
        Call("nvmlDeviceGetCurrPcieLinkGeneration", {"DCGM_FI_DEV_PCIE_LINK_GEN": None}),
        Call("nvmlDeviceGetCurrPcieLinkWidth", {"DCGM_FI_DEV_PCIE_LINK_WIDTH": None}),
        Call("nvmlDeviceGetMigMode", {"DCGM_FI_DEV_MIG_MODE": 0}),
    ),
    fields=(
        Field(29, "DCGM_FI_DEV_RETIRED_SBE"),
        Field(30, "DCGM_FI_DEV_RETIRED_DBE"),
        Field(31, "DCGM_FI_DEV_RETIRED_PENDING"),
        Field(38, "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL"),
        Field(45, "DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL"),
        Field(52, "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL"),
        Field(59, "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL"),
    ),
)
"""Every few seconds: things that change, but not between two blinks."""

SLOW = Lane(
    calls=(
        Call("nvmlDeviceGetPowerManagementLimit", {"DCGM_FI_DEV_POWER_MGMT_LIMIT": None}, scale=MILLI),
        Call("nvmlDeviceGetPowerManagementDefaultLimit", {"DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF": None}, scale=MILLI),
        Call(
            "nvmlDeviceGetPowerManagementLimitConstraints",
            {"DCGM_FI_DEV_POWER_MGMT_LIMIT_MIN": 0, "DCGM_FI_DEV_POWER_MGMT_LIMIT_MAX": 1},
            scale=MILLI,
        ),
        Call("nvmlDeviceGetMaxClockInfo", {"DCGM_FI_DEV_MAX_SM_CLOCK": None}, args=(1,)),
        Call("nvmlDeviceGetMaxClockInfo", {"DCGM_FI_DEV_MAX_MEM_CLOCK": None}, args=(2,)),
        Call("nvmlDeviceGetMaxClockInfo", {"gpu_watchdog_graphics_clock_max_hertz": None}, args=(0,), scale=MEGA),
        Call("nvmlDeviceGetTemperatureThreshold", {"DCGM_FI_DEV_SHUTDOWN_TEMP": None}, args=(0,)),
        Call("nvmlDeviceGetTemperatureThreshold", {"DCGM_FI_DEV_SLOWDOWN_TEMP": None}, args=(1,)),
        Call("nvmlDeviceGetTemperatureThreshold", {"DCGM_FI_DEV_MEM_MAX_OP_TEMP": None}, args=(2,)),
        Call("nvmlDeviceGetTemperatureThreshold", {"DCGM_FI_DEV_GPU_MAX_OP_TEMP": None}, args=(3,)),
        Call("nvmlDeviceGetMaxPcieLinkGeneration", {"DCGM_FI_DEV_PCIE_MAX_LINK_GEN": None}),
        Call("nvmlDeviceGetMaxPcieLinkWidth", {"DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH": None}),
        Call("nvmlDeviceGetEccMode", {"DCGM_FI_DEV_ECC_CURRENT": 0}),
        Call("nvmlDeviceGetPersistenceMode", {"DCGM_FI_DEV_PERSISTENCE_MODE": None}),
        Call(
            "nvmlDeviceGetRowRemapperHistogram",
            {
                "DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_MAX": "max",
                "DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_HIGH": "high",
                "DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_PARTIAL": "partial",
                "DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_LOW": "low",
                "DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_NONE": "none",
            },
        ),
    ),
    fields=(
        Field(193, "gpu_watchdog_shutdown_tlimit_celsius"),
        Field(194, "gpu_watchdog_slowdown_tlimit_celsius"),
    ),
)
"""Once a minute: limits, maxima and modes."""

PCIE = Lane(
    calls=(
        Call("nvmlDeviceGetPcieThroughput", {"DCGM_FI_DEV_PCIE_TX_THROUGHPUT": None}, args=(0,)),
        Call("nvmlDeviceGetPcieThroughput", {"DCGM_FI_DEV_PCIE_RX_THROUGHPUT": None}, args=(1,)),
    ),
    fields=(),
)
"""Seldom or never: the driver samples 20 ms for each of these, so eight GPUs asked in turn would take a third of a
second. Left out where the performance monitor gives PCIe rates for nothing."""

GPM = {
    1: ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.01),
    2: ("DCGM_FI_PROF_SM_ACTIVE", 0.01),
    3: ("DCGM_FI_PROF_SM_OCCUPANCY", 0.01),
    5: ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 0.01),
    10: ("DCGM_FI_PROF_DRAM_ACTIVE", 0.01),
    11: ("DCGM_FI_PROF_PIPE_FP64_ACTIVE", 0.01),
    12: ("DCGM_FI_PROF_PIPE_FP32_ACTIVE", 0.01),
    13: ("DCGM_FI_PROF_PIPE_FP16_ACTIVE", 0.01),
    20: ("DCGM_FI_PROF_PCIE_TX_BYTES", 2.0**20),
    21: ("DCGM_FI_PROF_PCIE_RX_BYTES", 2.0**20),
    61: ("DCGM_FI_PROF_NVLINK_TX_BYTES", 2.0**20),
    60: ("DCGM_FI_PROF_NVLINK_RX_BYTES", 2.0**20),
}
"""GPM metric to family and scale: NVML gives per cent and MiB/s, DCGM ratios and bytes/s."""

MIG_GPM = {number: GPM[number] for number in (1, 2, 3, 5, 10, 11, 12, 13)}
"""What a slice has of its own; buses and links are the whole GPU's."""
