"""The diagnosis as a whole: causes before symptoms, one incident a cause, ids that stay, ends that are seen."""

from __future__ import annotations

from tests.engine.diagnosis.world import World
from tests.engine.slurm_builders import running

DOUBLE_BIT = (
    "pid='<unknown>', name=<unknown>, An uncorrectable double bit error (DBE) has been detected on GPU in the "
    "framebuffer at physAddr 0x18f31d80 partition 16, subpartition 3."
)


def test_a_healthy_cluster_has_no_finding() -> None:
    """Power capping at full load is as it should be."""
    world = World(nodes=2)
    assert () == world.run(60).findings


def test_a_memory_error_is_one_incident_with_the_double_bit_error_as_its_root() -> None:
    """48, 63 and 94 within seconds, and the pending row that they leave."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.run(30)
    world.xid(48, DOUBLE_BIT, 3)
    world.xid(
        63,
        "pid='<unknown>', name=<unknown>, Row Remapper: New row (0x18f31d80) marked for remapping.",
        3,
    )
    world.xid(94, "pid=7062, name=python, Contained: SM (0x1). RST: No, D-RST: No", 3)
    world.gpu(3)["gpu.row_remap_pending"] = 1.0
    world.run(10)
    assert [("A1", "gpu-1/3")] == world.roots
    root, pending = world.one("A1"), world.one("A3")
    assert (True, False) == (root.root, pending.root)
    assert (root.id,) == pending.caused_by
    assert ("812", ("812",)) == (root.subject.job, root.affects.jobs)
    assert 1 == len(world.diagnosis.incidents)


def test_a_finding_ends_with_its_fault_and_comes_back_as_the_same_incident() -> None:
    """A row that is replaced, and another one on the same GPU an hour later."""
    world = World()
    world.run(10)
    world.gpu(1)["gpu.row_remap_pending"] = 1.0
    first = world.run(10).incidents[0]
    world.gpu(1)["gpu.row_remap_pending"] = 0.0
    assert () == world.run(10).findings
    assert [first.id] == [one.id for one in world.diagnosis.ended]
    world.run(3600)
    world.gpu(1)["gpu.row_remap_pending"] = 1.0
    world.run(10)
    assert [first.id] == [one.id for one in world.diagnosis.incidents]
    assert "It has come 2 times within a day." in world.one("A3").explanation


def test_a_silent_exporter_ends_no_finding() -> None:
    """What was seen last is believed while nobody can look."""
    world = World()
    world.gpu(1)["gpu.row_remap_pending"] = 1.0
    world.run(10)
    world.errors["exporter gpu-1"] = "connection refused"
    world.run(120)
    assert "A3" in world.codes


AER = "pcieport 0000:16:01.0: AER: Uncorrected (Fatal) error received: 0000:1b:00.0"
OFF_BUS = "pid='<unknown>', name=<unknown>, GPU has fallen off the bus."


def test_of_two_that_can_cause_each_other_the_earlier_is_the_root() -> None:
    """PCIe errors before a GPU is gone point at the slot; those after it are its own."""
    before, after = World(), World()
    for world in (before, after):
        world.run(30)
    before.kernel(AER)
    before.run(10)
    before.xid(79, OFF_BUS, 0)
    before.run(10)
    after.xid(79, OFF_BUS, 0)
    after.run(10)
    after.kernel(AER)
    after.run(10)
    assert ["C3"] == [code for code, _ in before.roots]
    assert ["B1"] == [code for code, _ in after.roots]


def test_what_a_log_tells_later_is_no_cause_of_what_it_told_before() -> None:
    """A port that fell a minute after a process had crashed did not kill it."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.run(30)
    world.xid(
        31,
        "pid=77, name=python, Ch 00000030, MMU Fault: ENGINE GRAPHICS faulted @ 0x10_0. Fault is of type FAULT_PDE",
        2,
    )
    world.run(60)
    world.xid(79, OFF_BUS, 2)
    world.run(10)
    assert () == world.one("B8").caused_by
