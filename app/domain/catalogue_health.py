"""Catalogue rows of a GPU's health: clock events, ECC, row remapping, Xid, link errors, recovery, MIG, processes.

Sources of the names as in `catalogue_gpu`; clock-event bits from nvml.h (`nvmlClocksEventReason…`).
"""
# ruff: noqa: E501 - a catalogue row reads best as one table line

from __future__ import annotations

from app.domain.metric import Metric, Name

_LINKS = ("nvlink", "link", "link_index")
_NS = 1e-9

# fmt: off
HEALTH_METRICS: tuple[Metric, ...] = (
    Metric("gpu.clock_event_reasons", "", "clock events", "Bit mask of why the clocks are below their maximum (throttle reasons).", fold="max", low=None, names=(
        Name("DCGM_FI_DEV_CLOCKS_EVENT_REASONS"), Name("DCGM_FI_DEV_CLOCK_THROTTLE_REASONS"), Name("nvidia_smi_clocks_event_reasons_active"), Name("nvidia_smi_clocks_throttle_reasons_active"))),
    Metric("gpu.power_violation", "s", "power capped", "Time the clocks were held down by the power limit.", fold="sum", kind="counter", quantum=0.001, low=None, names=(
        Name("DCGM_FI_DEV_POWER_VIOLATION", _NS), Name("DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP_NS", _NS), Name("nvidia_smi_clocks_event_reasons_counters_sw_power_cap_seconds"))),
    Metric("gpu.thermal_violation", "s", "heat throttled", "Time the clocks were held down by heat.", fold="sum", kind="counter", quantum=0.001, low=None, names=(
        Name("DCGM_FI_DEV_THERMAL_VIOLATION", _NS), Name("DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN_NS", _NS), Name("nvidia_smi_clocks_event_reasons_counters_sw_thermal_slowdown_seconds"))),
    Metric("gpu.hw_thermal_violation", "s", "HW heat slowdown", "Time the hardware itself slowed down for heat.", fold="sum", kind="counter", quantum=0.001, low=None, names=(
        Name("DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN_NS", _NS), Name("nvidia_smi_clocks_event_reasons_counters_hw_thermal_slowdown_seconds"))),
    Metric("gpu.power_brake_violation", "s", "power brake", "Time the hardware power brake (power supply or rack) held the clocks down.", fold="sum", kind="counter", quantum=0.001, low=None, names=(
        Name("DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN_NS", _NS), Name("nvidia_smi_clocks_event_reasons_counters_hw_power_brake_slowdown_seconds"))),
    Metric("gpu.sync_boost_violation", "s", "sync boost", "Time the clocks waited for a sync boost group.", fold="sum", kind="counter", quantum=0.001, low=None, names=(
        Name("DCGM_FI_DEV_SYNC_BOOST_VIOLATION", _NS), Name("DCGM_FI_DEV_CLOCKS_EVENT_REASON_SYNC_BOOST_NS", _NS), Name("nvidia_smi_clocks_event_reasons_counters_sync_boost_seconds"))),
    Metric("gpu.board_limit_violation", "s", "board limited", "Time the clocks were held down by the board's own limit.", fold="sum", kind="counter", quantum=0.001, low=None, names=(Name("DCGM_FI_DEV_BOARD_LIMIT_VIOLATION", _NS),)),
    Metric("gpu.low_utilization_violation", "s", "low-load clocks", "Time the clocks were low because there was little to do.", fold="sum", kind="counter", quantum=0.001, low=None, names=(Name("DCGM_FI_DEV_LOW_UTIL_VIOLATION", _NS),)),
    Metric("gpu.reliability_violation", "s", "reliability limited", "Time the clocks were held down for the board's reliability.", fold="sum", kind="counter", quantum=0.001, low=None, names=(Name("DCGM_FI_DEV_RELIABILITY_VIOLATION", _NS),)),
    # ── ECC, rows, pages ──
    Metric("gpu.ecc_sbe_volatile", "", "ECC corrected", "Corrected ECC errors since the driver was loaded.", fold="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL"), Name("nvidia_smi_ecc_errors_corrected_volatile_total"))),
    Metric("gpu.ecc_dbe_volatile", "", "ECC uncorrected", "Uncorrected ECC errors since the driver was loaded.", fold="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"), Name("nvidia_smi_ecc_errors_uncorrected_volatile_total"))),
    Metric("gpu.ecc_sbe_aggregate", "", "ECC corrected, ever", "Corrected ECC errors over the board's life.", fold="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL"), Name("nvidia_smi_ecc_errors_corrected_aggregate_total"), Name("gpu_ecc_correct_total"))),
    Metric("gpu.ecc_dbe_aggregate", "", "ECC uncorrected, ever", "Uncorrected ECC errors over the board's life.", fold="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL"), Name("nvidia_smi_ecc_errors_uncorrected_aggregate_total"), Name("gpu_ecc_uncorrect_total"))),
    Metric("gpu.ecc_sram_threshold", "", "SRAM ECC limit", "1: uncorrected SRAM errors passed the limit; the board is for return.", fold="max", high=1, names=(
        Name("gpu_watchdog_ecc_sram_threshold_exceeded"), Name("nvidia_smi_ecc_errors_uncorrected_aggregate_sram_threshold_exceeded"))),
    Metric("gpu.remapped_rows_correctable", "", "rows remapped (corr.)", "Memory rows replaced after correctable errors.", fold="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS"), Name("DCGM_FI_DEV_ROW_REMAP_CORRECTABLE_TOTAL"), Name("nvidia_smi_remapped_rows_correctable"))),
    Metric("gpu.remapped_rows_uncorrectable", "", "rows remapped (uncorr.)", "Memory rows replaced after uncorrectable errors.", fold="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"), Name("DCGM_FI_DEV_ROW_REMAP_UNCORRECTABLE_TOTAL"), Name("nvidia_smi_remapped_rows_uncorrectable"))),
    Metric("gpu.row_remap_pending", "", "remap pending", "1: a row waits for a GPU reset to be replaced.", fold="max", high=1, names=(
        Name("DCGM_FI_DEV_ROW_REMAP_PENDING"), Name("nvidia_smi_remapped_rows_pending"))),
    Metric("gpu.row_remap_failure", "", "remap failed", "1: no spare row was left; the board is for return.", fold="max", high=1, names=(
        Name("DCGM_FI_DEV_ROW_REMAP_FAILURE"), Name("DCGM_FI_DEV_ROW_REMAP_FAILED"), Name("nvidia_smi_remapped_rows_failure"))),
    Metric("gpu.remap_banks_max", "", "banks, all spares", "Memory banks with all their spare rows left.", fold="sum", names=(
        Name("DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_MAX"), Name("DCGM_FI_DEV_BANK_REMAP_AVAIL_MAX"), Name("nvidia_smi_remapped_rows_histogram_max"))),
    Metric("gpu.remap_banks_high", "", "banks, most spares", "Memory banks with most of their spare rows left.", fold="sum", names=(
        Name("DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_HIGH"), Name("DCGM_FI_DEV_BANK_REMAP_AVAIL_HIGH"), Name("nvidia_smi_remapped_rows_histogram_high"))),
    Metric("gpu.remap_banks_partial", "", "banks, some spares", "Memory banks with some of their spare rows left.", fold="sum", names=(
        Name("DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_PARTIAL"), Name("DCGM_FI_DEV_BANK_REMAP_AVAIL_PARTIAL"), Name("nvidia_smi_remapped_rows_histogram_partial"))),
    Metric("gpu.remap_banks_low", "", "banks, few spares", "Memory banks with few spare rows left.", fold="sum", names=(
        Name("DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_LOW"), Name("DCGM_FI_DEV_BANK_REMAP_AVAIL_LOW"), Name("nvidia_smi_remapped_rows_histogram_low"))),
    Metric("gpu.remap_banks_none", "", "banks, no spare", "Memory banks with no spare row left: the next error there cannot be repaired.", fold="sum", names=(
        Name("DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_NONE"), Name("DCGM_FI_DEV_BANK_REMAP_AVAIL_NONE"), Name("nvidia_smi_remapped_rows_histogram_none"))),
    Metric("gpu.retired_pages_sbe", "", "pages retired (SBE)", "Memory pages taken out of use after repeated single-bit errors (before Ampere).", fold="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_RETIRED_SBE"), Name("DCGM_FI_DEV_PAGE_RETIRED_SBE_TOTAL"), Name("nvidia_smi_retired_pages_single_bit_ecc_count"))),
    Metric("gpu.retired_pages_dbe", "", "pages retired (DBE)", "Memory pages taken out of use after a double-bit error (before Ampere).", fold="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_RETIRED_DBE"), Name("DCGM_FI_DEV_PAGE_RETIRED_DBE_TOTAL"), Name("nvidia_smi_retired_pages_double_bit_count"))),
    Metric("gpu.retired_pages_pending", "", "retire pending", "1: a page waits for a reset to be taken out of use.", fold="max", high=1, names=(
        Name("DCGM_FI_DEV_RETIRED_PENDING"), Name("DCGM_FI_DEV_PAGE_RETIRED_PENDING"), Name("nvidia_smi_retired_pages_pending"))),
    # ── Xid and recovery ──
    Metric("gpu.xid_last", "", "last Xid", "Code of the last Xid; the exporter never clears it and 0 means none was seen: not a count.", fold="max", low=None, names=(
        Name("DCGM_FI_DEV_XID_ERRORS"), Name("DCGM_FI_DEV_XID_ERROR"))),
    Metric("gpu.xid_errors", "", "Xids", "Xid events counted, all codes.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("gpu_watchdog_xid_errors_total", parts=("xid",)), Name("nvidia_smi_xid_errors_total", parts=("xid",)))),
    Metric("gpu.xid_window", "", "Xids, 5 min", "Xid events within dcgm-exporter's window (five minutes by default).", fold="sum", merge="sum", names=(
        Name("DCGM_EXP_XID_ERRORS_COUNT", parts=("xid",)),)),
    Metric("gpu.recovery_action", "", "recovery", "What the driver asks for: 0 nothing, 1 reset GPU, 2 reboot node, 3 drain P2P, 4 drain and reset.", fold="max", high=4, names=(
        Name("DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION"), Name("DCGM_FI_DEV_GPU_RECOVERY_ACTION"), Name("nvidia_smi_gpu_recovery_action"))),
    Metric("gpu.fabric_state", "", "fabric", "NVLink fabric registration: 0 not supported, 1 not started, 2 in progress, 3 completed; DCGM: 4 failed.", fold="min", high=4, names=(
        Name("DCGM_FI_DEV_FABRIC_MANAGER_STATUS"), Name("nvidia_smi_fabric_state"))),
    Metric("gpu.fabric_error", "", "fabric error", "NVML's error code of a completed fabric registration; 0 for none.", fold="max", low=None, names=(
        Name("DCGM_FI_DEV_FABRIC_MANAGER_ERROR_CODE"), Name("DCGM_FI_DEV_FABRIC_MANAGER_ERROR"))),
    Metric("gpu.fabric_health", "", "fabric health", "NVLink fabric health as NVML's bit fields: degraded bandwidth, route recovery, route unhealthy, access timeout.", fold="max", low=None, names=(
        Name("DCGM_FI_DEV_FABRIC_HEALTH_MASK"),)),
    Metric("gpu.fabric_health_summary", "", "fabric summary", "NVML's verdict on the NVLink fabric: 0 not supported, 1 healthy, 2 unhealthy, 3 limited.", fold="max", high=3, names=(
        Name("DCGM_FI_DEV_FABRIC_HEALTH_SUMMARY"),)),
    Metric("gpu.health_status", "", "DCGM health", "DCGM's own verdict over all watches: 0 healthy, 10 warning, 20 failure.", fold="max", names=(
        Name("DCGM_EXP_GPU_HEALTH_STATUS", where=(("health_watch", "ALL"),)),)),
    Metric("gpu.amd_health", "", "AMD health", "AMD exporter's computed health flag: 1 healthy, 0 not.", fold="min", high=1, names=(Name("gpu_health"),)),
    # ── link errors ──
    Metric("gpu.pcie_replay", "", "PCIe replays", "PCIe packets sent again; a steady climb is a bad slot, riser or board.", fold="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_PCIE_REPLAY_COUNTER"), Name("DCGM_FI_DEV_PCIE_REPLAY_TOTAL"), Name("pcie_replay_count"))),
    Metric("gpu.nvlink_crc_errors", "", "NVLink CRC", "NVLink packets that arrived damaged (flow control).", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL", parts=_LINKS), Name("DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_TOTAL", parts=_LINKS))),
    Metric("gpu.nvlink_crc_data_errors", "", "NVLink data CRC", "NVLink packets that arrived damaged (data).", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL", parts=_LINKS), Name("DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_TOTAL", parts=_LINKS))),
    Metric("gpu.nvlink_replay_errors", "", "NVLink replays", "NVLink packets sent again.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", parts=_LINKS), Name("DCGM_FI_DEV_NVLINK_REPLAY_ERROR_TOTAL", parts=_LINKS))),
    Metric("gpu.nvlink_recovery_errors", "", "NVLink recoveries", "NVLink links that had to be brought up again.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL", parts=_LINKS), Name("DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_TOTAL", parts=_LINKS))),
    Metric("gpu.nvlinks_active", "", "NVLinks up", "NVLinks that are up.", fold="min", merge="sum", names=(Name("gpu_watchdog_nvlink_up", parts=_LINKS),)),
    # ── modes and processes ──
    Metric("gpu.mig_mode", "", "MIG", "1: the GPU is in MIG mode.", fold="max", high=1, names=(
        Name("DCGM_FI_DEV_MIG_MODE"), Name("nvidia_smi_mig_mode_current"), Name("all_smi_gpu_mig_mode"))),
    Metric("gpu.ecc_mode", "", "ECC", "1: ECC is on.", fold="min", high=1, names=(Name("DCGM_FI_DEV_ECC_CURRENT"), Name("DCGM_FI_DEV_ECC_MODE"), Name("nvidia_smi_ecc_mode_current"))),
    Metric("gpu.persistence_mode", "", "persistence", "1: the driver stays loaded without clients.", fold="min", high=1, names=(
        Name("DCGM_FI_DEV_PERSISTENCE_MODE"), Name("DCGM_FI_DEV_GPU_PERSISTENCE_MODE"), Name("nvidia_smi_persistence_mode"))),
    Metric("gpu.processes", "", "processes", "Processes on the GPU, as many as the source can see.", fold="sum", names=(Name("nvidia_smi_compute_apps"),)),
    Metric("gpu.vgpu_license", "", "vGPU licence", "1: the vGPU licence is active.", fold="min", high=1, names=(Name("DCGM_FI_DEV_VGPU_LICENSE_STATUS"),)),
)
# fmt: on
