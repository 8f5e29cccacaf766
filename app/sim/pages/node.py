"""The page of node_exporter, as far as anybody looks at it: CPU, memory, load, disks, network, InfiniBand."""
# ruff: noqa: E501 - a row reads best as one table line

from __future__ import annotations

import math
from itertools import chain

from app.sim.cluster import NodeState
from app.sim.dice import Dice
from app.sim.layout import SimNode
from app.sim.pages.text import Family, Series, Sheet, labelled, lead

MODES = ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
_SHARES = (0.0, 0.02, 0.0, 0.0, 0.005, 0.0, 0.165, 0.81)
"""Shares of a busy core's time, in the order of the modes; the rest of all time is idle."""
_MIB = 1048576
_ROOT_SIZE, _SCRATCH_SIZE = 439 * 1024**3, 7 * 1024**4
_SCRATCH_FILLS_S = 30 * 3600.0

CPU = Family("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.", "%.2f")
UNAME = Family("node_uname_info", "gauge", "Labeled system information as provided by the uname system call.")
IB_RX = Family(
    "node_infiniband_port_data_received_bytes_total", "counter", "Number of data octets received on all links"
)
IB_TX = Family(
    "node_infiniband_port_data_transmitted_bytes_total", "counter", "Number of data octets transmitted on all links"
)
IB_DOWN = Family(
    "node_infiniband_link_downed_total",
    "counter",
    "Number of times the link failed to recover from an error state and went down",
)
IB_STATE = Family(
    "node_infiniband_state_id",
    "gauge",
    "State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, 4: active, 5: act defer)",
)

# fmt: off
FILE_SYSTEMS = ('{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"} ', '{device="/dev/nvme1n1",fstype="xfs",mountpoint="/scratch"} ')
DISKS = ('{device="nvme0n1"} ', '{device="nvme1n1"} ')
NICS = ('{device="eth0"} ', '{device="lo"} ')
PLAIN: tuple[tuple[Family, tuple[str, ...]], ...] = (
    (Family("node_boot_time_seconds", "gauge", "Node boot time, in unixtime.", "%.0f"), (" ",)),
    (Family("node_time_seconds", "gauge", "System time in seconds since epoch (1970).", "%.3f"), (" ",)),
    (Family("node_load1", "gauge", "1m load average.", "%.2f"), (" ",)),
    (Family("node_load5", "gauge", "5m load average.", "%.2f"), (" ",)),
    (Family("node_load15", "gauge", "15m load average.", "%.2f"), (" ",)),
    (Family("node_memory_MemTotal_bytes", "gauge", "Memory information field MemTotal_bytes."), (" ",)),
    (Family("node_memory_MemAvailable_bytes", "gauge", "Memory information field MemAvailable_bytes."), (" ",)),
    (Family("node_memory_MemFree_bytes", "gauge", "Memory information field MemFree_bytes."), (" ",)),
    (Family("node_memory_Cached_bytes", "gauge", "Memory information field Cached_bytes."), (" ",)),
    (Family("node_memory_SwapTotal_bytes", "gauge", "Memory information field SwapTotal_bytes."), (" ",)),
    (Family("node_memory_SwapFree_bytes", "gauge", "Memory information field SwapFree_bytes."), (" ",)),
    (Family("node_vmstat_oom_kill", "counter", "/proc/vmstat information field oom_kill."), (" ",)),
    (Family("node_procs_running", "gauge", "Number of processes in runnable state."), (" ",)),
    (Family("node_procs_blocked", "gauge", "Number of processes blocked waiting for I/O to complete."), (" ",)),
    (Family("node_filesystem_size_bytes", "gauge", "Filesystem size in bytes."), FILE_SYSTEMS),
    (Family("node_filesystem_avail_bytes", "gauge", "Filesystem space available to non-root users in bytes."), FILE_SYSTEMS),
    (Family("node_disk_read_bytes_total", "counter", "The total number of bytes read successfully."), DISKS),
    (Family("node_disk_written_bytes_total", "counter", "The total number of bytes written successfully."), DISKS),
    (Family("node_network_receive_bytes_total", "counter", "Network device statistic receive_bytes."), NICS),
    (Family("node_network_transmit_bytes_total", "counter", "Network device statistic transmit_bytes."), NICS),
)
"""Families and the labels of their series."""
# fmt: on


class NodePage:
    """The page of one machine."""

    def __init__(self, node: SimNode, seed: int) -> None:
        dice = Dice(seed, "cpus", node.name)
        raw = [dice.between(0.8, 1.2) for _ in range(node.cpus)]
        self._node = node
        self._shares = tuple(share / sum(raw) for share in raw)
        self._swap = 0
        self._ports = len(node.gpus) if node.gpus[0].board.has_nvlink else 1
        self._sheet = Sheet(self._series())

    def render(self, state: NodeState, t: float, epoch: float, boot: float) -> bytes:
        """The page for a state at simulated second `t`, the real moment `epoch`; it booted at `boot` (since 1970)."""
        port = state.infiniband / self._ports
        downed = (0,) * self._ports
        active = (4,) * self._ports
        values = (*self._plain(state, t, epoch, boot), *self._cpu(state), 1)
        values += (port,) * (2 * self._ports) + downed + active
        return self._sheet.fill(values).encode("ascii")

    def _plain(self, state: NodeState, t: float, epoch: float, boot: float) -> tuple[float, ...]:
        """Values of `PLAIN`, in its order."""
        node, total = self._node, self._node.memory_mib * _MIB
        wave = math.sin(t / 37.0 + node.offset)
        load = state.cores_busy + 0.3 + 0.2 * wave
        available = total - state.memory_used_mib * _MIB
        cached = 0.25 * available
        filled = (t / _SCRATCH_FILLS_S + node.offset / 4096) % 1.0
        disk, net = 2.6e6 * state.cpu_s, 1.1e6 * state.cpu_s + 2e4 * state.up_s
        return (
            *(boot, epoch, load, 0.9 * load + 0.1, 0.85 * load + 0.2),
            *(total, available, available - cached, cached, self._swap, self._swap, 0),
            *(1 + int(load), int(wave > 0.8)),
            *(_ROOT_SIZE, _SCRATCH_SIZE, 0.62 * _ROOT_SIZE, (0.85 - 0.6 * filled) * _SCRATCH_SIZE),
            *(0.02 * disk, disk, 0.01 * disk + 9e3 * state.up_s, 0.7 * disk),
            *(net, 3e3 * state.up_s, 0.6 * net, 3e3 * state.up_s),
        )

    def _cpu(self, state: NodeState) -> tuple[float, ...]:
        """Seconds of each CPU in each mode; they add up to the time since boot."""
        busy = [state.cpu_s * share for share in self._shares]
        modes = ((state.up_s - one, *(one * share for share in _SHARES[1:])) for one in busy)
        return tuple(chain.from_iterable(modes))

    def _series(self) -> list[Series]:
        node = self._node
        series = [
            Series(lead(family, is_first=place == 0), one, family.form)
            for family, labels in PLAIN
            for place, one in enumerate(labels)
        ]
        series += [
            Series(lead(CPU, is_first=cpu == 0 and mode == MODES[0]), _cpu_labels(cpu, mode), CPU.form)
            for cpu in range(node.cpus)
            for mode in MODES
        ]
        uname = [
            ("domainname", "(none)"),
            ("machine", "x86_64"),
            ("nodename", node.name),
            ("release", "6.8.0-60-generic"),
        ]
        uname += [("sysname", "Linux"), ("version", "#63-Ubuntu SMP PREEMPT_DYNAMIC")]
        series.append(Series(lead(UNAME, is_first=True), labelled(uname), UNAME.form))
        for family in (IB_RX, IB_TX, IB_DOWN, IB_STATE):
            for port in range(self._ports):
                labels = labelled([("device", f"mlx5_{port}"), ("port", "1")])
                series.append(Series(lead(family, is_first=port == 0), labels, family.form))
        return series


_CPU_LABELS: dict[tuple[int, str], str] = {}


def _cpu_labels(cpu: int, mode: str) -> str:
    """Labels of a CPU's mode, one text for all nodes."""
    return _CPU_LABELS.setdefault((cpu, mode), labelled([("cpu", str(cpu)), ("mode", mode)]))
