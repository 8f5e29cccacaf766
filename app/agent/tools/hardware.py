"""node_details and gpu_details: one machine, one GPU, with all that is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from app.agent.ground import Ground
from app.agent.tools.places import gpu_of, look, node_name
from app.agent.tools.told import counted, iso, lean, moment, number, plural, unit_name
from app.agent.tools.tool import Found
from app.domain.allocation import allocations
from app.domain.diagnosis import Diagnosis
from app.domain.metrics import METRICS, by_key
from app.domain.snapshot import Gpu, Node, Snapshot
from app.services import queries

_OLD_S = 30.0
"""Values that are older say how old they are."""
_MOST_PROCESSES = 12
_CLOCKS = ("node.boot_time", "node.clock")
"""Epoch seconds: told as moments."""


async def node_details(
    ground: Ground,
    node: Annotated[str, "name of the node"],
) -> Found:
    """One machine: its state, its GPUs in short, processors, memory, disks, network, what Slurm says of it, its jobs.

    For all numbers of one GPU use gpu_details; for causes of trouble diagnose(about=node).
    """
    snapshot, now = await look(ground)
    name = node_name(snapshot, node)
    incidents = _incidents(await ground.diagnosis(), name)
    jobs = _jobs_on(snapshot, name, now)
    if name not in snapshot.nodes:
        return Found(
            {**moment(now), "node": name, "note": "known to Slurm only: no exporter of it is read",
             **_by_slurm(snapshot, name), "jobs": jobs, "incidents": incidents},
            f"{name} by Slurm alone", now, trim=("jobs",),
        )  # fmt: skip
    machine = snapshot.nodes[name]
    watched = ground.feed.watched() if ground.at is None else None
    told = queries.node_status(machine, snapshot, now, watched)
    data = {
        **moment(now),
        "node": name,
        "state": told["state"],
        "gpus_expected": told["gpus_expected"],
        "gpus_present": sum(one["state"] != "lost" for one in told["gpus"]),
        "gpu_models": counted(one["model"] or "unknown" for one in told["gpus"]),
        **{key: told[key] for key in ("slurm_state", "slurm_reason", "partitions")},
        **_by_slurm(snapshot, name),
        "host": told_values(told["metrics"]),
        "facts": told["facts"],
        "sources": _sources(machine, snapshot, now),
        "jobs": jobs,
        "incidents": incidents,
        "gpus": [_gpu_row(one) for one in told["gpus"]],
    }
    return Found(
        lean(data), f"{name}: {told['state']}, {plural(len(told['gpus']), 'GPU')}, {plural(len(jobs), 'job')}", now,
        trim=("jobs", "gpus"), narrow="gpu_details(gpu) for one GPU",
    )  # fmt: skip


def _by_slurm(snapshot: Snapshot, name: str) -> dict[str, Any]:
    picture = snapshot.slurm
    said = picture.nodes.get(name) if picture is not None else None
    if said is None:
        return {}
    return lean(
        {
            "slurm_state": said.text,
            "slurm_reason": said.reason,
            "slurm_reason_by": said.reason_by,
            "slurm_reason_since_iso": iso(said.reason_at),
            "slurm_gpus_configured": said.gpus,
            "slurm_gpus_allocated": said.gpus_used,
            "slurm_cpus": said.cpus,
            "slurm_cpus_allocated": said.cpus_used,
            "slurm_takes_new_jobs": said.takes_jobs,
        }
    )


def _sources(node: Node, snapshot: Snapshot, now: float) -> list[dict[str, Any]]:
    told = [queries.source_status(snapshot.sources[name], now) for name in node.sources if name in snapshot.sources]
    return [lean({key: one[key] for key in ("name", "state", "age_s", "error")}) for one in told]


def _jobs_on(snapshot: Snapshot, name: str, now: float) -> list[dict[str, Any]]:
    picture = snapshot.slurm
    jobs = (picture.current_jobs(now) if picture is not None else None) or {}
    said = allocations(snapshot, now).node(name) if picture is not None else None
    names = {name, said.name} if said is not None else {name}
    return [
        lean(
            {
                "job": job.id,
                "name": job.name,
                "user": job.user,
                "gpus": job.gpus,
                "elapsed_s": number(job.elapsed_s(now)),
            }
        )
        for job in jobs.values()
        if job.holds_nodes and names & set(job.nodes)
    ]


def _incidents(diagnosis: Diagnosis, *names: str) -> list[dict[str, Any]]:
    """Open incidents that have a finding on one of these (a node's GPUs are its own)."""
    found = []
    for incident in diagnosis.incidents:
        places = {str(one.subject) for one in diagnosis.findings if one.incident == incident.id}
        places |= {place.partition("/")[0] for place in places}
        if places & set(names):
            found.append({"id": incident.id, "severity": incident.severity, "title": incident.title})
    return found


def _gpu_row(one: Mapping[str, Any]) -> dict[str, Any]:
    """A GPU of `queries.node_status` in short."""
    return lean(
        {
            "index": one["index"],
            "state": None if one["state"] == "ok" else one["state"],
            "health": one["health"],
            "why": one["health_reason"],
            **{name: number(one[name]) for name, _ in queries.PLAIN},
            "clock_event_reasons": one["clock_event_reasons"],
            "xids": {str(each["code"]): each["count"] for each in one["xids"]},
            "idle_s": one.get("idle_s"),
            "jobs": one["job_ids"],
            "user": one["user"],
        }
    )


async def gpu_details(
    ground: Ground,
    gpu: Annotated[str, "node/index such as gpu-01/3, or its UUID or the beginning of it"],
) -> Found:
    """One GPU: health, every metric known of it, Xid errors, who holds it, processes on it, MIG slices, incidents."""
    snapshot, now = await look(ground)
    one = gpu_of(snapshot, gpu)
    join = allocations(snapshot, now) if snapshot.slurm is not None else None
    told = queries.gpu_status(one, now, join)
    watched = ground.feed.watched().idle if ground.at is None else {}
    data = {
        **moment(now),
        "gpu": one.id,
        **{key: told[key] for key in ("uuid", "model", "state", "health", "health_reason", "note")},
        "lost_since_iso": iso(told["lost_at"]),
        "idle_s": number(watched[one.id].seen_s) if one.id in watched else None,
        **{key: told[key] for key in ("allocated", "job_ids", "user", "gpu_binding")},
        "clock_event_reasons": told["clock_event_reasons"],
        "xids": [lean({**each, "last_at": None, "last_iso": iso(each["last_at"])}) for each in told["xids"]],
        "values_age_s": told["age_s"],
        "source": told["source"],
        "metrics": told_values(told["metrics"]),
        "facts": told["facts"],
        "mig": [lean({**each, "metrics": told_values(each["metrics"])}) for each in told["mig"]],
        "incidents": _incidents(await ground.diagnosis(), one.id),
        "processes": _processes(one),
    }
    return Found(lean(data), _gpu_summary(one, told), now, trim=("mig", "processes", "xids"))


def told_values(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Values of `queries.metrics` under names with their units; old ones with their age."""
    found: dict[str, Any] = {}
    for key, one in metrics.items():
        row = by_key().get(key)
        if row is None or one["value"] is None or key in _grown():
            continue
        name = unit_name(row)
        if key in _CLOCKS:
            found[f"{row.short}_iso"] = iso(one["value"])
            continue
        found[name] = number(one["value"], 6)
        if one["age_s"] > _OLD_S:
            found[f"{name}_age_s"] = round(one["age_s"])
    return found


@cache
def _grown() -> frozenset[str]:
    """Counters whose growth is told as a rate or a mean: the sum since start says nothing beside it."""
    rates = {one.rate_of for one in METRICS if one.rate_of is not None}
    return frozenset(rates | {key for one in METRICS if one.quotient is not None for key in one.quotient})


def _processes(gpu: Gpu) -> list[dict[str, Any]]:
    told = [queries.process_status(one) for one in gpu.processes or ()]
    told.sort(key=lambda one: -(one["memory_mib"] or 0.0))
    return [lean(one) for one in told[:_MOST_PROCESSES]]


def _gpu_summary(gpu: Gpu, told: Mapping[str, Any]) -> str:
    if gpu.is_lost:
        return f"{gpu.id} is lost"
    use, heat = told["utilization_percent"], told["temperature_c"]
    parts = [str(told["health"])] + ([f"{use:.0f} % busy"] if use is not None else [])
    return f"{gpu.id}: {', '.join(parts + ([f'{heat:.0f} °C'] if heat is not None else []))}"
