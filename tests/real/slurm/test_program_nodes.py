"""Nodes by the program's own commands, and what befalls them, beside what Slurm itself says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.real.slurm.cluster import SlurmCluster
from tests.real.slurm.configuration import SLURMD_TIMEOUT_S
from tests.real.slurm.program import Program, program, watching

INTERVAL_S = 2.0
DOWN_WITHIN_S = SLURMD_TIMEOUT_S + 60
"""Slurm's own slowness: it looks at its nodes in rounds."""


@pytest.fixture(params=["local", "ssh"])
def root(request: pytest.FixtureRequest, cluster: SlurmCluster, short_folder: Path) -> Program:
    """The program as an administrator uses it, on the head or through ssh."""
    return program(cluster, request.param, short_folder, user="root", interval_s=INTERVAL_S)


def node_of(status: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A node of `status --json`; empty when it is not there."""
    return next((node for node in status["nodes"] if node["name"] == name), {})


def running(status: Mapping[str, Any]) -> list[str]:
    """Ids of the jobs that run, by `status --json`."""
    return [one["id"] for one in status["jobs"] if one["state"] == "RUNNING"]


def test_node_is_drained_with_a_reason_and_resumed(cluster: SlurmCluster, root: Program) -> None:
    """`drain` keeps new jobs off a node and says why to everybody; `undrain` opens it again."""
    root.must("drain", "node2", "--reason", "fan 2 is loud", "--yes")
    drained = cluster.slurm.node("node2")
    shown = node_of(root.json("status"), "node2")
    root.must("undrain", "node2", "--yes")

    assert "DRAIN" in drained["State"]
    assert drained["Reason"].startswith("fan 2 is loud [root@")
    assert "DRAIN" in shown["slurm_state"]
    assert "fan 2 is loud" == shown["slurm_reason"]
    assert "IDLE" in cluster.slurm.node_state("node2")
    assert "DRAIN" not in cluster.slurm.node_state("node2")


def test_node_is_drained_by_rest_where_it_can_be(cluster: SlurmCluster, short_folder: Path) -> None:
    """Slurmrestd changes nodes from 23.02 on: the newest drains one, and of 22.05 the program says what it needs."""
    root = program(cluster, "rest", short_folder, user="root")

    done = root.run("drain", "node2", "--reason", "fan 2 is loud", "--yes")

    can = cluster.version >= (23, 2)
    assert (0 if can else 1) == done.returncode, done.stderr
    assert can == ("DRAIN" in cluster.slurm.node_state("node2"))
    assert can != ("needs Slurm's commands" in done.stdout)


def test_a_user_may_not_drain(cluster: SlurmCluster, short_folder: Path) -> None:
    """What Slurm refuses is told in plain words, and the node stays open."""
    alice = program(cluster, "ssh", short_folder)

    done = alice.run("drain", "node2", "--reason", "x", "--yes")

    assert 1 == done.returncode, done.stderr
    assert {"IDLE", "DYNAMIC_NORM"} == cluster.slurm.standing("node2")


@pytest.mark.clock
def test_death_is_shown_and_the_job_is_lost(cluster: SlurmCluster, short_folder: Path) -> None:
    """A node whose slurmd dies is DOWN in Slurm, and on our side two looks later at the latest, with the job's end."""
    job = cluster.slurm.running("--no-requeue", "--gres=gpu:1", "-w", "node2")
    root = program(cluster, "local", short_folder, interval_s=INTERVAL_S)
    with watching(root) as watch:
        cluster.kill_slurmd("node2")
        cluster.slurm.await_node("node2", "DOWN", DOWN_WITHIN_S)
        down_at = monotonic()
        seen = watch.until(  # both by then: jobs are asked for a moment before or after the nodes
            lambda status: "DOWN" in node_of(status, "node2")["slurm_state"] and job not in running(status)
        )
        took_s = monotonic() - down_at

    assert took_s <= 2 * INTERVAL_S + 1
    cluster.slurm.await_job(job, "NODE_FAIL")
    assert 1 == seen["cluster"]["nodes_down"]


def test_a_dead_dynamic_node_is_deleted_and_rejoins(cluster: SlurmCluster, short_folder: Path) -> None:
    """A node that is gone is deleted from Slurm's list; a new machine of that name joins and is seen."""
    root = program(cluster, "local", short_folder, interval_s=INTERVAL_S)
    cluster.kill_host("node3")
    cluster.slurm.await_node("node3", "DOWN", DOWN_WITHIN_S)

    root.must("delete-node", "node3", "--yes")
    gone, listed = cluster.slurm.node("node3"), node_of(root.json("status"), "node3")
    cluster.add_host("node3")
    cluster.start_slurmd("node3")
    cluster.slurm.await_node("node3", "IDLE")
    back = node_of(root.json("status"), "node3")

    assert {} == gone
    assert {} == listed
    assert "IDLE" in back["slurm_state"]


def test_a_live_node_is_not_deleted_by_mistake(cluster: SlurmCluster, short_folder: Path) -> None:
    """A node that answers is not deleted: its slurmd would not come back by itself."""
    root = program(cluster, "local", short_folder)

    done = root.run("delete-node", "node1", "--yes")

    assert 0 != done.returncode
    assert "IDLE" in cluster.slurm.node_state("node1")


@pytest.mark.clock
def test_a_node_that_joins_is_seen(cluster: SlurmCluster, short_folder: Path) -> None:
    """A fourth machine that joins a running cluster is there two looks later at the latest."""
    root = program(cluster, "local", short_folder, interval_s=INTERVAL_S)
    with watching(root) as watch:
        watch.until(lambda status: len(status["nodes"]) == 3)
        cluster.add_host("node4")
        cluster.start_slurmd("node4")
        cluster.slurm.await_node("node4", "IDLE")
        joined_at = monotonic()
        watch.until(lambda status: "IDLE" in node_of(status, "node4").get("slurm_state", ""))
        took_s = monotonic() - joined_at

    assert took_s <= 2 * INTERVAL_S + 1


def test_silence_of_the_controller_leaves_the_last_picture(cluster: SlurmCluster, short_folder: Path) -> None:
    """Without slurmctld the source is down with a sentence and the jobs stay, until they are past their age."""
    job = cluster.slurm.running("--gres=gpu:1")
    root = program(cluster, "local", short_folder, interval_s=INTERVAL_S)
    with watching(root) as watch:
        watch.until(lambda status: job in [one["id"] for one in status["jobs"] or ()])
        cluster.stop_ctld()
        down = watch.until(lambda status: "slurmctld" in (status["sources"][0]["error"] or ""))
        cluster.start_ctld()
        watch.until(lambda status: status["sources"][0]["state"] == "ok")

    assert [job] == [one["id"] for one in down["jobs"]]
