"""Faults of NVLink, NVSwitch and fabric (E): each as a story in which it is found, beside one that looks like it."""

from __future__ import annotations

import pytest

from app.domain.xids import HARMLESS_SXIDS
from tests.engine.diagnosis.world import World
from tests.engine.slurm_builders import running

NOBODY = "pid='<unknown>', name=<unknown>, "
HARDWARE = f"{NOBODY}NVLink: fatal error detected on link 14(0x100, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)"
ECHO = f"{NOBODY}NVLink: fatal error detected on link 3(0x100000, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)"
ECC = f"{NOBODY}NVLink: fatal error detected on link 9(0x10, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)"
LINK_DOWN = "NETIR_LINK_EVT  Fatal   XC0 i0 Link 08 (0x004505c6 0x00000000 0x00000000 0x00000000 0x00000000 0x00000000)"
PEER_DOWN = "NETIR_LINK_EVT  Fatal   XC0 i0 Link 01 (0x021425c6 0x00000000 0x00000000 0x00000000 0x00000000 0x00000000)"
FALLOUT = "RLW_SRC_TRACK Nonfatal XC1 i0 Link 12 (0x040988e2 0x00000008 0x00000000 0x00000000 0x00000000 0x00000000)"
BIT_ERRORS = "NETIR_BER_EVENT Nonfatal XC0 i0 Link 01 (0x00082226 0x00000001 0x00000000 0x00000000 0x00000000 0x0)"
PAGE_FAULT = (
    "pid=1818991, name=python3, Ch 00000002, intr 00000000. MMU Fault: ENGINE CE0 faulted @ 0x7f_0. "
    "Fault is of type FAULT_PTE ACCESS_TYPE_VIRT_READ"
)
DRAIN = "GPU recovery action changed from 0x0 (None) to 0x4 (Drain and Reset)"
RESET = "GPU recovery action changed from 0x4 (Drain and Reset) to 0x1 (GPU Reset Required)"


def at_work(nodes: int = 1) -> World:
    """Nodes whose GPUs a job holds."""
    names = ",".join(f"gpu-{number + 1}" for number in range(nodes))
    world = World(nodes=nodes, jobs={"812": running(812, names, 8)})
    world.run(30)
    return world


def switch(words: str, node_name: str = "gpu-1", *, world: World, times: int = 1) -> None:
    """Lines of an NVSwitch."""
    world.kernel(*[f"nvidia-nvswitch0: SXid (PCI:0000:c3:00.0): {words}"] * times, node_name=node_name)


# ── E1 Ampere, Hopper ──


def test_a_hardware_bit_of_xid_74_is_critical_and_names_its_link() -> None:
    """The register says where to look."""
    world = at_work()
    world.xid(74, HARDWARE, 3)
    world.run(5)
    found = world.one("E1")
    assert ("critical", "GPU gpu-1/3: NVLink 14 fails") == (found.severity, found.title)
    assert "the board or its connection" in found.explanation


def test_a_bit_that_echoes_another_error_is_information() -> None:
    """Alone it is no fault; beside a real one of another GPU it follows from that, though it was written first."""
    world = at_work()
    world.xid(74, ECHO, 5)
    world.run(5)
    assert "info" == world.one("E1").severity
    world.xid(74, HARDWARE, 3)
    world.run(5)
    assert [("E1", "gpu-1/3")] == world.roots
    assert 1 == len(world.diagnosis.incidents)


def test_corrected_cells_count_from_the_third_time_on_one_link() -> None:
    """Twice is a warning."""
    world = at_work()
    world.xid(74, ECC, 3)
    world.run(10)
    world.xid(74, ECC, 3)
    world.run(10)
    assert "warning" == world.one("E1").severity
    world.xid(74, ECC, 3)
    world.run(10)
    assert "critical" == world.one("E1").severity


def test_damaged_packets_are_found_without_any_log() -> None:
    """A hundred a second and more; what a counter had before is history."""
    world = World(has_logs=False)
    for index in range(8):
        world.gpu(index)["gpu.nvlink_crc_errors"] = 9000.0
    world.run(30)
    assert () == world.diagnosis.findings
    for _ in range(3):
        world.gpu(2)["gpu.nvlink_crc_errors"] += 900.0
        world.run(5)
    assert ("critical", "gpu-1/2") == (world.one("E1").severity, str(world.one("E1").subject))


def test_a_few_damaged_packets_are_nothing() -> None:
    """One a second for ten minutes, and a packet that was sent again."""
    world = World()
    world.gpu(2)["gpu.nvlink_crc_errors"] = 5.0
    for _ in range(120):
        world.gpu(2)["gpu.nvlink_crc_errors"] += 5.0
        world.run(5)
    assert not world.ever("E1")


def test_a_link_that_is_down_is_known_by_the_siblings_at_first_sight() -> None:
    """Seventeen of eighteen."""
    world = World()
    for index in range(8):
        world.gpu(index)["gpu.nvlinks_active"] = 17.0 if index == 6 else 18.0
    world.run(5)
    assert ("critical", "gpu-1/6") == (world.one("E1").severity, str(world.one("E1").subject))


def test_pairs_of_boards_with_a_bridge_are_no_fault() -> None:
    """Two of four boards are tied by a bridge, two have none."""
    world = World(gpus=4)
    for index in range(4):
        world.gpu(index)["gpu.nvlinks_active"] = 12.0 if index < 2 else 0.0
    world.run(60)
    assert () == world.diagnosis.findings


def test_xid_74_of_an_exporter_alone_is_not_decoded_and_told_all_the_same() -> None:
    """The kernel log is read by nobody."""
    world = World(has_logs=False)
    world.gpu(2)["gpu.xid_last"] = 0.0
    world.run(10)
    world.gpu(2)["gpu.xid_last"] = 74.0
    world.run(5)
    assert "critical" == world.one("E1").severity


# ── E2, E3 Blackwell ──


def test_link_events_on_many_gpus_are_one_incident_with_the_earliest_as_its_root() -> None:
    """Rule 4: 149, 154, 145, 45 and 31 on the GPUs of a node."""
    world = at_work()
    world.xid(145, FALLOUT, 5)
    world.run(5)
    world.xid(149, LINK_DOWN, 2)
    world.xid(154, DRAIN, 2)
    world.xid(149, PEER_DOWN, 1)
    world.xid(45, "pid=1818990, name=python3, Ch 00000001 caused by previous Xid 149", 1)
    world.xid(
        31,
        PAGE_FAULT,
        6,
    )
    world.xid(154, RESET, 7)
    world.run(10)
    assert [("E2", "gpu-1/2")] == world.roots
    assert 1 == len(world.diagnosis.incidents)
    root = next(one for one in world.diagnosis.findings if one.root)
    assert "GPU gpu-1/2: NVLink 8 reports NETIR_LINK_EVT" == root.title
    assert "connector, cable or temperature" in root.explanation
    assert {"E2", "E3", "B8", "B11"} == set(world.codes)


def test_a_nonfatal_event_alone_is_information() -> None:
    """The fallout of a link elsewhere, and bit errors that cost nothing."""
    world = at_work()
    world.xid(145, FALLOUT, 5)
    world.xid(149, BIT_ERRORS, 6)
    world.run(30)
    assert {"info"} == {one.severity for one in world.diagnosis.findings}


def test_many_bit_errors_of_one_link_are_its_cable() -> None:
    """Five within an hour."""
    world = at_work()
    for _ in range(5):
        world.xid(149, BIT_ERRORS, 6)
        world.run(60)
    assert ("warning", "gpu-1/6") == (world.one("E2").severity, str(world.one("E2").subject))


def test_links_of_two_machines_are_two_incidents() -> None:
    """Machines whose fabric ends at the machine."""
    world = World(nodes=2)
    world.run(10)
    world.xid(149, LINK_DOWN, 2, node_name="gpu-1")
    world.xid(149, LINK_DOWN, 2, node_name="gpu-2")
    world.run(10)
    assert 2 == len(world.diagnosis.incidents)


def test_links_of_a_rack_are_one_incident_over_its_machines() -> None:
    """Boards whose fabric goes beyond their machine; the earliest is the root."""
    world = World(nodes=3, gpus=4, model="NVIDIA GB200")
    world.run(10)
    world.xid(149, LINK_DOWN, 2, node_name="gpu-2")
    world.run(5)
    for name in ("gpu-1", "gpu-3"):
        world.xid(149, PEER_DOWN, 1, node_name=name)
        world.xid(154, DRAIN, 1, node_name=name)
    world.run(10)
    assert [("E2", "gpu-2/2")] == world.roots
    assert 1 == len(world.diagnosis.incidents)


def test_a_recovery_action_ends_when_the_driver_asks_for_none() -> None:
    """By its own line."""
    world = at_work()
    world.xid(154, DRAIN, 2)
    world.run(10)
    assert "A symptom whose cause was not seen." in world.one("E3").explanation
    world.xid(154, "GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)", 2)
    world.run(10)
    assert () == world.diagnosis.findings


def test_a_recovery_action_of_an_exporter_is_found_at_first_sight() -> None:
    """Draining peer-to-peer work is a warning, a reset is critical."""
    world = World()
    world.gpu(1)["gpu.recovery_action"] = 3.0
    world.run(5)
    assert "warning" == world.one("E3").severity
    world.gpu(1)["gpu.recovery_action"] = 1.0
    world.run(5)
    assert "critical" == world.one("E3").severity
    world.gpu(1)["gpu.recovery_action"] = 0.0
    world.run(5)
    assert () == world.diagnosis.findings


# ── E4, E5 switches ──


def test_a_fatal_switch_error_is_the_root_of_what_gpus_say() -> None:
    """The switch first, then the GPUs' links and their clean-up."""
    world = at_work()
    switch("24007, Fatal, Link 28 sourcetrack timeout error (First)", world=world)
    world.run(5)
    world.xid(74, HARDWARE, 3)
    world.xid(45, "pid=4711, name=python3, Ch 00000008", 4)
    world.run(5)
    assert [("E4", "gpu-1")] == world.roots
    assert "SXid 24007" in world.one("E4").title


def test_the_fabric_managers_word_counts_as_the_switchs() -> None:
    """Its own log, where the kernel's is not read."""
    world = at_work()
    world.kernel(
        "detected NVSwitch fatal error 20034 on fid 0 on NVSwitch pci bus id 00000000:86:00.0 physical id 3 port 33"
    )
    world.run(5)
    assert "critical" == world.one("E4").severity


@pytest.mark.parametrize("code", sorted(HARMLESS_SXIDS))
def test_harmless_switch_errors_are_never_above_information(code: int) -> None:
    """However many of them come."""
    world = World()
    world.run(10)
    switch(f"{code}, Non-fatal, Link 04 something corrected", world=world, times=60)
    world.run(30)
    assert "info" == world.one("E5").severity


def test_many_nonfatal_errors_of_one_link_are_a_warning() -> None:
    """Register dumps between them are not counted."""
    world = World()
    world.run(10)
    switch("28006, Non-fatal, Link 46 MC TS crumbstore MCTO (First)", world=world)
    switch("28006, Data {0x50610002, 0x10100030}", world=world, times=40)
    world.run(10)
    assert "info" == world.one("E5").severity
    switch("28006, Non-fatal, Link 46 MC TS crumbstore MCTO (First)", world=world, times=25)
    world.run(10)
    assert "warning" == world.one("E5").severity


# ── E6 … E9 ──


def test_a_fabric_that_is_not_ready_is_critical_after_five_minutes() -> None:
    """State 2 is in progress; state 3 ends it."""
    world = World()
    for index in range(8):
        world.gpu(index)["gpu.fabric_state"] = 2.0
    world.run(5)
    assert ("warning", "gpu-1") == (world.one("E6").severity, str(world.one("E6").subject))
    world.run(300)
    assert "critical" == world.one("E6").severity
    for index in range(8):
        world.gpu(index)["gpu.fabric_state"] = 3.0
    world.run(5)
    assert () == world.diagnosis.findings


def test_a_machine_without_switches_or_just_booted_is_no_fault() -> None:
    """State 0, and state 2 within ten minutes of a boot."""
    world = World(nodes=2)
    for index in range(8):
        world.gpu(index)["gpu.fabric_state"] = 0.0
        world.gpu(index, "gpu-2")["gpu.fabric_state"] = 2.0
    world.host["gpu-2"]["node.boot_time"] = world.now - 60.0
    world.run(120)
    assert () == world.diagnosis.findings


def test_a_fabric_manager_that_gives_up_is_critical_at_once() -> None:
    """And what it says on a machine without switches is nothing."""
    world = at_work()
    world.kernel("fabricmanager: NV_WARN_NOTHING_TO_DO: no NVSwitch devices found")
    world.run(5)
    assert () == world.diagnosis.findings
    world.kernel(
        "detected number of NVSwitches don't match with any supported system topology, aborting fabric manager"
    )
    world.run(5)
    assert "critical" == world.one("E6").severity


@pytest.mark.parametrize(
    ("mask", "severity", "words"),
    [
        (0x10A | 0x5 << 8, "critical", "too few NVLinks"),
        (0x19A, "critical", "a route is unhealthy"),
        (0x1A9, "warning", "degraded bandwidth"),
    ],
)
def test_bits_of_the_fabrics_health_say_what_is_wrong(mask: int, severity: str, words: str) -> None:
    """Two bits a thing: 1 is true, 2 false; four for a wrong configuration."""
    world = World()
    world.gpu(2)["gpu.fabric_state"] = 3.0
    world.gpu(2)["gpu.fabric_health"] = float(mask)
    world.run(5)
    assert (severity, "gpu-1/2") == (world.one("E7").severity, str(world.one("E7").subject))
    assert words in world.one("E7").title


@pytest.mark.parametrize("mask", [0, 0x1AA, 0xAA])
def test_a_healthy_or_unsupported_fabric_is_no_fault(mask: int) -> None:
    """All false, and all not supported."""
    world = World()
    world.gpu(2)["gpu.fabric_state"] = 3.0
    world.gpu(2)["gpu.fabric_health"] = float(mask)
    world.gpu(3)["gpu.fabric_health_summary"] = 1.0
    world.run(30)
    assert () == world.diagnosis.findings


def test_an_imex_domain_that_must_be_recovered_is_one_incident() -> None:
    """Recovery action 5 on two machines of a rack; it is not one GPU's recovery."""
    world = World(nodes=2)
    for name in world.names:
        world.gpu(0, name)["gpu.recovery_action"] = 5.0
    world.run(10)
    assert ["E8", "E8"] == world.codes
    assert 1 == len(world.diagnosis.incidents)


def test_peer_memory_matters_only_with_network_errors() -> None:
    """The module says `invalid context` whenever a program ends."""
    line = "nvidia-peermem nv_get_p2p_free_callback:127 ERROR detected invalid context, skipping further processing"
    world = at_work()
    world.kernel(*[line] * 6)
    world.run(30)
    assert "info" == world.one("E9").severity
    world.job_log("gpu-1:1:1 [0] NCCL WARN NET/IB : Got completion with error 12, opcode 0, len 0, vendor err 129")
    world.run(5)
    assert "warning" == world.one("E9").severity
