"""What the kernel and a machine's services write of the machine: memory, tasks, disks, file systems, PCIe, network. Pure.

Texts are those of Linux 4.18 … 6.x, of mlx5, nfs, Lustre and systemd-networkd. A line that healthy machines write too is
never more than information (insufficient slot power while booting, an unplugged cable of a port nobody uses).
"""
# ruff: noqa: E501 - a row of signs reads best as one table line

from __future__ import annotations

from dataclasses import replace

from app.sources.logs.sign import Find, Sign, find, sign

_JOB = r"(?:.*?/job_(?P<job>\d+))?"
_DEVICE = r"(?P<device>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])"
_PORT = r"(?:ib|rdma|roce|hsn|mlx|eth|en[opsx])\w*"
"""Names that ports of the machine itself have; bridges and containers' halves of a pair have others."""
# fmt: off
_MEMORY: tuple[Sign, ...] = (
    sign("host.oom", "warning", "oom-kill:", rf"oom-kill:constraint=(?P<constraint>\w+),{_JOB}.*?task=(?P<process>[^,]+),pid=(?P<pid>\d+)"),
    sign("host.oom", "warning", "ut of memory: Kill", r"(?P<scope>Memory cgroup out|Out) of memory: Kill(?:ed)? process (?P<pid>\d+) \((?P<process>[^)]+)\)"),
    sign("host.ecc_uncorrected", "critical", "EDAC", r"EDAC \w+: \d+ UE .*?on (?P<device>\S+)"),
    sign("host.ecc_corrected", "info", "EDAC", r"EDAC \w+: \d+ CE .*?on (?P<device>\S+)"),
    sign("host.hardware_error", "critical", "[Hardware Error]", r"\[Hardware Error\]: (?:event severity: (?:fatal|recoverable)|CPU.*Machine Check Exception|Uncorrected)"),
    sign("host.hardware_error", "info", "[Hardware Error]", r"\[Hardware Error\]: (?:event severity: corrected|Machine check events logged|CPU \d+: Machine Check: 0|Corrected error)"),
    sign("host.hardware_error", "critical", "Machine check", r"Machine check: Processor context corrupt"),
    sign("host.cpu_hot", "warning", "temperature above threshold", r"CPU(?P<cpu>\d+): (?:Core|Package) temperature above threshold"),
)
_TASKS: tuple[Sign, ...] = (
    sign("host.hung_task", "warning", "blocked for more than", r"INFO: task (?P<process>.{1,64}):(?P<pid>\d+) blocked for more than (?P<seconds>\d+) seconds"),
    sign("host.soft_lockup", "warning", "soft lockup", r"BUG: soft lockup - CPU#(?P<cpu>\d+) stuck for (?P<seconds>\d+)s! \[(?P<process>.+):(?P<pid>\d+)\]"),
    sign("host.hard_lockup", "critical", "hard LOCKUP", r"[Ww]atchdog detected hard LOCKUP on cpu (?P<cpu>\d+)"),
    sign("host.rcu_stall", "warning", "detected stall", r"rcu: INFO: \w+ (?:self-)?detected stalls? on"),
    sign("host.panic", "critical", "Kernel panic - not syncing", r"Kernel panic - not syncing: (?P<what>.+)"),
    sign("host.oops", "critical", "BUG: ", r"BUG: (?:unable to handle|kernel NULL pointer)(?P<what>.*)"),
    sign("host.oops", "critical", "Oops: ", r"Oops: (?P<what>[0-9a-f]{4}.*)"),
    sign("host.file_limit", "warning", "file-max limit", r"VFS: file-max limit (?P<limit>\d+) reached"),
    sign("host.table_full", "warning", "table full", r"nf_conntrack: (?:nf_conntrack: )?table full"),
    sign("host.table_full", "warning", "table overflow", r"neighbou?r: \w+: neighbou?r table overflow"),
    sign("app.nccl_segfault", "info", "libnccl", r"(?P<process>\S+)\[(?P<pid>\d+)\]: segfault at .* in libnccl"),
    sign("app.segfault", "info", "segfault at", r"(?P<process>\S+)\[(?P<pid>\d+)\]: segfault at .*? in (?P<library>[^\[\s]+)"),
    sign("host.boot", "info", "Linux version ", r"^Linux version (?P<version>\S+)"),
    sign("host.shutdown", "info", "reboot: ", r"^reboot: (?P<what>Restarting system|Power down)"),
    sign("log.lost", "info", "kernel messages", r"Missed (?P<count>\d+) kernel messages"),
    sign("log.lost", "info", "callbacks suppressed", r"(?P<who>\w+): (?P<count>\d+) callbacks suppressed"),
)
_DISKS: tuple[Sign, ...] = (
    sign("disk.raid_failed", "critical", "Disk failure on", r"md\S{0,24}: Disk failure on (?P<device>[\w/-]+)"),
    sign("disk.read_only", "critical", "emounting filesystem read-only", r"\((?P<device>[^)]+)\):? Remounting filesystem read-only"),
    sign("disk.filesystem", "critical", "EXT4-fs error", r"EXT4-fs error \(device (?P<device>[^)]+)\)"),
    sign("disk.filesystem", "critical", "XFS (", r"XFS \((?P<device>[^)]+)\): (?:.*[Cc]orruption|.*[Ss]hut(?:ting)? ?down filesystem|log I/O error)"),
    sign("disk.io_error", "critical", "I/O error", r"(?:Buffer I/O error on|I/O error,) dev(?:ice)? (?P<device>[\w./-]+)"),
    sign("disk.io_error", "critical", "critical medium error", r"critical medium error, dev (?P<device>[\w./-]+)"),
    sign("disk.nvme_gone", "critical", "Disabling device after reset failure", r"nvme (?P<device>nvme\d+): Disabling device after reset failure: (?P<status>-?\d+)"),
    sign("disk.nvme_gone", "critical", "Removing after probe failure", r"nvme (?P<device>nvme\d+): Removing after probe failure status: (?P<status>-?\d+)"),
    sign("disk.nvme_gone", "critical", "Device not ready; aborting", r"nvme (?P<device>nvme\d+): Device not ready; aborting"),
    sign("disk.nvme_timeout", "warning", "timeout", r"nvme (?P<device>nvme\d+): I/O (?:tag )?\d+ .*?timeout, (?P<then>[\w ]+)"),
    sign("disk.nvme_timeout", "warning", "controller is down; will reset", r"nvme (?P<device>nvme\d+): controller is down; will reset"),
    sign("fs.nfs_down", "critical", "not responding", r"nfs: server (?P<server>\S+) not responding"),
    sign("fs.nfs_ok", "info", "nfs: server", r"nfs: server (?P<server>\S+) OK"),
    sign("fs.nfs_lock", "warning", "Lock reclaim failed", r"nfs4_\w+: Lock reclaim failed"),
    sign("fs.lustre_down", "critical", "was lost; in progress operations", r"Connection to (?P<server>\S+) \(at [^)]+\) was lost; in progress"),
    sign("fs.lustre_ok", "info", "Connection restored to", r"Lustre: .*Connection restored to (?P<server>\S+)"),
)
_PCIE: tuple[Sign, ...] = (
    sign("pcie.fatal", "critical", "PCIe Bus Error", rf"{_DEVICE}: PCIe Bus Error: severity=Uncorrect(?:ed|able) \(Fatal\), type=(?P<layer>[\w ]+)"),
    sign("pcie.nonfatal", "warning", "PCIe Bus Error", rf"{_DEVICE}: PCIe Bus Error: severity=Uncorrect(?:ed|able) \(Non-Fatal\), type=(?P<layer>[\w ]+)"),
    sign("pcie.corrected", "info", "PCIe Bus Error", rf"{_DEVICE}: PCIe Bus Error: severity=Correct(?:ed|able), type=(?P<layer>[\w ]+)"),
    sign("pcie.fatal", "critical", "AER: ", rf"AER: (?:Multiple )?Uncorrect(?:ed|able) \(Fatal\) error (?:message )?received(?: from|:) {_DEVICE}"),
    sign("pcie.nonfatal", "warning", "AER: ", rf"AER: (?:Multiple )?Uncorrect(?:ed|able) \(Non-Fatal\) error (?:message )?received(?: from|:) {_DEVICE}"),
    sign("pcie.corrected", "info", "AER: ", rf"AER: (?:Multiple )?Correct(?:ed|able) error (?:message )?received(?: from|:) {_DEVICE}"),
    sign("pcie.contained", "critical", "DPC: containment event", rf"{_DEVICE}: DPC: containment event"),
    sign("pcie.link_down", "warning", "Link Down", r"pciehp: Slot\((?P<slot>[^)]+)\): (?:Card not present|Link Down)"),
)
_NETWORK: tuple[Sign, ...] = (
    sign("nic.slot_power", "info", "insufficient power", r"mlx5_core (?P<device>[0-9a-f:.]+?)?:? .*?Detected insufficient power on the PCIe slot.*?\((?P<watts>\d+)W\)"),
    sign("nic.module_error", "warning", "Port module event[error]", r"mlx5_core (?P<device>\S+?): Port module event\[error\]: module (?P<module>\d+), (?P<what>.+)"),
    sign("nic.cable", "info", "Cable unplugged", r"mlx5_core (?P<device>\S+?): Port module event: module (?P<module>\d+), Cable unplugged"),
    sign("nic.cable_in", "info", "Cable plugged", r"mlx5_core (?P<device>\S+?): Port module event: module (?P<module>\d+), Cable plugged"),
    sign("nic.firmware_fatal", "critical", "device's health compromised", r"mlx5_core (?P<device>\S+?): .*device's health compromised"),
    sign("nic.firmware_fatal", "critical", "unrecoverable hardware error", r"mlx5_core(?: (?P<device>\S+?))?: .*synd (?P<syndrome>0x[0-9a-f]+): unrecoverable hardware error"),
    sign("nic.firmware_fatal", "critical", "Fatal error", r"mlx5_core (?P<device>\S+?): .*(?:[Ff]irmware|[Dd]evice).*Fatal error"),
    sign("nic.command_timeout", "critical", "Will cause a leak of a command resource", r"mlx5_core (?P<device>\S+?): .*?(?P<command>[A-Z_0-9]+)\(0x[0-9a-f]+\) timeout"),
    sign("nic.access_refused", "info", "ACCESS_REG", r"ACCESS_REG\(0x[0-9a-f]+\).* failed"),
    sign("nic.transmit_timeout", "warning", "NETDEV WATCHDOG", r"NETDEV WATCHDOG: (?P<device>\S+) \((?P<driver>[^)]+)\): transmit queue (?P<queue>\d+) timed out"),
    sign("nic.link_down", "warning", "ost carrier", rf"^(?P<device>{_PORT}): [Ll]ost carrier"),
    sign("nic.link_up", "info", "ained carrier", rf"^(?P<device>{_PORT}): [Gg]ained carrier"),
    sign("nic.link_down", "info", "Link down", r"mlx5_core (?P<address>\S+)(?: (?P<device>\w+))?: Link down"),
    sign("nic.link_up", "info", "Link up", r"mlx5_core (?P<address>\S+)(?: (?P<device>\w+))?: Link up"),
)
_POWER: tuple[Sign, ...] = (
    sign("host.psu_failed", "warning", "ower Supply", r"(?P<device>\bP(?:SU?|ower Supply) ?\d+)?.*?Power Supply\b.*?(?:[Ff]ailure detected|AC lost|input lost|[Pp]redictive [Ff]ailure)"),
    sign("host.fan_failed", "warning", "Fan", r"(?P<device>\b(?:Sys|System)? ?Fan[ _]?\w+)?.*?\bFan\b.*?(?:Lower (?:Critical|Non-recoverable) going low|Transition to (?:Critical|Non-recoverable)|[Ff]ailure detected)"),
)
# fmt: on
KERNEL_SIGNS = (*_MEMORY, *_TASKS, *_DISKS, *_PCIE, *_NETWORK)
"""Only believed from the kernel itself, where the form of the log tells who spoke."""
SERVICE_SIGNS = tuple(one for one in KERNEL_SIGNS if one.kind in ("nic.link_down", "nic.link_up", "log.lost"))
"""What network and log services say in their own name."""
BOARD_SIGNS = _POWER
"""What the machine's own board controller logs, as the services say that read its event log."""
_WHOLE_NODE = ("CONSTRAINT_NONE", "CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY", "Out")


def host_find(text: str) -> Find | None:
    """What a kernel line says of the machine."""
    return _weighed(find(KERNEL_SIGNS, text))


def service_find(text: str) -> Find | None:
    """What a service of the machine says."""
    return find(SERVICE_SIGNS, text)


def board_find(text: str) -> Find | None:
    """What the board controller's event log says of supplies and fans."""
    return find(BOARD_SIGNS, text)


def _weighed(found: Find | None) -> Find | None:
    """The machine's own memory used up is graver than a job that met its limit."""
    if found is None or found.kind != "host.oom":
        return found
    is_node = any(found.details.get(name) in _WHOLE_NODE for name in ("constraint", "scope"))
    return replace(found, severity="critical") if is_node else found
