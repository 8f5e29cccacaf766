"""A place for pods, and a cluster formed on it by the real scripts alone."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.real.pod.pods import PodHost, Rack
from tests.real.slurm.releases import DEBIAN, RELEASES, Release

BY_RELEASE = [pytest.param(one, id=one.name, marks=pytest.mark.real(one.part, "gcc")) for one in RELEASES]
HEAD, WORKERS = "lab-head", ("lab-w1", "lab-w2")
TOKEN = "0123456789abcdef-of-the-exporter"


def new_key() -> str:
    """A munge key, base64."""
    return base64.b64encode(os.urandom(1024)).decode()


@dataclass
class Formed:
    """A head that computes and two workers; `key` is their munge key."""

    rack: Rack
    pods: dict[str, PodHost]
    key: str

    @property
    def head(self) -> PodHost:
        """Where the controller runs."""
        return self.pods[HEAD]

    def slurm(self, *words: str) -> str:
        """A Slurm command on the head."""
        return self.head.host.must(words)

    def join(self, node: str) -> dict[str, str]:
        """Let a worker join, for the first time or again."""
        pod = self.pods[node]
        words = ("--node", node, "--head", f"{HEAD}:6817", "--instance-id", pod.id)
        return dict(pod.must("slurm-worker.sh", *words))

    def start_head(self) -> dict[str, str]:
        """Start the controller, for the first time or again."""
        words = ("--cluster", "lab", "--node", HEAD, "--address", HEAD, "--instance-id", self.head.id, "--compute")
        return dict(self.head.must("slurm-head.sh", *words))


def prepare(pods: dict[str, PodHost], key: str) -> None:
    """Everything but Slurm's daemons."""
    names = "".join(f"{pod.private_name} {node}\n" for node, pod in pods.items())
    for node, pod in pods.items():
        pod.must("install.sh", "--least-disk-mb", "64")
        pod.must("start-exporter.sh", "--node", node, "--token", stdin=TOKEN)
        pod.must("munge-key.sh", stdin=key)
        pod.must("hosts.sh", stdin=names)


@pytest.fixture(scope="module", params=BY_RELEASE)
def formed(request: pytest.FixtureRequest) -> Iterator[Formed]:
    """A cluster of three pods whose GPUs have other numbers than CUDA gives them."""
    release: Release = request.param
    rack = Rack(release)
    try:
        pods = {HEAD: rack.pod(2), WORKERS[0]: rack.pod(2, (3, 5)), WORKERS[1]: rack.pod(1, (4,))}
        made = Formed(rack, pods, new_key())
        prepare(pods, made.key)
        made.start_head()
        for node in WORKERS:
            made.join(node)
        yield made
    finally:
        rack.end()


@pytest.fixture(scope="module")
def rack() -> Iterator[Rack]:
    """A place for pods of the machine's own system."""
    made = Rack(DEBIAN)
    yield made
    made.end()


@pytest.fixture
def new_pod(rack: Rack) -> Iterator[Callable[..., PodHost]]:
    """Make pods that end with their test."""
    made: list[PodHost] = []

    def make(gpus: int = 1, minors: tuple[int, ...] = ()) -> PodHost:
        made.append(rack.pod(gpus, minors))
        return made[-1]

    yield make
    for pod in made:
        pod.host.end()
