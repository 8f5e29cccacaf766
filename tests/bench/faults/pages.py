"""Pages of exporters written out of plain values: what dcgm-exporter, node_exporter and vLLM would answer.

A page's shape is kept and only its numbers are filled in, so that thousands of pages cost little.
"""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

DCGM = "DCGM_FI_"
MODEL = "NVIDIA H100 80GB HBM3"
DRIVER = "570.148.08"
HEALTH: tuple[str, ...] = (
    "ECC", "REMAP", "RETIRED", "XID", "CLOCKS_EVENT", "VIOLATION", "RECOVERY", "FABRIC", "NVLINK_", "PCIE_REPLAY",
    "PCIE_LINK", "PCIE_MAX", "TEMP_LIMIT",
)  # fmt: skip
"""Parts of the names of the fields that tell of health: a site may leave all of them out."""
GPU_IDLE: Mapping[str, float] = {
    "DEV_SM_CLOCK": 345, "DEV_MAX_SM_CLOCK": 1980, "DEV_MEM_CLOCK": 2619, "DEV_GPU_TEMP": 34, "DEV_MEMORY_TEMP": 40,
    "DEV_GPU_TEMP_LIMIT": 53, "DEV_POWER_USAGE": 72, "DEV_ENFORCED_POWER_LIMIT": 700, "DEV_POWER_MGMT_LIMIT_DEF": 700,
    "DEV_TOTAL_ENERGY_CONSUMPTION": 9e12, "DEV_PCIE_REPLAY_COUNTER": 0, "DEV_PCIE_LINK_GEN": 1,
    "DEV_PCIE_MAX_LINK_GEN": 5, "DEV_PCIE_LINK_WIDTH": 16, "DEV_PCIE_MAX_LINK_WIDTH": 16, "DEV_GPU_UTIL": 0,
    "DEV_MEM_COPY_UTIL": 0, "DEV_XID_ERRORS": 0, "DEV_CLOCKS_EVENT_REASONS": 1, "DEV_POWER_VIOLATION": 0,
    "DEV_THERMAL_VIOLATION": 0, "DEV_FB_FREE": 81000, "DEV_FB_USED": 4, "DEV_FB_RESERVED": 555,
    "DEV_ECC_SBE_VOL_TOTAL": 0, "DEV_ECC_DBE_VOL_TOTAL": 0, "DEV_UNCORRECTABLE_REMAPPED_ROWS": 0,
    "DEV_CORRECTABLE_REMAPPED_ROWS": 0, "DEV_ROW_REMAP_FAILURE": 0, "DEV_ROW_REMAP_PENDING": 0,
    "DEV_BANKS_REMAP_ROWS_AVAIL_MAX": 640, "DEV_BANKS_REMAP_ROWS_AVAIL_LOW": 0, "DEV_BANKS_REMAP_ROWS_AVAIL_NONE": 0,
    "DEV_GET_GPU_RECOVERY_ACTION": 0, "DEV_FABRIC_MANAGER_STATUS": 3, "DEV_PERSISTENCE_MODE": 1,
    "DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL": 0, "DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL": 0,
    "DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL": 0, "PROF_GR_ENGINE_ACTIVE": 0, "PROF_SM_ACTIVE": 0,
    "PROF_PIPE_TENSOR_ACTIVE": 0, "PROF_DRAM_ACTIVE": 0, "PROF_NVLINK_TX_BYTES": 0, "PROF_NVLINK_RX_BYTES": 0,
}  # fmt: skip
"""A GPU that does nothing, by the fields of dcgm-exporter without their common beginning."""
PORTS = 8
HOST: Mapping[str, float] = {
    "boot_time_seconds": 0, "time_seconds": 0, "load1": 40, "load5": 40, "load15": 40,
    "memory_MemTotal_bytes": 2.16e12, "memory_MemAvailable_bytes": 1.5e12, "memory_MemFree_bytes": 9e11,
    "memory_SwapTotal_bytes": 0, "memory_SwapFree_bytes": 0, "vmstat_oom_kill": 0, "procs_running": 40,
    "procs_blocked": 0, "filefd_allocated": 20000, "filefd_maximum": 1e6, "nf_conntrack_entries": 2000,
    "nf_conntrack_entries_limit": 262144, "timex_offset_seconds": 0.0001, "timex_sync_status": 1,
    "timex_maxerror_seconds": 0.01, 'filesystem_size_bytes{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"}': 4.4e11,
    'filesystem_avail_bytes{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"}': 3e11,
    'filesystem_files{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"}': 3e7,
    'filesystem_files_free{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"}': 2.5e7,
    'filesystem_readonly{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"}': 0,
    'edac_correctable_errors_total{controller="0"}': 0, 'edac_uncorrectable_errors_total{controller="0"}': 0,
    'network_carrier_down_changes_total{device="eth0"}': 2,
}  # fmt: skip
"""A machine, by the names of node_exporter without `node_`; its InfiniBand ports are added to these."""
PORT: Mapping[str, float] = {
    "state_id": 4, "link_downed_total": 1, "symbol_error_total": 0, "link_error_recovery_total": 0,
    "port_errors_received_total": 0, "local_link_integrity_errors_total": 0, "excessive_buffer_overrun_errors_total": 0,
}  # fmt: skip
VLLM: Mapping[str, float] = {
    "num_requests_running": 14, "num_requests_waiting": 0, "kv_cache_usage_perc": 0.44, "prompt_tokens_total": 9e6,
    "generation_tokens_total": 4e6, "num_preemptions_total": 3, 'request_success_total{finished_reason="stop"}': 20000,
    'request_success_total{finished_reason="length"}': 900, 'request_success_total{finished_reason="abort"}': 40,
    'request_success_total{finished_reason="error"}': 2, "time_to_first_token_seconds_sum": 6000,
    "time_to_first_token_seconds_count": 20000, "inter_token_latency_seconds_sum": 80000,
    "inter_token_latency_seconds_count": 4e6, "e2e_request_latency_seconds_sum": 1e5,
    "e2e_request_latency_seconds_count": 20000, "request_queue_time_seconds_sum": 400,
    "request_queue_time_seconds_count": 20000, "prefix_cache_queries_total": 9e6, "prefix_cache_hits_total": 4e6,
    "corrupted_requests_total": 0,
}  # fmt: skip
"""A model server at work, by the names of vLLM without `vllm:`."""


def pci(index: int) -> str:
    """The address of a GPU, as the kernel writes it."""
    return f"0000:{0x1B + index * 0x10:02x}:00"


def uuid(node: str, index: int) -> str:
    """The UUID of a GPU."""
    number = int(node.rpartition("-")[2])
    return f"GPU-{number:08x}-{index:04x}-4a1b-9c2d-{number * 16 + index:012x}"


class DcgmPage:
    """The page of one node's GPUs."""

    def __init__(self, node: str, gpus: int, names: Sequence[str] | None = None) -> None:
        self._node = node
        self._names = tuple(names if names is not None else GPU_IDLE)
        self._labels = [self._label(index) for index in range(gpus)]

    def _label(self, index: int) -> str:
        return (
            f'{{gpu="{index}",UUID="{uuid(self._node, index)}",pci_bus_id="0000{pci(index)}.0",device="nvidia{index}",'
            f'modelName="{MODEL}",Hostname="{self._node}",DCGM_FI_DRIVER_VERSION="{DRIVER}"}} '
        )

    def text(self, gpus: Mapping[int, Mapping[str, float]], renamed: Mapping[str, str] | None = None) -> bytes:
        """The page for GPUs by index; one that is not among them is not listed. `renamed`: field → its new name."""
        lines: list[str] = []
        names = renamed or {}
        for name in self._names:
            shown = f"{DCGM}{names.get(name, name)}"
            lines.append(f"# TYPE {shown} gauge")
            lines += [
                f"{shown}{self._labels[index]}{values[name]:.10g}" for index, values in gpus.items() if name in values
            ]
        more = {name for values in gpus.values() for name in values}.difference(GPU_IDLE)
        for name in sorted(more):
            lines += [
                f"{DCGM}{name}{self._labels[index]}{values[name]:.10g}"
                for index, values in gpus.items()
                if name in values
            ]
        return ("\n".join(lines) + "\n").encode()


def without_health(names: Iterable[str]) -> tuple[str, ...]:
    """The fields that a site collects which only wants to know how busy its GPUs are."""
    return tuple(name for name in names if not any(part in name for part in HEALTH))


def node_page(node: str, values: Mapping[str, float], ports: Sequence[Mapping[str, float]]) -> bytes:
    """The page of a machine with its InfiniBand ports."""
    lines = [f'node_uname_info{{nodename="{node}",release="6.8.0-60-generic",machine="x86_64"}} 1']
    lines += [f"node_{name} {value:.12g}" for name, value in values.items()]
    lines += [
        f'node_infiniband_{name}{{device="mlx5_{number}",port="1"}} {value:.12g}'
        for number, port in enumerate(ports)
        for name, value in port.items()
    ]
    return ("\n".join(lines) + "\n").encode()


def vllm_page(model: str, values: Mapping[str, float]) -> bytes:
    """The page of a model server."""
    lines = []
    for name, value in values.items():
        bare, _, labels = name.partition("{")
        more = f",{labels[:-1]}" if labels else ""
        lines.append(f'vllm:{bare}{{engine="0",model_name="{model}"{more}}} {value:.12g}')
    return ("\n".join(lines) + "\n").encode()
