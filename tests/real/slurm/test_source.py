"""The source on a real Slurm: what it reads by commands, through ssh and from slurmrestd, beside Slurm's own words."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.config.settings import Slurm, Target
from app.domain.reading import Reading
from app.domain.slurm import JobGpus, SlurmJob, SlurmReading
from app.sources import registry
from app.transport.dialer import Dialer
from app.transport.scrape import ScrapeClient
from app.transport.ssh import SshForwards
from tests.real.slurm.cluster import SlurmCluster
from tests.real.slurm.oracle import MOMENTARY
from tests.tools.fake_clock import FakeClock

Look = Callable[[], Awaitable[Reading]]

HOSTILE = "evil\x1b[31m JobId=1 \x1f|[bold]\u202e,%i\nJobId=99999 JobState=RUNNING"
GARBAGE = {
    "SQUEUE_FORMAT": "%i",
    "SQUEUE_FORMAT2": "JobID",
    "SQUEUE_USERS": "nobody",
    "SQUEUE_STATES": "FAILED",
    "SQUEUE_SORT": "-i",
    "SLURM_TIME_FORMAT": "relative",
    "SINFO_FORMAT": "%n",
    "SCONTROL_ALL": "0",
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C.UTF-8",
}
"""What a user's shell may hold; with all of it, squeue alone would print nothing of use."""


@pytest.fixture(params=["local", "ssh", "rest"])
async def look(request: pytest.FixtureRequest, cluster: SlurmCluster, short_folder: Path) -> AsyncIterator[Look]:
    """Reads Slurm once, by one of the ways in, each as alice."""
    clock = FakeClock()
    token = short_folder / "token"
    token.write_text(cluster.token())
    token.chmod(0o600)
    slurm = {
        "local": Slurm(via="local", bin_dir=str(cluster.bin_dir())),
        "ssh": Slurm(via="ssh", ssh="alice@head"),
        "rest": Slurm(via="rest", rest_url=f"unix://{cluster.rest_socket}", token_file=str(token)),
    }[request.param]
    forwards = SshForwards(short_folder / "ssh", clock, ["-F", str(cluster.ssh_dir().parent / "config")])
    async with ScrapeClient(Dialer(forwards)) as client:
        target = Target(url=f"slurm:{request.param}", name="slurm", interval_s=10, timeout_s=9)
        environ = {**os.environ, **GARBAGE}
        source = registry.make(target, 10.0, client, clock, slurm=slurm, environ=environ)
        yield source.read
        await source.close()
    await forwards.close()


async def told(look: Look) -> SlurmReading:
    """What a look that goes well says."""
    reading = await look()
    assert reading.error is None
    assert reading.slurm is not None
    return reading.slurm


def epoch(text: str) -> float:
    """A time as scontrol prints it on these hosts."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def tasks_of(job: SlurmJob) -> list[str]:
    """The ids squeue gives a job: slurmrestd keeps tasks that wait together as one, `20_[2-3%1]`."""
    words = (job.array_task or "").partition("%")[0]
    if not words or words.isdigit():
        return [job.id]
    first, _, last = words.partition("-")
    return [f"{job.array_job_id}_{task}" for task in range(int(first), int(last) + 1)]


async def test_running_job_is_read_whole(cluster: SlurmCluster, look: Look) -> None:
    """Owner, place, limit, times and GPUs by index are what Slurm says of the job."""
    cluster.slurm.running("--gres=gpu:1", "-w", "node2")
    words = ["-J", "train", "--gres=gpu:2", "-w", "node2", "-t", "2:00:00", "-p", "gpu", "--comment=for the paper"]
    job = cluster.slurm.running(*words, user="bob")

    read = {one.id: one for one in (await told(look)).jobs or ()}[job]

    said = cluster.slurm.job(job)
    assert (said["JobName"], said["UserId"].partition("(")[0]) == (read.name, read.user) == ("train", "bob")
    assert ("RUNNING", "gpu", ("node2",), 7200.0) == (read.state, read.partition, read.nodes, read.time_limit_s)
    assert (epoch(said["SubmitTime"]), epoch(said["StartTime"])) == (read.submit_at, read.start_at)
    assert said["GRES"] == "gpu:h100:2(IDX:1-2)"
    assert (JobGpus("node2", 2, "h100", (1, 2)),) == read.gpus_on
    assert 2 == read.gpus


async def test_queue_is_slurms_queue(cluster: SlurmCluster, look: Look) -> None:
    """Every job is there with its state: running, waiting, held, and the tasks of an array one by one."""
    running = cluster.slurm.running("--gres=gpu:8", "-w", "node1")
    waits = cluster.slurm.submit("--gres=gpu:1", "-w", "node1")
    held = cluster.slurm.submit("--hold", "--gres=gpu:1")
    array = cluster.slurm.submit("--array=1-3%1", "--gres=gpu:1", "-w", "node2")
    cluster.slurm.await_job(f"{array}_1", "RUNNING")

    read = await told(look)

    live = [job for job in read.jobs or () if not job.is_ended]
    assert cluster.slurm.queue() == {one: job.state for job in live for one in tasks_of(job)}
    assert {running, waits, held, *(f"{array}_{task}" for task in (1, 2, 3))} == {
        one for job in live for one in tasks_of(job)
    }
    by_id = {job.id: job for job in live}
    assert (True, "JobHeldUser") == (by_id[held].is_held, by_id[held].reason)
    assert {int(array)} == {job.array_job_id for job in live if job.array_task is not None}


async def test_nodes_are_slurms_nodes(cluster: SlurmCluster, look: Look) -> None:
    """State, reason, and the GPUs that are there and taken, of each node."""
    cluster.slurm.running("--gres=gpu:3", "-w", "node3")
    cluster.slurm.update_node("node1", "state=drain", "reason=fan 2 is loud")

    nodes = {node.name: node for node in (await told(look)).nodes or ()}

    assert ["node1", "node2", "node3"] == sorted(nodes)
    for name, node in nodes.items():
        assert cluster.slurm.standing(name) == {node.state, *node.flags} - MOMENTARY, name
    assert ("fan 2 is loud", True, 8) == (nodes["node1"].reason, nodes["node1"].is_draining, nodes["node1"].gpus)
    assert (3, frozenset({0, 1, 2})) == (nodes["node3"].gpus_used, nodes["node3"].indices_used)
    assert (0, True) == (nodes["node2"].gpus_used, nodes["node2"].is_dynamic)


async def test_partitions_are_slurms_partitions(cluster: SlurmCluster, look: Look) -> None:
    """Both partitions with their nodes and limits; the default is known."""
    partitions = {one.name: one for one in (await told(look)).partitions or ()}

    assert {"gpu": True, "debug": False} == {name: one.is_default for name, one in partitions.items()}
    assert (float("inf"), 600.0) == (partitions["gpu"].time_limit_s, partitions["debug"].time_limit_s)
    assert {"node1", "node2", "node3"} == set(partitions["gpu"].nodes) == set(partitions["debug"].nodes)


async def test_a_hostile_name_forges_nothing(cluster: SlurmCluster, look: Look) -> None:
    """A job whose name holds escapes, separators and a whole record is one job, and no other job is made up."""
    job = cluster.slurm.running("-J", HOSTILE, "--comment", HOSTILE, "--gres=gpu:1", "-w", "node2")

    jobs = [one for one in (await told(look)).jobs or () if not one.is_ended]

    assert [(job, "RUNNING", "alice")] == [(one.id, one.state, one.user) for one in jobs]
    assert "\x1b" not in jobs[0].name
    assert "\n" not in jobs[0].name


async def test_a_silent_controller_is_told(cluster: SlurmCluster, look: Look) -> None:
    """Without slurmctld a look fails with a sentence, within its time."""
    await told(look)
    cluster.stop_ctld()

    reading = await look()

    assert reading.slurm is None
    assert reading.error is not None
    assert "slurmctld" in reading.error or "slurmrestd" in reading.error  # 22.05's REST does not say which
