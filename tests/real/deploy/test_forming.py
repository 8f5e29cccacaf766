"""A cluster out of bare pods by the real hands: real sshd, real scripts, real Slurm, from nothing to a job on all."""

from __future__ import annotations

from pathlib import Path
from time import time

import pytest

from app.config.paths import deployments_ssh_config
from app.domain.deployment import Deployment, Wish
from app.services.deploy import ssh_files
from app.services.deploy.record import write_record
from tests.real.deploy.ground import GPU, in_field
from tests.real.deploy.pods import NamespacePods, Quirks
from tests.real.pod.sockets import connects, elsewhere
from tests.real.slurm.namespaces import outer_address

pytestmark = [pytest.mark.real("slurm"), pytest.mark.real("gcc"), pytest.mark.real("ssh")]


async def test_two_bare_pods_become_a_cluster_and_run_a_job(cloud: NamespacePods, state_dir: Path) -> None:
    """From pods that just booted to a job on both, each with a GPU of its own; done once more, nothing changes."""
    cloud.quirks["w1"] = Quirks(boot_s=1.5)
    async with in_field(cloud, state_dir, Wish("lab", nodes=2, gpus_per_node=2)) as lab:
        await lab.boot()
        await lab.up_to("job")
        lab.show_times()
        first, lab.told = lab.told, []
        seen = [await lab.hands.gpus(node, lab.tell, burn_in=False) for node in lab.nodes]
        await lab.up_to("job")
        lab.show_times()
        is_busy = await lab.hands.is_busy(lab.head)

    assert [(2, GPU, ())] * 2 == [(one.count, one.model, one.sick) for one in seen]
    assert first[-1].startswith("A job ran on 2 nodes at once")
    assert "A new munge key is on 2 pods" in first
    assert {"lab-head has our scripts already", "The munge key of the head is on 2 pods"} <= set(lab.told)
    assert is_busy is False


async def test_only_sshd_is_open_to_the_world(cloud: NamespacePods, state_dir: Path) -> None:
    """On a pod of a formed cluster nothing but sshd listens on another address than loopback and the private one."""
    async with in_field(cloud, state_dir, Wish("lab", nodes=2)) as lab:
        await lab.boot()
        await lab.up_to("job")
        head, worker = (cloud.of(key).host for key in ("head", "w1"))
        opened = [{(one.program, one.port) for one in elsewhere(host)} for host in (head, worker)]
        let_in = [connects(worker, outer_address(head), port) for port in (22, 6817, 6818, 9400)]

    assert [{("sshd", 22)}] * 2 == opened
    assert [True, False, False, False] == let_in
    assert not any("listens" in line for line in lab.told)


@pytest.mark.slow
@pytest.mark.real("iptables")
async def test_a_network_that_translates_is_told_of(cloud: NamespacePods, state_dir: Path) -> None:
    """Pods without their private addresses form a cluster and run a job; of each it is told where it listens."""
    cloud.quirks.update(dict.fromkeys(("head", "w1"), Quirks(is_translated=True)))
    async with in_field(cloud, state_dir, Wish("lab", nodes=2)) as lab:
        await lab.boot()
        await lab.up_to("job")

    notes = [line for line in lab.told if line.endswith("so Slurm listens on all of them")]
    assert ["lab-head", "lab-w1"] == [line.partition(":")[0] for line in notes]
    assert lab.told[-1].startswith("A job ran on 2 nodes at once")


@pytest.mark.slow
async def test_a_worker_comes_goes_and_comes_as_another_pod(cloud: NamespacePods, state_dir: Path) -> None:
    """A node leaves Slurm's list when it is told to, and a new pod under its name joins with the key of the head."""
    async with in_field(cloud, state_dir, Wish("lab", nodes=2)) as lab:
        await lab.boot()
        await lab.up_to("form")
        worker, hands = lab.workers[0], lab.hands
        jobs = await hands.jobs_on(lab.head, worker)
        await hands.drain(lab.head, worker, "replaced")
        await hands.leave(lab.head, worker)
        await hands.leave(lab.head, worker)
        await hands.forget(worker)
        cloud.on_end_of(lab.pods["w1"].id)
        left = ssh_files.hosts(lab.folder)
        await lab.boot(worker)
        await lab.up_to("job")

    assert () == jobs
    assert ("lab-head",) == left
    assert lab.told[-1].startswith("A job ran on 2 nodes at once")


async def test_a_node_that_somebody_drained_stays_drained(cloud: NamespacePods, state_dir: Path) -> None:
    """Forming the cluster again lets it be, says so and how it comes back; the job runs on the others."""
    async with in_field(cloud, state_dir, Wish("lab", nodes=2)) as lab:
        await lab.boot()
        await lab.up_to("form")
        words = ["scontrol", "update", "nodename=lab-w1", "state=drain", "reason=ECC errors, ana looks at it"]
        cloud.of("head").host.must(words)
        lab.told.clear()
        await lab.up_to("job")
        record = cloud.of("head").host.must(["scontrol", "-o", "show", "node", "lab-w1"])

    assert "DRAIN" in record
    assert "ECC errors, ana looks at it" in record
    told = next(line for line in lab.told if "is drained and stays so" in line)
    assert "lab-w1 is drained and stays so: ECC errors, ana looks at it" in told
    assert "scontrol update nodename=lab-w1 state=resume" in told
    assert lab.told[-1].startswith("A job ran on lab-head in ")


async def test_every_pod_watches_the_time_and_its_use(cloud: NamespacePods, state_dir: Path) -> None:
    """Its own watch knows the record's deadline and the idle time that were wished for, and ends when neither is."""
    wish, deadline_at = Wish("lab", nodes=1, ttl_s=7200.0, idle_s=3600.0), round(time() + 7200.0)
    async with in_field(cloud, state_dir, wish) as lab:
        write_record(lab.folder, Deployment(wish, "0a1b2c3d", 0.0, deadline_at=float(deadline_at)))
        await lab.boot()
        await lab.up_to("form")
        watched = status_of(cloud)
    plain = Wish("lab", nodes=1)
    async with in_field(cloud, state_dir, plain) as lab:
        write_record(lab.folder, Deployment(plain, "0a1b2c3d", 0.0))
        lab.pods["head"] = lab.pod_of(cloud.of("head"), lab.head)
        await lab.up_to("form")
        after = status_of(cloud)

    assert ("running", f"{deadline_at}", "3600") == (
        watched["service.watchdog"],
        watched["watchdog.deadline"],
        watched["watchdog.idle_s"],
    )
    assert "stopped" == after["service.watchdog"]


def status_of(cloud: NamespacePods) -> dict[str, str]:
    """What the head's pod says of its services."""
    text = cloud.of("head").host.must(["bash", "/opt/gpu-watchdog/setup/status.sh"])
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.mark.slow
async def test_another_head_takes_the_workers_over(cloud: NamespacePods, state_dir: Path) -> None:
    """A head that is gone takes munge key and Slurm's state with it; its successor brings a new key to everybody."""
    async with in_field(cloud, state_dir, Wish("lab", nodes=2)) as lab:
        await lab.boot()
        await lab.up_to("form")
        await lab.hands.forget(lab.head)
        cloud.on_end_of(lab.pods["head"].id)
        lab.told.clear()
        await lab.boot(lab.head)
        await lab.up_to("job")

    assert "A new munge key is on 2 pods" in lab.told
    assert lab.told[-1].startswith("A job ran on 2 nodes at once")


@pytest.mark.slow
async def test_gpus_are_loaded_where_that_is_wished_for(cloud: NamespacePods, state_dir: Path) -> None:
    """The burn-in runs on the pod; where its image cannot load a GPU, that is told and nobody is called sick."""
    async with in_field(cloud, state_dir, Wish("lab", nodes=1, burn_in=True)) as lab:
        await lab.boot()
        await lab.up_to("install")
        seen = await lab.hands.gpus(lab.head, lab.tell, burn_in=True)

    assert (1, ()) == (seen.count, seen.sick)
    assert "lab-head: GPU 0 could not be tested" in lab.told[-1]


async def test_an_image_of_ours_is_used_as_it_is(cloud: NamespacePods, state_dir: Path) -> None:
    """Where the scripts are there already, none are brought; logs can be asked for, and ssh knows the node by name."""
    cloud.quirks["head"] = Quirks(has_bundle=True)
    async with in_field(cloud, state_dir, Wish("lab", nodes=1)) as lab:
        await lab.boot()
        await lab.up_to("form")
        lines = await lab.hands.logs(lab.head, "slurmctld", 50)
        text = deployments_ssh_config(state_dir).read_text()

    assert "lab-head has our scripts already" in lab.told
    assert any("slurmctld" in line for line in lines)
    assert "/deployments/*/ssh_config" in text
