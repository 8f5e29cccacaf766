"""Stories of Slurm's nodes: who took one out of service, why, and what follows from what."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.finding import Finding, FindingSubject
from tests.engine.diagnosis.world import World
from tests.engine.slurm_builders import DAY_S, NOW, node, running


def out(world: World, reason: str, name: str = "gpu-1", *, by: str = "slurm", age_s: float = 60.0, **said: Any) -> None:  # noqa: ANN401 - fields of the value
    """A node that is drained for a reason, since some time."""
    told = {"state": "IDLE", "flags": ("DRAIN",), **said}
    world.set_node(name, reason=reason, reason_by=by, reason_at=world.now - age_s, **told)


def drained(reason: str, **said: Any) -> World:  # noqa: ANN401 - fields of the value
    """A world of two nodes, the first of them drained for a reason."""
    world = World(nodes=2)
    world.set_node("gpu-2")
    world.run(20)
    out(world, reason, **said)
    world.run(10)
    return world


def silent(world: World, name: str = "gpu-1", **said: Any) -> None:  # noqa: ANN401 - fields of the value
    """A node that does not answer, and that Slurm has given up."""
    told = {"state": "DOWN", "flags": ("NOT_RESPONDING",), "reason": "Not responding", "reason_by": "slurm"}
    world.set_node(name, **{**told, "reason_at": world.now, **said})


def stop(world: World, name: str = "gpu-1") -> None:
    """Nothing on a machine answers any more."""
    world.errors[f"exporter {name}"] = "timed out"


def test_a_node_that_does_not_answer_is_down_and_its_exporter_says_whether_the_machine_lives() -> None:
    """Its slurmd died; the machine answers others."""
    world = World(nodes=2, slurm_nodes={"gpu-2": node("gpu-2")})
    world.run(20)
    silent(world)
    world.run(10)
    found = world.one("F1")
    assert ("critical", True, FindingSubject(node="gpu-1")) == (found.severity, found.root, found.subject)
    assert "gpu-1: does not answer slurmctld, though the machine is up" == found.title
    assert [("F1", "gpu-1")] == world.roots


def test_a_node_that_has_been_dead_for_a_week_is_no_alarm_any_more() -> None:
    """Whoever could be told knows."""
    world = World(nodes=2)
    silent(world, reason_at=NOW - 100 * DAY_S)
    world.run(10)
    assert "warning" == world.one("F1").severity


def test_a_node_that_missed_a_ping_is_a_warning_until_it_lasts() -> None:
    """Slurm gives it up after five minutes; before, it may come back."""
    world = World()
    world.set_node(state="MIXED", flags=("NOT_RESPONDING",))
    world.run(10)
    assert "warning" == world.one("F1").severity
    world.run(150)
    assert "critical" == world.one("F1").severity
    world.set_node(state="MIXED", flags=())
    world.run(10)
    assert [] == world.codes


def test_nodes_of_one_rack_that_fall_silent_together_are_one_incident() -> None:
    """Their switch has gone: four nodes within a minute."""
    world = World(nodes=6, gpus=2)
    world.set_node("gpu-6")
    world.run(20)
    for number in (1, 2, 3, 4):
        silent(world, f"gpu-{number}")
        world.run(15)
    assert [("F1", "gpu-1")] == world.roots
    assert 4 == world.codes.count("F1")


def test_a_dynamic_node_that_leaves_without_a_job_was_scaled_in() -> None:
    """Scale-in is no fault; with a job on it it is one."""
    world = World(nodes=2)
    silent(world, flags=("NOT_RESPONDING", "DYNAMIC_NORM"))
    stop(world)
    world.run(60)
    assert "info" == world.one("F1").severity
    world = World(nodes=2, jobs={"812": running(812, "gpu-1", 8)})
    silent(world, flags=("NOT_RESPONDING", "DYNAMIC_NORM"))
    world.run(10)
    assert "critical" == world.one("F1").severity


def test_what_watching_adds_to_a_fault_leaves_its_id() -> None:
    """The record of a dynamic node that left: its words are the better ones, the finding is the same."""
    world = World(nodes=2)
    silent(world, flags=("NOT_RESPONDING", "DYNAMIC_NORM"))
    world.run(10)
    first = world.one("F1").id
    subject = FindingSubject(node="gpu-1")
    world.found = (
        Finding("slurm.dead_node", "F1", "still on record", "info", subject, NOW, world.now, (), "delete it"),
    )
    world.run(10)
    assert (first, "still on record") == (world.one("F1").id, world.one("F1").title)


@pytest.mark.parametrize(
    ("reason", "code", "severity", "words"),
    [
        ("Node unexpectedly rebooted", "F2", "critical", "rebooted, and nobody had asked for it"),
        ("Low RealMemory (reported:950000 < 100.00% of configured:1015808)", "F3", "warning", "64 GiB short"),
        ("Low RealMemory (reported:1031000 < 100.00% of configured:1031500)", "F3", "warning", "500 MiB short"),
        ("gres/gpu count reported lower than configured (0 < 8)", "F4", "warning", "counts 0 GPUs where 8"),
        ("Kill task failed", "F5", "warning", "could not be killed"),
        ("Prolog error", "F6", "warning", "the prolog failed"),
        ("Epilog error", "F7", "warning", "drained by its epilog"),
        ("epilog-gpu-validator fatal: ecc-uncorrectable:gpu0,gpu3 row-remap-failure:gpu1", "F7", "warning",
         "ecc-uncorrectable on GPUs 0 and 3; row-remap-failure on GPU 1"),
        ("batch job complete failure", "F8", "warning", "could not finish a job"),
        ("Low socket*core*thread count, Low CPUs", "F9", "warning", "otherwise than configured"),
        ("NHC: check_fs_mount: /scratch not mounted", "F11", "warning", "check_fs_mount"),
        ("ECC memory error", "F11", "warning", "ECC memory error"),
        ("[nvsentinel] GPU 3 fatal Xid", "F11", "warning", "GPU 3 fatal Xid"),
        ("ResumeTimeout reached", "F12", "warning", "did not power up"),
        ("Duplicate jobid", "F17", "warning", "do not understand each other"),
    ],
)  # fmt: skip
def test_a_node_drained_for_a_reason_of_slurms_or_a_scripts_own_is_that_fault(
    reason: str, code: str, severity: str, words: str
) -> None:
    """Each reason alone, with the GPUs well."""
    world = drained(reason)
    found = world.one(code)
    assert (severity, True) == (found.severity, found.root)
    assert words in found.title
    assert [(code, "gpu-1")] == world.roots
    assert world.now - 70.0 == found.first_seen
    assert not any("state=drain" in (one.command or "") for one in found.actions)


@pytest.mark.parametrize(
    ("reason", "by", "flags"),
    [
        ("replacing DIMM, ask ana", "ana", ("DRAIN",)),
        ("bad GPU 3?", "root", ("DRAIN",)),
        ("gpu-watchdog", "root", ("DRAIN",)),
        ("planned_maintenance", "root", ("DRAIN", "MAINTENANCE", "RESERVED")),
        ("Reboot ASAP : new driver", "root", ("DRAIN", "REBOOT_REQUESTED")),
        (None, "", ("MAINTENANCE", "RESERVED")),
        ("decommissioned", "root", ()),
        ("replacing DIMM, then back", "ops", ("FAIL",)),
    ],
)
def test_a_node_taken_out_on_purpose_is_information_however_long(
    reason: str | None, by: str, flags: tuple[str, ...]
) -> None:
    """By a person, for maintenance, for a reboot that was asked for; also when it is switched off then."""
    world = World(nodes=2)
    state = "DOWN" if not flags else "IDLE"
    world.set_node(state=state, flags=flags, reason=reason, reason_by=by, reason_at=world.now - 9 * DAY_S)
    world.run(10)
    found = world.one("F10")
    assert ("info", []) == (found.severity, world.roots)
    if reason and reason.startswith("replacing"):
        assert "It is so for 9 days: perhaps forgotten." in found.explanation
        assert f"(by {by})" in found.explanation
    silent(world, flags=(*flags, "NOT_RESPONDING"), state=state, reason=reason, reason_by=by)
    world.run(30)
    assert not world.ever("F1")


def test_nodes_that_power_down_to_save_money_are_no_finding() -> None:
    """A cloud node comes and goes; one that powers up for too long is lost."""
    world = World(nodes=2)
    world.set_node(state="IDLE", flags=("CLOUD", "POWERED_DOWN"))
    world.set_node("gpu-2", state="ALLOCATED", flags=("CLOUD", "POWERING_UP"))
    world.run(600)
    assert [] == world.codes
    world.run(700)
    assert [("F12", "gpu-2")] == world.roots


def test_what_a_health_script_says_of_a_gpu_follows_from_that_gpus_fault_where_it_is_seen() -> None:
    """The script's reason is evidence; nobody is told to drain what is drained."""
    world = World()
    world.set_node()
    world.run(20)
    world.gpu(1)["gpu.row_remap_failure"] = 1.0
    world.run(10)
    out(world, "epilog-gpu-validator fatal: row-remap-failure:gpu1", age_s=5)
    world.run(10)
    assert [("A4", "gpu-1/1")] == world.roots
    assert (world.one("A4").id,) == world.one("F7").caused_by
    assert not any("state=drain" in (one.command or "") for one in world.one("A4").actions)


def test_gpus_that_slurm_misses_but_the_driver_shows_came_up_late() -> None:
    """Without the driver's word, or with fewer there, it is grave."""
    assert "warning" == drained("gres/gpu count reported lower than configured (0 < 8)").one("F4").severity
    world = World()
    world.set_node()
    world.run(20)
    stop(world)
    world.run(60)
    out(world, "gres/gpu count reported lower than configured (7 < 8)")
    world.run(10)
    assert "critical" == world.one("F4").severity


def test_a_gpu_that_fell_off_the_bus_is_why_slurm_counts_one_less() -> None:
    """Xid 79, the list without it, the registration: one incident."""
    world = World()
    world.set_node()
    world.run(20)
    world.xid(79, "pid='<unknown>', name=<unknown>, GPU has fallen off the bus.", 3)
    world.lose(3)
    world.run(10)
    out(world, "gres/gpu count reported lower than configured (7 < 8)", flags=("DRAIN", "INVALID_REG"))
    world.run(10)
    assert [("B1", "gpu-1/3")] == world.roots
    assert not world.one("F4").root


def test_a_boot_that_nobody_asked_for_is_seen_by_its_time() -> None:
    """The node is back by itself; one that was to be rebooted, or is drained by a person, was meant."""
    world = World()
    world.set_node(boot_at=NOW - DAY_S)
    world.run(20)
    world.set_node(boot_at=world.now - 30)
    world.run(10)
    assert ("warning", "F2") == (world.one("F2").severity, world.roots[0][0])
    for flags, by in ((("REBOOT_ISSUED",), "root"), (("DRAIN",), "ana")):
        world = World()
        world.set_node(boot_at=NOW - DAY_S, flags=flags, reason="new driver", reason_by=by)
        world.run(20)
        world.set_node(boot_at=world.now - 30)
        world.run(10)
        assert not world.ever("F2")


def test_a_node_set_down_by_a_script_is_that_scripts_word_only() -> None:
    """It answers; its state is what the script made it."""
    assert ["F11"] == drained("CPU dead", flags=(), state="DOWN").codes
    assert ["F2"] == drained("Node unexpectedly rebooted", flags=(), state="DOWN").codes


def test_two_reasons_in_one_registration_are_two_faults() -> None:
    """Slurm strings them together."""
    world = drained(
        "Low RealMemory (reported:950000 < 100.00% of configured:1015808), "
        "gres/gpu count reported lower than configured (7 < 8)",
        flags=("DRAIN", "INVALID_REG"),
    )
    assert ("7", ["F3", "F4"]) == (world.one("F4").title.split()[3], sorted(world.codes))


def test_a_registration_that_slurm_does_not_take_is_told_without_a_known_reason() -> None:
    """INVAL by itself."""
    assert [("F9", "gpu-1")] == drained("some new words", flags=("INVALID_REG",), state="IDLE").roots


def test_a_prolog_that_fails_on_many_nodes_at_once_is_one_incident() -> None:
    """The script itself has changed."""
    world = World(nodes=4, gpus=1)
    world.set_node("gpu-4")
    for number in (1, 2, 3):
        out(world, "Prolog error", f"gpu-{number}", age_s=30.0 * number)
    world.run(10)
    assert [("F6", "gpu-3")] == world.roots


def test_one_maintenance_of_many_nodes_is_one_incident() -> None:
    """And no alarm."""
    world = World(nodes=4, gpus=1)
    for number in (1, 2, 3):
        out(world, "planned_maintenance", f"gpu-{number}", by="root", flags=("DRAIN", "MAINTENANCE"))
    world.run(10)
    assert (1, []) == (len(world.diagnosis.incidents), world.roots)


def test_processes_that_cannot_be_killed_while_storage_hangs_follow_from_the_storage() -> None:
    """NFS stops, tasks hang, a step does not die, its job stays COMPLETING."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.run(20)
    world.kernel("nfs: server 10.0.0.9 not responding, still trying")
    world.run(120)
    world.kernel("INFO: task python3:4711 blocked for more than 120 seconds.")
    world.jobs["812"] = running(
        812, "gpu-1", 8, state="CANCELLED", flags=("COMPLETING",), end_at=world.now, ends_in_s=None
    )
    world.run(400)
    out(world, "Kill task failed", flags=("DRAIN", "COMPLETING"), state="MIXED")
    world.run(10)
    assert ["I3"] == [code for code, _ in world.roots]
    assert {"F5", "G9"} <= set(world.codes)


def test_a_dead_node_explains_its_silent_exporter() -> None:
    """The machine is gone: nothing on it answers, and one incident says so."""
    world = World(nodes=2, jobs={"812": running(812, "gpu-1", 8)})
    world.set_node("gpu-2")
    world.run(20)
    stop(world)
    world.run(200)
    silent(world)
    world.run(60)
    assert [("F1", "gpu-1")] == world.roots
    assert "neither slurmctld nor anybody else" in world.one("F1").title


def test_reasons_from_outside_are_harmless_in_titles_and_commands() -> None:
    """Control characters and shell words in a reason stay text."""
    world = drained("NHC: \x1b[31m$(reboot)\u202e `x`", name="gpu-1")
    found = world.one("F11")
    assert "\x1b" not in found.title + found.explanation
    assert all("reboot" not in (one.command or "") for one in found.actions)
