"""Faults of heat, power and clocks (D): each as a story, beside the everyday thing that looks like it."""

from __future__ import annotations

import pytest

from app.domain.finding import Evidence, Finding, FindingSubject
from tests.engine.diagnosis.world import World
from tests.engine.slurm_builders import running

SW_POWER_CAP, HW_SLOWDOWN, SW_THERMAL, HW_THERMAL, POWER_BRAKE = 0x4, 0x8, 0x20, 0x40, 0x80


def slowed(world: World, index: int, reasons: int, node_name: str = "gpu-1") -> None:
    """Give a GPU its clock-event reasons."""
    world.gpu(index, node_name)["gpu.clock_event_reasons"] = float(reasons)


def test_power_capping_at_full_load_is_no_fault() -> None:
    """Every GPU under the software cap, for hours."""
    world = World()
    for index in range(8):
        slowed(world, index, SW_POWER_CAP)
    world.run(3600)
    assert not any(one.findings for one in world.history)


def test_a_hardware_slowdown_for_heat_is_a_warning_at_once_and_grave_after_five_minutes() -> None:
    """Bit 0x40, with 0x8 beside it as the driver has it."""
    world = World()
    world.run(10)
    slowed(world, 3, HW_THERMAL | HW_SLOWDOWN)
    world.run(5)
    assert ("warning", [("D1", "gpu-1/3")]) == (world.one("D1").severity, world.roots)
    world.run(300)
    assert "critical" == world.one("D1").severity
    slowed(world, 3, SW_POWER_CAP)
    world.run(5)
    assert [] == world.codes


def test_heat_on_a_whole_node_is_one_incident() -> None:
    """Fans or the room, not eight boards."""
    world = World()
    world.run(10)
    for index in range(8):
        slowed(world, index, HW_THERMAL)
    world.run(30)
    assert 1 == len(world.diagnosis.incidents)


def test_heat_that_the_exporter_only_counts_is_found() -> None:
    """Seconds of slowdown that rise; a count that stands is history."""
    world = World()
    for index in range(2):
        del world.gpu(index)["gpu.clock_event_reasons"]
        world.gpu(index)["gpu.hw_thermal_violation"] = 900.0
    world.run(60)
    assert [] == world.codes
    for _ in range(20):
        world.gpu(1)["gpu.hw_thermal_violation"] += 5.0
        world.run(5)
    assert [("D1", "gpu-1/1")] == world.roots


def test_lower_clocks_for_heat_cost_speed_and_matter_after_half_an_hour() -> None:
    """Bit 0x20."""
    world = World()
    world.run(10)
    slowed(world, 3, SW_THERMAL)
    world.run(60)
    assert ("info", []) == (world.one("D2").severity, world.roots)
    world.run(1800)
    assert [("D2", "gpu-1/3")] == world.roots


def test_slowdowns_that_come_and_go_are_counted() -> None:
    """Six within ten minutes; two are nothing."""
    world = World()
    world.run(10)
    for turn in range(7):
        slowed(world, 3, HW_SLOWDOWN)
        if turn < 2:
            slowed(world, 4, HW_SLOWDOWN)
        world.run(10)
        slowed(world, 3, SW_POWER_CAP)
        slowed(world, 4, SW_POWER_CAP)
        world.run(30)
    assert [("D3", "gpu-1/3")] == world.roots


def test_a_power_brake_counts_when_it_lasts() -> None:
    """Three looks in a row; one look, or a counter that moved once since the driver was loaded, does not."""
    world = World()
    world.gpu(5)["gpu.power_brake_violation"] = 4000.0
    world.run(30)
    slowed(world, 3, POWER_BRAKE)
    world.gpu(5)["gpu.power_brake_violation"] = 4000.5
    world.run(5)
    assert [] == world.roots
    world.run(10)
    assert [("D4", "gpu-1/3")] == world.roots


def test_a_power_brake_is_behind_the_straggler_and_the_gpu_that_fell() -> None:
    """Brake, lower clock, a job held back, then Xid 79: one incident whose root is the power."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.run(30)
    slowed(world, 3, POWER_BRAKE)
    world.gpu(3)["gpu.sm_clock"] = 900.0
    world.run(120)
    assert [("D4", "gpu-1/3")] == world.roots
    assert (world.one("D4").id,) == world.one("D7").caused_by
    world.xid(79, "pid='<unknown>', name=<unknown>, GPU has fallen off the bus.", 3)
    world.run(10)
    assert [("D4", "gpu-1/3")] == world.roots
    assert "critical" == world.diagnosis.incidents[0].severity


def test_several_gpus_under_the_brake_have_their_supply_in_common() -> None:
    """The node's power supply is the root of what each GPU shows."""
    world = World()
    world.run(30)
    for index in range(4):
        slowed(world, index, POWER_BRAKE)
    world.run(30)
    assert [("D8", "gpu-1")] == world.roots
    assert 4 == world.codes.count("D4")


def test_a_supply_that_the_board_controller_reports_is_a_warning() -> None:
    """As ipmievd writes it; a program's own words of power are none."""
    world = World(nodes=2)
    world.run(5)
    world.service_log("ipmievd", "Power Supply sensor PS2 Status Failure detected asserted")
    world.service_log("myapp", "Power Supply sensor PS2 Status Failure detected", node_name="gpu-2")
    world.run(5)
    assert [("D8", "gpu-1")] == world.roots


def test_one_gpu_with_a_lower_limit_is_information() -> None:
    """Left from a test, beside its neighbours; a limit that the fleet has is the site's choice."""
    world = World(nodes=3)
    for values in world.values.values():
        values["gpu.power_limit"] = 600.0
    world.run(10)
    assert [] == world.codes
    world.gpu(2)["gpu.power_limit"] = 400.0
    world.run(10)
    assert ("info", "gpu-1/2") == (world.one("D5").severity, str(world.one("D5").subject))
    assert "400 W" in world.one("D5").title


def test_a_node_with_a_lower_limit_is_told_once() -> None:
    """Eight GPUs, one word."""
    world = World(nodes=3)
    for index in range(8):
        world.gpu(index)["gpu.power_limit"] = 500.0
    world.run(10)
    assert ("info", "gpu-1") == (world.one("D5").severity, str(world.one("D5").subject))


@pytest.mark.parametrize(
    "values",
    [
        {"gpu.temperature_margin": 3.0, "gpu.temperature": 84.0},
        {"gpu.temperature_slowdown": 90.0, "gpu.temperature": 87.0},
        {"gpu.temperature": 88.0},
        {"gpu.memory_temperature": 96.0, "gpu.memory_temperature_max_operating": 95.0},
    ],
)
def test_a_gpu_near_its_own_limit_is_hot_after_five_minutes(values: dict[str, float]) -> None:
    """By its margin, else by where it slows down, else by 85 °C."""
    world = World()
    world.gpu(4).update(values)
    world.run(60)
    assert [] == world.roots
    world.run(300)
    assert [("D6", "gpu-1/4")] == world.roots


def test_a_warm_gpu_with_room_to_its_limit_is_not_hot() -> None:
    """88 °C with a margin of twelve."""
    world = World()
    world.gpu(4).update({"gpu.temperature": 88.0, "gpu.temperature_margin": 12.0})
    world.run(900)
    assert [] == world.codes


def test_heat_leads_from_the_margin_to_the_straggler() -> None:
    """Hot, slowed down, behind its job: one incident."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.run(30)
    world.gpu(6).update({"gpu.temperature": 89.0, "gpu.temperature_margin": 1.0})
    world.run(120)
    slowed(world, 6, HW_THERMAL)
    world.gpu(6)["gpu.sm_clock"] = 990.0
    world.run(360)
    assert [("D6", "gpu-1/6")] == world.roots
    assert {"D6", "D1", "D7"} == set(world.codes)


def test_a_rank_with_a_lower_clock_holds_its_job_back() -> None:
    """The same use, a clock far below the others', for a minute; two jobs of unlike clocks are not compared."""
    jobs = {"1": running(1, "gpu-1", 4, indices=(0, 1, 2, 3)), "2": running(2, "gpu-1", 4, indices=(4, 5, 6, 7))}
    world = World(jobs=jobs)
    for index in range(4, 8):
        world.gpu(index)["gpu.sm_clock"] = 1200.0
    world.gpu(2)["gpu.sm_clock"] = 1300.0
    world.run(30)
    assert [] == world.roots
    world.run(60)
    assert [("D7", "gpu-1/2")] == world.roots
    assert "1" == world.one("D7").subject.job


def test_a_rank_that_writes_a_checkpoint_is_not_yet_a_straggler() -> None:
    """The others wait for it with full use for four minutes."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.run(30)
    world.gpu(0).update({"gpu.utilization": 0.0, "gpu.power": 120.0})
    world.run(240)
    world.gpu(0).update({"gpu.utilization": 97.0, "gpu.power": 640.0})
    world.run(10)
    assert not any(one.severity != "info" for look in world.history for one in look.findings)
    assert [] == world.codes


def test_what_watching_found_of_a_straggler_is_the_same_finding() -> None:
    """The finding of the watch, and the sign of the look."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.gpu(2)["gpu.sm_clock"] = 1300.0
    world.run(60)
    watched = Finding(
        "job.straggler", "D7", "gpu-1/2 holds back job 812", "warning", FindingSubject("gpu-1", 2, None, "812"),
        world.now - 60, world.now, (Evidence("siblings", world.now, "clock"),), "Ranks wait.",
    )  # fmt: skip
    world.found = (watched,)
    world.run(30)
    assert [("D7", "gpu-1/2")] == world.roots
    assert "holds back job 812" in world.one("D7").title


def test_idle_clocks_are_no_slowdown() -> None:
    """An idle GPU is slow by design, and a mask that is no mask is nothing."""
    world = World()
    world.gpu(1).update({"gpu.utilization": 0.0, "gpu.sm_clock": 345.0, "gpu.clock_event_reasons": 1.0})
    world.gpu(2)["gpu.clock_event_reasons"] = float("nan")
    world.gpu(3)["gpu.clock_event_reasons"] = 1e30
    world.run(900)
    assert [] == world.codes
