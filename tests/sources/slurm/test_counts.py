"""Pages of Slurm exporters to counts."""

from __future__ import annotations

import pytest

from app.domain.slurm import Gres
from app.sources.slurm.counts import read_pages
from app.sources.slurm.parsed import SlurmParseError

SCKYZO = b"""slurm_exporter_collector_success{collector="gpus"} 1
slurm_exporter_collector_success{collector="queue"} 1
slurm_gpus_alloc 12
slurm_gpus_idle 4
slurm_gpus_other 8
slurm_gpus_total 24
slurm_jobs_running 5
slurm_queue_running{partition="gpu",user="ana"} 4
slurm_queue_pending{partition="gpu",reason="Priority",user="ana"} 2
slurm_queue_pending{partition="gpu",reason="Resources",user="bob"} 1
slurm_info{binary="",type="general",version="25.05.3"} 1
slurm_node_status{node="gpu-01",partition="gpu",status="mixed"} 1
slurm_node_status{node="gpu-01",partition="debug",status="mixed"} 1
slurm_node_cpu_total{node="gpu-01",partition="gpu",status="mixed"} 64
slurm_node_cpu_alloc{node="gpu-01",partition="gpu",status="mixed"} 16
slurm_node_gres_total{node="gpu-01",partition="gpu",status="mixed",gres_type="gpu:h100"} 8
slurm_node_gres_used{node="gpu-01",partition="gpu",status="mixed",gres_type="gpu:h100"} 6
"""
NATIVE = b"""slurm_nodes_dyn_normal 3
slurm_nodes 4
slurm_nodes_idle 1
slurm_nodes_powering_up 99
slurm_jobs_pending 2
slurm_jobs_cpus_alloc 0
slurm_jobs_nodes_alloc 0
slurm_partition_nodes_cpus_alloc{partition="gpu"} 0
slurm_node_cpus{node="gpu-01"} 60000
slurm_node_cpus{node="gpu-02"} 60000
slurm_node_cpus_alloc{node="gpu-01"} 7
slurm_node_gpus{node="gpu-01"} 8
slurm_node_gpus_alloc{node="gpu-01"} 5
slurm_jobs_gpus_alloc 5
"""


def test_queue_of_slurmdbd_is_counted_unless_its_collector_failed() -> None:
    """As sdiag calls it; a collector that failed is not believed."""
    page = b"slurm_scheduler_dbd_queue_size 140\nslurm_scheduler_threads 3\nslurm_gpus_total 8\n"
    failed = b'slurm_exporter_collector_success{collector="scheduler"} 0\n'

    assert {"dbd_agent_queue": 140.0, "scheduler_threads": 3.0, "gpus": 8.0} == read_pages([page]).counts
    assert {"gpus": 8.0} == read_pages([failed + page]).counts


def test_exporter_gives_counts_and_nodes() -> None:
    """Totals come first, sums over users where there is none; a node of two partitions is one node."""
    said = read_pages([SCKYZO])
    nodes = said.nodes or ()

    assert {
        "gpus_allocated": 12.0, "gpus_idle": 4.0, "gpus_other": 8.0, "gpus": 24.0, "jobs_running": 5.0,
        "jobs_pending": 3.0,
    } == said.counts  # fmt: skip
    assert ("exporter", "25.05.3", None) == (said.way, said.version, said.jobs)
    assert [("gpu-01", "MIXED", ("gpu", "debug"), 64, 16, (Gres("gpu", "h100", 8),), (Gres("gpu", "h100", 6),))] == [
        (one.name, one.state, one.partitions, one.cpus, one.cpus_used, one.gres, one.gres_used) for one in nodes
    ]


def test_counts_of_a_failed_collector_are_not_shown() -> None:
    """What a collector last saw is old: it is left out and said."""
    said = read_pages([SCKYZO.replace(b'collector="gpus"} 1', b'collector="gpus"} 0')])

    assert {"jobs_running": 5.0, "jobs_pending": 3.0} == said.counts
    assert ("Slurm exporter page: its collector gpus failed",) == said.notes


def test_known_defects_of_slurmctlds_own_page_are_not_believed() -> None:
    """CPUs are summed by node beyond 16 bits; powering-up, and allocations that are always 0, are not read."""
    said = read_pages(NATIVE.split(b"\n\n"))

    assert "slurmctld's own metrics" == said.way
    assert {
        "nodes_dynamic": 3.0, "nodes": 4.0, "nodes_idle": 1.0, "jobs_pending": 2.0, "cpus": 120000.0,
        "cpus_allocated": 7.0, "gpus": 8.0, "gpus_allocated": 5.0, "gpus_idle": 3.0,
    } == said.counts  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"up 1\n", b'slurm_job_utilization_gpu{slurmjobid="1"} 5\n', b"\xff\x00{{{\n"])
def test_page_of_something_else_is_an_error(body: bytes) -> None:
    """Nothing is made up of a page that has no count."""
    with pytest.raises(SlurmParseError, match="Slurm exporter page line 1: no count here that I know"):
        read_pages([body])


def test_bad_lines_are_counted() -> None:
    """A broken line costs itself and is told."""
    assert ("Slurm exporter page: 1 bad lines skipped",) == read_pages([SCKYZO + b"slurm_gpus_total{ 5\n"]).notes
