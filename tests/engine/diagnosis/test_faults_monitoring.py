"""Faults of the watching itself: who does not see, what that means, and what is no fault."""

from __future__ import annotations

import pytest

from app.domain.diagnosis import Diagnosis
from tests.engine.diagnosis.world import World
from tests.engine.slurm_builders import running

REFUSED = "connection refused by gpu-1:9400: is the exporter running?"
NO_ANSWER = "no answer from http://gpu-1:9400/metrics within 4 s"
UNREACHABLE = "no connection to gpu-1:9400 within 4 s: is the host up, and the port open?"
UNKNOWN = (
    "http://gpu-1:9400/metrics: nothing here I know: 30 samples, e.g. DCGM_FI_NEW_TEMP; expected the page of a GPU"
)


def watched(nodes: int = 4, **said: object) -> World:
    """A world whose nodes have a second exporter each, watched for a while."""
    world = World(nodes=nodes, gpus=2, **said)  # type: ignore[arg-type]  # fields of the world
    for name in world.names:
        world.more[f"host {name}"] = ("exporter", "node_exporter", name)
    world.run(30)
    return world


def severity(world: World, code: str) -> str:
    """How grave a fault is."""
    return world.one(code).severity


def incidents(diagnosis: Diagnosis) -> int:
    """How many incidents are worse than information."""
    return sum(one.severity != "info" for one in diagnosis.incidents)


# ── J1 ──


def test_an_exporter_that_is_down_is_a_warning_after_a_minute() -> None:
    """Three missed looks are told, a minute of them is a warning; it ends with the first answer."""
    world = watched()
    world.errors["exporter gpu-1"] = REFUSED
    world.run(10)
    assert "J1" not in world.codes
    world.run(10)
    assert "info" == severity(world, "J1")
    world.run(60)
    assert ([("J1", "gpu-1")], "warning") == (world.roots, severity(world, "J1"))
    assert "gpu-1: exporter gpu-1 refuses connections" == world.one("J1").title
    del world.errors["exporter gpu-1"]
    assert () == world.run(10).findings


def test_an_exporter_that_is_started_anew_is_nothing() -> None:
    """Two missed looks, and counters that begin at 0."""
    world = watched()
    world.errors["exporter gpu-1"] = REFUSED
    world.run(10)
    del world.errors["exporter gpu-1"]
    world.gpu(0)["gpu.ecc_sbe_volatile"] = 0.0
    world.run(60)
    assert {"J1", "J2", "J3"}.isdisjoint({one.code for diagnosis in world.history for one in diagnosis.findings})


def test_an_exporter_that_never_answered_is_told_at_first_sight() -> None:
    """A one-shot look has no past."""
    world = World(nodes=2)
    world.errors["exporter gpu-2"] = REFUSED
    world.run(10)
    assert ("warning", "gpu-2") == (severity(world, "J1"), world.one("J1").subject.node)


def test_a_node_of_which_nothing_answers_is_one_critical_finding() -> None:
    """All its sources silent mean the node, one the collector."""
    world = watched()
    world.errors |= {"exporter gpu-2": UNREACHABLE, "host gpu-2": UNREACHABLE, "kernel gpu-2": "ssh gpu-2: timed out"}
    world.run(180)
    assert ([("J1", "gpu-2")], "critical") == (world.roots, severity(world, "J1"))


def test_a_node_that_slurm_has_down_explains_its_silent_exporters() -> None:
    """F1 is the root; what is not seen of it is its consequence."""
    world = watched(jobs={"812": running(812, "gpu-3", 2)})
    world.set_node("gpu-2", state="DOWN", flags=("NOT_RESPONDING",), reason="Not responding")
    world.errors |= {"exporter gpu-2": UNREACHABLE, "host gpu-2": UNREACHABLE, "kernel gpu-2": "ssh gpu-2: timed out"}
    world.run(180)
    assert [("F1", "gpu-2")] == world.roots
    assert not world.one("J1").root


def test_many_exporters_at_once_are_one_incident() -> None:
    """The network between here and there."""
    world = watched(nodes=6)
    for name in world.names[:5]:
        world.errors |= {f"exporter {name}": UNREACHABLE, f"host {name}": UNREACHABLE}
    world.run(120)
    assert 1 == incidents(world.diagnosis)


def test_of_very_many_exporters_only_the_first_are_told() -> None:
    """A person reads the cause once, not a thousand times."""
    world = World(nodes=80, gpus=1, has_logs=False)
    world.run(5)
    world.errors = {f"exporter {name}": UNREACHABLE for name in world.names}
    world.run(20)
    assert (64, 1) == (len(world.codes), len(world.diagnosis.incidents))


def test_two_exporters_that_fail_by_themselves_are_two_incidents() -> None:
    """Minutes apart and of one kind: nothing joins them."""
    world = watched()
    world.errors["exporter gpu-1"] = REFUSED
    world.run(120)
    world.errors["exporter gpu-3"] = REFUSED
    world.run(120)
    assert [("J1", "gpu-1"), ("J1", "gpu-3")] == world.roots


def test_a_page_that_takes_seconds_is_a_warning_when_it_stays_so() -> None:
    """Slower than five seconds for ten minutes."""
    world = watched()
    world.durations["exporter gpu-1"] = 6.5
    world.run(10)
    assert "info" == severity(world, "J1")
    world.run(610)
    assert "warning" == severity(world, "J1")


# ── J2 ──


def test_one_collector_that_hangs_among_many_is_a_suspect_gpu() -> None:
    """It takes the connection and says nothing, while the others and its own host answer."""
    world = watched()
    world.errors["exporter gpu-2"] = NO_ANSWER
    world.run(20)
    assert "warning" == severity(world, "J2")
    world.run(60)
    assert ([("J2", "gpu-2")], "critical", False) == (world.roots, severity(world, "J2"), "J1" in world.codes)


def test_a_gsp_timeout_explains_the_collector_that_hangs() -> None:
    """B2 is the root, by its Xid."""
    world = watched()
    world.xid(119, "pid=8, name=nvidia-smi, Timeout after 45s of waiting for RPC response from GPU1 GSP! ", 1, "gpu-2")
    world.errors["exporter gpu-2"] = NO_ANSWER
    world.run(80)
    assert ["B2"] == [code for code, _ in world.roots]
    assert not world.one("J2").root


def test_collectors_that_all_hang_are_no_suspects() -> None:
    """Then it is the way there, or we have no time."""
    world = watched()
    for name in world.names:
        world.errors[f"exporter {name}"] = NO_ANSWER
        world.errors[f"host {name}"] = NO_ANSWER
    world.run(90)
    assert (False, 1) == (world.ever("J2"), incidents(world.diagnosis))


# ── J3, J4 ──


def test_fewer_gpus_than_ever_is_critical_after_two_minutes() -> None:
    """Seven of eight are there."""
    world = World(nodes=2)
    world.run(20)
    world.lose(3)
    world.run(130)
    assert ("critical", "gpu-1") == (severity(world, "J3"), world.one("J3").subject.node)
    assert 1 == len([one for one in world.diagnosis.incidents if one.severity != "info"])


def test_a_page_of_unknown_names_is_renamed_fields() -> None:
    """It answers, and nothing on it is known: not down, not lost."""
    world = watched()
    world.errors["exporter gpu-1"] = UNKNOWN
    world.run(80)
    assert ([("J4", "gpu-1")], False) == (world.roots, "J1" in world.codes)


def test_renamed_main_values_are_found() -> None:
    """Utilization is there no more, and a name that looks like it is new."""
    world = watched()
    for index in range(2):
        del world.gpu(index)["gpu.utilization"]
    world.unknown["exporter gpu-1"] = (("DCGM_FI_DEV_GPU_UTIL_NEW", 2),)
    world.run(10)
    assert ([("J4", "gpu-1")], "warning") == (world.roots, severity(world, "J4"))


def test_fields_that_are_left_out_are_no_renamed_ones() -> None:
    """A list of counters of one's own, with other unknown names on the page."""
    world = watched()
    for index in range(2):
        del world.gpu(index)["gpu.utilization"]
    world.unknown["exporter gpu-1"] = (("DCGM_FI_DEV_ENC_UTIL", 2), ("go_gc_duration_seconds", 5))
    assert () == world.run(30).findings


# ── J5, J6 ──


@pytest.mark.parametrize(
    "error",
    [
        "http://head:6820/slurm/v0.0.41/jobs answered HTTP 401 Unauthorized; set token_file",
        "squeue failed (squeue on head): Invalid user id; Slurm does not let this user see or do it",
    ],
)
def test_slurm_that_cannot_be_asked_is_a_warning(error: str) -> None:
    """What was seen last has its age; a token that ran out is not a controller that is down."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.run(30)
    world.errors["slurm"] = error
    world.run(20)
    assert "info" == severity(world, "J5")
    world.run(60)
    assert [("J5", "cluster")] == world.roots


def test_slurm_that_misses_one_look_is_nothing() -> None:
    """A busy controller."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.run(30)
    world.errors["slurm"] = "slurmctld does not answer (squeue on head): it did not end within 5 s and was killed"
    world.run(5)
    del world.errors["slurm"]
    world.run(10)
    assert not world.ever("J5")


def test_slurm_that_answers_slowly_is_a_warning_after_five_minutes() -> None:
    """More than ten seconds a look."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.durations["slurm"] = 14.0
    world.run(310)
    assert "warning" == severity(world, "J5")


def test_a_kernel_log_that_cannot_be_read_is_information() -> None:
    """Blind is not healthy, and no alarm."""
    world = watched()
    world.errors["kernel gpu-1"] = "dmesg: read kernel buffer failed: Operation not permitted"
    world.run(600)
    assert ("info", "gpu-1", []) == (severity(world, "J6"), world.one("J6").subject.node, world.roots)
