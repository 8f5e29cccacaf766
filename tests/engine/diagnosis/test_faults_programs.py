"""What programs do to a GPU (B8 … B12, B16): each as a story, beside one that looks like it."""

from __future__ import annotations

import pytest

from app.domain.slurm import Gres
from tests.engine.diagnosis.world import IDLE, World
from tests.engine.slurm_builders import running

NOBODY = "pid='<unknown>', name=<unknown>, "
PAGE_FAULT = (
    "pid=14292, name=python, Ch 00000030, intr 00000000. MMU Fault: ENGINE HOST0 HUBCLIENT_ESC faulted @ "
    "0x10_00200000. Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ"
)
STUCK = "pid=1797828, name=pt_main_thread, Ch 00000008, errorString CTX SWITCH TIMEOUT, Info 0x58005"
HOUR_S = 3600.0


def exception(gpc: int, tpc: int) -> str:
    """Xid 13 of one unit."""
    return f"{NOBODY}Graphics SM Warp Exception on (GPC {gpc}, TPC {tpc}, SM 0): Out Of Range Address"


def at_work(nodes: int = 1) -> World:
    """Nodes whose GPUs one job holds."""
    on = ",".join(f"gpu-{number + 1}" for number in range(nodes))
    world = World(nodes=nodes, jobs={"812": running(812, on, 8)})
    world.run(30)
    return world


@pytest.mark.parametrize(("code", "words", "fault"), [(31, PAGE_FAULT, "B8"), (13, exception(1, 3), "B9")])
def test_a_programs_fault_is_information(code: int, words: str, fault: str) -> None:
    """It is the program's, with its job and process."""
    world = at_work()
    world.xid(code, words, 2)
    world.xid(45, "pid=14292, name=python, Ch 00000008", 2)
    world.run(10)
    assert [] == world.roots
    assert ("info", "812") == (world.one(fault).severity, world.one(fault).subject.job)
    assert (world.one(fault).id,) == world.one("B11").caused_by


def test_the_same_unit_again_within_a_day_points_at_the_board() -> None:
    """13 at one GPC and TPC, an hour apart (rule 5); other units each time are the program."""
    world = World()
    world.run(5)
    for _ in range(2):
        world.xid(13, exception(1, 3), 2)
        world.run(HOUR_S)
    world.xid(13, exception(0, 0), 5)
    world.run(HOUR_S)
    world.xid(13, exception(4, 1), 5)
    world.run(600)
    world.xid(13, exception(1, 3), 2)
    world.run(5)
    found = {str(one.subject): one.severity for one in world.diagnosis.findings if one.code == "B9"}
    assert {"gpu-1/2": "warning", "gpu-1/5": "info"} == found


def test_a_page_fault_twice_on_one_gpu_is_a_warning() -> None:
    """Whatever runs there."""
    world = World()
    world.xid(31, PAGE_FAULT, 2)
    world.run(HOUR_S)
    world.xid(31, PAGE_FAULT.replace("14292", "777"), 2)
    world.run(5)
    assert [("B8", "gpu-1/2")] == world.roots


def test_a_fault_that_follows_a_job_is_its_program() -> None:
    """31 on several GPUs and nodes of one job, twice: still the program, and one incident."""
    world = at_work(nodes=2)
    for _ in range(2):
        for name in ("gpu-1", "gpu-2"):
            for index in range(3):
                world.xid(31, PAGE_FAULT, index, name)
        world.run(1200)
    for name in ("gpu-1", "gpu-2"):
        world.xid(31, PAGE_FAULT, 0, name)
    world.run(5)
    assert [] == world.roots
    assert 1 == len(world.diagnosis.incidents)


@pytest.mark.parametrize("code", [8, 32, 43, 68, 69, 39, 25])
def test_a_stopped_program_is_information(code: int) -> None:
    """However often 43 comes; others come to matter at the third time on one GPU."""
    world = at_work()
    world.xid(code, "pid=2924364, name=pt_main_thread, Ch 00000008", 2)
    world.run(5)
    assert ("info", []) == (world.one("B10").severity, world.roots)
    for _ in range(3):
        world.run(1200)
        world.xid(code, "pid=2924364, name=pt_main_thread, Ch 00000008", 2)
        world.run(5)
    assert ("info" if code in (8, 43) else "warning") == world.one("B10").severity


def test_a_storm_of_cleanups_is_one_piece_of_information() -> None:
    """Xid 45 at the end of a job, on each of its GPUs, hundreds of times."""
    world = at_work()
    for index in range(8):
        for channel in range(40):
            world.xid(45, f"pid=1818990, name=python3, Ch {channel:08x}", index)
    world.run(10)
    assert [] == world.roots
    assert 1 == len(world.diagnosis.incidents)


def test_a_cleanup_is_attached_to_the_error_that_the_driver_names() -> None:
    """`caused by previous Xid` (rule 1)."""
    world = at_work()
    world.xid(109, STUCK, 2)
    world.run(600)
    world.xid(45, "pid=1797828, name=python3, Ch 00000001 caused by previous Xid 109", 2)
    world.run(5)
    assert (world.one("B7").id,) == world.one("B11").caused_by


def test_a_gpu_that_is_busy_with_nothing_is_found_after_ten_minutes() -> None:
    """Full use at the power of an idle board, with nothing moving."""
    world = World()
    world.gpu(3).update(
        {"gpu.power": 130.0, "gpu.sm_active": 1.0, "gpu.tensor_active": 0.0, "gpu.clock_event_reasons": 0.0}
    )
    world.run(300)
    assert [] == world.roots
    world.run(400)
    assert [("B12", "gpu-1/3")] == world.roots


def test_small_work_and_slow_reading_are_no_hang() -> None:
    """Decoding is bound by memory, copying by links: both draw little and hold few cores."""
    world = World()
    world.gpu(3).update({"gpu.power": 240.0, "gpu.sm_active": 20.0, "gpu.tensor_active": 0.5, "gpu.dram_active": 45.0})
    world.gpu(4).update({"gpu.power": 200.0, "gpu.sm_active": 3.0, "gpu.tensor_active": 0.0, "gpu.pcie_rx": 20e9})
    world.gpu(5).update({"gpu.power": 500.0, "gpu.sm_active": 12.0, "gpu.tensor_active": 0.0})
    world.run(900)
    assert "B12" not in world.codes


def test_ranks_that_wait_follow_from_the_one_that_hangs() -> None:
    """Seven spin in a collective and one does nothing: that one is the root (D7)."""
    world = at_work()
    for index in range(8):
        world.gpu(index).update(
            {"gpu.utilization": 100.0, "gpu.power": 180.0, "gpu.sm_active": 10.0, "gpu.tensor_active": 0.0}
        )
    world.gpu(5).update({"gpu.utilization": 0.0, "gpu.power": 110.0})
    world.run(900)
    assert [("D7", "gpu-1/5")] == world.roots
    assert 7 == world.codes.count("B12")


def test_memory_that_nobody_was_given_is_leaked() -> None:
    """Two minutes after a job's end nothing should be left; a job's own memory is its own."""
    world = World(jobs={"9": running(9, "gpu-1", 4)})
    world.set_node(gres_used=world_used(4))
    for index in range(4, 8):
        world.values["gpu-1", index] = dict(IDLE)
    world.gpu(6)["gpu.memory_used"] = 38_000.0
    world.run(20)
    assert [] == world.roots
    world.run(180)
    assert [("B16", "gpu-1/6")] == world.roots


def test_a_servers_memory_beside_slurm_is_its_own() -> None:
    """A model server that no job started keeps its weights while nobody asks."""
    world = World(jobs={"9": running(9, "gpu-1", 1)}, service={"service.requests_running": 0.0})
    world.set_node(gres_used=world_used(1))
    for index in range(1, 8):
        world.values["gpu-1", index] = {**IDLE, "gpu.memory_used": 70_000.0}
    world.run(300)
    assert "B16" not in world.codes


def world_used(count: int) -> tuple[object, ...]:
    """GPUs that Slurm has given away, the first ones."""
    return (Gres("gpu", "h100", count, tuple(range(count))),)
