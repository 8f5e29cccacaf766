"""Pods whose private addresses the provider translates: no interface has them, so Slurm listens on all and says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.pod.conftest import BY_RELEASE, HEAD, WORKERS, Formed, new_key, prepare
from tests.real.pod.pods import Rack
from tests.real.pod.sockets import elsewhere
from tests.real.slurm.releases import Release
from tests.real.slurm.translation import be_a_router, translate

pytestmark = pytest.mark.real("iptables")

NODES = (HEAD, WORKERS[0])
NOTE = "its private address {} is on none of its interfaces, so Slurm listens on all of them"


@pytest.fixture(scope="module", params=BY_RELEASE)
def translated(request: pytest.FixtureRequest) -> Iterator[Formed]:
    """A head that computes and a worker, ready for Slurm, both behind a translation."""
    release: Release = request.param
    rack = Rack(release)
    try:
        pods = {node: rack.pod(1) for node in NODES}
        be_a_router(rack.fabric)
        for pod in pods.values():
            translate(rack.fabric, pod.host)
        made = Formed(rack, pods, new_key())
        prepare(pods, made.key)
        yield made
    finally:
        rack.end()


def test_pods_behind_a_translation_form_a_cluster_and_say_where_it_listens(translated: Formed) -> None:
    """Each script tells it in a note; a step on both nodes has its output; the same again changes nothing."""
    said = (translated.start_head(), translated.join(WORKERS[0]))
    names = translated.slurm("srun", "-N2", "-t", "1", "printenv", "SLURMD_NODENAME").splitlines()
    from_worker = translated.pods[WORKERS[0]].host.must(["srun", "-N2", "-t", "1", "echo", "here"])
    again = (translated.start_head(), translated.join(WORKERS[0]))

    assert ["0.0.0.0"] * 2 == [one["listens"] for one in said]
    assert [NOTE.format(translated.pods[node].host.address) for node in NODES] == [one["note"] for one in said]
    assert sorted(NODES) == sorted(names)
    assert "here\nhere\n" == from_worker
    assert ["no", "no"] == [one["changed"] for one in again]
    assert {"slurmctld", "slurmd"} == {one.program for one in elsewhere(translated.head.host)}
