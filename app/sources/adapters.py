"""What tells exporters apart: one row each, data only.

What the columns mean stands in `app.sources.adapter`; what a metric is called, in the catalogue (`app.domain.metrics`);
how rows are used, in `app.sources.binding`. A page may mix exporters: each sample goes by the row that owns its name.

Sources: the exporters' own code and pages; see the catalogue's docstrings.
"""

from __future__ import annotations

import re

from app.sources.adapter import Adapter, Mark

_DCGM_FACTS = (
    ("pci_bus_id", "pci_bus_id"),
    ("DCGM_FI_DRIVER_VERSION", "driver_version"),
    ("DCGM_FI_SYSTEM_DRIVER_VERSION", "driver_version"),
    ("DCGM_FI_CUDA_DRIVER_VERSION", "cuda_version"),
    ("DCGM_FI_DEV_SERIAL", "serial"),
    ("DCGM_FI_DEV_VBIOS_VERSION", "vbios_version"),
    ("DCGM_FI_DEV_BRAND", "brand"),
    ("DCGM_FI_DEV_FABRIC_CLUSTER_UUID", "fabric_cluster"),
    ("DCGM_FI_DEV_FABRIC_CLIQUE_ID", "fabric_clique"),
)
_DCGM = {
    "index": ("gpu",),
    "uuid": ("UUID", "uuid", "gpu_uuid"),
    "model": ("modelName", "model_name", "DCGM_FI_DEV_NAME"),
    "mig": ("GPU_I_ID",),
    "mig_profile": ("GPU_I_PROFILE",),
}
_CACHE_CONFIG = (
    ("block_size", "block_size"),
    ("cache_dtype", "cache_dtype"),
    ("enable_prefix_caching", "prefix_caching"),
    ("gpu_memory_utilization", "gpu_memory_utilization"),
    ("num_gpu_blocks", "gpu_blocks"),
)

ADAPTERS: tuple[Adapter, ...] = (
    Adapter(
        "gpu-watchdog",
        owns="gpu_watchdog_",
        lists_gpus=True,
        proof="gpu_watchdog_exporter_info",
        index=_DCGM["index"],
        uuid=_DCGM["uuid"],
        model=_DCGM["model"],
        mig=_DCGM["mig"],
        mig_profile=_DCGM["mig_profile"],
        mig_uuid=("mig_uuid",),
        facts=(*_DCGM_FACTS, ("serial", "serial"), ("vbios", "vbios_version"), ("error", "error")),
        node_facts=(
            *(("driver", "driver_version"), ("cuda", "cuda_version"), ("version", "exporter_version")),
            ("error", "error"),
        ),
        process=(
            *(("pid", "pid"), ("name", "name"), ("user", "user"), ("command", "command"), ("type", "kind")),
            ("slurm_job_id", "job_id"),
        ),
        lists_processes="gpu_watchdog_gpu_lost",
        marks=(
            Mark("gpu_watchdog_exporter_info", "info"),
            Mark("gpu_watchdog_nvml_error", "trouble"),
            Mark("gpu_watchdog_gpu_info", "info"),
            Mark("gpu_watchdog_mig_info", "info"),
            Mark("gpu_watchdog_gpu_lost", "lost"),
            Mark("gpu_watchdog_gpu_late", "late"),
            Mark("gpu_watchdog_gpu_sample_age_seconds", "age"),
            Mark("gpu_watchdog_simulated", "simulated"),
            Mark("gpu_watchdog_xid_errors_total", "xid count"),
            Mark("gpu_watchdog_xid_last_timestamp_seconds", "xid time"),
            Mark("gpu_watchdog_process_info", "process", "none"),
            Mark("gpu_watchdog_process_memory_used_bytes", "process", "memory_mib", 1 / 1048576),
            Mark("gpu_watchdog_process_sm_utilization_percent", "process", "utilization_percent"),
            Mark("gpu_watchdog_process_start_time_seconds", "process", "started_at"),
            Mark("gpu_watchdog_process_resident_memory_bytes", "aside"),
            Mark("gpu_watchdog_nvlink_errors_total", "aside"),
        ),
    ),
    Adapter(
        "dcgm-exporter",
        owns="DCGM_",
        lists_gpus=True,
        index=_DCGM["index"],
        uuid=_DCGM["uuid"],
        model=_DCGM["model"],
        mig=_DCGM["mig"],
        mig_profile=_DCGM["mig_profile"],
        jobs=("hpc_job",),
        facts=_DCGM_FACTS,
        has_blanks=True,
    ),
    Adapter(
        "nvidia_gpu_exporter",
        owns="nvidia_smi_",
        lists_gpus=True,
        index=("index",),
        uuid=("uuid",),
        model=("name",),
        mig=("gpu_instance_id",),
        mig_profile=("profile",),
        mig_uuid=("mig_uuid",),
        facts=(
            ("driver_version", "driver_version"),
            ("cuda_version", "cuda_version"),
            ("pci_bus_id", "pci_bus_id"),
            ("serial", "serial"),
            ("vbios_version", "vbios_version"),
            ("compute_cap", "compute_capability"),
        ),
        process=(("pid", "pid"), ("process_name", "name")),
        process_kind="compute",
        lists_processes="nvidia_smi_compute_apps",
        marks=(
            Mark("nvidia_smi_gpu_info", "info"),
            Mark("nvidia_smi_mig_info", "info"),
            Mark("nvidia_smi_index", "index"),
            Mark("nvidia_smi_last_collect_success", "ready"),
            Mark("nvidia_smi_last_collect_success_timestamp_seconds", "taken"),
            Mark("nvidia_smi_xid_errors_total", "xid count"),
            Mark("nvidia_smi_xid_last_timestamp_seconds", "xid time"),
            Mark("nvidia_smi_compute_app_info", "process", "none"),
            Mark("nvidia_smi_compute_app_used_memory_bytes", "process", "memory_mib", 1 / 1048576),
        ),
    ),
    Adapter(
        "all-smi",
        owns="all_smi_",
        lists_gpus=True,
        node=("hostname", "host", "instance"),
        index=("gpu_index", "index"),
        uuid=("gpu_uuid", "device_uuid", "uuid"),
        model=("gpu", "gpu_name"),
        mig=("gpu_instance_id", "mig_instance"),
        mig_profile=("mig_profile",),
        mig_uuid=("mig_uuid",),
        facts=(("driver_version", "driver_version"), ("cuda_version", "cuda_version"), ("type", "type")),
        node_facts=(("os", "os"), ("arch", "machine"), ("cpu_model", "cpu_model"), ("version", "exporter_version")),
        process=(
            *(("pid", "pid"), ("name", "name"), ("process_name", "name")),
            *(("user", "user"), ("command", "command")),
        ),
        marks=(
            Mark("all_smi_gpu_info", "info"),
            Mark("all_smi_build_info", "info"),
            Mark("all_smi_up", "ready"),
            Mark("all_smi_process_memory_used_bytes", "process", "memory_mib", 1 / 1048576),
            Mark("all_smi_gpu_process_memory_bytes", "process", "memory_mib", 1 / 1048576),
            Mark("all_smi_gpu_process_sm_util", "process", "utilization_percent"),
            Mark("all_smi_process_start_time_seconds", "aside"),  # a time of day or a duration, by platform
            Mark("all_smi_process_cpu_percent", "aside"),
        ),
    ),
    Adapter(
        "nvitop-exporter",
        owns=r"(?:gpu|host|process)_\w+_(?:Percentage|MiB|MiBps|MHz|Second|Packet|W|C)$|nvitop_info$|process_info_info$",
        lists_gpus=True,
        index=("index",),
        uuid=("uuid",),
        model=("devicename",),
        node_facts=(("driver_version", "driver_version"), ("cuda_driver_version", "cuda_version")),
        process=(("pid", "pid"), ("username", "user"), ("command", "command")),
        lists_processes="gpu_utilization_Percentage",
        marks=(
            Mark("nvitop_info", "info"),
            Mark("process_info_info", "process", "none"),
            Mark("process_gpu_memory_MiB", "process", "memory_mib"),
            Mark("process_gpu_sm_utilization_Percentage", "process", "utilization_percent"),
            Mark("process_running_time_Second", "process", "running_s"),
        ),
    ),
    Adapter(
        "node_exporter",
        owns="node_",
        node=("instance",),
        node_facts=(
            ("nodename", "node"),
            ("release", "kernel"),
            ("machine", "machine"),
            ("pretty_name", "os"),
            ("model_name", "cpu_model"),
        ),
        marks=(Mark("node_uname_info", "info"), Mark("node_os_info", "info"), Mark("node_cpu_info", "info")),
    ),
    Adapter(
        "vllm",
        owns="vllm:",
        service=("model_name", "model"),
        service_kind="vllm",
        facts=_CACHE_CONFIG,
        marks=(Mark("vllm:cache_config_info", "info"),),
    ),
    Adapter(
        "triton",
        owns="nv_",
        uuid=("gpu_uuid",),
        service=("model",),
        service_kind="triton",
    ),
    Adapter(
        "amd-device-metrics-exporter",
        owns="(?:gpu|pcie)_",
        lists_gpus=True,
        prefix="amd_",
        node=("hostname", "HOSTNAME", "instance"),
        index=("gpu_id", "GPU_ID"),
        uuid=("gpu_uuid", "GPU_UUID"),
        model=("card_model", "CARD_MODEL", "card_series", "CARD_SERIES"),
        jobs=("job_id", "JOB_ID"),
        facts=(
            ("serial_number", "serial"),
            ("SERIAL_NUMBER", "serial"),
            ("driver_version", "driver_version"),
            ("vbios_version", "vbios_version"),
            ("gpu_partition_id", "partition"),
        ),
    ),
)
"""In the order in which they are asked whether a name is theirs."""


def adapter_of(name: str) -> tuple[Adapter, str] | None:
    """Whose sample name this is, and how the catalogue spells it; None where nobody's."""
    for adapter, owns in _OWNERS:
        bare = name.removeprefix(adapter.prefix) if adapter.prefix else name
        if owns.match(bare) is not None:
            return adapter, bare
    return None


def mark_of(adapter: Adapter, wire: str) -> Mark | None:
    """What a sample of the adapter is, if it is no metric."""
    return next((mark for mark in adapter.marks if mark.wire == wire), None)


_OWNERS = tuple((adapter, re.compile(adapter.owns)) for adapter in ADAPTERS)
