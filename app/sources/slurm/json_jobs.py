"""Jobs of `squeue --json`, `scontrol show job --json` and slurmrestd, in every dialect.

`gres_detail` has one text a node in the order of the job's own `nodes`; `scontrol`'s sorted list would pair wrongly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import chain

from app.domain.slurm import JobGpus, SlurmJob
from app.sources.slurm import fields as text
from app.sources.slurm import json_values as said
from app.sources.slurm.gres import Request, request
from app.sources.slurm.job_records import alike, gpus_on
from app.sources.slurm.parsed import Parsed, Skips, once

COMMAND = "jobs as JSON"


def jobs_of(obj: object) -> Parsed[SlurmJob]:
    """The jobs of an answer; its errors and warnings are notes. Raises SlurmParseError where it lists none."""
    skips = Skips(COMMAND)
    rows = ((at, _job(said.mapping(one)), "") for at, one in enumerate(said.rows_of(obj, COMMAND, "jobs"), 1))
    jobs = once(rows, skips, lambda one: one.id, "job", "job id or state")
    return skips.parsed(jobs, more_notes=said.told_of(obj, COMMAND))


def _job(one: Mapping[str, object]) -> SlurmJob | None:
    job_id = said.id_at(one, "job_id")
    state, flags = said.state_at(one, "job_state")
    if job_id is None or not state:
        return None
    state, flags = (state, flags) if flags else text.job_state(state)
    array_id, task, het_id = said.id_at(one, "array_job_id"), _task(one), said.id_at(one, "het_job_id")
    is_placed = state in ("RUNNING", "SUSPENDED")
    nodes = () if state == "PENDING" else text.hosts_of(said.raw_at(one, "nodes"))
    held = _held(one, nodes) if is_placed or "COMPLETING" in flags else ()
    asked = _asked(one)
    per_node, kind = alike(held, len(nodes))
    per_node = asked.per_node if per_node is None else per_node
    limit_s, node_count = said.minutes_at(one, "time_limit"), said.count_at(one, "node_count")
    exit_code, exit_signal = (None, None) if state == "PENDING" or is_placed else said.exit_at(one, "exit_code")
    return SlurmJob(
        id=_key(job_id, array_id, task, het_id, said.count_at(one, "het_job_offset")), job_id=job_id,
        name=said.text_at(one, "name"), user=said.text_at(one, "user_name"), account=said.text_at(one, "account"),
        partition=said.text_at(one, "partition"), qos=said.text_at(one, "qos"), state=state, flags=flags,
        reason=said.said_at(one, "state_reason", text.LONGEST_COMMENT), nodes=nodes, node_count=node_count,
        cpus=said.count_at(one, "cpus"),
        memory_mib=asked.memory_mib if asked.memory_mib is not None else _memory_mib(one),
        gpus=sum(place.count for place in held) or asked.gpus,
        gpus_per_node=asked.gpus if per_node is None and is_placed and node_count == 1 else per_node,
        gpu_type=kind or asked.type, gpus_on=held,
        priority=said.count_at(one, "priority"), submit_at=said.time_at(one, "submit_time"),
        eligible_at=said.time_at(one, "eligible_time"), start_at=said.time_at(one, "start_time"),
        end_at=None if limit_s == math.inf and is_placed else said.time_at(one, "end_time"), time_limit_s=limit_s,
        run_s=_run_s(one, state), array_job_id=array_id if task is not None else None, array_task=task,
        het_job_id=het_id, het_offset=said.count_at(one, "het_job_offset") if het_id is not None else None,
        dependency=said.said_at(one, "dependency"), reservation=said.said_at(one, "resv_name"),
        features=said.said_at(one, "features"), required_nodes=said.said_at(one, "required_nodes"),
        excluded_nodes=said.said_at(one, "excluded_nodes"),
        comment=said.said_at(one, "comment", text.LONGEST_COMMENT),
        work_dir=said.path_at(one, "current_working_directory"), command=said.path_at(one, "command"),
        stdin=said.path_at(one, "stdin_expanded") or said.path_at(one, "standard_input"),
        stdout=said.path_at(one, "stdout_expanded") or said.path_at(one, "standard_output"),
        stderr=said.path_at(one, "stderr_expanded") or said.path_at(one, "standard_error"),
        restarts=said.count_at(one, "restart_cnt"), exit_code=exit_code, exit_signal=exit_signal,
        is_requeueable=said.flag_at(one, "requeue"), evaluated_at=said.time_at(one, "last_sched_evaluation"),
    )  # fmt: skip


def _task(one: Mapping[str, object]) -> str | None:
    """Task of an array, or the tasks that are still together."""
    together = said.text_at(one, "array_task_string", 512)
    if together and said.id_at(one, "array_job_id") is not None:
        most = said.count_at(one, "array_max_tasks")
        return f"{together}%{most}" if most and "%" not in together else together
    task = said.count_at(one, "array_task_id")
    return str(task) if task is not None and said.id_at(one, "array_job_id") is not None else None


def _key(job_id: int, array_id: int | None, task: str | None, het_id: int | None, offset: int | None) -> str:
    if array_id is not None and task is not None:
        key = f"{array_id}_{task}" if task.isdecimal() else f"{array_id}_[{task}]"
    else:
        key = f"{het_id}+{offset or 0}" if het_id is not None else str(job_id)
    return key if text.ID.fullmatch(key) else str(job_id)


def _held(one: Mapping[str, object], nodes: tuple[str, ...]) -> tuple[JobGpus, ...]:
    """GPUs by node; empty where texts and nodes do not pair."""
    details = [detail for detail in said.list_at(one, "gres_detail") if isinstance(detail, str)]
    if len(details) != len(nodes):
        return ()
    return tuple(chain.from_iterable(gpus_on([pair]) for pair in zip(nodes, details, strict=True)))


def _asked(one: Mapping[str, object]) -> Request:
    tres = said.raw_at(one, "tres_alloc_str") or said.raw_at(one, "tres_req_str")
    per_job, per_node, per_socket, per_task = (
        said.raw_at(one, f"tres_per_{what}") for what in ("job", "node", "socket", "task")
    )
    return request(
        tres, per_job=per_job, per_node=per_node, per_socket=per_socket, per_task=per_task,
        nodes=said.count_at(one, "node_count"), tasks=said.count_at(one, "tasks"),
    )  # fmt: skip


def _memory_mib(one: Mapping[str, object]) -> float | None:
    """Memory of the whole job out of what it has a node or a CPU."""
    for each, times in (("memory_per_node", "node_count"), ("memory_per_cpu", "cpus")):
        mib, count = said.count_at(one, each), said.count_at(one, times)
        if mib and count:
            return float(mib) * count
    return None


def _run_s(one: Mapping[str, object], state: str) -> float | None:
    """Seconds run of a job that is suspended: up to now only Slurm's own clock knows them, up to then it says."""
    before = said.number(one.get("pre_sus_time"))
    return before if state == "SUSPENDED" and before is not None and 0 < before < text.LATEST else None
