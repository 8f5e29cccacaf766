"""Single faults of machines and of the watching itself."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from tests.bench.faults.story import FAULT_S, Stage, Story, Truth, variants

FREE = '{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"}'
RENAMES = {
    "DEV_GPU_UTIL": "DEV_GPU_UTIL_PERCENT", "DEV_GPU_TEMP": "DEV_GPU_TEMP_DEGREES", "DEV_POWER_USAGE": "DEV_BOARD_POWER_DRAW",
    "DEV_FB_USED": "DEV_FB_USED_MEBIBYTES",
}  # fmt: skip


def out_of_memory(s: Stage) -> Truth:
    """The machine's own memory is used up."""
    if s.is_full:
        s.kernel(
            "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0-1,global_oom,task_memcg=/system.slice/"
            "loader.service,task=python3,pid=51822,uid=2001",
            "Out of memory: Killed process 51822 (python3) total-vm:2012345678kB, anon-rss:1912345678kB, file-rss:0kB",
        )
    s.host(FAULT_S, vmstat_oom_kill=1.0)
    return Truth(("I1",), (s.node,))


def hung(s: Stage) -> Truth:
    """Tasks wait for a disk or server that does not answer; which one is not said."""
    for number, name in enumerate(("kworker/u384:2", "python3", "rsync")[: s.variant]):
        s.kernel(f"INFO: task {name}:1369{number} blocked for more than {122 + number} seconds.", at=FAULT_S + number)
    return Truth(("I2",), (s.node,))


def file_server(s: Stage) -> Truth:
    """A file server does not answer, and then does."""
    s.kernel(s.pick(
        "nfs: server 10.2.0.7 not responding, timed out", "nfs: server store-2 not responding, still trying",
        "Lustre: lustre-MDT0000-mdc-ffff: Connection to lustre-MDT0000 (at 10.4.0.9@o2ib) was lost; in progress operations using this service will wait for recovery to complete",
    ))  # fmt: skip
    s.kernel(s.pick(
        "nfs: server 10.2.0.7 OK", "nfs: server store-2 OK",
        "Lustre: lustre-MDT0000-mdc-ffff: Connection restored to lustre-MDT0000 (at 10.4.0.9@o2ib)",
    ), at=214.0)  # fmt: skip
    return Truth(("I3",), (s.node,), ends=214.0, follows=("I2",))


def disk(s: Stage) -> Truth:
    """A local disk is gone or going."""
    s.kernel(s.pick(
        "nvme nvme4: Disabling device after reset failure: -19", "EXT4-fs (md0): Remounting filesystem read-only",
        "Buffer I/O error on dev nvme3n1, logical block 1234, lost async page write",
    ))  # fmt: skip
    return Truth(("I4",), (s.node,), "critical")


def full(s: Stage) -> Truth:
    """A file system fills up."""
    share = (0.05, 0.08, 0.03)[s.variant - 1]
    name = f"filesystem_{'files_free' if s.variant == 2 else 'avail_bytes'}{FREE}"
    size = 3e7 if s.variant == 2 else 4.4e11
    s.at(FAULT_S, lambda: s.plant.hosts[s.node].update({name: share * size}))
    s.at(234.0, lambda: s.plant.hosts[s.node].update({name: 0.6 * size}))
    return Truth(("I5",), (s.node,), ends=234.0)


def lockup(s: Stage) -> Truth:
    """A processor is stuck."""
    s.kernel(s.pick(
        "watchdog: BUG: soft lockup - CPU#18 stuck for 27s! [python3:2254956]",
        "watchdog: Watchdog detected hard LOCKUP on cpu 44", "rcu: INFO: rcu_preempt self-detected stall on CPU",
    ))  # fmt: skip
    return Truth(("I6",), (s.node,))


def panic(s: Stage) -> Truth:
    """The kernel gives up, and the machine is silent."""
    s.kernel(s.pick(
        "Kernel panic - not syncing: Fatal Machine check", "Kernel panic - not syncing: softlockup: hung tasks",
        "Kernel panic - not syncing: NMI: Not continuing",
    ))  # fmt: skip
    for port in (9400, 9100):
        s.fail(f"{s.node}:{port}", "unreachable", at=FAULT_S + 3)
    # Where the last lines are lost with the machine, its silence is all there is to see.
    s.fail(f"kernel {s.node}", f"ssh {s.node}: connection timed out", at=FAULT_S + (10 if s.is_full else 3))
    if not s.is_full:
        return Truth(("J1", "F1"), (s.node,), for_s=60.0, follows=("J1", "F1", "G2", "J6", "J2", "J3"))
    s.slurm_node(FAULT_S + 60, base="DOWN", flags="NOT_RESPONDING", reason="Not responding", by="slurm")
    return Truth(("I7",), (s.node,), "critical", follows=("J1", "F1", "G2", "J6", "J2", "J3"))


def limits(s: Stage) -> Truth:
    """The machine has no more file handles, or connections."""
    match s.variant:
        case 1:
            s.kernel("VFS: file-max limit 1000000 reached")
        case 2:
            s.kernel("nf_conntrack: nf_conntrack: table full, dropping packet")
        case _:
            s.host(FAULT_S, filefd_allocated=970000.0)
    return Truth(("I8",), (s.node,))


def clock(s: Stage) -> Truth:
    """The clock is wrong."""
    if s.is_full:
        s.host(FAULT_S, timex_offset_seconds=(2.4, -1.9)[s.variant - 1], timex_sync_status=0.0)
    else:
        s.at(FAULT_S, lambda: s.plant.clock_off.update({s.node: 95.0}))
    return Truth(("I9",), (s.node,), for_s=0.0 if s.is_full else 60.0)


def broken_memory(s: Stage) -> Truth:
    """A memory error of the machine that could not be corrected."""
    match s.variant:
        case 1:
            s.kernel("EDAC MC0: 1 UE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0 (channel:1 slot:0 page:0x1f)")
        case 2:
            s.kernel("mce: [Hardware Error]: CPU 12: Machine Check Exception: 5 Bank 7: be00000000800400")
        case _:
            name = 'edac_uncorrectable_errors_total{controller="0"}'
            s.at(FAULT_S, lambda: s.plant.hosts[s.node].update({name: 1.0}))
    return Truth(("I10",), (s.node,), "critical")


def busy(s: Stage) -> Truth:
    """Far more tasks than processors."""
    s.at(FAULT_S, lambda: s.plant.busy.add(s.node))
    s.host(FAULT_S, load1=700.0, load5=(700.0, 420.0, 260.0)[s.variant - 1])
    return Truth(("I11",), (s.node,), "info", for_s=300.0)


def exporter(s: Stage) -> Truth:
    """An exporter is down, its machine is not."""
    s.fail(f"{s.node}:{(9400, 9100, 9400)[s.variant - 1]}", s.pick("refused", "refused", "500"), until=204.0)
    return Truth(("J1",), (s.node,), for_s=60.0, ends=204.0)


def stalled(s: Stage) -> Truth:
    """The GPUs' exporter takes connections and says nothing."""
    s.fail(f"{s.node}:9400", s.pick("silent", "cut", "silent"), until=204.0)
    return Truth(("J2",), (s.node,), for_s=20.0, follows=("J1",), ends=204.0)


def renamed(s: Stage) -> Truth:
    """After an upgrade the fields have other names."""
    names = RENAMES if s.variant == 1 else {**RENAMES, "DEV_SM_CLOCK": "DEV_SM_CLOCK_NOW"}
    s.at(FAULT_S, lambda: s.plant.renamed.update({s.node: names}))
    return Truth(("J4",), (s.node,), for_s=30.0)


def slurm_refuses(s: Stage) -> Truth:
    """Slurm's commands do not work here."""
    s.fail("slurm", s.pick(
        "Access/permission denied", "Unable to load plugin: auth/munge", "resolve_ctls_from_dns_srv: no configuration source found",
    ), until=234.0)  # fmt: skip
    return Truth(("J5",), ("cluster",), for_s=60.0, ends=234.0)


def log_refused(s: Stage) -> Truth:
    """A kernel log cannot be read: blindness, told as information."""
    s.fail(
        f"kernel {s.node}",
        s.pick("/dev/kmsg: operation not permitted", "journalctl: permission denied", "no such file"),
    )
    return Truth(("J6",), (s.node,), "info", for_s=20.0)


SINGLES: tuple[Story, ...] = (
    *variants("I1 machine out of memory", out_of_memory, 200.0), *variants("I2 hung tasks", hung, 200.0),
    *variants("I3 file server stalls", file_server), *variants("I4 disk fails", disk, 200.0),
    *variants("I5 disk full", full), *variants("I6 lockup", lockup, 200.0), *variants("I7 panic", panic),
    *variants("I8 limits", limits, 200.0), *variants("I9 clock", clock), *variants("I10 memory of the machine", broken_memory, 200.0),
    *variants("I11 processors busy", busy, 440.0), *variants("J1 exporter down", exporter),
    *variants("J2 collector stalled", stalled), *variants("J4 fields renamed", renamed, 200.0),
    *variants("J5 Slurm refuses", slurm_refuses), *variants("J6 log unreadable", log_refused, 200.0),
)  # fmt: skip
