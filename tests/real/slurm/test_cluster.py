"""The cluster itself, by Slurm's own commands: it comes up, does what a cluster does, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.real.slurm.cluster import SlurmCluster
from tests.real.slurm.configuration import GPUS
from tests.real.slurm.daemons import until
from tests.real.slurm.releases import DEBIAN

CHILD = """
import sys
from pathlib import Path
from tests.real.slurm.cluster import SlurmCluster
from tests.real.slurm.releases import DEBIAN
made = SlurmCluster(Path(sys.argv[1]), DEBIAN)
made.start(1, dbd=False)
print("up", flush=True)
sys.stdin.read()
"""


def test_nodes_join_with_their_gpus(cluster: SlurmCluster) -> None:
    """Three workers without a configuration of their own are idle, dynamic, and have 8 GPUs each."""
    assert ["node1", "node2", "node3"] == sorted(cluster.slurm.idle_nodes())
    assert {"IDLE", "DYNAMIC_NORM"} <= cluster.slurm.node_state("node2")
    assert f"gpu:h100:{GPUS}" == cluster.slurm.node("node2")["Gres"]


def test_a_job_is_given_gpus_by_index(cluster: SlurmCluster) -> None:
    """A job that asks for two GPUs runs with two devices of its own, and the next with the two after them."""
    first = cluster.slurm.running("--gres=gpu:2", "-w", "node2", wrap="echo $CUDA_VISIBLE_DEVICES; exec sleep 300")
    second = cluster.slurm.running("--gres=gpu:2", "-w", "node2", user="bob")

    assert "gpu:h100:2(IDX:0-1)" == cluster.slurm.job(first)["GRES"]
    assert "gpu:h100:2(IDX:2-3)" == cluster.slurm.job(second)["GRES"]
    until(lambda: "0,1\n" == cluster.exec("head", ["cat", f"slurm-{first}.out"], "alice").stdout, 30, "its output")


def test_commands_work_from_outside(cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrappers run Slurm's commands on the head as their user, with the caller's environment and input."""
    monkeypatch.setenv("SQUEUE_FORMAT", "%i of %u")
    script = "#!/bin/sh\n#SBATCH --job-name=outside\nsleep 300\n"
    words = [str(cluster.bin_dir("bob") / "sbatch"), "--parsable"]
    job = subprocess.run(words, check=True, input=script, capture_output=True, text=True).stdout.strip()

    listed = subprocess.run([cluster.bin_dir() / "squeue", "-h"], check=True, capture_output=True, text=True).stdout

    assert f"{job} of bob\n" == listed
    assert ("outside", "/home/bob") == (cluster.slurm.job(job)["JobName"], cluster.slurm.job(job)["WorkDir"])


def test_rest_takes_a_token(cluster: SlurmCluster) -> None:
    """REST answers on its unix socket to who has a token, and refuses who has none."""
    transport = httpx.HTTPTransport(uds=str(cluster.rest_socket))
    job = cluster.slurm.running("--gres=gpu:1")
    with httpx.Client(transport=transport, base_url="http://slurm", timeout=20) as client:
        named = {"X-SLURM-USER-NAME": "alice", "X-SLURM-USER-TOKEN": cluster.token()}
        paths = client.get("/openapi/v3", headers=named).json()["paths"]
        jobs = max(path for path in paths if path.startswith("/slurm/v") and path.rstrip("/").endswith("/jobs"))
        answered, refused = client.get(jobs, headers=named), client.get(jobs)

    assert (200, 401) == (answered.status_code, refused.status_code)
    assert int(job) in [one["job_id"] for one in answered.json()["jobs"]]


def test_rest_answers_in_the_heads_network(cluster: SlurmCluster) -> None:
    """On TCP slurmrestd listens on the head's loopback only; a program is sent there by `in_network`."""
    ask = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1] + '/openapi/v3').status)"
    words = cluster.in_network([sys.executable, "-c", ask, cluster.rest_url])

    outside = subprocess.run(words[words.index("--") + 1 :], check=False, capture_output=True, text=True)
    within = subprocess.run(words, check=False, capture_output=True, text=True)

    assert "Connection refused" in outside.stderr
    assert "HTTP Error 401" in within.stderr


def test_ssh_comes_in_through_a_real_sshd(cluster: SlurmCluster) -> None:
    """`ssh head` with the folder's ssh is a login on the head, as the user that is asked for."""
    ssh = str(cluster.ssh_dir() / "ssh")
    said = [
        subprocess.run([ssh, where, "id -un; hostname; sinfo -h -o %D"], check=True, capture_output=True, text=True)
        for where in ("head", "bob@head")
    ]

    assert ["alice\nhead\n", "bob\nhead\n"] == ["".join(one.stdout.splitlines(keepends=True)[:2]) for one in said]
    assert "3" in said[0].stdout.splitlines()[2:]


def test_accounting_remembers_jobs(cluster: SlurmCluster) -> None:
    """A job that is over is in sacct with its state, its exit code and its GPUs."""
    job = cluster.slurm.submit("--gres=gpu:1", wrap="exit 3")
    cluster.slurm.await_job(job, "FAILED")
    words = ["sacct", "-n", "-X", "-P", "-j", job, "-o", "State,ExitCode,User,AllocTRES"]

    until(lambda: "FAILED" in cluster.head.run(words).stdout, 60, "sacct to know the job")

    state, code, user, tres = cluster.head.must(words).strip().split("|")
    assert ("FAILED", "3:0", "alice") == (state, code, user)
    assert "gres/gpu=1" in tres


def test_controller_comes_back_with_its_jobs(cluster: SlurmCluster) -> None:
    """Without slurmctld the commands fail; after a restart nodes and running jobs are as before."""
    job = cluster.slurm.running("--gres=gpu:1")
    cluster.stop_ctld()
    down = cluster.head.run(["squeue", "-h"])
    cluster.start_ctld()

    assert 1 == down.returncode
    assert "RUNNING" == cluster.slurm.state(job)


def test_two_clusters_stand_side_by_side(cluster: SlurmCluster, tmp_path: Path) -> None:
    """A second cluster with the same names and addresses knows nothing of the first."""
    other = SlurmCluster(tmp_path, cluster.release)
    other.start(1, dbd=False, rest=False)
    job = other.slurm.running("--gres=gpu:1")
    found = [cluster.slurm.queue(), other.slurm.queue()]
    other.stop()

    assert [{}, {job: "RUNNING"}] == found


@pytest.mark.real(DEBIAN.part)
def test_a_killed_test_run_leaves_nothing(tmp_path: Path) -> None:
    """When the process that holds a cluster is killed, every process of the cluster is gone at once."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdin is not None
    child.stdout.readline()
    before = descendants(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(timeout=10)

    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before), 30, "the cluster to end")

    assert {"munged", "slurmctld", "slurmd"} <= set(before.values())
    child.stdin.close()
    child.stdout.close()


def descendants(root: int) -> dict[int, str]:
    """Numbers and names of all processes that hang under one."""
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(one) for one in task.read_text().split()]
    return {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in found[1:]}
