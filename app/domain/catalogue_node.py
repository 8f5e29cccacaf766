"""Catalogue rows of a node: CPU, memory, disk, network, uptime.

Sources of the names: node_exporter's collectors, all-smi's and nvitop-exporter's host metrics, Triton's CPU metrics.
"""
# ruff: noqa: E501 - a catalogue row reads best as one table line

from __future__ import annotations

from app.domain.metric import Metric, Name

_MIB = 1 / 1048576
_VIRTUAL_NICS = (
    "lo",
    "veth*",
    "docker*",
    "br-*",
    "virbr*",
    "cali*",
    "cni*",
    "flannel*",
    "lxc*",
    "tailscale*",
    "bond*",
    "*.[0-9]*",
)
_NO_DISKS = (
    "loop*",
    "ram*",
    "zram*",
    "dm-*",
    "md*",
    "sr*",
    "fd*",
    "[svh]d[a-z]*[0-9]",
    "xvd[a-z]*[0-9]",
    "nvme*p[0-9]*",
    "mmcblk*p[0-9]*",
)
"""Neither file-backed, nor stacked on other disks, nor a partition of one: their bytes are counted there already."""
_NICS = tuple(("device", pattern) for pattern in _VIRTUAL_NICS)
_INTERFACES = tuple(("interface", pattern) for pattern in _VIRTUAL_NICS)
_NO_ROOM = (
    *(("fstype", one) for one in ("tmpfs", "overlay", "squashfs", "rootfs", "ramfs", "iso9660", "efivarfs")),
    *(("fstype", one) for one in ("nfs*", "lustre", "gpfs", "beegfs*", "ceph*", "wekafs", "fuse*", "9p", "virtiofs")),
    *(("mountpoint", one) for one in ("/run*", "/boot*", "/snap*", "/var/lib/docker/*", "/var/lib/kubelet/*")),
)
"""File systems whose free room says nothing of the machine: made of memory, read-only by design, or of a file server."""
_FILE_SYSTEM = ("device", "mountpoint")
_DISKS = tuple(("device", pattern) for pattern in _NO_DISKS)
_PARTITIONS = tuple(("partition", pattern) for pattern in _NO_DISKS)

# fmt: off
NODE_METRICS: tuple[Metric, ...] = (
    Metric("node.cpu_utilization", "%", "CPU", "Share of CPU time not idle, all cores.", quantum=0.1, high=100, names=(
        Name("all_smi_cpu_utilization"), Name("host_cpu_percent_Percentage"), Name("nv_cpu_utilization", 100))),
    Metric("node.cpu_seconds", "s", "CPU time", "CPU time spent, all cores and modes.", fold="sum", merge="sum", kind="counter", quantum=0.01, low=None, names=(
        Name("node_cpu_seconds_total", parts=("cpu", "mode")),)),
    Metric("node.cpu_idle_seconds", "s", "CPU idle time", "CPU time spent idle or waiting for I/O, all cores.", fold="sum", merge="sum", kind="counter", quantum=0.01, low=None, names=(
        Name("node_cpu_seconds_total", where=(("mode", "idle"),), parts=("cpu", "mode")), Name("node_cpu_seconds_total", where=(("mode", "iowait"),), parts=("cpu", "mode")))),
    Metric("node.cpu_count", "", "CPUs", "Logical CPUs.", fold="sum", names=(Name("all_smi_cpu_thread_count"),)),
    Metric("node.load_1m", "", "load 1 m", "Runnable and blocked tasks, mean of the last minute.", quantum=0.01, names=(Name("node_load1"), Name("host_load_average_1m_Percentage"))),
    Metric("node.load_5m", "", "load 5 m", "Runnable and blocked tasks, mean of five minutes.", quantum=0.01, names=(Name("node_load5"), Name("host_load_average_5m_Percentage"))),
    Metric("node.load_15m", "", "load 15 m", "Runnable and blocked tasks, mean of fifteen minutes.", quantum=0.01, names=(Name("node_load15"), Name("host_load_average_15m_Percentage"))),
    Metric("node.memory_total", "MiB", "RAM", "Memory of the machine.", fold="sum", names=(
        Name("node_memory_MemTotal_bytes", _MIB), Name("node_memory_total_bytes", _MIB), Name("all_smi_memory_total_bytes", _MIB), Name("host_virtual_memory_total_MiB"), Name("nv_cpu_memory_total_bytes", _MIB))),
    Metric("node.memory_available", "MiB", "RAM available", "Memory that can be given out without swapping.", fold="sum", names=(
        Name("node_memory_MemAvailable_bytes", _MIB), Name("all_smi_memory_available_bytes", _MIB))),
    Metric("node.memory_free", "MiB", "RAM free", "Memory nothing uses, not even as a cache.", fold="sum", names=(
        Name("node_memory_MemFree_bytes", _MIB), Name("node_memory_free_bytes", _MIB), Name("all_smi_memory_free_bytes", _MIB), Name("host_virtual_memory_free_MiB"))),
    Metric("node.memory_used", "MiB", "RAM used", "Memory in use; derived from total - available where not published.", fold="sum", names=(
        Name("all_smi_memory_used_bytes", _MIB), Name("host_virtual_memory_used_MiB"), Name("nv_cpu_memory_used_bytes", _MIB))),
    Metric("node.memory_percent", "%", "RAM", "Memory used over total.", quantum=0.1, high=100, names=(Name("host_virtual_memory_percent_Percentage"), Name("all_smi_memory_utilization"))),
    Metric("node.swap_total", "MiB", "swap", "Swap space.", fold="sum", names=(Name("node_memory_SwapTotal_bytes", _MIB), Name("node_memory_swap_total_bytes", _MIB), Name("all_smi_swap_total_bytes", _MIB), Name("host_swap_memory_total_MiB"))),
    Metric("node.swap_used", "MiB", "swap used", "Swap space in use; derived from total - free where not published.", fold="sum", names=(
        Name("node_memory_swap_used_bytes", _MIB), Name("all_smi_swap_used_bytes", _MIB), Name("host_swap_memory_used_MiB"))),
    Metric("node.swap_free", "MiB", "swap free", "Swap space not in use.", fold="sum", names=(Name("node_memory_SwapFree_bytes", _MIB), Name("all_smi_swap_free_bytes", _MIB), Name("host_swap_memory_free_MiB"))),
    Metric("node.disk_size", "MiB", "disk", "Size of the largest file system.", fold="sum", merge="max", names=(
        Name("node_filesystem_size_bytes", _MIB, unless=(("fstype", "tmpfs"), ("fstype", "overlay")), parts=("device", "mountpoint")), Name("all_smi_disk_total_bytes", _MIB, parts=("mount_point",)), Name("host_disk_usage_total_MiB", parts=("mountpoint",)))),
    Metric("node.disk_free", "MiB", "disk free", "Least space left to ordinary users on any local file system.", fold="min", merge="min", names=(
        Name("node_filesystem_avail_bytes", _MIB, unless=(("fstype", "tmpfs"), ("fstype", "overlay"), ("fstype", "squashfs"), ("fstype", "rootfs"), ("mountpoint", "/run*"), ("mountpoint", "/boot*")), parts=("device", "mountpoint")),
        Name("all_smi_disk_available_bytes", _MIB, parts=("mount_point",)), Name("host_disk_usage_free_MiB", unless=(("mountpoint", "/run*"), ("mountpoint", "/boot*")), parts=("mountpoint",)))),
    Metric("node.disk_free_percent", "%", "disk left", "Least share of space left to ordinary users on any local file system.", fold="min", merge="min", quantum=0.1, high=100, names=(
        Name("node_filesystem_avail_bytes", 100, unless=_NO_ROOM, parts=_FILE_SYSTEM, over="node_filesystem_size_bytes"),)),
    Metric("node.inodes_free_percent", "%", "inodes left", "Least share of inodes left on any local file system; without one no file can be made, however much space is left.", fold="min", merge="min", quantum=0.1, high=100, names=(
        Name("node_filesystem_files_free", 100, unless=_NO_ROOM, parts=_FILE_SYSTEM, over="node_filesystem_files"),)),
    Metric("node.filesystems_readonly", "", "read-only", "Local file systems that are mounted read-only; the kernel does that to one that fails.", fold="sum", merge="sum", names=(
        Name("node_filesystem_readonly", unless=_NO_ROOM, parts=_FILE_SYSTEM),)),
    Metric("node.disk_read_bytes", "B", "disk reads", "Bytes read from disks.", fold="sum", merge="sum", kind="counter", quantum=1024, low=None, names=(
        Name("node_disk_read_bytes_total", unless=_DISKS, parts=("device",)), Name("host_disk_io_read_data_MiB", 1048576.0, unless=_PARTITIONS, parts=("partition",)))),
    Metric("node.disk_write_bytes", "B", "disk writes", "Bytes written to disks.", fold="sum", merge="sum", kind="counter", quantum=1024, low=None, names=(
        Name("node_disk_written_bytes_total", unless=_DISKS, parts=("device",)), Name("host_disk_io_write_data_MiB", 1048576.0, unless=_PARTITIONS, parts=("partition",)))),
    Metric("node.network_rx_bytes", "B", "net received", "Bytes received on physical interfaces.", fold="sum", merge="sum", kind="counter", quantum=1024, low=None, names=(
        Name("node_network_receive_bytes_total", unless=_NICS, parts=("device",)), Name("host_net_io_rx_data_MiB", 1048576.0, unless=_INTERFACES, parts=("interface",)))),
    Metric("node.network_tx_bytes", "B", "net sent", "Bytes sent on physical interfaces.", fold="sum", merge="sum", kind="counter", quantum=1024, low=None, names=(
        Name("node_network_transmit_bytes_total", unless=_NICS, parts=("device",)), Name("host_net_io_tx_data_MiB", 1048576.0, unless=_INTERFACES, parts=("interface",)))),
    Metric("node.infiniband_rx_bytes", "B", "IB received", "Bytes received on InfiniBand ports.", fold="sum", merge="sum", kind="counter", quantum=1024, low=None, names=(
        Name("node_infiniband_port_data_received_bytes_total", parts=("device", "port")),)),
    Metric("node.infiniband_tx_bytes", "B", "IB sent", "Bytes sent on InfiniBand ports.", fold="sum", merge="sum", kind="counter", quantum=1024, low=None, names=(
        Name("node_infiniband_port_data_transmitted_bytes_total", parts=("device", "port")),)),
    Metric("node.infiniband_link_downed", "", "IB link downs", "Times an InfiniBand link failed to recover and went down.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("node_infiniband_link_downed_total", parts=("device", "port")),)),
    Metric("node.infiniband_receive_errors", "", "IB errors", "Packets with an error received on InfiniBand ports.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("node_infiniband_port_errors_received_total", parts=("device", "port")),)),
    Metric("node.infiniband_link_recoveries", "", "IB recoveries", "Times an InfiniBand link had to recover from errors.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("node_infiniband_link_error_recovery_total", parts=("device", "port")),)),
    Metric("node.infiniband_up", "", "IB ports up", "InfiniBand ports that are active.", fold="sum", merge="sum", names=(
        Name("node_infiniband_state_id", parts=("device", "port"), equals=4),)),
    Metric("node.infiniband_symbol_errors", "", "IB symbol errors", "Symbols with an error on InfiniBand ports: a dirty or worn cable.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("node_infiniband_symbol_error_total", parts=("device", "port")),)),
    Metric("node.infiniband_integrity_errors", "", "IB integrity", "Times an InfiniBand port's local errors passed their threshold.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("node_infiniband_local_link_integrity_errors_total", parts=("device", "port")),)),
    Metric("node.infiniband_overruns", "", "IB overruns", "Times an InfiniBand port's buffer ran over again and again.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("node_infiniband_excessive_buffer_overrun_errors_total", parts=("device", "port")),)),
    Metric("node.carrier_downs", "", "carrier losses", "Times a physical network interface lost its carrier.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("node_network_carrier_down_changes_total", unless=_NICS, parts=("device",)), Name("node_network_carrier_changes_total", 0.5, unless=_NICS, parts=("device",)))),
    Metric("node.ecc_corrected", "", "RAM corrected", "Corrected errors of the machine's memory (EDAC).", fold="sum", merge="sum", kind="counter", low=None, names=(Name("node_edac_correctable_errors_total", parts=("controller",)),)),
    Metric("node.ecc_uncorrected", "", "RAM uncorrected", "Uncorrected errors of the machine's memory (EDAC).", fold="sum", merge="sum", kind="counter", low=None, names=(Name("node_edac_uncorrectable_errors_total", parts=("controller",)),)),
    Metric("node.oom_kills", "", "OOM kills", "Processes the kernel killed for want of memory.", fold="sum", kind="counter", low=None, names=(Name("node_vmstat_oom_kill"),)),
    Metric("node.boot_time", "s", "booted", "When the machine booted, seconds since the epoch.", fold="min", low=None, names=(Name("node_boot_time_seconds"),)),
    Metric("node.uptime", "s", "uptime", "Seconds since boot.", fold="min", low=None, names=(Name("host_uptime_Second"),)),
    Metric("node.processes_blocked", "", "blocked", "Processes that wait for I/O and cannot be killed meanwhile.", fold="sum", names=(Name("node_procs_blocked"),)),
    Metric("node.file_handles", "%", "file handles", "Open files over the most the kernel allows.", fold="max", quantum=0.1, high=100, names=(Name("node_filefd_allocated", 100, over="node_filefd_maximum"),)),
    Metric("node.conntrack", "%", "conntrack", "Tracked connections over the most the kernel keeps; beyond it drops packets.", fold="max", quantum=0.1, high=100, names=(Name("node_nf_conntrack_entries", 100, over="node_nf_conntrack_entries_limit"),)),
    Metric("node.clock", "s", "clock", "The machine's own time when it was asked, seconds since the epoch.", fold="min", quantum=0.01, low=None, names=(Name("node_time_seconds"),)),
    Metric("node.clock_offset", "s", "clock offset", "How far the clock is off its time server, as the kernel's discipline sees it.", fold="max", quantum=0.0001, low=None, names=(Name("node_timex_offset_seconds"),)),
    Metric("node.clock_synced", "", "clock synced", "1: the kernel's clock is disciplined by a time server.", fold="min", high=1, names=(Name("node_timex_sync_status"),)),
    Metric("node.clock_max_error", "s", "clock error", "The most that the clock can be off; 16 where no time server has been heard for long.", fold="max", quantum=0.001, names=(Name("node_timex_maxerror_seconds"),)),
    Metric("node.power", "W", "chassis power", "Power of the whole chassis.", fold="sum", quantum=0.1, names=(Name("all_smi_chassis_power_watts"),)),
    Metric("node.inlet_temperature", "°C", "inlet", "Temperature of the air going in.", fold="max", high=60, names=(Name("all_smi_chassis_inlet_temperature_celsius"),)),
    Metric("node.outlet_temperature", "°C", "outlet", "Temperature of the air going out.", fold="max", high=80, names=(Name("all_smi_chassis_outlet_temperature_celsius"),)),
    Metric("node.gpus_expected", "", "GPUs expected", "GPUs the exporter says the machine should have.", fold="sum", names=(
        Name("gpu_watchdog_gpus_expected"), Name("DCGM_FI_DEV_COUNT"), Name("DCGM_FI_SYSTEM_GPU_QUANTITY"), Name("nvidia_smi_count"), Name("gpu_nodes_total"))),
    Metric("node.cost_per_hour", "$/h", "cost", "What the provider bills for a rented machine now.", fold="sum", quantum=0.0001),
    # ── rates, from two readings ──
    Metric("node.network_rx", "B/s", "net rx", "Bytes a second received on physical interfaces.", fold="sum", quantum=100, rate_of="node.network_rx_bytes"),
    Metric("node.network_tx", "B/s", "net tx", "Bytes a second sent on physical interfaces.", fold="sum", quantum=100, rate_of="node.network_tx_bytes"),
    Metric("node.infiniband_rx", "B/s", "IB rx", "Bytes a second received on InfiniBand ports.", fold="sum", quantum=100, rate_of="node.infiniband_rx_bytes"),
    Metric("node.infiniband_tx", "B/s", "IB tx", "Bytes a second sent on InfiniBand ports.", fold="sum", quantum=100, rate_of="node.infiniband_tx_bytes"),
    Metric("node.disk_read", "B/s", "disk read", "Bytes a second read from disks.", fold="sum", quantum=100, rate_of="node.disk_read_bytes"),
    Metric("node.disk_write", "B/s", "disk write", "Bytes a second written to disks.", fold="sum", quantum=100, rate_of="node.disk_write_bytes"),
)
# fmt: on
