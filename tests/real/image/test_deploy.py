"""From nothing to a cluster of pods of our image, and back: real Terraform, real sshd, and the image's own start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.real.deploy.customer import GPU, Customer, customer
from tests.real.image.pod_image import Builder
from tests.real.image.pods import ImagePods
from tests.real.image.store import Build

pytestmark = [pytest.mark.real("buildah", "terraform", "ssh", "gcc"), pytest.mark.slow]

Rent = Callable[[str], tuple[Customer, ImagePods]]
NAME = "registry.example/gpu-watchdog-pod:0.1.0"
KEYS = ("head", "w1", "w2")
NODES = tuple(f"lab-{key}" for key in KEYS)
WISH = ("--nodes", "3", "--gpus-per-node", "2", "--gpu", GPU)
WHERE = "tmp/where"
SCRIPT = f"""\
#!/bin/bash
#SBATCH -J everywhere -N 3 --ntasks-per-node=1 --gres=gpu:2 --mem=64M --time=5
srun sh -c 'echo $SLURMD_NODENAME GPU $CUDA_VISIBLE_DEVICES of $(scontrol --version) > /{WHERE}'
sleep 600
"""


@pytest.fixture
def rent(state_dir: Path, builder: Builder, built: Build) -> Iterator[Rent]:
    """Let somebody with a key rent pods that have an image."""
    with ExitStack() as stack:

        def start(image: str) -> tuple[Customer, ImagePods]:
            root = stack.enter_context(builder.store.mounted(image))
            pods = ImagePods(root, builder.store.config(image))
            return stack.enter_context(customer(state_dir, pods=pods)), pods

        yield start


def test_deploy_brings_nothing_to_pods_of_our_image(rent: Rent, builder: Builder) -> None:
    """The image starts itself, exporter and sshd; deploy finds its scripts, forms a cluster, runs a job, ends it."""
    user, pods = rent(builder.image)
    with user.measured("deploy"):
        said = user.must("deploy", "lab", *WISH, "--image", NAME, "--yes")
    log = (user.folder / "deploy.log").read_text()
    consoles = [pods.console(key) for key in KEYS]
    boots = [(pods.of(key).host.root / "var/log/gpu-watchdog/boot.log").read_text() for key in KEYS]

    assert "lab is ready: 3 nodes, 6 GPUs" in said
    assert {NAME} == {pod.image for pod in user.runpod.pods.values()}
    assert [] == [node for node in NODES if f"{node} has our scripts already" not in log]
    assert [] == [text for text in consoles if "pod is ready" not in text]
    assert [] == [text for text in boots if "boot: done" not in text]
    assert [""] * 3 == [pods.of(key).host.must(pods.health) for key in KEYS]
    with user.measured("job"):
        use_it(user, f"slurm {builder.sources.version}")
    with user.measured("destroy"):
        user.must("deploy", "lab", "--destroy", "--yes")
    user.show_times()

    assert ({}, {}) == (user.runpod.pods, pods.pods)


def test_deploy_makes_nodes_of_the_stock_image_too(rent: Rent, builder: Builder) -> None:
    """RunPod's own image, which has Slurm, is brought our scripts; its munge key, which anybody has, is replaced."""
    user, pods = rent(builder.bases["runpod"])
    known = (pods.root / "etc/munge/munge.key").read_bytes()

    with user.measured("deploy"):
        user.must("deploy", "lab", *WISH, "--yes")
    log = (user.folder / "deploy.log").read_text()
    keys = {(pods.of(key).host.root / "etc/munge/munge.key").read_bytes() for key in KEYS}
    use_it(user, pods.of("head").host.must(["slurmd", "-V"]).strip())
    user.must("deploy", "lab", "--destroy", "--yes")
    user.show_times()

    assert "has our scripts already" not in log
    assert 1 == len(keys)
    assert known not in keys


def use_it(user: Customer, version: str) -> None:
    """A job that is submitted here runs on head and workers at once, with all GPUs, by the image's own Slurm."""
    user.json("submit", "-", "--chdir", "/tmp", "--yes", stdin=SCRIPT)
    places = [user.pods.of(key).host.root / WHERE for key in KEYS]
    user.until(lambda: all(place.exists() and place.read_text() for place in places))
    status = user.seen("status", lambda status: {"ok"} == {source["state"] for source in status["sources"]})

    assert [f"{node} GPU 0,1 of {version}\n" for node in NODES] == [place.read_text() for place in places]
    assert [(node, 2) for node in NODES] == [(node["name"], len(node["gpus"])) for node in status["nodes"]]
    assert {"ok"} == {source["state"] for source in status["sources"]}
