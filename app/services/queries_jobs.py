"""Answers about one job, in full, and about what is free: what `job --json` and `free --json` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.domain.allocation import allocations
from app.domain.frozen import frozen
from app.domain.job_actions import JobDetail
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Gpu, Snapshot
from app.engine.free import FreeGpus, FreeRow, NodeFree, Starts, free_gpus
from app.services.queries_slurm import SCHEMA, job_status

_GPU_VALUES = (
    ("utilization_percent", "gpu.utilization"),
    ("memory_used_mib", "gpu.memory_used"),
    ("memory_total_mib", "gpu.memory_total"),
    ("temperature_c", "gpu.temperature"),
    ("power_w", "gpu.power"),
)


@frozen
class Want:
    """GPUs that somebody would like at once."""

    gpus: int
    """On each node."""
    nodes: int = 1
    model: str | None = None
    partition: str | None = None


def job(
    one: SlurmJob, snapshot: Snapshot, now: float, detail: JobDetail | None = None, note: str = ""
) -> dict[str, Any]:
    """One job with all that is known of it; `detail` is what was asked on demand, `note` why it was not."""
    join = allocations(snapshot, now)
    return {
        "schema": SCHEMA,
        "at": round(now, 3),
        **job_status(one, snapshot, now),
        "gpus_live": [_live(gpu, now) for gpu in join.gpus_of(one)],
        "work_dir": one.work_dir,
        "command": one.command,
        "comment": one.comment,
        "reservation": one.reservation,
        "features": one.features,
        "required_nodes": one.required_nodes,
        "excluded_nodes": one.excluded_nodes,
        "exit_signal": one.exit_signal,
        "is_requeueable": one.is_requeueable,
        **_detail(detail),
        "note": note or None,
    }


def _live(gpu: Gpu, now: float) -> dict[str, Any]:
    values = {name: gpu.value(key, now) for name, key in _GPU_VALUES}
    return {"node": gpu.node, "index": gpu.index, "uuid": gpu.uuid, "model": gpu.model, **values}


def _detail(detail: JobDetail | None) -> dict[str, Any]:
    if detail is None:
        nothing: Mapping[str, Any] = dict.fromkeys(("fields", "stdout", "stderr", "steps", "script", "script_note"))
        return {**nothing, "environment": None}
    return {
        "fields": dict(detail.fields),
        "stdout": detail.stdout,
        "stderr": detail.stderr,
        "steps": [dict(step) for step in detail.steps],
        "script": detail.script,
        "script_note": detail.script_note or None,
        "environment": dict(detail.environment) if detail.environment is not None else None,
    }


def free(snapshot: Snapshot, now: float, wanted: Sequence[Want] = ()) -> dict[str, Any]:
    """What is free now, by model, partition and node, and what would start at once: the wanted, else usual sizes."""
    found = free_gpus(snapshot, now)
    asked = wanted or usual(found)
    return {
        "schema": SCHEMA,
        "at": round(now, 3),
        "basis": found.basis,
        "note": found.note,
        "total": _free_row(found.total),
        "by_model": [_free_row(row) for row in found.by_model],
        "by_partition": [_free_row(row) for row in found.by_partition],
        "nodes": [_free_node(one) for one in found.nodes],
        "starts": [_starts(one, found.starts(one.gpus, one.nodes, one.model, one.partition)) for one in asked],
    }


def usual(found: FreeGpus) -> tuple[Want, ...]:
    """The sizes people ask for, as far as there is a node that large: 1, 2, 4, 8 GPUs, and two and four full nodes."""
    largest = max((one.total for one in found.nodes), default=0)
    sizes = [Want(gpus) for gpus in (1, 2, 4, 8, 16) if gpus <= largest]
    full = sum(one.total == largest for one in found.nodes)
    return (*sizes, *(Want(largest, nodes) for nodes in (2, 4) if nodes <= full))


def _free_row(row: FreeRow) -> dict[str, Any]:
    return {**asdict(row), "largest_on": row.largest_on or None}


def _free_node(one: NodeFree) -> dict[str, Any]:
    return {**asdict(one), "why": one.why or None, "partitions": list(one.partitions)}


def _starts(want: Want, found: Starts) -> dict[str, Any]:
    return {**asdict(want), "ok": found.ok, "where": list(found.nodes), "text": found.text}
