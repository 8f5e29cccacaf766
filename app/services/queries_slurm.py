"""Answers about jobs and Slurm's nodes, as `status`, `jobs` and `job` print them in JSON and every other face repeats.

Texts are cleaned where they came in. What Slurm does not say is null; a picture past its age says nothing.
"""

from __future__ import annotations

import math
from typing import Any

from app.domain.allocation import Allocations, allocations
from app.domain.slurm import SlurmJob, SlurmPicture
from app.domain.snapshot import Gpu, Snapshot

SCHEMA = 1


def jobs(snapshot: Snapshot, now: float) -> list[dict[str, Any]] | None:
    """Every job that waits, runs or is ending, by number; empty without Slurm, None where it should say and does not.

    Slurm lists jobs for some minutes after their end; those are the past, which `jobs --history` tells.
    """
    picture = snapshot.slurm
    if picture is None:
        return None if any(state.spec.kind == "slurm" for state in snapshot.sources.values()) else []
    current = picture.current_jobs(now)
    if current is None:
        return None
    return [job_status(job, snapshot, now) for job in current.values() if not job.is_ended or "COMPLETING" in job.flags]


def jobs_answer(snapshot: Snapshot, now: float) -> dict[str, Any]:
    """What `jobs --json` prints."""
    return {"schema": SCHEMA, "at": round(now, 3), "jobs": jobs(snapshot, now)}


def job_status(job: SlurmJob, snapshot: Snapshot, now: float) -> dict[str, Any]:
    """One job."""
    join = allocations(snapshot, now)
    return {
        "id": job.id,
        "name": job.name,
        "user": job.user,
        "account": job.account or None,
        "state": job.state,
        "flags": list(job.flags),
        "partition": job.partition,
        "qos": job.qos or None,
        "nodes": list(job.nodes),
        "node_count": job.node_count,
        "gpus": job.gpus,
        "gpu_type": job.gpu_type,
        "cpus": job.cpus,
        "memory_mib": job.memory_mib,
        "elapsed_s": _seconds(job.elapsed_s(now)),
        "time_limit_s": _seconds(job.time_limit_s),
        "priority": job.priority,
        "submit_at": job.submit_at,
        "start_at": job.start_at,
        "end_at": job.end_at,
        "reason": job.reason,
        "pending_reason": job.reason if job.is_pending else None,
        "pending_explained": _explained(job, join.picture, now),
        "gpu_binding": join.certainty(job),
        "gpu_indices": {one.node: list(one.indices) for one in job.gpus_on if one.indices is not None},
        "array_job_id": job.array_job_id,
        "array_task": job.array_task,
        "dependency": job.dependency,
        "exit_code": job.exit_code,
        "restarts": job.restarts,
    }


def holder(gpu: Gpu, join: Allocations) -> dict[str, Any]:
    """Who holds a GPU, for its object in `status --json`."""
    held = join.held(gpu)
    return {
        "job_id": held.job_ids[0] if len(held.job_ids) == 1 else None,
        "job_ids": list(held.job_ids),
        "user": held.user,
        "allocated": held.allocated,
        "gpu_binding": held.certainty if held.job_ids else None,
    }


def node_says(name: str, join: Allocations) -> dict[str, Any]:
    """What Slurm says of a node, for its object in `status --json`."""
    told = join.node(name)
    return {
        "slurm_state": told.text if told is not None else None,
        "slurm_reason": told.reason if told is not None else None,
        "partitions": list(told.partitions) if told is not None else [],
    }


def _explained(job: SlurmJob, picture: SlurmPicture | None, now: float) -> str | None:
    if not job.is_pending or picture is None:
        return None
    from app.engine.pending import explain  # noqa: PLC0415 - only a cluster with waiting jobs pays for it

    return explain(job, picture, now).text


def _seconds(value: float | None) -> float | None:
    """Whole seconds; None for no limit, as for an unknown one."""
    return None if value is None or not math.isfinite(value) else round(value)
