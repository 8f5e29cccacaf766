"""Stories of Slurm itself: its controller, accounting and scheduler, its authentication, and its daemons' own logs."""

from __future__ import annotations

from tests.engine.diagnosis.test_faults_slurm_nodes import silent
from tests.engine.diagnosis.world import World
from tests.engine.slurm_builders import running


def test_a_controller_that_does_not_answer_makes_no_node_down() -> None:
    """What is known of the nodes is only old; slurmctld is the cause."""
    world = World(nodes=2, jobs={"812": running(812, "gpu-1", 8)})
    world.run(20)
    world.errors["slurm"] = (
        "slurmctld does not answer (squeue on this machine): Unable to contact slurm controller (connect failure); "
        "is slurmctld up? `scontrol ping` says so"
    )
    world.run(5)
    assert "info" == world.one("F13").severity  # one look without an answer is everyday
    world.run(5)
    assert "warning" == world.one("F13").severity
    world.run(120)
    assert "critical" == world.one("F13").severity
    assert {"F13"} == {code for code, _ in world.roots}
    assert not world.ever("F1")
    assert not world.ever("G2")
    del world.errors["slurm"]
    world.run(10)
    assert "F13" not in world.codes


def test_a_login_node_that_cannot_be_reached_says_nothing_of_the_controller() -> None:
    """The way to Slurm is broken, not Slurm."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.run(20)
    world.errors["slurm"] = "squeue failed (squeue on login-1): ssh: connect to host login-1: No route to host"
    world.run(60)
    assert not world.ever("F13")


def test_accounting_that_is_away_is_told_once_it_lasts() -> None:
    """A short queue is everyday; jobs keep running."""
    world = World(jobs={"812": running(812, "gpu-1", 8)}, counts={"dbd_agent_queue": 40.0})
    world.run(60)
    assert [] == world.codes
    world.counts["dbd_agent_queue"] = 400.0
    world.run(10)
    assert "info" == world.one("F14").severity
    world.run(330)
    assert [("F14", "cluster")] == world.roots


def test_a_slow_scheduler_is_told_by_its_last_cycle() -> None:
    """One long cycle is information, five minutes of them a warning, half a minute each critical."""
    world = World(jobs={"812": running(812, "gpu-1", 8)}, counts={"scheduler_last_cycle_us": 6e6})
    world.run(10)
    assert "info" == world.one("F15").severity
    world.run(330)
    assert ("warning", "its last cycle took 6 s" in world.one("F15").title) == (world.one("F15").severity, True)
    world.counts["scheduler_last_cycle_us"] = 4e7
    world.run(10)
    assert "critical" == world.one("F15").severity


def test_munge_that_refuses_is_why_a_node_looks_silent() -> None:
    """Its clock is wrong: it is up, and slurmctld cannot hear it."""
    world = World()
    world.set_node()
    world.run(20)
    world.job_log(
        "slurmd: error: Munge decode failed: Expired credential",
        "slurmd: error: Munge decode failed: Expired credential",
    )
    world.run(60)
    silent(world)
    world.run(10)
    assert [("F16", "gpu-1")] == world.roots
    assert ("critical", False) == (world.one("F16").severity, world.one("F1").root)
    assert "Expired credential" in world.one("F16").title


def test_a_daemons_log_tells_of_nodes_where_slurm_itself_is_not_read() -> None:
    """The lines of slurmctld name them, also as a list; a later one takes it back."""
    world = World(nodes=3, gpus=1)
    world.run(20)
    world.job_log("slurmctld: error: Nodes gpu-[2-3] not responding", node_name="gpu-1")
    world.run(10)
    assert {("F1", "gpu-2"), ("F1", "gpu-3")} == {(one.code, str(one.subject)) for one in world.diagnosis.findings}
    early = [one.severity for one in world.diagnosis.findings]
    world.run(150)
    assert ["warning", "warning", "critical", "critical"] == [
        *early,
        *(one.severity for one in world.diagnosis.findings),
    ]
    world.job_log("slurmctld: Node gpu-2 now responding", "slurmctld: Node gpu-3 now responding", node_name="gpu-1")
    world.run(10)
    assert [] == world.codes
