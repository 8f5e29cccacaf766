"""JSON of the simulated Slurm in the dialect of its version, data_parser v0.0.42: jobs, nodes, partitions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.domain.hostlist import compress
from app.sim.slurm.job import CPUS_EACH, MIB_EACH, Job, ranges
from app.sim.slurm.names import CLUSTER, VERSION
from app.sim.slurm.nodes import Node
from app.sim.slurm.partitions import Partition

if TYPE_CHECKING:  # for its type alone
    from app.sim.slurm.scene import Scene

DIALECT = "data_parser/v0.0.42"


def envelope(scene: Scene, command: str, **lists: object) -> dict[str, object]:
    """An answer: what was asked for, and who answers."""
    major, micro, minor = VERSION.split(".")[0], VERSION.split(".")[2], VERSION.split(".")[1]
    stamp = _number(scene.times.epoch(scene.t))
    return {
        **lists,
        "last_update": stamp,
        **({"last_backfill": stamp} if "jobs" in lists else {}),
        "meta": {
            "plugin": {"type": "", "name": "", "data_parser": DIALECT, "accounting_storage": ""},
            "client": {"source": "", "user": scene.user, "group": scene.user},
            "command": [command, *scene.words],
            "slurm": {
                "version": {"major": major, "micro": micro, "minor": minor},
                "release": VERSION,
                "cluster": CLUSTER,
            },
        },
        "errors": [],
        "warnings": [],
    }


def job_json(job: Job, scene: Scene) -> dict[str, object]:
    """One job."""
    return {
        **_times(job, scene),
        **_files(job),
        **_resources(job),
        "account": job.account,
        "array_job_id": _number(job.array),
        "array_task_id": _number(job.task) if job.task is not None and not job.tasks else _UNSET,
        "array_max_tasks": _number(job.throttle),
        "array_task_string": job.tasks.partition("%")[0],
        "cluster": CLUSTER,
        "dependency": f"{job.dependency}(unfulfilled)" if job.dependency else "",
        "excluded_nodes": "",
        "exit_code": _exit(job),
        "features": "",
        "gres_detail": [f"gpu:{job.model}:{len(one)}(IDX:{ranges(one)})" for one in job.by_node.values()]
        if job.holds
        else [],
        "group_name": job.user,
        "het_job_id": _number(job.het),
        "het_job_offset": _number(job.offset or 0),
        "hold": job.is_pending and job.priority == 0,
        "job_id": job.number,
        "job_state": [job.state],
        "name": job.name,
        "node_count": _number(job.node_count),
        "nodes": job.node_list,
        "partition": job.partition,
        "priority": _number(job.priority),
        "qos": job.qos,
        "requeue": True,
        "required_nodes": job.required,
        "restart_cnt": job.restarts,
        "resv_name": "",
        "state_description": "",
        "state_reason": job.reason or "None",
        "user_id": job.uid,
        "user_name": job.user,
    }


def _resources(job: Job) -> dict[str, object]:
    return {
        "cpus": _number(job.cpus),
        "memory_per_cpu": _UNSET,
        "memory_per_node": _number(job.mib // max(1, job.node_count)),
        "tasks": _number(job.node_count),
        "tres_alloc_str": job.tres() if not job.is_pending else "",
        "tres_per_job": "",
        "tres_per_node": job.gres,
        "tres_per_socket": "",
        "tres_per_task": "",
        "tres_req_str": job.tres(),
    }


def _times(job: Job, scene: Scene) -> dict[str, object]:
    times = scene.times
    end = job.end if job.end is not None else job.must_end()
    return {
        "eligible_time": _number(times.epoch(job.eligible)),
        "end_time": _number(times.epoch(end)),
        "last_sched_evaluation": _number(times.epoch(job.start if job.holds else job.submit)),
        "pre_sus_time": _number(int(times.span(job.ran(scene.t))) if job.state == "SUSPENDED" else 0),
        "start_time": _number(times.epoch(job.start)),
        "submit_time": _number(times.epoch(job.submit)),
        "suspend_time": _number(times.epoch(job.suspended_at)),
        "time_limit": _INFINITE if math.isinf(job.limit) else _number(times.minutes(job.limit)),
    }


def _files(job: Job) -> dict[str, object]:
    return {
        "batch_flag": True,
        "batch_host": job.nodes[0] if job.nodes else "",
        "command": job.command,
        "comment": job.comment,
        "current_working_directory": job.work_dir,
        "standard_error": job.stderr or job.stdout,
        "standard_input": "/dev/null",
        "standard_output": job.stdout,
    }


def node_json(node: Node, scene: Scene) -> dict[str, object]:
    """One node."""
    used, times = len(node.used), scene.times
    why, by, at = node.reason or ("", "", None)
    real = node.sim.memory_mib
    return {
        "architecture": "x86_64",
        "active_features": [node.model],
        "features": [node.model],
        "address": node.name,
        "hostname": node.name,
        "name": node.name,
        "alloc_cpus": CPUS_EACH * used,
        "alloc_idle_cpus": node.sim.cpus - CPUS_EACH * used,
        "alloc_memory": MIB_EACH * used,
        "boot_time": _number(times.epoch(scene.book.cluster.begins) - int(node.sim.up_s)),
        "comment": "",
        "cpu_load": int(100 * node.cores_busy),
        "cpus": node.sim.cpus,
        "extra": "",
        "free_mem": _number(int(real - 0.4 * MIB_EACH * used)),
        "gres": node.gres,
        "gres_used": used_gres(node),
        "instance_id": "",
        "instance_type": "",
        "last_busy": _number(times.epoch(node.busy_at)),
        "partitions": list(node.partitions),
        "real_memory": real,
        "reason": why,
        "reason_changed_at": _number(times.epoch(at)),
        "reason_set_by_user": by,
        "reservation": "",
        "slurmd_start_time": _number(times.epoch(scene.book.cluster.begins)),
        "state": [node.state, *node.flags],
        "tres": node_tres(node),
        "version": VERSION,
    }


def partition_json(part: Partition, scene: Scene) -> dict[str, object]:
    """One partition."""
    names = [name for name in part.nodes if name not in scene.book.deleted]

    def limit(seconds: float) -> object:
        return _INFINITE if math.isinf(seconds) else _number(scene.times.minutes(seconds))

    return {
        "name": part.name,
        "nodes": {"allowed_allocation": "", "configured": compress(names), "total": len(names)},
        "accounts": {"allowed": "", "deny": ""},
        "groups": {"allowed": ""},
        "qos": {"allowed": "", "deny": "", "assigned": ""},
        "maximums": {"time": limit(part.longest), "nodes": _INFINITE},
        "defaults": {"time": limit(part.usual)},
        "priority": {"job_factor": 1, "tier": part.tier},
        "partition": {"state": ["UP"]},
        "flags": ["DEFAULT"] if part.is_default else [],
    }


def used_gres(node: Node) -> str:
    """What of a node's GPUs is given out."""
    return f"gpu:{node.model}:{len(node.used)}(IDX:{ranges(node.used) or 'N/A'})"


def node_tres(node: Node) -> str:
    """What a node has."""
    cpus, mib = node.sim.cpus, node.sim.memory_mib
    return f"cpu={cpus},mem={mib}M,billing={cpus},gres/gpu={node.gpus},gres/gpu:{node.model}={node.gpus}"


def _number(value: float | None) -> dict[str, object]:
    return {"set": value is not None, "infinite": False, "number": value or 0}


def _exit(job: Job) -> Mapping[str, object]:
    status = "SUCCESS" if not (job.exit_code or job.exit_signal) else "SIGNALED" if job.exit_signal else "ERROR"
    signal = {"id": _number(job.exit_signal or None), "name": {15: "Terminated", 9: "Killed"}.get(job.exit_signal, "")}
    return {"status": [status], "return_code": _number(job.exit_code), "signal": signal}


_UNSET: dict[str, object] = {"set": False, "infinite": False, "number": 0}
_INFINITE: dict[str, object] = {"set": False, "infinite": True, "number": 0}
