"""Faults of PCIe and network cards (C): each as a story in which it is found, beside one that looks like it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.engine.diagnosis.world import IDLE, World
from tests.engine.slurm_builders import running

CARD = "0000:12:00.0"
AER = "PCIe Bus Error: severity="


def at_work(nodes: int = 1) -> World:
    """Nodes whose GPUs a job holds, with eight active InfiniBand ports each."""
    names = ",".join(f"gpu-{number + 1}" for number in range(nodes))
    world = World(nodes=nodes, jobs={"812": running(812, names, 8)})
    for name in world.names:
        world.host[name] |= {"node.infiniband_up": 8.0, "node.infiniband_link_downed": 2.0}
    world.run(30)
    return world


# ── C1 a link that is narrower or slower ──


def test_lost_lanes_under_load_are_found_at_once() -> None:
    """Four of sixteen lanes on one GPU at work."""
    world = at_work()
    world.gpu(3)["gpu.pcie_width"] = 4.0
    world.run(5)
    assert ("warning", "GPU gpu-1/3: its PCIe link is only ×4 of ×16") == (
        world.one("C1").severity,
        world.one("C1").title,
    )
    assert [("C1", "gpu-1/3")] == world.roots


def test_lost_lanes_are_known_by_the_siblings_where_no_maximum_is_told() -> None:
    """Exporters do not give the maximum by default."""
    world = World()
    for index in range(8):
        del world.gpu(index)["gpu.pcie_width_max"]
    world.gpu(3)["gpu.pcie_width"] = 8.0
    world.run(10)
    assert "gpu-1/3" == str(world.one("C1").subject)


def test_a_generation_that_stays_low_under_load_is_a_warning() -> None:
    """At first it is only information: the link may still be on its way up."""
    world = at_work()
    world.gpu(3)["gpu.pcie_gen"] = 1.0
    world.run(5)
    assert "info" == world.one("C1").severity
    world.run(30)
    assert "warning" == world.one("C1").severity


def test_an_idle_link_saves_power() -> None:
    """Generation 1, and even fewer lanes, at no load are as they should be."""
    world = World()
    for index in range(8):
        world.values["gpu-1", index] = dict(IDLE) | {"gpu.pcie_width": 8.0}
    world.run(120)
    assert () == world.diagnosis.findings


def test_slots_that_are_all_wired_alike_are_no_fault() -> None:
    """Every GPU has eight lanes of sixteen."""
    world = World()
    for index in range(8):
        world.gpu(index)["gpu.pcie_width"] = 8.0
    world.run(120)
    assert not world.ever("C1")


def test_a_gpu_that_has_just_begun_to_work_has_time_to_raise_its_link() -> None:
    """Busy for the first time at this look, with the link of its rest."""
    world = World()
    world.values["gpu-1", 3] = dict(IDLE)
    world.run(30)
    world.gpu(3)["gpu.utilization"] = 97.0
    world.run(5)
    world.gpu(3)["gpu.pcie_gen"] = 5.0
    world.run(30)
    assert not world.ever("C1")


# ── C2, C3 errors on PCIe ──


def test_replays_that_climb_are_found() -> None:
    """Seven a second; a hundred that stood there are history."""
    world = at_work()
    world.gpu(2)["gpu.pcie_replay"] = 100.0
    world.run(30)
    assert () == world.diagnosis.findings
    for _ in range(6):
        world.gpu(2)["gpu.pcie_replay"] += 35.0
        world.run(5)
    assert ("warning", "gpu-1/2") == (world.one("C2").severity, str(world.one("C2").subject))


def test_a_few_replays_an_hour_are_normal() -> None:
    """One every two minutes for half an hour."""
    world = at_work()
    world.gpu(2)["gpu.pcie_replay"] = 0.0
    for _ in range(15):
        world.gpu(2)["gpu.pcie_replay"] += 1.0
        world.run(120)
    assert not world.ever("C2")


def test_many_corrected_errors_of_a_device_are_a_bad_link() -> None:
    """The kernel's own reports name the GPU by its address; a handful of them is nothing."""
    world = at_work()
    line = f"pcieport 0000:1b:00.0: {AER}Corrected, type=Physical Layer, (Receiver ID)"
    world.kernel(*[line] * 5)
    world.run(10)
    assert not world.ever("C2")
    world.kernel(*[line] * 20)
    world.run(10)
    assert ("warning", "gpu-1/0") == (world.one("C2").severity, str(world.one("C2").subject))


def test_a_fatal_pcie_error_is_the_cause_of_the_gpu_that_falls_off() -> None:
    """An uncorrectable error at the port, then Xid 79 and a GPU that is gone."""
    world = at_work()
    world.kernel(f"pcieport 0000:4a:00.0: {AER}Uncorrectable (Fatal), type=Transaction Layer, (Requester ID)")
    world.run(5)
    world.xid(79, "pid='<unknown>', name=<unknown>, GPU has fallen off the bus.", 3)
    world.lose(3)
    world.run(10)
    assert [("C3", "gpu-1")] == world.roots
    assert (world.one("C3").id,) == world.one("B1").caused_by


def test_xid_167_names_its_gpu() -> None:
    """A completion time-out as the driver tells it."""
    world = at_work()
    world.xid(167, "pid='<unknown>', name=<unknown>, PCIE_FATAL_TIMEOUT", 4)
    world.run(5)
    assert ("critical", "gpu-1/4") == (world.one("C3").severity, str(world.one("C3").subject))


def test_links_that_go_down_with_the_machine_are_no_fault() -> None:
    """A slot that says `Link Down` while the kernel restarts."""
    world = at_work()
    world.kernel("reboot: Restarting system", "pcieport 0000:10:01.0: pciehp: Slot(5): Link Down")
    world.run(10)
    assert not world.ever("C3")


# ── C4, C5 ports ──


@pytest.mark.parametrize("line", ["ib6: Lost carrier", f"mlx5_core {CARD} ib6: Link down"])
def test_a_port_that_does_not_come_back_is_critical_after_four_minutes(line: str) -> None:
    """At first a warning."""
    world = at_work()
    world.kernel(line)
    world.run(5)
    assert ("warning", "gpu-1: ib6 is down") == (world.one("C4").severity, world.one("C4").title)
    world.run(240)
    assert "critical" == world.one("C4").severity


def test_a_port_that_comes_back_ends_its_own_finding_only() -> None:
    """Two ports are lost, one gains its link."""
    world = at_work()
    world.kernel("ib5: Lost carrier", "ib6: Lost carrier")
    world.run(60)
    world.kernel("ib5: Gained carrier")
    world.run(60)
    assert "gpu-1: ib6 is down" == world.one("C4").title
    world.kernel("ib6: Gained carrier")
    world.run(5)
    assert () == world.diagnosis.findings


def test_a_port_is_known_to_be_down_by_the_page_alone() -> None:
    """Seven of eight active ports, on a node whose log nobody reads."""
    world = World(has_logs=False)
    world.host["gpu-1"]["node.infiniband_up"] = 8.0
    world.run(30)
    world.host["gpu-1"]["node.infiniband_up"] = 7.0
    world.run(245)
    assert "critical" == world.one("C4").severity
    world.host["gpu-1"]["node.infiniband_up"] = 8.0
    world.run(5)
    assert () == world.diagnosis.findings


def test_all_ports_up_again_on_the_page_end_what_the_log_did_not() -> None:
    """The line of the gained carrier was never read."""
    world = at_work()
    world.kernel("ib6: Lost carrier")
    world.host["gpu-1"]["node.infiniband_up"] = 7.0
    world.run(300)
    world.host["gpu-1"]["node.infiniband_up"] = 8.0
    world.run(5)
    assert () == world.diagnosis.findings


def test_links_that_come_and_go_while_a_machine_boots_do_not_flap() -> None:
    """Its counters begin anew and rise at every look."""
    world = at_work()
    world.host["gpu-1"] |= {"node.boot_time": world.now, "node.carrier_downs": 0.0}
    for _ in range(6):
        world.host["gpu-1"]["node.carrier_downs"] += 1.0
        world.run(30)
    assert not world.ever("C5")


def test_a_port_that_was_down_before_is_known_by_machines_like_it() -> None:
    """Three have eight ports, one seven since before it was first looked at."""
    world = World(nodes=4)
    for name in world.names:
        world.host[name]["node.infiniband_up"] = 7.0 if name == "gpu-2" else 8.0
    world.run(5)
    assert ("warning", "gpu-2") == (world.one("C4").severity, world.one("C4").subject.node)


def test_a_switch_that_loses_the_same_port_of_many_nodes_is_one_incident() -> None:
    """Rail 3 of four nodes."""
    world = at_work(nodes=4)
    for name in world.names:
        world.kernel("ib3: Lost carrier", node_name=name)
    world.run(10)
    assert ["C4"] * 4 == world.codes
    assert 1 == len(world.diagnosis.incidents)


def test_a_cable_event_alone_is_information() -> None:
    """A port that nobody uses says the same, for hours; while a machine boots it is not even told."""
    world = at_work()
    world.kernel(f"mlx5_core {CARD}: Port module event: module 0, Cable unplugged")
    world.run(300)
    assert "info" == world.one("C4").severity


def test_what_is_only_information_explains_nothing_worse() -> None:
    """A port that nobody uses is no cause of a node that does not answer."""
    world = at_work()
    world.kernel(f"mlx5_core {CARD}: Port module event: module 0, Cable unplugged")
    world.run(30)
    world.kernel("INFO: task python3:4711 blocked for more than 120 seconds.")
    world.run(10)
    assert [("I2", "gpu-1")] == world.roots


def test_a_reboot_that_was_ordered_takes_ports_down() -> None:
    """Carrier is lost on the way down."""
    world = at_work()
    world.set_node(flags=("REBOOT_ISSUED",))
    world.run(5)
    world.kernel(*(f"ib{port}: Lost carrier" for port in range(8)))
    world.run(300)
    assert not world.ever("C4")


def test_a_port_that_flaps_is_found_and_ends_an_hour_after_its_last_flap() -> None:
    """Down and up three times in two hours."""
    world = at_work()
    for _ in range(3):
        world.kernel("ib6: Lost carrier")
        world.run(30)
        world.kernel("ib6: Gained carrier")
        world.run(2400)
    assert ("warning", "gpu-1") == (world.one("C5").severity, world.one("C5").subject.node)
    assert ["C5"] == world.codes
    world.run(1300)
    assert () == world.diagnosis.findings


def test_a_port_that_flaps_and_stays_down_is_one_incident() -> None:
    """The flapping is the root."""
    world = at_work()
    for _ in range(4):
        world.kernel("ib6: Lost carrier")
        world.run(60)
        if _ < 3:
            world.kernel("ib6: Gained carrier")
            world.run(60)
    assert [("C5", "gpu-1")] == world.roots
    assert {"C4", "C5"} == set(world.codes)


def test_a_switch_that_restarts_makes_no_port_flap() -> None:
    """Eight ports go down once."""
    world = at_work()
    world.kernel(*(f"ib{port}: Lost carrier" for port in range(8)))
    world.host["gpu-1"]["node.infiniband_link_downed"] += 8.0
    world.run(30)
    world.kernel(*(f"ib{port}: Gained carrier" for port in range(8)))
    world.run(30)
    assert not world.ever("C5")


# ── C6 … C9 ──


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        (f"mlx5_core {CARD}: poll_health:174: device's health compromised - reached miss count.", "critical"),
        (
            f"mlx5_core {CARD}: wait_func:964: ENABLE_HCA(0x104) timeout. Will cause a leak of a command resource",
            "critical",
        ),
        ("NETDEV WATCHDOG: eth0 (mlx5_core): transmit queue 0 timed out", "warning"),
    ],
)
def test_a_card_whose_firmware_died_is_found(line: str, severity: str) -> None:
    """It no longer answers its driver; a queue that timed out alone is a warning."""
    world = at_work()
    world.kernel(line)
    world.run(5)
    assert severity == world.one("C6").severity


def test_a_card_that_dies_is_the_cause_of_its_port() -> None:
    """The port goes down with the card."""
    world = at_work()
    world.kernel(f"mlx5_core {CARD}: poll_health:174: device's health compromised - reached miss count.")
    world.kernel(f"mlx5_core {CARD} ib0: Link down")
    world.run(260)
    assert [("C6", "gpu-1")] == world.roots


def test_a_refused_question_of_a_monitor_is_noise() -> None:
    """ACCESS_REG failures are made by tools that ask."""
    world = at_work()
    line = "mlx5_cmd_out_err:838: ACCESS_REG(0x805) op_mod(0x1) failed, status bad operation(0x2)"
    world.kernel(*[line] * 50)
    world.run(30)
    assert () == world.diagnosis.findings


def test_symbol_errors_beyond_the_specification_are_found() -> None:
    """A hundred and twenty an hour are too many, some left behind by a cable are not."""
    world = at_work()
    world.host["gpu-1"]["node.infiniband_symbol_errors"] = 50.0
    world.run(30)
    world.host["gpu-1"]["node.infiniband_symbol_errors"] = 90.0
    world.run(30)
    assert not world.ever("C7")
    for _ in range(6):
        world.host["gpu-1"]["node.infiniband_symbol_errors"] += 60.0
        world.run(5)
    assert "warning" == world.one("C7").severity


def test_a_hot_module_is_a_warning_and_slot_power_is_not() -> None:
    """Cards say that their slot gives too little while machines boot."""
    world = at_work()
    world.kernel(f"mlx5_core {CARD}: mlx5_pcie_event:299: Detected insufficient power on the PCIe slot (27W).")
    world.run(10)
    assert "info" == world.one("C8").severity
    world.kernel(f"mlx5_core {CARD}: Port module event[error]: module 0, Cable error, High Temperature")
    world.run(10)
    assert "warning" == world.one("C8").severity


def test_a_job_across_nodes_that_falls_back_to_tcp_is_found() -> None:
    """Its nodes have active InfiniBand ports; on one node the same line means nothing."""
    world = at_work(nodes=2)
    world.job_log("node1:1:1 [0] NCCL INFO Using network Socket")
    world.run(10)
    assert ("warning", "812") == (world.one("C9").severity, world.one("C9").subject.job)
    alone = at_work()
    alone.job_log("node1:1:1 [0] NCCL INFO Using network Socket")
    alone.run(10)
    assert "info" == alone.one("C9").severity


def test_a_planned_drain_is_no_fault_of_links() -> None:
    """A node that a person drained, its GPUs idle."""
    world = at_work()
    world.jobs["812"] = replace(world.jobs["812"], state="COMPLETED", end_at=world.now)
    for index in range(8):
        world.values["gpu-1", index] = dict(IDLE)
    world.set_node(flags=("DRAIN",), reason="new cables on Friday", reason_by="ops")
    world.run(120)
    assert [] == [code for code in world.codes if code.startswith(("C", "E", "I"))]
