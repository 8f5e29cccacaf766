"""Jobs, nodes and partitions as JSON, in old and new dialects."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from app.domain.slurm import Gres, JobGpus, SlurmJob, SlurmNode, SlurmPartition
from app.sources.slurm import json_values
from app.sources.slurm.json_jobs import jobs_of
from app.sources.slurm.json_nodes import nodes_of
from app.sources.slurm.json_partitions import partitions_of
from app.sources.slurm.parsed import SlurmParseError
from tests.sources.slurm.slurm_text import START, answer, json_job, old_json_job, struct

JOB = SlurmJob(
    id="812", job_id=812, name="llama-ft", user="ana", account="lab", partition="gpu", qos="normal", state="RUNNING",
    nodes=("gpu-02", "gpu-01"), node_count=2, cpus=16, memory_mib=65536.0, gpus=4, gpus_per_node=2, gpu_type="h100",
    gpus_on=(JobGpus("gpu-02", 2, "h100", (4, 5)), JobGpus("gpu-01", 2, "h100", (0, 1))), priority=100,
    submit_at=START - 60.0, start_at=float(START), end_at=START + 7200.0, time_limit_s=7200.0,
    work_dir="/home/ana", stdout="/home/ana/%x-%j.out", restarts=0, is_requeueable=True,
)  # fmt: skip


@pytest.mark.parametrize("row", [json_job(), old_json_job()])
def test_both_families_of_dialects_give_the_same_job(row: dict[str, Any]) -> None:
    """Plain numbers and structs, words and lists: one job; GPUs pair with the job's own order of nodes."""
    assert (JOB,) == jobs_of(answer("jobs", row)).items


def test_texts_that_do_not_pair_with_nodes_say_nothing_of_gpus() -> None:
    """One text for two nodes could be either's: only the request is told."""
    job = jobs_of(answer("jobs", json_job(gres_detail=["gpu:h100:2(IDX:0-1)"]))).items[0]

    assert ((), 4, 2) == (job.gpus_on, job.gpus, job.gpus_per_node)


def test_states_are_base_and_flags_in_any_dialect() -> None:
    """A list is base and flags; a lone flag of an old dialect stands for its state; unknown words stay."""
    rows = [
        json_job(job_id=1, job_state=["PENDING", "REQUEUE_HOLD"]),
        json_job(job_id=2, job_state=["COMPLETED", "COMPLETING"]),
        old_json_job(job_id=3, job_state="CONFIGURING"),
        json_job(job_id=4, job_state=["WARPING"], state_reason="NewOne"),
    ]  # fmt: skip
    jobs = jobs_of(answer("jobs", *rows)).items

    assert [
        ("PENDING", ("REQUEUE_HOLD",), ()), ("COMPLETED", ("COMPLETING",), ("gpu-02", "gpu-01")),
        ("RUNNING", ("CONFIGURING",), ("gpu-02", "gpu-01")), ("WARPING", (), ("gpu-02", "gpu-01")),
    ] == [(job.state, job.flags, job.nodes) for job in jobs]  # fmt: skip
    assert "NewOne" == jobs[3].reason


def test_ids_of_arrays_and_heterogeneous_jobs() -> None:
    """A task by its number, tasks together as Slurm writes them, parts by offset; array 0 is none."""
    rows = [
        json_job(job_id=824, array_job_id=struct(820), array_task_id=struct(3)),
        json_job(job_id=820, array_job_id=struct(820), array_task_string="7-99", array_max_tasks=struct(4)),
        json_job(job_id=831, het_job_id=struct(830), het_job_offset=struct(1)),
        old_json_job(job_id=832, array_job_id=0, array_task_id=None),
    ]  # fmt: skip

    assert ["820_3", "820_[7-99%4]", "830+1", "832"] == [job.id for job in jobs_of(answer("jobs", *rows)).items]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (256, (1, 0)), (9, (0, 9)), (struct(0x0300), (3, 0)), (None, (None, None)),
        ({"status": ["SIGNALED"], "return_code": struct(), "signal": {"id": struct(9), "name": "KILL"}}, (None, 9)),
        ({"status": ["ERROR"], "return_code": struct(3), "signal": {"id": struct(), "name": ""}}, (3, None)),
        ({"status": "SIGNALED", "return_code": None, "signal": {"signal_id": 9}}, (None, 9)),
    ],
)  # fmt: skip
def test_exit_code_of_every_dialect(value: object, expected: tuple[int | None, int | None]) -> None:
    """A raw wait status, plain or in a struct, and the object of later dialects."""
    job = jobs_of(answer("jobs", json_job(job_state=["FAILED"], exit_code=value))).items[0]

    assert expected == (job.exit_code, job.exit_signal)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (60, 3600.0), (struct(60), 3600.0), (struct(infinite=True), math.inf), ("Infinity", math.inf), (None, None),
        (struct(), None), (-1, math.inf), (4294967295, math.inf), (4294967294, None), ({}, None), ([], None),
        (True, None),
    ],
)  # fmt: skip
def test_time_limit_of_every_dialect(value: object, expected: float | None) -> None:
    """Minutes become seconds, endless ones infinity, unset ones unknown."""
    assert expected == jobs_of(answer("jobs", json_job(time_limit=value))).items[0].time_limit_s


def test_expanded_paths_come_first_and_odd_ones_are_none() -> None:
    """`stdout_expanded` (25.05) beats the pattern; a path with a newline is refused, a name with one is cleaned."""
    row = json_job(stdout_expanded="/home/ana/llama-ft-812.out", standard_error="/tmp/a\nb", name="a\nb\x1b[2J")
    job = jobs_of(answer("jobs", row)).items[0]

    assert ("/home/ana/llama-ft-812.out", None, "a b[2J") == (job.stdout, job.stderr, job.name)


def test_what_slurm_warns_of_is_told_once() -> None:
    """Errors and warnings beside data are notes; the same one is not told twice."""
    warning = {"description": "no QOS", "source": "x"}
    error = {"error": "Unable to contact database", "description": "slurmdbd\x1b[0m down", "error_number": 7000}

    assert (
        "jobs as JSON error: Unable to contact database; slurmdbd[0m down",
        "jobs as JSON warning: no QOS",
    ) == jobs_of(answer("jobs", json_job(), errors=[error], warnings=[warning, warning])).notes


def test_error_without_data_is_an_error() -> None:
    """22.05 exits 0 with an empty list and an error when slurmctld is gone: that is no empty queue."""
    with pytest.raises(SlurmParseError, match="jobs as JSON error: Unable to contact slurm controller"):
        jobs_of(answer("jobs", errors=[{"error": "Unable to contact slurm controller"}]))
    with pytest.raises(SlurmParseError, match="jobs as JSON line 1: JSON without a list of jobs"):
        jobs_of([])
    assert () == jobs_of(answer("jobs")).items


def test_rows_that_are_no_jobs_are_counted() -> None:
    """A row without a number or a state, or of another type, costs itself only."""
    parsed = jobs_of(answer("jobs", 7, None, {"job_id": "x"}, json_job(job_state=[]), json_job(), json_job()))

    assert (1, 5) == (len(parsed.items), parsed.skipped)
    assert "jobs as JSON line 6: job 812 a second time" == parsed.notes[4]


NODE: dict[str, Any] = {
    "name": "gpu-01", "hostname": "gpu-01", "address": "10.0.0.1", "state": ["MIXED", "DRAIN", "DYNAMIC_NORM"],
    "reason": "bad fan", "reason_set_by_user": "root", "reason_changed_at": struct(START), "cpus": 64,
    "alloc_cpus": 16, "real_memory": 1000, "alloc_memory": 100, "free_mem": struct(900), "cpu_load": 325,
    "gres": "gpu:h100:8(S:0-1)", "gres_used": "gpu:h100:2(IDX:0,5)", "features": ["h100"], "active_features": ["h100"],
    "partitions": ["gpu"], "boot_time": struct(START), "slurmd_start_time": struct(START), "last_busy": struct(0),
    "version": "25.11.0", "reservation": "", "comment": "", "extra": "", "instance_id": "pod-7", "instance_type": "",
}  # fmt: skip
OLD_NODE: dict[str, Any] = NODE | {
    "state": "mixed", "state_flags": ["DRAIN", "DYNAMIC_NORM"], "reason_changed_at": START, "free_memory": 900,
    "boot_time": START, "slurmd_start_time": START, "last_busy": 0, "slurmd_version": "25.11.0", "features": "h100",
    "active_features": "h100",
}  # fmt: skip
del OLD_NODE["free_mem"], OLD_NODE["version"]


@pytest.mark.parametrize("row", [NODE, OLD_NODE])
def test_both_families_of_dialects_give_the_same_node(row: dict[str, Any]) -> None:
    """Lower-case state with flags or a list, `free_memory` or `free_mem`, text or list of features: one node."""
    expected = SlurmNode(
        name="gpu-01", state="MIXED", flags=("DRAIN", "DYNAMIC_NORM"), reason="bad fan", reason_by="root",
        reason_at=float(START), host="gpu-01", address="10.0.0.1", gres=(Gres("gpu", "h100", 8),),
        gres_used=(Gres("gpu", "h100", 2, (0, 5)),), cpus=64, cpus_used=16, memory_mib=1000.0, memory_used_mib=100.0,
        memory_free_mib=900.0, cpu_load=3.25, partitions=("gpu",), features=("h100",), version="25.11.0",
        boot_at=float(START), slurmd_at=float(START), instance_id="pod-7",
    )  # fmt: skip

    assert (expected,) == nodes_of(answer("nodes", row)).items


def test_groups_of_sinfo_are_not_nodes() -> None:
    """`sinfo --json` of 23.02 and later lists groups: refused as nodes, read for their partitions."""
    group = {"node": {"state": ["IDLE"]}, "nodes": {"nodes": ["gpu-01"]}, "partition": {"name": "gpu", "nodes": {}}}

    with pytest.raises(SlurmParseError, match="nodes as JSON line 1: JSON without a list of nodes"):
        nodes_of(answer("sinfo", group))
    assert ["gpu"] == [one.name for one in partitions_of(answer("sinfo", group, group)).items]


def test_partitions_of_both_families_are_the_same() -> None:
    """Flat and nested partitions give the same limits; -1 and infinite are no limit, empty lists are everyone."""
    flat = {
        "name": "gpu", "state": "UP", "flags": ["default"], "nodes": "gpu-[01-02]", "max_time_limit": -1,
        "default_time_limit": 60, "priority_tier": 5, "maximum_nodes_per_job": -1, "qos": "", "allowed_groups": "",
        "allowed_accounts": "lab", "allowed_qos": "",
    }  # fmt: skip
    nested = {
        "name": "gpu", "partition": {"state": ["UP"]}, "nodes": {"configured": "gpu-[01-02]", "total": 2},
        "maximums": {"time": struct(infinite=True), "nodes": struct(infinite=True)}, "defaults": {"time": struct(60)},
        "priority": {"tier": 5}, "qos": {"assigned": "", "allowed": ""}, "groups": {"allowed": ""},
        "accounts": {"allowed": "lab"},
    }  # fmt: skip
    expected = SlurmPartition(
        name="gpu", is_default=True, nodes=("gpu-01", "gpu-02"), time_limit_s=math.inf, default_time_s=3600.0,
        priority_tier=5, allow_accounts="lab",
    )  # fmt: skip

    assert (expected,) == partitions_of(answer("partitions", flat)).items
    assert (replace(expected, is_default=False),) == partitions_of(answer("partitions", nested)).items


@pytest.mark.parametrize(
    ("meta", "dialect", "release"),
    [
        ({"plugin": {"type": "openapi/v0.0.38"}, "Slurm": {"release": "22.05.8"}}, "v0.0.38", "22.05.8"),
        ({"plugins": {"data_parser": "data_parser/v0.0.39"}, "Slurm": {"release": "23.02.6"}}, "v0.0.39", "23.02.6"),
        ({"plugin": {"data_parser": "data_parser/v0.0.44"}, "slurm": {"release": "25.11.0"}}, "v0.0.44", "25.11.0"),
        (None, "", ""), ([], "", ""),
    ],
)  # fmt: skip
def test_dialect_and_release_are_read_where_they_are_told(meta: object, dialect: str, release: str) -> None:
    """They serve people; no parser asks for them."""
    assert (dialect, release) == (json_values.dialect_of({"meta": meta}), json_values.release_of({"meta": meta}))
