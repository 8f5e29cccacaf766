"""A burn-in through a real cluster: sent as a job, run on every GPU of its nodes, followed and judged."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.real.slurm.cluster import SlurmCluster
from tests.real.slurm.daemons import until
from tests.real.slurm.program import ROOT, program
from tests.real.slurm.releases import DEBIAN

QUICK = ("--engine", "plain", "--quick", "--seconds", "1", "--python", "/usr/bin/python3", "--yes")


@pytest.fixture
def debian(cluster: SlurmCluster) -> SlurmCluster:
    """The cluster whose nodes have Python."""
    if cluster.release != DEBIAN:
        pytest.skip("the newest release's root folder holds no Python")
    return cluster


def test_two_nodes_are_burnt_in(debian: SlurmCluster, short_folder: Path) -> None:
    """Two GPUs on each of two nodes measure everything, reduce with each other, and are judged by name."""
    alice = program(debian, "ssh", short_folder)

    told = alice.json("stress", "--node", "node1,node2", "--gpus", "2", *QUICK)

    places = [(node, index) for node in ("node1", "node2") for index in (0, 1)]
    assert places == [(gpu["node"], gpu["index"]) for gpu in told["gpus"]], told["notes"]
    for gpu in told["gpus"]:
        values = {one["phase"]: one["value"] for one in gpu["measures"]}
        assert values.keys() >= {"matmul.fp64", "memory.copy", "memory.read", "sustained"}
        assert 0 == values["memory.pattern"]
        assert min(values["allreduce.node"], values["allreduce.all"]) > 0
    assert ["node1", "node2", "all nodes"] == [group["name"] for group in told["groups"]]
    assert ("slurm", "COMPLETED") == (told["way"], told["job_state"])
    said = debian.slurm.job(told["job_id"])
    assert ("node[1-2]", "gpu-watchdog-stress") == (said["NodeList"], said["JobName"])
    assert "submit" == alice.audit()[0]["verb"]


def test_part_of_a_node_is_called_by_its_own_numbers(debian: SlurmCluster, short_folder: Path) -> None:
    """Beside somebody else's job the GPUs that are tested keep the numbers that Slurm gives them."""
    debian.slurm.running("--gres=gpu:3", "-w", "node2", user="bob")
    alice = program(debian, "ssh", short_folder)

    told = alice.json("stress", "--node", "node2", "--gpus", "2", "--phases", "matmul", *QUICK)

    assert [("node2", 3), ("node2", 4)] == [(gpu["node"], gpu["index"]) for gpu in told["gpus"]], told["notes"]


def test_whole_node_is_taken_alone(debian: SlurmCluster, short_folder: Path) -> None:
    """Without `--gpus` all eight GPUs of a node are tested, and Slurm lets nobody else on it."""
    alice = program(debian, "ssh", short_folder)

    told = alice.json("stress", "--node", "node3", "--phases", "pattern", *QUICK)

    assert list(range(8)) == [gpu["index"] for gpu in told["gpus"]], told["notes"]
    assert {"ok"} == {gpu["verdict"] for gpu in told["gpus"]}
    assert "NO" == debian.slurm.job(told["job_id"])["OverSubscribe"]


def test_interrupted_burn_in_is_cancelled_and_told(debian: SlurmCluster, short_folder: Path) -> None:
    """Ctrl-C ends the job, and what was measured until then is printed."""
    alice = program(debian, "ssh", short_folder)
    line = [*alice.words, "stress", "--node", "node3", "--gpus", "2", *QUICK, "--seconds", "120", *alice.options]
    process = subprocess.Popen(
        line,
        cwd=ROOT,
        env=dict(alice.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for told in process.stderr:
        if "measured: fp64" in told:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)

    assert 130 == process.returncode
    assert "node3/1" in out
    until(lambda: not debian.slurm.queue(), 60, "the job to be gone")
