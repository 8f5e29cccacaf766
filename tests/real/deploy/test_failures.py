"""What goes wrong with a pod ends in a trouble with a code, the node's name and what to do; never in a hang."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.deployment import Trouble, Wish
from app.services.deploy.ports import DeployError
from tests.real.deploy.ground import QUICK, Field, in_field
from tests.real.deploy.pods import NamespacePods, Quirks, raise_xid

pytestmark = [pytest.mark.real("slurm"), pytest.mark.real("gcc"), pytest.mark.real("ssh")]
HURRIED = replace(QUICK, join_s=5.0, gpus_s=2.0)
"""Of these times all is used up: for what never comes."""
UNREACHED = replace(HURRIED, reach_s=2.0)


@pytest.fixture(scope="module")
def shared_cloud() -> Iterator[NamespacePods]:
    """One network for all of them: the pods of each test are its own."""
    with NamespacePods() as made:
        yield made


@pytest.fixture
def cloud(shared_cloud: NamespacePods) -> Iterator[NamespacePods]:
    """The network without a pod on it."""
    yield shared_cloud
    for pod_id in tuple(shared_cloud.pods):
        shared_cloud.on_end_of(pod_id)
    shared_cloud.quirks.clear()


async def trouble_of(lab: Field, step: str) -> Trouble:
    """What a step ends in."""
    await lab.boot()
    with pytest.raises(DeployError) as caught:
        await lab.up_to(step)
    return caught.value.trouble


@pytest.mark.parametrize(
    ("quirks", "step", "code", "words"),
    [
        (Quirks(ssh="never"), "reach", "no_banner", "was not reached within 2 s"),
        (Quirks(ssh="silent"), "reach", "ssh_timeout", "nothing answered within"),
        (Quirks(ssh="other"), "reach", "no_banner", "something that is no sshd said 'HTTP/1.0 400'"),
        (Quirks(wrong_key=True), "reach", "ssh_key_refused", "does not let our key in"),
        (Quirks(full_disk=True), "install", "disk_full", "is full"),
        (Quirks(skew_s=700), "form", "clock_skew", "700 s ahead of the others"),
        (Quirks(missing_gpus=1), "form", "no_gpu", "counts no GPU"),
        (Quirks(no_network=True), "form", "head_unreachable", "where the head's slurmctld ought to"),
    ],
)
async def test_a_pod_that_is_not_as_it_should_be_is_named(
    cloud: NamespacePods, state_dir: Path, quirks: Quirks, step: str, code: str, words: str
) -> None:
    """The worker's trouble is told with its code, what happened and what to do."""
    cloud.quirks["w1"] = quirks
    patience = UNREACHED if quirks.ssh in ("never", "silent") else HURRIED
    async with in_field(cloud, state_dir, Wish("lab", nodes=2), patience) as lab:
        trouble = await trouble_of(lab, step)

    assert (code, "lab-w1") == (trouble.code, trouble.node)
    assert words in trouble.what
    assert trouble.next


async def test_another_host_key_is_never_taken(cloud: NamespacePods, state_dir: Path) -> None:
    """A pod whose sshd has another key than it had is not logged into, and it is said why."""
    async with in_field(cloud, state_dir, Wish("lab", nodes=1), HURRIED) as lab:
        await lab.boot()
        await lab.up_to("reach")
        pod = cloud.of("head")
        again = "rm /etc/ssh/pod_host_key*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/pod_host_key; pkill sshd"
        pod.host.run(["sh", "-c", f"{again}; sleep 0.3; /usr/sbin/sshd -f /etc/ssh/pod_sshd"])
        with pytest.raises(DeployError) as caught:
            await lab.up_to("reach")

    assert "host_key_changed" == caught.value.trouble.code
    assert str(lab.folder.known_hosts) in caught.value.trouble.what


async def test_sick_gpus_are_named_with_what_they_say(cloud: NamespacePods, state_dir: Path) -> None:
    """A GPU that fell off the bus does not count, and one with an Xid of its hardware is named with it."""
    cloud.quirks["head"] = Quirks(lost_gpu=True)
    async with in_field(cloud, state_dir, Wish("lab", nodes=1, gpus_per_node=4), HURRIED) as lab:
        await lab.boot()
        await lab.up_to("install")
        raise_xid(cloud.of("head"), 48, gpu=2)
        seen = await lab.hands.gpus(lab.head, lab.tell, burn_in=False)

    assert 3 == seen.count
    assert ["GPU 0", "GPU 2"] == [line.partition(":")[0] for line in seen.sick]
    assert "Xid 48" in seen.sick[1]


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("memory", "model_memory", "out of memory"),
        ("gated", "model_refused", "gated repo"),
    ],
)
async def test_a_model_that_will_not_start_says_why(
    cloud: NamespacePods, state_dir: Path, model: str, code: str, words: str
) -> None:
    """The error of vLLM itself is told, and what it means."""
    cloud.quirks["head"] = Quirks(model=model)
    async with in_field(cloud, state_dir, Wish("lab", nodes=1, model="org/tiny"), HURRIED) as lab:
        await lab.boot()
        await lab.up_to("install")
        with pytest.raises(DeployError) as caught:
            await lab.hands.serve_model(lab.head, "org/tiny", lab.tell)

    assert code == caught.value.trouble.code
    assert words in caught.value.trouble.what.lower()


async def test_a_model_is_followed_until_it_answers(cloud: NamespacePods, state_dir: Path) -> None:
    """Its phases are told as its log tells them, and it ends with the server's answer to who has the key."""
    cloud.quirks["head"] = Quirks(model="slow")
    async with in_field(cloud, state_dir, Wish("lab", nodes=1, model="org/tiny"), HURRIED) as lab:
        await lab.boot()
        await lab.up_to("install")
        await lab.hands.serve_model(lab.head, "org/tiny", lab.tell)

    assert any(line.startswith("Model: weights") for line in lab.told)
    assert lab.told[-1].startswith("org/tiny answers after")


async def test_a_pod_that_vanishes_is_told(cloud: NamespacePods, state_dir: Path) -> None:
    """A connection that goes with its pod is an error with the node's name, within seconds."""
    async with in_field(cloud, state_dir, Wish("lab", nodes=1), HURRIED) as lab:
        await lab.boot()
        await lab.up_to("reach")
        cloud.on_end_of(lab.pods["head"].id)
        with pytest.raises(DeployError) as caught:
            await lab.hands.install(lab.head, lab.tell)

    assert ("connection_lost", "lab-head") == (caught.value.trouble.code, caught.value.trouble.node)
