"""Answers: what `status --json`, the REST routes, a screen's export and the agent's tools all return.

One function a question, so that two front ends cannot disagree. A value past its age is null; a rate that has had one
reading only is null; what is not connected in this installation is an empty list or null, as the contract says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from app.domain.fleet import cluster_facts, node_state
from app.domain.health import clock_events, gpu_health
from app.domain.reading import GpuProcess
from app.domain.series import Event, Series
from app.domain.snapshot import Gpu, Layer, MigSlice, Node, Service, Snapshot, SourceState, samples

if TYPE_CHECKING:
    from app.domain.alerts_now import AlertsNow
    from app.domain.allocation import Allocations
    from app.domain.watched import Watched

SCHEMA = 1
_DECIMALS = 4
PLAIN: tuple[tuple[str, str], ...] = (
    ("utilization_percent", "gpu.utilization"),
    ("memory_used_mib", "gpu.memory_used"),
    ("memory_total_mib", "gpu.memory_total"),
    ("temperature_c", "gpu.temperature"),
    ("power_w", "gpu.power"),
    ("power_limit_w", "gpu.power_limit"),
    ("sm_clock_mhz", "gpu.sm_clock"),
)
"""A GPU's plain names in JSON, and the catalogue keys behind them."""


def status(
    snapshot: Snapshot, now: float, watched: Watched | None = None, alerts: AlertsNow | None = None
) -> dict[str, Any]:
    """The whole cluster at `now`, as `status --json` prints it.

    `watched` is what somebody has watched for a while, `alerts` what somebody has evaluated.
    """
    facts, jobs = cluster_facts(snapshot, now), _jobs(snapshot, now)
    return {
        "schema": SCHEMA,
        "at": round(now, 3),
        "mode": snapshot.mode,
        "cluster": {
            "name": snapshot.cluster,
            "nodes": facts.nodes,
            "nodes_down": facts.nodes_down,
            "gpus": facts.gpus,
            "gpus_expected": facts.gpus_expected,
            "gpus_busy": facts.gpus_busy,
            "gpus_allocated": facts.gpus_allocated,
            "gpus_lost": facts.gpus_lost,
            "power_w": number(facts.power_w),
            "cost_per_hour": number(facts.cost_per_hour),
            "jobs_running": 0 if jobs == [] else facts.jobs_running,
            "jobs_pending": 0 if jobs == [] else facts.jobs_pending,
            "alerts_firing": _alerts_firing(alerts, now),
        },
        "sources": [source_status(state, now) for state in snapshot.sources.values()],
        "nodes": [node_status(node, snapshot, now, watched) for node in snapshot.nodes.values()],
        "jobs": jobs,
        "services": [service_status(service, snapshot, now) for service in snapshot.services.values()],
        "alerts": _alerts(alerts, now, snapshot),
    }


def _alerts(alerts: AlertsNow | None, now: float, snapshot: Snapshot) -> list[dict[str, Any]] | None:
    if alerts is None or not alerts.is_current(now):
        return None
    from app.services import queries_alerts  # noqa: PLC0415 - only where somebody evaluates

    return queries_alerts.alerts(alerts, now, snapshot)


def _alerts_firing(alerts: AlertsNow | None, now: float) -> int | None:
    if alerts is None or not alerts.is_current(now):
        return None
    from app.services import queries_alerts  # noqa: PLC0415 - only where somebody evaluates

    return queries_alerts.firing(alerts, now)


def _jobs(snapshot: Snapshot, now: float) -> list[dict[str, Any]] | None:
    if snapshot.slurm is None:
        return None if any(state.spec.kind == "slurm" for state in snapshot.sources.values()) else []
    from app.services import queries_slurm  # noqa: PLC0415 - only a cluster with Slurm pays for it

    return queries_slurm.jobs(snapshot, now)


def _join(snapshot: Snapshot, now: float) -> Allocations | None:
    if snapshot.slurm is None:
        return None
    from app.domain.allocation import allocations  # noqa: PLC0415 - only a cluster with Slurm pays for it

    return allocations(snapshot, now)


def source_status(state: SourceState, now: float) -> dict[str, Any]:
    """One source: how it is doing, and what it could not make of its page."""
    page = state.page
    return {
        "name": state.spec.name,
        "kind": "vllm" if page and page.flavour == "vllm" else state.spec.kind,
        "target": state.spec.target,
        "state": state.condition(now),
        "age_s": number(state.age(now)),
        "error": state.error,
        "interval_s": state.spec.interval_s,
        "duration_s": number(state.duration_s),
        "missed_slots": state.missed_slots,
        "flavour": page.flavour if page else None,
        "samples": page.samples if page else None,
        "samples_known": page.known if page else None,
        "samples_unknown": sum(count for _, count in page.unknown) if page else None,
        "unknown": dict(page.unknown) if page else {},
        "bad_lines": page.bad_lines if page else None,
        "bad_examples": [{"line": line, "why": why} for line, why in page.bad_examples] if page else [],
    }


def node_status(node: Node, snapshot: Snapshot, now: float, watched: Watched | None = None) -> dict[str, Any]:
    """One node and its GPUs."""
    join = _join(snapshot, now)
    idle = watched.idle if watched is not None else {}
    return {
        "name": node.name,
        "state": node_state(snapshot, node, now),
        **_node_says(node, join),
        "gpus_expected": node.gpus_expected,
        "gpus": [
            {**gpu_status(gpu, now, join), "idle_s": round(idle[gpu.id].seen_s) if gpu.id in idle else None}
            for gpu in node.gpus
        ],
        "metrics": metrics(node.layers, now),
        "facts": dict(node.facts),
    }


def gpu_status(gpu: Gpu, now: float, join: Allocations | None = None) -> dict[str, Any]:
    """One GPU: the numbers everybody asks for by plain names, and everything known under `metrics`.

    `join` is the cluster's allocations, where it has Slurm.
    """
    values = {} if gpu.is_lost else metrics(gpu.layers, now)
    verdict = gpu_health(gpu, now)
    newest = max((layer.at for layer in gpu.layers), default=None)
    return {
        "index": gpu.index,
        "uuid": gpu.uuid,
        "model": gpu.model,
        **{name: values[key]["value"] if key in values else None for name, key in PLAIN},
        "health": verdict.state,
        "health_reason": verdict.reason,
        "state": "lost" if gpu.is_lost else ("ok" if values else "unknown"),
        "lost_at": gpu.lost_at,
        **_gpu_errors(gpu, values),
        **_holder(gpu, join),
        "age_s": None if newest is None else number(max(0.0, now - newest)),
        "source": gpu.layers[0].source if gpu.layers else None,
        "note": gpu.note,
        "metrics": values,
        "mig": [mig_status(one, now) for one in gpu.mig],
        "processes": None if gpu.processes is None else [process_status(one) for one in gpu.processes],
        "facts": dict(gpu.facts),
    }


def _holder(gpu: Gpu, join: Allocations | None) -> dict[str, Any]:
    """Who holds a GPU: by Slurm, else as far as an exporter names a job."""
    if join is not None:
        from app.services import queries_slurm  # noqa: PLC0415 - only a cluster with Slurm pays for it

        return queries_slurm.holder(gpu, join)
    ids = gpu.hpc_jobs
    return {
        "job_id": ids[0] if len(ids) == 1 else None,
        "job_ids": list(ids),
        "user": None,
        "allocated": None,
        "gpu_binding": "exact" if ids else None,
    }


def _node_says(node: Node, join: Allocations | None) -> dict[str, Any]:
    if join is None:
        return {"slurm_state": None, "slurm_reason": None, "partitions": []}
    from app.services import queries_slurm  # noqa: PLC0415 - only a cluster with Slurm pays for it

    return queries_slurm.node_says(node.name, join)


def _gpu_errors(gpu: Gpu, values: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What went wrong on a GPU, as its exporters tell it."""
    last = values.get("gpu.xid_last", {}).get("value")
    mask = values.get("gpu.clock_event_reasons", {}).get("value")
    newest = max(gpu.xids_told, key=lambda one: one.last_at or 0.0, default=None)
    return {
        "xid_last": int(last) if last else (newest.code if newest else None),
        "xids": [{"code": one.code, "count": one.count, "last_at": one.last_at} for one in gpu.xids_told],
        "clock_event_reasons": list(clock_events(mask)),
    }


def process_status(one: GpuProcess) -> dict[str, Any]:
    """One process on a GPU."""
    return {
        "pid": one.pid,
        "name": one.name,
        "user": one.user,
        "command": one.command,
        "memory_mib": one.memory_mib,
        "utilization_percent": one.utilization_percent,
        "kind": one.kind,
        "job_id": one.job_id,
    }


def mig_status(one: MigSlice, now: float) -> dict[str, Any]:
    """One MIG slice."""
    return {"id": one.id, "profile": one.profile, "uuid": one.uuid, "metrics": metrics(one.layers, now)}


def service_status(service: Service, snapshot: Snapshot, now: float) -> dict[str, Any]:
    """One model server."""
    from app.services import queries_services  # noqa: PLC0415 - only a cluster with model servers pays for it

    source = snapshot.sources.get(service.source)
    return {
        "kind": service.kind,
        "target": service.target,
        "model": service.model,
        "state": source.condition(now) if source else "never",
        "running": service.value("service.requests_running", now),
        "waiting": service.value("service.requests_waiting", now),
        "kv_cache_usage": _ratio(service.value("service.kv_cache_usage", now)),
        "tokens_per_s": number(service.value("service.tokens_per_s", now)),
        **queries_services.service_details(service, snapshot, now),
        "source": service.source,
        "metrics": metrics(service.layers, now),
    }


def metrics(layers: tuple[Layer, ...], now: float) -> dict[str, dict[str, Any]]:
    """Every value not past its age, by catalogue key, with its age and source."""
    return {
        key: {"value": number(one.value), "age_s": round(one.age_s, 3), "source": one.source}
        for key, one in samples(layers, now).items()
    }


def history(series: Series, what: str) -> dict[str, Any]:
    """A series as `history --json` prints it."""
    return {
        "schema": SCHEMA,
        "what": what,
        "metric": series.metric,
        "unit": series.unit,
        "step_s": series.step_s,
        "points": [[round(point.at, 3), number(point.mean)] for point in series.points],
    }


def event_list(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events for JSON."""
    return [
        {"at": one.at, "kind": one.kind, "severity": one.severity, "subject": str(one.subject), "text": one.text}
        for one in events
    ]


def current(snapshot: Snapshot, now: float, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    """Current values as flat rows (`/api/metrics/current`), filtered by `node`, `gpu` and `metric` where given."""
    rows = []
    for subject, labels, layers in _subjects(snapshot):
        if any(labels.get(key, "") != value for key, value in wanted.items() if key in ("node", "gpu")):
            continue
        for key, one in metrics(layers, now).items():
            if wanted.get("metric") in (None, key, key.split(".", 1)[1]):
                rows.append({"subject": subject, **labels, "metric": key, **one})
    return rows


def _subjects(snapshot: Snapshot) -> Iterable[tuple[str, dict[str, str], tuple[Layer, ...]]]:
    for node in snapshot.nodes.values():
        yield f"node:{node.name}", {"node": node.name}, node.layers
        for gpu in node.gpus:
            layers = () if gpu.is_lost else gpu.layers
            yield f"gpu:{gpu.id}", {"node": node.name, "gpu": str(gpu.index)}, layers
    for service in snapshot.services.values():
        yield f"service:{service.id}", {"service": service.id}, service.layers


def number(value: float | None) -> float | None:
    """A number as JSON can hold it: finite, without a tail of float noise; whole numbers stay whole."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 2**53 else round(value, _DECIMALS)


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else number(percent / 100)
