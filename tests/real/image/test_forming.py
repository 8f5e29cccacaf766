"""A head and two workers of the image, formed by the scripts in it: what is claimed of other pods, of these."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from tests.real.image.pod_image import Builder
from tests.real.image.pods import release_of, undress
from tests.real.pod.conftest import HEAD, WORKERS, Formed, new_key, prepare
from tests.real.pod.pods import PodHost, Rack
from tests.real.pod.test_forming import (
    test_busy_node_does_not_leave,
    test_daemon_that_dies_is_started_again,
    test_exporter_serves_gpus_and_logs_on_loopback_to_who_has_the_token,
    test_fingerprint_on_the_pod_is_that_of_the_bundle,
    test_job_runs_on_all_nodes_with_their_gpus_numbered_from_0,
    test_munge_key_comes_back_from_the_head_and_stands_in_no_log,
    test_node_says_which_pod_plays_it_and_what_it_has,
    test_node_that_was_taken_off_the_list_joins_again,
    test_running_everything_again_changes_nothing,
    test_slurm_stops_and_starts_again,
    test_status_and_logs_tell_how_it_stands,
    test_work_on_a_worker_is_known_to_the_head,
)
from tests.real.pod.test_listening import (
    test_a_step_listens_on_the_private_network_alone_while_it_runs,
    test_nodes_are_known_by_their_private_addresses,
    test_who_is_not_on_the_private_network_is_refused,
)

__all__ = [
    "test_a_step_listens_on_the_private_network_alone_while_it_runs",
    "test_busy_node_does_not_leave",
    "test_daemon_that_dies_is_started_again",
    "test_exporter_serves_gpus_and_logs_on_loopback_to_who_has_the_token",
    "test_fingerprint_on_the_pod_is_that_of_the_bundle",
    "test_job_runs_on_all_nodes_with_their_gpus_numbered_from_0",
    "test_munge_key_comes_back_from_the_head_and_stands_in_no_log",
    "test_node_says_which_pod_plays_it_and_what_it_has",
    "test_node_that_was_taken_off_the_list_joins_again",
    "test_nodes_are_known_by_their_private_addresses",
    "test_running_everything_again_changes_nothing",
    "test_slurm_stops_and_starts_again",
    "test_status_and_logs_tell_how_it_stands",
    "test_who_is_not_on_the_private_network_is_refused",
    "test_work_on_a_worker_is_known_to_the_head",
]

pytestmark = [pytest.mark.real("buildah", "gcc"), pytest.mark.slow]


@pytest.fixture(scope="module")
def formed(root: Path) -> Iterator[Formed]:
    """A cluster of three pods of the image, on which nothing was unpacked or installed."""
    rack = Rack(release_of(root))
    times: dict[str, float] = {}
    try:
        pods = {
            HEAD: bare(rack, root, (0, 1)),
            WORKERS[0]: bare(rack, root, (3, 5)),
            WORKERS[1]: bare(rack, root, (4,)),
        }
        made = Formed(rack, pods, new_key())
        with measured(times, "prepare"):
            prepare(pods, made.key)
        with measured(times, "head"):
            made.start_head()
        with measured(times, "workers"):
            for node in WORKERS:
                made.join(node)
        sys.stderr.write("\n" + "  ".join(f"{name} {took_s:.1f} s" for name, took_s in times.items()) + "\n")
        yield made
    finally:
        rack.end()


@contextmanager
def measured(times: dict[str, float], name: str) -> Iterator[None]:
    """Note how long something takes."""
    began = monotonic()
    yield
    times[name] = monotonic() - began


def bare(rack: Rack, root: Path, minors: tuple[int, ...]) -> PodHost:
    """A pod as the image begins."""
    pod = rack.pod(len(minors), minors, is_bare=True)
    undress(pod.host, root)
    return pod


def test_cluster_runs_the_slurm_of_the_image(formed: Formed, builder: Builder) -> None:
    """Controller, daemons and commands are all of the version that was built."""
    said = formed.slurm("scontrol", "show", "config")
    nodes = formed.slurm("sinfo", "-h", "-N", "-o", "%v").split()

    assert f"SLURM_VERSION           = {builder.sources.version}\n" in said
    assert {builder.sources.version} == set(nodes)
