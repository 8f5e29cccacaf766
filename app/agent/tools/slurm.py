"""slurm_status and jobs: the queue, its partitions and nodes, and lists of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from app.agent.ground import Ground
from app.agent.tools.places import begin_of, look, node_name, picture_of, unknown
from app.agent.tools.told import counted, iso, lean, moment, number
from app.agent.tools.tool import Found, ToolError
from app.domain.allocation import allocations
from app.domain.fleet_slurm import slurm_counts, task_count
from app.domain.slurm import SlurmJob, SlurmPicture
from app.domain.snapshot import Snapshot
from app.services import queries_jobs, queries_slurm
from app.transport.turns import in_thread

_ROWS = 150
"""Rows of one list at most, before the budget cuts it."""
State = Literal["running", "pending", "ended", "held", "all"]


async def slurm_status(ground: Ground) -> Found:
    """Slurm as a whole: jobs running and pending, why jobs wait, partitions, free GPUs, nodes that take no jobs, users.

    For single jobs use jobs, job_details and why_pending.
    """
    snapshot, now = await look(ground)
    picture = picture_of(snapshot)
    jobs = list((picture.current_jobs(now) or {}).values())
    counts = slurm_counts(picture, now)
    free = await in_thread(queries_jobs.free, snapshot, now)
    pending = [job for job in jobs if job.is_pending]
    data = {
        **moment(now),
        "version": picture.version,
        "read_through": picture.way,
        "age_s": number(picture.age(now), 3),
        "stale": picture.is_stale(now) or None,
        "jobs_running": counts.jobs_running,
        "jobs_pending": counts.jobs_pending,
        "gpus_allocated": counts.gpus_allocated,
        "gpus_asked_for_by_pending": sum((job.gpus or 0) * task_count(job.array_task) for job in pending) or None,
        "pending_by_reason": counted(job.reason or "None" for job in pending),
        "free_gpus": _free(free["total"]),
        "free_gpus_basis": free["note"],
        "largest_free": [one["text"] for one in free["starts"]],
        "free_by_model": [_free(row) for row in free["by_model"]],
        "partitions": _partitions(picture, free["by_partition"]),
        "nodes_taking_no_jobs": _closed(picture),
        "users": _users(jobs),
        "notes": list(picture.notes),
    }
    return Found(
        lean(data), f"{counts.jobs_running or 0} running, {counts.jobs_pending or 0} pending", now,
        trim=("users", "notes", "nodes_taking_no_jobs", "partitions", "free_by_model"),
        narrow="jobs(user=, partition=)",
    )  # fmt: skip


def _free(row: Mapping[str, Any]) -> dict[str, Any]:
    return lean({**row, "unknown": row["unknown"] or None})


def _partitions(picture: SlurmPicture, free: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    room = {row["name"]: row for row in free}
    return [
        lean(
            {
                "partition": one.name,
                "state": one.state,
                "default": one.is_default or None,
                "nodes": len(one.nodes),
                "time_limit_s": number(one.time_limit_s),
                "gpus": room[one.name]["total"] if one.name in room else None,
                "gpus_free": room[one.name]["free"] if one.name in room else None,
            }
        )
        for one in picture.partitions.values()
    ]


def _closed(picture: SlurmPicture) -> list[dict[str, Any]]:
    return [
        lean(
            {
                "node": one.name,
                "slurm_state": one.text,
                "reason": one.reason,
                "by": one.reason_by,
                "since_iso": iso(one.reason_at),
                "gpus": one.gpus,
            }
        )
        for one in picture.nodes.values()
        if not one.takes_jobs
    ][:_ROWS]


def _users(jobs: Iterable[SlurmJob]) -> list[dict[str, Any]]:
    """Who holds how many GPUs, the most first."""
    found: dict[str, dict[str, Any]] = {}
    for job in jobs:
        row = found.setdefault(job.user, {"user": job.user, "running": 0, "pending": 0, "gpus_held": 0})
        if job.holds_nodes:
            row["running"] += 1
            row["gpus_held"] += job.gpus or 0
        elif job.is_pending:
            row["pending"] += task_count(job.array_task)
    return sorted(found.values(), key=lambda row: (-row["gpus_held"], -row["pending"]))[:_ROWS]


async def jobs(  # noqa: PLR0917 - one a wish; given by name
    ground: Ground,
    state: Annotated[State | None, "which jobs; null: all that run or wait"] = None,
    user: Annotated[str | None, "only of this user"] = None,
    partition: Annotated[str | None, "only in this partition"] = None,
    node: Annotated[str | None, "only those that run on this node"] = None,
    name: Annotated[str | None, "only those whose name holds this"] = None,
    since: Annotated[str | None, "with state ended: since when (span or time); null: 1d"] = None,
) -> Found:
    """Slurm jobs: id, name, user, state, GPUs, nodes, how long they run or wait and why, and how busy their GPUs are.

    With state=ended those that ended lately, with exit codes. For one job use job_details, for waiting why_pending.
    """
    snapshot, now = await look(ground)
    picture = picture_of(snapshot)
    if state == "ended":
        some: list[SlurmJob] = await _ended(ground, picture, begin_of(since, now, "1d"), now)
    else:
        current = picture.current_jobs(now)
        if current is None:
            raise ToolError(f"what Slurm said is {picture.age(now):.0f} s old, or lists no jobs: nothing is told of it")
        some = [job for job in current.values() if _is_in(job, state)]
    where = _slurm_names(snapshot, node, now)
    users = {job.user for job in (picture.jobs or {}).values()} | {job.user for job in some}
    if user is not None and user not in users:
        raise unknown("user with jobs", user, sorted(users))
    if partition is not None and partition not in picture.partitions:
        raise unknown("partition", partition, picture.partitions)
    some = [
        job
        for job in some
        if (user is None or job.user == user)
        and (partition is None or partition in job.partition.split(","))
        and (where is None or where & set(job.nodes))
        and (name is None or name.casefold() in job.name.casefold())
    ]
    some.sort(
        key=lambda job: (not job.holds_nodes, -(job.gpus or 0)) if state != "ended" else (False, -(job.end_at or 0))
    )
    rows, total = await in_thread(_rows, some, snapshot, now)
    by_state = counted(job.state for job in some)
    return Found(
        {**moment(now), "jobs_matching": len(some), "by_state": by_state,
         "gpus": sum(job.gpus or 0 for job in some), "jobs": rows},
        ", ".join(f"{count} {one.lower()}" for one, count in by_state.items()) or "no job", now,
        trim=("jobs",), totals={"jobs": total}, narrow="state=, user=, partition=, node= or name=",
    )  # fmt: skip


def _is_in(job: SlurmJob, state: State | None) -> bool:
    match state:
        case "running":
            return job.holds_nodes
        case "pending":
            return job.is_pending
        case "held":
            return job.is_held
        case _:
            return not job.is_ended or "COMPLETING" in job.flags or state == "all"


def _slurm_names(snapshot: Snapshot, node: str | None, now: float) -> set[str] | None:
    """What Slurm calls a node."""
    if node is None:
        return None
    name = node_name(snapshot, node)
    said = allocations(snapshot, now).node(name)
    return {name, said.name} if said is not None else {name}


async def _ended(ground: Ground, picture: SlurmPicture, start: float, now: float) -> list[SlurmJob]:
    """Jobs that ended, by the history, and by Slurm where it still lists them."""
    kept = {job.id: job for job in await ground.feed.jobs(start, now, 2000)}
    kept.update(picture.jobs or {})
    return [job for job in kept.values() if job.is_ended and (job.end_at is None or start <= job.end_at <= now)]


def bundled(some: Iterable[SlurmJob]) -> list[tuple[SlurmJob, int]]:
    """Jobs in their order; waiting tasks of one array for one reason are told once, with how many they are."""
    found: dict[object, tuple[SlurmJob, int]] = {}
    for job in some:
        many = task_count(job.array_task)
        is_task = job.is_pending and job.array_job_id is not None
        key: object = (job.array_job_id, job.reason, job.priority) if is_task else job.id
        first, before = found.get(key, (job, 0))
        found[key] = (first, before + many)
    return list(found.values())


def _rows(some: Iterable[SlurmJob], snapshot: Snapshot, now: float) -> tuple[list[dict[str, Any]], int]:
    """Rows of the first jobs, and how many there would be of all."""
    join = allocations(snapshot, now)
    rows = []
    bundles = bundled(some)
    for job, tasks in bundles[:_ROWS]:
        told = queries_slurm.job_status(job, snapshot, now)
        used = [value for gpu in join.gpus_of(job) if (value := gpu.value("gpu.utilization", now)) is not None]
        rows.append(
            lean(
                {
                    "job": told["id"],
                    "tasks_like_it": tasks if tasks > 1 else None,
                    **{key: told[key] for key in ("name", "user", "state", "partition", "gpus", "gpu_type")},
                    "nodes": _short(told["nodes"]),
                    "elapsed_s": told["elapsed_s"] if not job.is_pending else None,
                    "time_limit_s": told["time_limit_s"],
                    "waits_s": number(now - job.submit_at) if job.is_pending and job.submit_at else None,
                    "why": told["pending_explained"],
                    "gpu_utilization_percent": number(sum(used) / len(used), 3) if used and job.holds_nodes else None,
                    "ended_iso": iso(told["end_at"]) if job.is_ended else None,
                    "exit_code": told["exit_code"] if job.is_ended else None,
                    "restarts": told["restarts"] or None,
                }
            )
        )
    return rows, len(bundles)


def _short(nodes: list[str]) -> list[str]:
    return nodes if len(nodes) <= 8 else [*nodes[:8], f"and {len(nodes) - 8} more"]
