"""job_details and why_pending: one job in full, and why jobs wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from app.agent.ground import Ground
from app.agent.tools.places import job_of, job_text, look, picture_of
from app.agent.tools.slurm import bundled
from app.agent.tools.told import counted, iso, lean, moment, number, plural
from app.agent.tools.tool import Found, ToolError
from app.domain.fleet_slurm import task_count
from app.domain.job_actions import JobDetail
from app.domain.slurm import SlurmJob, SlurmPicture
from app.domain.snapshot import Snapshot
from app.engine.pending import Explained, explain
from app.services import queries_jobs
from app.services.action_targets import ActionError
from app.sources.slurm.trouble import SlurmError
from app.transport.turns import in_thread

_LOOK_BACK_S = 14 * 86400.0
_MOST_SCRIPT_LINES = 80
_TOLD_VARIABLES = (
    "NCCL_",
    "CUDA_",
    "PYTORCH_",
    "TORCH_",
    "OMP_",
    "VLLM_",
    "SLURM_GPUS",
    "SLURM_JOB_GPUS",
    "GLOO_",
    "UCX_",
)
"""Variables of a job that explain how it runs; the rest of its environment is nobody's business."""
_MOST_WAITING = 40


async def job_details(
    ground: Ground,
    job: Annotated[str, "id of the job: 812, 820_3, 830+1"],
) -> Found:
    """One Slurm job in full: state, times, what it asked for, its GPUs with their values now, steps, script, exit code.

    Also of jobs that ended. For why it waits use why_pending, for its output logs(source=job).
    """
    snapshot, now = await look(ground)
    one, note = await _found(ground, snapshot, job)
    detail, why_not = await _detail(ground, one)
    told = queries_jobs.job(one, snapshot, now, detail, why_not or note)
    incidents = [
        {"id": each.id, "severity": each.severity, "title": each.title}
        for each in (await ground.diagnosis()).incidents
        if one.id in each.affects.jobs
    ]
    data = {
        **moment(now),
        "job": told["id"],
        **{key: told[key] for key in (
            "name", "user", "account", "state", "flags", "partition", "qos", "nodes", "node_count", "gpus", "gpu_type",
            "cpus", "elapsed_s", "time_limit_s", "priority", "reason", "pending_explained", "gpu_binding",
            "dependency", "exit_code", "exit_signal", "restarts", "work_dir", "command", "comment", "reservation",
            "features", "required_nodes", "excluded_nodes", "stdout", "stderr", "note",
        )},
        **{f"{key.removesuffix('_at')}_iso": iso(told[key]) for key in ("submit_at", "start_at", "end_at")},
        "incidents": incidents,
        "gpus_now": [_gpu(each) for each in told["gpus_live"]] if one.holds_nodes else [],
        "memory_mib": number(told["memory_mib"]),
        "steps": [lean(step) for step in told["steps"] or ()],
        "environment": _environment(told["environment"]),
        "script": (told["script"] or "").splitlines()[:_MOST_SCRIPT_LINES],
        "script_note": told["script_note"],
    }  # fmt: skip
    waits = f", {told['pending_explained']}" if told["pending_explained"] else ""
    return Found(
        lean(data), f"job {one.id} ({one.user}, {one.name}): {one.state.lower()}{waits}", now,
        trim=("script", "steps", "gpus_now", "nodes"), narrow="current_metrics(job=) for its GPUs",
    )  # fmt: skip


async def _found(ground: Ground, snapshot: Snapshot, wanted: str) -> tuple[SlurmJob, str]:
    """The job as Slurm lists it, else as its accounting or our history knows it. Raises ToolError."""
    try:
        return job_of(snapshot, wanted), ""
    except ToolError as error:
        picture_of(snapshot)
        text, refusal = job_text(wanted), error
    now = ground.now()
    kept = [one for one in await ground.feed.jobs(now - _LOOK_BACK_S, now, 5000) if text == one.id]
    if kept:
        return kept[0], "no longer listed by Slurm: as our history saw it last"
    if ground.jobs is None or ground.at is not None:
        raise refusal
    try:
        return await ground.jobs.find(text), "no longer in the queue: as the accounting has it"
    except (ActionError, LookupError, SlurmError) as error:
        raise ToolError(f"{refusal}; and {error}") from error


async def _detail(ground: Ground, job: SlurmJob) -> tuple[JobDetail | None, str]:
    if ground.at is not None:
        return None, "of a past moment: what Slurm tells of the job itself is not kept"
    if ground.jobs is None:
        return None, "there is no way to ask Slurm for more"
    try:
        return await ground.jobs.detail(job), ""
    except SlurmError as error:
        return None, str(error)


def _gpu(one: Mapping[str, Any]) -> dict[str, Any]:
    values = {key: number(value) for key, value in one.items() if isinstance(value, int | float)}
    values.pop("index", None)
    return lean({"gpu": f"{one['node']}/{one['index']}", "model": one["model"], **values})


def _environment(found: Mapping[str, str] | None) -> dict[str, str]:
    return {key: value for key, value in (found or {}).items() if key.startswith(_TOLD_VARIABLES)}


async def why_pending(
    ground: Ground,
    job: Annotated[str | None, "id of the waiting job; null: all that wait"] = None,
) -> Found:
    """Why a job waits, with numbers: what it needs, what is free, who is before it, when room comes; what to do.

    Without a job: all waiting jobs by reason, and the oldest ones explained.
    """
    snapshot, now = await look(ground)
    picture = picture_of(snapshot)
    if job is None:
        return await in_thread(_all_waiting, picture, now)
    one = job_of(snapshot, job)
    said = await in_thread(explain, one, picture, now)
    data = {
        **moment(now),
        **_who(one),
        "is_pending": one.is_pending,
        "state": one.state,
        **_said(said),
        "meaning_and_numbers": list(said.more),
        "what_to_do": said.do,
        "see": said.see,
        "starts_iso": iso(said.starts_at),
        "estimate_made_iso": iso(said.evaluated_at),
        "room_at_the_latest_iso": iso(said.frees_at),
        "room_in_s": number(said.frees_at - now) if said.frees_at is not None else None,
        "room_comes_from": [_blocker(picture, each, now) for each in said.blockers],
        "note": None if one.is_pending else "it does not wait",
    }
    text = said.text or f"{one.state.lower()}, it does not wait"
    return Found(lean(data), f"job {one.id}: {text}", now, trim=("room_comes_from", "meaning_and_numbers"))


def _who(job: SlurmJob) -> dict[str, Any]:
    return {
        "job": job.id,
        "name": job.name,
        "user": job.user,
        "partition": job.partition,
        "gpus": job.gpus,
        "node_count": job.node_count,
        "submitted_iso": iso(job.submit_at),
        "priority": job.priority,
    }


def _said(said: Explained) -> dict[str, Any]:
    return {"reason": said.reason.code, "explanation": said.text}


def _blocker(picture: SlurmPicture, key: str, now: float) -> dict[str, Any]:
    job = (picture.jobs or {}).get(key)
    if job is None:
        return {"job": key}
    left = number(job.end_at - now) if job.end_at is not None else None
    return lean({"job": key, "user": job.user, "name": job.name, "gpus": job.gpus, "ends_in_s_at_the_latest": left})


def _all_waiting(picture: SlurmPicture, now: float) -> Found:
    current = picture.current_jobs(now)
    if current is None:
        raise ToolError(f"what Slurm said is {picture.age(now):.0f} s old, or lists no jobs: nothing is told of it")
    waiting = [job for job in current.values() if job.is_pending]
    waiting.sort(key=lambda job: (-(job.priority or 0), job.submit_at or 0.0))
    rows = []
    bundles = bundled(waiting)
    for job, tasks in bundles[:_MOST_WAITING]:
        said = explain(job, picture, now)
        waits = number(now - job.submit_at) if job.submit_at is not None else None
        told = {**_who(job), "tasks_like_it": tasks if tasks > 1 else None, "waits_s": waits, **_said(said)}
        rows.append(lean({**told, "what_to_do": said.do}))
    data = {
        **moment(now),
        "jobs_pending": sum(task_count(job.array_task) for job in waiting),
        "by_reason": counted(job.reason or "None" for job in waiting),
        "jobs": rows,
    }
    return Found(
        data, plural(len(waiting), "waiting job"), now, trim=("jobs",), totals={"jobs": len(bundles)},
        narrow="job= one of them",
    )  # fmt: skip
