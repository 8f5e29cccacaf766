"""Faults of the GPU, its driver and firmware (B1 … B7, B13 … B15): each as a story, beside one that looks like it."""

from __future__ import annotations

import pytest

from app.domain.reading import XidCount
from app.engine.diagnosis.fault_table import fault_table
from app.engine.xids import xids
from tests.engine.diagnosis.world import World, pci
from tests.engine.slurm_builders import NOW, running

NOBODY = "pid='<unknown>', name=<unknown>, "
OFF_BUS = f"{NOBODY}GPU has fallen off the bus."
GSP = (
    "pid=2024380, name=nvidia-smi, Timeout after 6s of waiting for RPC response from GPU4 GSP! Expected function 103 "
    "(GSP_RM_ALLOC) (0x2081 0x4)."
)
STUCK = "pid=1797828, name=pt_main_thread, Ch 00000008, errorString CTX SWITCH TIMEOUT, Info 0x58005"


def exception(gpc: int, tpc: int) -> str:
    """Xid 13 of one unit."""
    return f"{NOBODY}Graphics SM Warp Exception on (GPC {gpc}, TPC {tpc}, SM 0): Out Of Range Address"


def at_work(nodes: int = 1) -> World:
    """Nodes whose GPUs one job holds."""
    on = ",".join(f"gpu-{number + 1}" for number in range(nodes))
    world = World(nodes=nodes, jobs={"812": running(812, on, 8)})
    world.run(30)
    return world


# ── B1: gone from the bus ──


def test_a_gpu_off_the_bus_is_one_fault_however_it_is_told() -> None:
    """Xid 79, the driver's text without a number, and the exporter's list are the same GPU gone (rule 7)."""
    world = at_work()
    world.xid(79, OFF_BUS, 4)
    world.kernel(f"NVRM: GPU {pci(4)}.0: GPU has fallen off the bus.")
    world.run(5)
    world.lose(4)
    world.run(120)
    assert [("B1", "gpu-1/4")] == world.roots
    assert "critical" == world.one("B1").severity
    assert "812" in world.one("B1").affects.jobs


def test_a_gpu_that_its_driver_lost_is_gone_at_once_and_one_left_out_after_half_a_minute() -> None:
    """A page that leaves a GPU out once may be an exporter that has just started."""
    world = World(has_logs=False)
    world.run(10)
    world.notes["gpu-1", 2] = "the driver has lost it"
    world.lose(2)
    world.lose(6)
    world.run(5)
    assert [("B1", "gpu-1/2")] == world.roots
    world.run(30)
    assert {"gpu-1/2", "gpu-1/6"} == {str(one.subject) for one in world.diagnosis.findings if one.code == "B1"}


def test_a_gpu_left_out_for_a_moment_is_no_fault() -> None:
    """An exporter that starts lists its GPUs one after the other."""
    world = World()
    world.run(10)
    world.lose(6)
    world.run(15)
    world.find(6)
    world.run(60)
    assert not world.ever("B1")


def test_what_a_lost_gpu_says_afterwards_follows_from_its_loss() -> None:
    """119 and 45 after 79 are echoes, and the dead engine on it is a consequence."""
    world = World(service={"service.requests_running": 3.0})
    world.run(30)
    world.xid(79, OFF_BUS, 0)
    world.xid(119, GSP, 0)
    world.xid(45, "pid=7, name=python, Ch 00000001", 0)
    world.vllm("vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.")
    world.run(30)
    assert ["B1"] == [code for code, _ in world.roots]
    assert {"B1", "B2", "B11", "H1"} <= set(world.codes)


def test_a_lost_gpu_is_not_healthy_after_a_reboot_that_does_not_bring_it_back() -> None:
    """The log's line is over with the boot, the hole in the list is not (rule 12)."""
    world = World()
    world.run(10)
    world.xid(79, OFF_BUS, 4)
    world.lose(4)
    world.run(60)
    world.reboot()
    world.run(180)
    found = world.one("B1")
    assert "have the board inspected" in found.actions[0].text


def test_a_gpu_that_comes_back_ends_its_fault() -> None:
    """A power cycle mended it."""
    world = World()
    world.run(10)
    world.xid(79, OFF_BUS, 4)
    world.lose(4)
    world.run(60)
    world.reboot()
    world.find(4)
    world.run(15)
    assert [] == world.codes


# ── B2 … B7, B14, B17: the GPU stops ──


@pytest.mark.parametrize(
    ("code", "words", "fault"),
    [
        (119, GSP, "B2"),
        (120, f"{NOBODY}GSP error", "B2"),
        (62, f"{NOBODY}PMU Halt", "B3"),
        (169, f"{NOBODY}SEC2 halt", "B3"),
        (143, f"{NOBODY}GPU initialization error", "B5"),
        (109, STUCK, "B7"),
        (54, f"{NOBODY}AUX power", "B14"),
        (46, f"{NOBODY}GPU stopped processing", "B17"),
        (110, f"{NOBODY}Security fault", "B17"),
        (158, f"{NOBODY}Fatal timeout", "B17"),
    ],
)
def test_a_gpu_that_stops_is_a_grave_fault_of_its_own(code: int, words: str, fault: str) -> None:
    """Each code on its GPU, with the job that it hits, and the clean-up behind it attached."""
    world = at_work()
    world.xid(code, words, 4)
    world.xid(45, "pid=7, name=python, Ch 00000001", 4)
    world.run(10)
    assert [(fault, "gpu-1/4")] == world.roots
    found = world.one(fault)
    assert ("critical", "812") == (found.severity, found.subject.job)
    assert (found.id,) == world.one("B11").caused_by


def test_the_process_that_a_gsp_time_out_names_is_not_blamed() -> None:
    """nvidia-smi only asked."""
    world = World()
    world.run(5)
    world.xid(119, GSP, 4)
    world.run(5)
    assert "nvidia-smi" not in world.one("B2").title


def test_a_firmware_that_does_not_start_is_no_gpu_that_fell() -> None:
    """Texts at module load."""
    world = World()
    world.run(5)
    world.kernel(
        "NVRM: GPU6 _kgspBootGspRm: unexpected WPR2 already up, cannot proceed with booting GSP",
        f"NVRM: GPU {pci(6)}.0: RmInitAdapter failed! (0x62:0x40:2168)",
    )
    world.run(5)
    assert [("B5", "gpu-1/6")] == world.roots


def test_a_context_switch_that_hangs_behind_a_programs_fault_follows_from_it() -> None:
    """13, then 109."""
    world = at_work()
    world.xid(13, exception(1, 3), 4)
    world.run(5)
    world.xid(109, STUCK, 4)
    world.run(5)
    assert [("B9", "gpu-1/4")] == world.roots
    assert "critical" == world.one("B7").severity


def test_a_board_without_power_says_so_in_words_too() -> None:
    """The driver's text has no number."""
    world = World()
    world.run(5)
    world.kernel(f"NVRM: GPU {pci(3)}.0: GPU does not have the necessary power cables connected.")
    world.run(5)
    assert [("B14", "gpu-1/3")] == world.roots


# ── B4, B6: the driver ──


def test_a_library_of_another_version_is_a_fault_of_the_node() -> None:
    """What its source says; one container's own library is a warning."""
    world = World(nodes=2)
    world.run(30)
    world.errors["exporter gpu-1"] = "NVML did not start: Driver/library version mismatch"
    world.kernel(
        "NVRM: API mismatch: the client 'python' (pid 77) has the version 570.10, but this kernel module has 580.95",
        node_name="gpu-2",
    )
    world.run(10)
    found = {str(one.subject): one.severity for one in world.diagnosis.findings if one.code == "B4"}
    assert {"gpu-1": "critical", "gpu-2": "warning"} == found


def test_a_node_whose_gpus_are_all_gone_has_lost_its_driver() -> None:
    """All at once are not eight boards that fell."""
    world = World()
    world.run(10)
    for index in range(8):
        world.lose(index)
    world.run(90)
    assert [("B6", "gpu-1")] == world.roots
    assert "B1" not in world.codes


def test_a_driver_that_is_not_loaded_is_told_by_its_source() -> None:
    """NVML's own words."""
    world = World()
    world.run(10)
    world.errors["exporter gpu-1"] = "NVML did not start: Driver Not Loaded"
    world.run(5)
    assert [("B6", "gpu-1")] == world.roots


def test_a_program_that_sees_no_driver_on_a_node_whose_gpus_answer_is_no_fault() -> None:
    """A container without GPUs says the same as a node without a driver."""
    world = World(nodes=2)
    world.run(30)
    world.errors["exporter gpu-2"] = "connection refused by gpu-2:9400"
    world.run(60)
    for name in world.names:
        world.job_log("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", node_name=name)
    world.run(5)
    assert ["gpu-2"] == [str(one.subject) for one in world.diagnosis.findings if one.code == "B6"]


def test_a_damaged_inforom_is_a_warning_and_its_wear_none() -> None:
    """nvidia-smi's word of it, and Xid 93."""
    world = World()
    world.run(5)
    world.job_log(f"WARNING: infoROM is corrupted at gpu {pci(1)}.0")
    world.xid(93, f"{NOBODY}InfoROM erase limit exceeded", 2)
    world.run(5)
    found = {str(one.subject): one.severity for one in world.diagnosis.findings if one.code == "B13"}
    assert {"gpu-1/1": "warning", "gpu-1/2": "info"} == found


def test_persistence_mode_off_is_information_of_the_node() -> None:
    """Eight GPUs, one word."""
    world = World()
    for index in range(8):
        world.gpu(index)["gpu.persistence_mode"] = 0.0
    world.run(5)
    assert ("info", "gpu-1") == (world.one("B15").severity, str(world.one("B15").subject))


def test_no_xid_is_silent_and_no_grave_one_is_played_down() -> None:
    """Every code that the registry calls grave has a fault that may be so; one it does not know is a warning."""
    asked = {int(kind[4:]) for kind in fault_table().signs if kind.startswith("xid.") and kind[4:].isdigit()}
    elsewhere = {code for code, one in xids().items() if one.by in ("fabric", "verdict")} | {137, 167, 176}
    assert set() == set(xids()) - asked - elsewhere
    world = World()
    world.run(5)
    world.xid(199, f"{NOBODY}something new", 3)
    world.run(5)
    assert [("B18", "gpu-1/3")] == world.roots
    assert "199" in world.one("B18").title


@pytest.mark.parametrize(
    ("code", "severity"), [(151, "critical"), (78, "warning"), (106, "info"), (38, "info"), (162, "info")]
)
def test_other_messages_of_the_driver_are_told_as_grave_as_they_are(code: int, severity: str) -> None:
    """In the registry's words."""
    world = World()
    world.run(5)
    world.xid(code, f"{NOBODY}whatever", 3)
    world.run(5)
    assert severity == world.one("B18").severity


def test_an_exporters_count_stands_in_for_a_log() -> None:
    """A node whose kernel log nobody reads: the count rises, and the finding says what it rests on."""
    world = World(has_logs=False)
    world.xids["gpu-1", 2] = (XidCount(62, 1, NOW),)
    world.run(10)
    assert [] == world.roots
    world.xids["gpu-1", 2] = (XidCount(62, 2, NOW + 11),)
    world.run(5)
    assert [("B3", "gpu-1/2")] == world.roots
    assert "counted by the exporter" in world.one("B3").evidence[0].text
