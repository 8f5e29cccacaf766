"""Jobs by the program's own commands, through each way in, and what Slurm itself says afterwards."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.real.slurm.cluster import SlurmCluster
from tests.real.slurm.daemons import until
from tests.real.slurm.pages import serving, uuid_of
from tests.real.slurm.program import Program, program, program_inside
from tests.real.slurm.releases import DEBIAN

SCRIPT = """\
#!/bin/sh
#SBATCH --job-name=train
#SBATCH --gres=gpu:2
#SBATCH --nodelist=node2
#SBATCH --time=30
echo devices $CUDA_VISIBLE_DEVICES
exec sleep 300
"""
WAYS = ("local", "ssh", "rest")


@pytest.fixture(params=WAYS)
def alice(request: pytest.FixtureRequest, cluster: SlurmCluster, short_folder: Path) -> Program:
    """The program as alice uses it, by one of the ways in."""
    return program(cluster, request.param, short_folder, user="alice")


@pytest.fixture(params=["local", "ssh"])
def by_commands(request: pytest.FixtureRequest, cluster: SlurmCluster, short_folder: Path) -> Program:
    """The program as alice uses it, by Slurm's commands."""
    return program(cluster, request.param, short_folder, user="alice")


def test_submitted_script_runs_as_its_user(cluster: SlurmCluster, by_commands: Program, tmp_path: Path) -> None:
    """`submit` gives the id of a job that Slurm runs for alice with the script's own options."""
    file = tmp_path / "train.sbatch"
    file.write_text(SCRIPT)

    job = by_commands.json("submit", str(file), "--yes")["id"]

    cluster.slurm.await_job(job, "RUNNING")
    said = cluster.slurm.job(job)
    assert ("train", "alice(2001)", "00:30:00") == (said["JobName"], said["UserId"], said["TimeLimit"])
    assert ("node2", "gpu:h100:2(IDX:0-1)") == (said["NodeList"], said["GRES"])


def test_held_job_waits_until_it_is_released(cluster: SlurmCluster, by_commands: Program) -> None:
    """`hold` keeps a waiting job from starting, and says why it waits; `release` lets it go."""
    blocker = cluster.slurm.running("--gres=gpu:8", "-w", "node1", user="bob")
    job = cluster.slurm.submit("--gres=gpu:1", "-w", "node1")

    by_commands.must("hold", job, "--yes")
    held = cluster.slurm.job(job)
    shown = {one["id"]: one for one in by_commands.json("jobs")["jobs"]}[job]
    by_commands.must("release", job, "--yes")
    cluster.head.must(["scancel", blocker])
    cluster.slurm.await_job(job, "RUNNING")

    assert ("PENDING", "JobHeldUser") == (held["JobState"], held["Reason"])
    assert ("PENDING", "JobHeldUser") == (shown["state"], shown["pending_reason"])
    assert "held" in shown["pending_explained"]


def test_job_is_held_by_rest_where_it_can_be(cluster: SlurmCluster, short_folder: Path) -> None:
    """Slurmrestd holds a job and nothing else of it changes; 22.05's would change more, so nothing is sent there."""
    alice, job = program(cluster, "rest", short_folder), cluster.slurm.submit("--begin=now+1hour")

    done = alice.run("hold", job, "--yes")

    can, said = cluster.version >= (23, 2), cluster.slurm.job(job)
    assert (0 if can else 1) == done.returncode, done.stderr
    assert ("JobHeldUser" if can else "BeginTime", "0") == (said["Reason"], said["Nice"])


def test_requeued_job_begins_again(cluster: SlurmCluster, by_commands: Program) -> None:
    """`requeue` puts a running job back into the queue; Slurm counts the restart."""
    job = cluster.slurm.running("--gres=gpu:1", "--requeue")

    by_commands.must("requeue", job, "--yes")

    until(lambda: cluster.slurm.job(job)["Restarts"] == "1", 30, "the restart to count")


def test_what_slurmrestd_cannot_do_is_told(cluster: SlurmCluster, short_folder: Path, tmp_path: Path) -> None:
    """Through REST nothing is submitted or requeued; the program says what it would need, and Slurm is as it was."""
    alice = program(cluster, "rest", short_folder)
    job = cluster.slurm.running("--gres=gpu:1", "--requeue")
    (tmp_path / "train.sbatch").write_text(SCRIPT)

    done = [alice.run("requeue", job, "--yes"), alice.run("submit", str(tmp_path / "train.sbatch"), "--yes")]

    assert [1, 1] == [one.returncode for one in done]
    assert [True, True] == ["needs Slurm's commands, here or through ssh" in one.stdout for one in done]
    assert {job: "RUNNING"} == cluster.slurm.queue()


def test_cancelled_job_is_cancelled(cluster: SlurmCluster, alice: Program) -> None:
    """`cancel` shows whom it hits and by which command, ends the job, and the audit log has both."""
    job = cluster.slurm.running("-J", "doomed", "--gres=gpu:1")

    done = alice.run("cancel", job, "--yes")

    assert 0 == done.returncode, done.stderr
    cluster.slurm.await_job(job, "CANCELLED")
    assert f"cancel job {job} (alice, doomed)" in done.stderr
    assert ["intent", "outcome"] == [fact["fact"] for fact in alice.audit()]
    assert ["cancel", [job]] == [alice.audit()[0]["verb"], alice.audit()[0]["targets"]]


def test_array_is_cancelled_by_task(cluster: SlurmCluster, alice: Program) -> None:
    """One task of an array is cancelled, and the others go on."""
    array = cluster.slurm.submit("--array=1-3", "--gres=gpu:1")
    for task in (1, 2, 3):
        cluster.slurm.await_job(f"{array}_{task}", "RUNNING")

    alice.must("cancel", f"{array}_2", "--yes")

    cluster.slurm.await_job(f"{array}_2", "CANCELLED")
    assert {f"{array}_1": "RUNNING", f"{array}_3": "RUNNING"} == cluster.slurm.queue()


def test_somebody_elses_job_is_refused_in_plain_words(cluster: SlurmCluster, alice: Program) -> None:
    """Slurm lets alice do nothing to bob's job; the program says so, and the job runs on."""
    job = cluster.slurm.running("--gres=gpu:1", user="bob")

    done = alice.run("cancel", job, "--yes")

    assert 1 == done.returncode, done.stderr
    assert re.search("Slurm does not let (alice|root) do this: .*somebody else", done.stdout), done.stdout
    assert "RUNNING" == cluster.slurm.state(job)


def test_read_only_does_nothing(cluster: SlurmCluster, alice: Program) -> None:
    """With `--read-only` the plan is shown and the job runs on."""
    job = cluster.slurm.running("--gres=gpu:1")

    done = alice.run("cancel", job, "--yes", "--read-only")

    assert 0 != done.returncode
    assert "RUNNING" == cluster.slurm.state(job)
    assert [] == alice.audit()


def test_time_limit_is_extended_by_who_may(cluster: SlurmCluster, short_folder: Path) -> None:
    """An administrator gives a running job an hour more."""
    root = program(cluster, "local", short_folder)
    job = cluster.slurm.running("-t", "60", "--gres=gpu:1")

    root.must("extend", job, "--by", "60m", "--yes")

    assert "02:00:00" == cluster.slurm.job(job)["TimeLimit"]


def test_job_is_suspended_and_resumed_by_who_may(cluster: SlurmCluster, short_folder: Path) -> None:
    """An administrator suspends a job and lets it go on."""
    root = program(cluster, "local", short_folder)
    job = cluster.slurm.running("--gres=gpu:1")

    root.must("suspend", job, "--yes")
    cluster.slurm.await_job(job, "SUSPENDED")
    root.must("resume", job, "--yes")
    cluster.slurm.await_job(job, "RUNNING")


def test_gpus_show_who_holds_them(cluster: SlurmCluster, short_folder: Path) -> None:
    """`status` puts job and user on exactly the GPUs that Slurm gave, beside what the exporters say of them."""
    first = cluster.slurm.running("--gres=gpu:1", "-w", "node2")
    second = cluster.slurm.running("--gres=gpu:2", "-w", "node2", user="bob")
    wide = cluster.slurm.running("-N2", "--gres=gpu:3", "-w", "node1,node3")
    with serving(("node1", "node2", "node3")) as pages:
        status = program(cluster, "local", short_folder, pages=pages).json("status")

    held = {
        (node["name"], gpu["index"]): (gpu["job_id"], gpu["user"], gpu["uuid"])
        for node in status["nodes"]
        for gpu in node["gpus"]
        if gpu["allocated"]
    }
    alone = {("node2", 0): (first, "alice"), ("node2", 1): (second, "bob"), ("node2", 2): (second, "bob")}
    both = {(node, index): (wide, "alice") for node in ("node1", "node3") for index in range(3)}
    assert {place: (*who, uuid_of(*place)) for place, who in (alone | both).items()} == held
    assert {"exact"} == {job["gpu_binding"] for job in status["jobs"] if job["state"] == "RUNNING"}
    assert (24, 9, 3) == tuple(status["cluster"][key] for key in ("gpus", "gpus_allocated", "jobs_running"))


def test_waiting_is_explained_with_numbers(cluster: SlurmCluster, short_folder: Path) -> None:
    """A job that waits for 8 GPUs on one node is told how many the best node has."""
    for node in ("node1", "node2", "node3"):
        cluster.slurm.running("--gres=gpu:6", "-w", node, user="bob")
    job = cluster.slurm.submit("--gres=gpu:8")
    until(lambda: cluster.slurm.job(job)["Reason"] == "Resources", 60, "the scheduler to look at it")

    told = {one["id"]: one for one in program(cluster, "local", short_folder).json("jobs")["jobs"]}[job]

    assert "Resources" == told["pending_reason"]
    assert "8" in told["pending_explained"]
    assert "2" in told["pending_explained"]


def test_ended_jobs_come_from_accounting(cluster: SlurmCluster, short_folder: Path) -> None:
    """`jobs --history` has a job that is over with its state and exit code, as sacct has it."""
    job = cluster.slurm.submit("-J", "crash", "--gres=gpu:1", wrap="exit 3")
    cluster.slurm.await_job(job, "FAILED")
    root, past = program(cluster, "local", short_folder), dict[str, Any]()

    def is_remembered() -> bool:
        past.update({one["id"]: one for one in root.json("jobs", "--history", "1h")["jobs"]})
        return job in past

    until(is_remembered, 60, "slurmdbd to have it")
    told = past[job]
    assert ("crash", "FAILED", "alice", 1) == (told["name"], told["state"], told["user"], told["gpus"])
    assert 3 == told["exit_code"]


def test_job_page_has_what_slurm_knows(cluster: SlurmCluster, alice: Program) -> None:
    """`job` has the job with its GPUs by index and its fields by Slurm's own names."""
    job = cluster.slurm.running("-J", "paper", "--gres=gpu:2", "-w", "node3")

    told = alice.json("job", job)

    assert (job, "paper", "RUNNING", ["node3"]) == (told["id"], told["name"], told["state"], told["nodes"])
    assert {"node3": [0, 1]} == told["gpu_indices"]


@pytest.mark.parametrize("way", ["inside", "ssh"])
def test_output_is_read_where_it_lies(cluster: SlurmCluster, short_folder: Path, way: str) -> None:
    """`logs` prints a job's output on the head, and from afar through ssh."""
    if way == "inside" and cluster.release != DEBIAN:
        pytest.skip("the newest release's root folder holds no Python")
    job = cluster.slurm.running("--gres=gpu:1", wrap="echo epoch 1 loss 0.5; exec sleep 300")
    path = cluster.head.root / f"home/alice/slurm-{job}.out"
    until(lambda: path.exists() and path.read_text(), 30, "the job's output")
    alice = program_inside(cluster, "alice") if way == "inside" else program(cluster, "ssh", short_folder)

    assert "epoch 1 loss 0.5\n" == alice.must("logs", job)


@pytest.mark.real(DEBIAN.part)
def test_nothing_to_configure_on_the_head(cluster: SlurmCluster) -> None:
    """Who logs in on the head sees the queue and acts on it as themselves, with no configuration at all."""
    if cluster.release != DEBIAN:
        pytest.skip("the newest release's root folder holds no Python")
    alice, job = program_inside(cluster, "alice"), cluster.slurm.running("--gres=gpu:1")

    assert {job: "RUNNING"} == {one["id"]: one["state"] for one in alice.json("jobs", "--me")["jobs"]}
    alice.must("cancel", job, "--yes")

    cluster.slurm.await_job(job, "CANCELLED")
