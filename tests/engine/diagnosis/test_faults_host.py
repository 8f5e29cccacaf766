"""Faults of machines (I): each as a story in which it is found, beside one that looks like it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.engine.diagnosis.world import IDLE, World
from tests.engine.slurm_builders import running

SERVER = "10.0.96.201"
DOWN = f"nfs: server {SERVER} not responding, still trying"
OK = f"nfs: server {SERVER} OK"
GSP_TIMEOUT = (
    "pid=2024380, name=nvidia-smi, Timeout after 6s of waiting for RPC response from GPU4 GSP! "
    "Expected function 103 (GSP_RM_ALLOC) (0x2081 0x4)."
)
HUNG = "INFO: task python3:4711 blocked for more than 120 seconds."


def at_work(nodes: int = 1) -> World:
    """Nodes whose GPUs a job holds."""
    names = ",".join(f"gpu-{number + 1}" for number in range(nodes))
    world = World(nodes=nodes, jobs={"812": running(812, names, 8)})
    world.run(30)
    return world


# ── I1 memory ──


def test_a_job_at_its_limit_is_a_warning_and_the_machine_without_memory_critical() -> None:
    """The kernel names the constraint it was met by."""
    world = at_work()
    world.kernel(
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/slurm/uid_1/job_812,task_memcg=/slurm/uid_1/job_812/step_0,task=python3,pid=4711,uid=1000"
    )
    world.run(5)
    found = world.one("I1")
    assert ("warning", "gpu-1: out of memory, the kernel killed python3") == (found.severity, found.title)
    world.kernel(
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/init,task=python3,pid=4712,uid=0"
    )
    world.run(5)
    assert "critical" == world.one("I1").severity


def test_kills_counted_by_a_page_are_found_without_a_log() -> None:
    """Those that stood there at first sight are history."""
    world = World(has_logs=False)
    world.host["gpu-1"]["node.oom_kills"] = 7.0
    world.run(30)
    assert () == world.diagnosis.findings
    world.host["gpu-1"]["node.oom_kills"] = 8.0
    world.run(5)
    assert "warning" == world.one("I1").severity


# ── I2, I3 storage ──


def test_a_file_server_that_does_not_answer_is_critical_after_a_minute_and_ends_with_its_ok() -> None:
    """Only its own `OK` ends it, even after hours."""
    world = at_work()
    world.kernel(DOWN)
    world.run(5)
    assert ("warning", f"gpu-1: {SERVER} does not answer (NFS or Lustre)") == (
        world.one("I3").severity,
        world.one("I3").title,
    )
    world.run(60)
    assert "critical" == world.one("I3").severity
    world.kernel("nfs: server 10.9.9.9 OK")
    world.run(3600)
    assert "critical" == world.one("I3").severity
    world.kernel(OK)
    world.run(5)
    assert () == world.diagnosis.findings


def test_a_busy_server_that_answers_within_a_minute_is_never_critical() -> None:
    """`not responding`, and `OK` half a minute later."""
    world = at_work()
    world.kernel(DOWN)
    world.run(30)
    world.kernel(OK)
    world.run(120)
    assert {"warning"} == {one.severity for past in world.history for one in past.findings}
    assert () == world.diagnosis.findings


def test_one_server_over_many_nodes_is_one_incident() -> None:
    """Four clients, all at once; another server on one of them is another."""
    world = at_work(nodes=4)
    for name in world.names:
        world.kernel(DOWN, node_name=name)
    world.run(10)
    assert ["I3"] * 4 == world.codes
    assert 1 == len(world.diagnosis.incidents)
    world.kernel("nfs: server other-filer not responding, timed out", node_name="gpu-4")
    world.run(10)
    assert {"I3"} == set(world.codes)


def test_storage_is_the_root_of_hung_tasks_and_of_a_kill_that_failed() -> None:
    """Stalled server, processes that cannot be killed, a node drained for it."""
    world = at_work()
    world.kernel(DOWN)
    world.run(130)
    world.kernel(HUNG)
    world.run(60)
    world.set_node(flags=("DRAIN",), reason="Kill task failed", reason_by="root")
    world.run(10)
    assert [("I3", "gpu-1")] == world.roots
    assert {"I2", "I3", "F5"} <= set(world.codes)


def test_a_hung_task_alone_says_that_its_cause_was_not_seen() -> None:
    """One process, no storage that complains."""
    world = at_work()
    world.kernel(HUNG)
    world.run(10)
    assert "warning" == world.one("I2").severity
    assert world.one("I2").explanation.startswith("A symptom whose cause was not seen.")


# ── I4, I5 disks ──


@pytest.mark.parametrize(
    "line",
    [
        "md/raid0md0: Disk failure on nvme0n1p1 detected, failing array.",
        "EXT4-fs (md0): Remounting filesystem read-only",
        "nvme nvme4: Disabling device after reset failure: -19",
        "Buffer I/O error on dev dm-0, logical block 3, async page read",
    ],
)
def test_a_disk_that_fails_is_critical_and_ends_with_a_reboot(line: str) -> None:
    """What the kernel says of its disks."""
    world = at_work()
    world.kernel(line)
    world.run(5)
    assert "critical" == world.one("I4").severity
    world.host["gpu-1"]["node.boot_time"] = world.now
    world.run(5)
    assert "I4" not in world.codes


@pytest.mark.parametrize("device", ["fd0", "sr0", "loop7"])
def test_drives_that_are_no_disks_may_say_what_they_like(device: str) -> None:
    """An empty floppy drive has I/O errors for years."""
    world = at_work()
    world.kernel(f"I/O error, dev {device}, sector 0")
    world.run(10)
    assert () == world.diagnosis.findings


def test_a_time_out_that_a_disk_recovers_from_is_a_warning() -> None:
    """One."""
    world = at_work()
    world.kernel("nvme nvme0: I/O tag 10 (1234) opcode 0x1 (Read) QID 1 timeout, reset controller")
    world.run(5)
    assert "warning" == world.one("I4").severity


def test_a_file_system_that_becomes_read_only_is_found_by_the_page() -> None:
    """One that always was is none of it."""
    world = World(has_logs=False)
    world.host["gpu-1"]["node.filesystems_readonly"] = 1.0
    world.run(30)
    assert () == world.diagnosis.findings
    world.host["gpu-1"]["node.filesystems_readonly"] = 2.0
    world.run(5)
    assert "warning" == world.one("I4").severity


@pytest.mark.parametrize("key", ["node.disk_free_percent", "node.inodes_free_percent"])
def test_little_room_is_a_warning_and_after_two_minutes_critical(key: str) -> None:
    """Eight per cent are left, of space or of inodes; twelve are enough."""
    world = World()
    world.host["gpu-1"] |= {"node.disk_free_percent": 60.0, key: 12.0}
    world.run(300)
    assert () == world.diagnosis.findings
    world.host["gpu-1"][key] = 8.0
    world.run(5)
    assert "warning" == world.one("I5").severity
    world.run(120)
    assert "critical" == world.one("I5").severity


def test_a_disk_that_fills_up_fast_is_told_before_it_is_full() -> None:
    """A hundredth every five minutes from a fifth on; the same from two thirds on means nothing."""
    world = World()
    world.host["gpu-1"]["node.disk_free_percent"] = 66.5
    world.run(10)
    for _ in range(12):
        world.host["gpu-1"]["node.disk_free_percent"] -= 1.0
        world.run(300)
    assert not world.ever("I5")
    world.host["gpu-1"]["node.disk_free_percent"] = 19.5
    for _ in range(7):
        world.host["gpu-1"]["node.disk_free_percent"] -= 1.0
        world.run(300)
    assert "warning" == world.one("I5").severity
    world.host["gpu-1"]["node.disk_free_percent"] = 40.0
    world.run(10)
    assert () == world.diagnosis.findings


def test_a_program_that_finds_no_space_is_told_of_its_node() -> None:
    """Whatever the page says of local disks: it may be a quota, or shared memory."""
    world = at_work()
    world.job_log("OSError: [Errno 28] No space left on device")
    world.run(5)
    assert ("warning", "gpu-1") == (world.one("I5").severity, world.one("I5").subject.node)


# ── I6 … I11 ──


def test_a_stuck_processor_is_a_warning_and_after_an_xid_119_a_symptom() -> None:
    """The driver that waits for the GPU holds it."""
    line = "watchdog: BUG: soft lockup - CPU#18 stuck for 27s! [python3:2254956]"
    world = at_work()
    world.kernel(line)
    world.run(5)
    assert [("I6", "gpu-1")] == world.roots
    other = at_work()
    other.xid(
        119,
        GSP_TIMEOUT,
        4,
    )
    other.run(20)
    other.kernel(line)
    other.run(5)
    assert [("B2", "gpu-1/4")] == other.roots


def test_a_panic_is_critical() -> None:
    """The last line of a machine."""
    world = at_work()
    world.kernel("Kernel panic - not syncing: Fatal Machine check")
    world.run(5)
    assert ("critical", "gpu-1: kernel panic (Fatal Machine check)") == (
        world.one("I7").severity,
        world.one("I7").title,
    )


def test_a_machine_check_is_the_cause_of_the_panic() -> None:
    """Processor or memory first, then the kernel stops."""
    world = at_work()
    world.kernel("mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 4: b200000000070005")
    world.kernel("Kernel panic - not syncing: Fatal Machine check")
    world.run(5)
    assert [("I10", "gpu-1")] == world.roots


def test_limits_of_the_kernel_are_found_by_line_and_by_value() -> None:
    """Files that can be opened, connections that are kept."""
    world = at_work()
    world.kernel("VFS: file-max limit 1000000 reached")
    world.run(5)
    assert ("warning", "gpu-1: a limit of the kernel is reached (1000000)") == (
        world.one("I8").severity,
        world.one("I8").title,
    )
    other = World()
    other.host["gpu-1"]["node.conntrack"] = 85.0
    other.run(10)
    assert () == other.diagnosis.findings
    other.host["gpu-1"]["node.conntrack"] = 95.0
    other.run(10)
    assert "warning" == other.one("I8").severity


def test_a_clock_that_is_off_is_a_warning_after_ten_minutes() -> None:
    """A tenth of a second, either way."""
    world = World()
    world.host["gpu-1"]["node.clock_offset"] = -0.1
    world.run(5)
    assert "info" == world.one("I9").severity
    world.run(600)
    assert "warning" == world.one("I9").severity
    world.host["gpu-1"]["node.clock_offset"] = 0.001
    world.run(5)
    assert () == world.diagnosis.findings


def test_a_machine_apart_from_the_others_has_the_wrong_time() -> None:
    """Ours may be wrong as well: all of them a minute off is our own clock."""
    world = World(nodes=4)
    for _ in range(20):
        for name in world.names:
            world.host[name]["node.clock"] = world.now + 5.0 - 70.0 + (20.0 if name == "gpu-3" else 0.0)
        world.run(5)
    assert ("warning", "gpu-3") == (world.one("I9").severity, world.one("I9").subject.node)


def test_corrected_errors_of_the_machines_memory_are_information() -> None:
    """Many within an hour announce a module that dies, an uncorrected one is critical."""
    world = at_work()
    world.host["gpu-1"] |= {"node.ecc_corrected": 5.0, "node.ecc_uncorrected": 0.0}
    world.run(10)
    world.host["gpu-1"]["node.ecc_corrected"] = 6.0
    world.run(5)
    assert "info" == world.one("I10").severity
    world.host["gpu-1"]["node.ecc_corrected"] = 400.0
    world.run(5)
    assert "warning" == world.one("I10").severity
    world.host["gpu-1"]["node.ecc_uncorrected"] = 1.0
    world.run(5)
    assert "critical" == world.one("I10").severity


def test_too_few_processors_are_information() -> None:
    """Load above what Slurm says there is, for five minutes."""
    world = at_work()
    world.host["gpu-1"]["node.load_5m"] = 60.0
    world.run(310)
    assert not world.ever("I11")
    world.host["gpu-1"]["node.load_5m"] = 200.0
    world.run(310)
    assert "info" == world.one("I11").severity


def test_an_ordered_reboot_finds_nothing_of_machines() -> None:
    """Flags, the kernel's last line, silence, a new boot with a clock and a fabric on their way."""
    world = at_work()
    world.jobs["812"] = replace(world.jobs["812"], state="COMPLETED", end_at=world.now)
    for index in range(8):
        world.values["gpu-1", index] = dict(IDLE)
    world.set_node(flags=("REBOOT_ISSUED",), reason="Reboot ASAP")
    world.run(10)
    world.kernel("ib0: Lost carrier", "reboot: Restarting system")
    world.errors |= {"exporter gpu-1": "connection refused", "kernel gpu-1": "connection refused"}
    world.run(240)
    world.errors.clear()
    world.host["gpu-1"] |= {"node.boot_time": world.now - 20.0, "node.uptime": 20.0, "node.clock_offset": 0.4}
    for index in range(8):
        world.gpu(index)["gpu.fabric_state"] = 2.0
    world.run(60)
    grave = {one.code for past in world.history for one in past.findings if one.severity != "info"}
    assert set() == {code for code in grave if code.startswith(("C", "E", "I"))}
