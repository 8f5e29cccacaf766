"""One cluster for each release, for the whole run; what a test leaves in the queue is cleared after it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.slurm.cluster import SlurmCluster
from tests.real.slurm.releases import RELEASES, Release

WORKERS = ("node1", "node2", "node3")

BY_RELEASE = [
    pytest.param(one, id=one.name, marks=[pytest.mark.real(one.part), pytest.mark.xdist_group(one.name)])
    for one in RELEASES
]
"""Each is a group of its own: with two workers the clusters stand side by side, each used by one test at a time."""


@pytest.fixture(scope="session", params=BY_RELEASE)
def whole_cluster(request: pytest.FixtureRequest) -> Iterator[SlurmCluster]:
    """A head, three workers with 8 GPUs each, accounting and REST."""
    release: Release = request.param
    # A short path, whoever runs the tests: commands in it are to be read on the screen, on one line.
    with tempfile.TemporaryDirectory(prefix="gw-") as folder:
        made = SlurmCluster(Path(folder), release)
        made.start(len(WORKERS))
        yield made
        made.stop()


@pytest.fixture
def cluster(whole_cluster: SlurmCluster) -> Iterator[SlurmCluster]:
    """The cluster with an empty queue and its three workers idle, as the test before found it."""
    yield whole_cluster
    whole_cluster.mend(WORKERS)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A short path: sockets want one, and a test's own folder is too deep."""
    with tempfile.TemporaryDirectory(prefix="gw-") as made:
        yield Path(made)
