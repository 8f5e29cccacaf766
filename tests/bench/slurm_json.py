"""One job as `squeue --json` of Slurm 24.11 says it (data_parser v0.0.42): every field, every core of its sockets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.bench.slurm_cluster import CPUS_OF_GPU, GPUS_OF_NODE, MIB_OF_GPU, Job, host

Json = Mapping[str, object]
_EMPTY = (
    "admin_comment", "batch_features", "burst_buffer", "burst_buffer_state", "cluster_features", "comment", "container",
    "container_id", "cpus_per_tres", "cron", "excluded_nodes", "extra", "failed_node", "features", "federation_origin",
    "federation_siblings_active", "federation_siblings_viable", "licenses", "mcs_label", "memory_per_tres", "network",
    "prefer", "required_nodes", "resv_name", "scheduled_nodes", "selinux_context", "state_description",
    "system_comment", "tres_bind", "tres_freq", "tres_per_job", "tres_per_socket", "tres_per_task", "wckey",
)  # fmt: skip
_UNSET = (
    "cores_per_socket", "cpu_frequency_minimum", "cpu_frequency_maximum", "cpu_frequency_governor", "memory_per_cpu",
    "sockets_per_node", "tasks_per_core", "tasks_per_socket", "threads_per_core",
)  # fmt: skip
_ZERO = (
    "deadline", "delay_boot", "max_cpus", "max_nodes", "minimum_tmp_disk_per_node", "preempt_time",
    "preemptable_time", "pre_sus_time", "resize_time", "suspend_time", "tasks_per_board", "tasks_per_node",
    "tasks_per_tres", "time_minimum",
)  # fmt: skip
_SOCKETS = 2
_CORES = CPUS_OF_GPU * GPUS_OF_NODE // _SOCKETS


def _set(number: float | None) -> Json:
    """A number as this dialect has it."""
    return {"set": number is not None, "infinite": False, "number": number or 0}


_SUCCESS: Json = {"status": ["SUCCESS"], "return_code": _set(0), "signal": {"id": _set(None), "name": ""}}
_SAME: Json = {
    **dict.fromkeys(_EMPTY, ""), **dict.fromkeys(_UNSET, _set(None)), **dict.fromkeys(_ZERO, _set(0)),
    "allocating_node": "login-1", "association_id": 11, "batch_flag": True, "cluster": "bench-lab", "contiguous": False,
    "core_spec": 0, "thread_spec": 32766, "derived_exit_code": _SUCCESS, "exit_code": _SUCCESS,
    "flags": ["JOB_WAS_RUNNING"], "group_id": 50, "group_name": "staff", "het_job_id_set": "", "hold": False,
    "mail_type": [], "job_size_str": [],
    "nice": 0, "power": {"flags": []}, "priority_by_partition": [], "profile": ["NOT_SET"], "qos": "normal",
    "reboot": False, "required_switches": 0, "requeue": True, "restart_cnt": 0, "shared": [], "sockets_per_board": 0,
    "standard_input": "/dev/null", "user_id": 2001, "maximum_switch_wait_time": 0,
}  # fmt: skip


def job_json(job: Job, runs: bool, row: Mapping[str, str]) -> Json:
    """The job while it waits or runs; `row` is what squeue says of it in columns."""
    cpus = job.nodes * job.gpus * CPUS_OF_GPU
    start = job.start if runs else None
    nodes = row["NodeList"]
    return {
        **_SAME,
        "account": job.account, "accrue_time": _set(job.submit), "array_job_id": _set(job.array[0] if job.array else 0),
        "array_task_id": _set(job.array[1] if job.array and runs else None),
        "array_max_tasks": _set(8 if job.array else 0),
        "array_task_string": f"0-{job.array[2]}" if job.array and not runs else "",
        "batch_host": host(job.places[0][0]) if runs else "", "command": row["Command"],
        "billable_tres": _set(float(cpus)), "cpus_per_task": _set(job.gpus * CPUS_OF_GPU), "cpus": _set(cpus),
        "dependency": row["Dependency"].replace("(null)", ""), "eligible_time": _set(job.submit),
        "end_time": _set(start + job.limit_s if start else 0), "current_working_directory": row["WorkDir"],
        "gres_detail": _gres_detail(job) if runs else [], "het_job_id": _set(job.het[0] if job.het else 0),
        "het_job_offset": _set(job.het[1] if job.het else 0), "job_id": int(row["JobID"]),
        "job_resources": _resources(job, nodes) if runs else {}, "job_state": [row["State"]],
        "last_sched_evaluation": _set(start or job.submit), "mail_user": job.user, "name": row["Name"], "nodes": nodes,
        "node_count": _set(job.nodes), "tasks": _set(job.nodes), "partition": job.kind, "priority": _set(job.priority),
        "memory_per_node": _set(job.gpus * MIB_OF_GPU), "minimum_cpus_per_node": _set(job.gpus * CPUS_OF_GPU),
        "start_time": _set(start or 0), "state_reason": row["Reason"], "standard_error": row["STDERR"],
        "standard_output": row["STDOUT"], "submit_time": _set(job.submit), "time_limit": _set(job.limit_s // 60),
        "tres_per_node": row["tres-per-node"], "tres_req_str": row["tres-alloc"], "user_name": job.user,
        "tres_alloc_str": row["tres-alloc"] if runs else "",
    }  # fmt: skip


def _gres_detail(job: Job) -> list[str]:
    return [f"gpu:{job.kind}:{len(at)}(IDX:{','.join(map(str, at))})" for _, at in job.places]


def _resources(job: Job, nodes: str) -> Json:
    allocation = [
        {
            "index": index,
            "name": host(node),
            "cpus": {"count": len(at) * CPUS_OF_GPU, "used": len(at) * CPUS_OF_GPU},
            "memory": {"used": 0, "allocated": len(at) * MIB_OF_GPU},
            "sockets": _sockets(at),
        }
        for index, (node, at) in enumerate(job.places)
    ]
    kinds = {"count": len(allocation), "select_type": ["ONE_ROW"], "list": nodes, "whole": False}
    cpus = job.nodes * job.gpus * CPUS_OF_GPU
    return {
        "select_type": ["CORE"],
        "nodes": {**kinds, "allocation": allocation},
        "cpus": cpus,
        "threads_per_core": _set(1),
    }


def _sockets(gpus: Iterable[int]) -> list[Json]:
    """Every core of the sockets that the GPUs' cores are on."""
    used = {gpu * CPUS_OF_GPU + core for gpu in gpus for core in range(CPUS_OF_GPU)}
    return [
        {
            "index": socket,
            "cores": [
                {"index": core, "status": ["ALLOCATED" if socket * _CORES + core in used else "UNALLOCATED"]}
                for core in range(_CORES)
            ],
        }
        for socket in sorted({cpu // _CORES for cpu in used})
    ]
