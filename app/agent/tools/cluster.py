"""cluster_status and current_metrics: the whole at one moment, and the numbers of its GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from app.agent.ground import Ground
from app.agent.tools.places import gpu_of, job_of, look, metric_of, node_name
from app.agent.tools.told import counted, lean, moment, number, plural, unit_name
from app.agent.tools.tool import Found, ToolError
from app.domain.allocation import Allocations, allocations
from app.domain.fleet import ClusterFacts, cluster_facts, node_states
from app.domain.health import gpu_health, node_health
from app.domain.metric import Metric
from app.domain.metrics import by_key
from app.domain.snapshot import Gpu, Snapshot
from app.services import queries, queries_alerts
from app.transport.turns import in_thread

_ROWS, _NODE_ROWS = 200, 80
"""Rows of one list at most, before the budget cuts it."""
_FACTS = (
    "gpus", "gpus_expected", "gpus_busy", "gpus_allocated", "gpus_lost", "gpus_unknown", "nodes", "nodes_down",
    "jobs_running", "jobs_pending", "power_w", "cost_per_hour", "idle_cost_per_hour", "warnings", "criticals",
)  # fmt: skip


async def cluster_status(ground: Ground) -> Found:
    """The cluster as a whole: how many nodes, GPUs and jobs, how busy, what power and cost, and who is not well.

    Lists nodes and GPUs that are down, lost, hot or failing, sources that do not answer, firing alerts and open
    incidents. For the causes of what is wrong use diagnose.
    """
    snapshot, now = await look(ground)
    facts = await in_thread(cluster_facts, snapshot, now)
    diagnosis = await ground.diagnosis()
    incidents = [{"id": one.id, "severity": one.severity, "title": one.title} for one in diagnosis.incidents]
    alerts = ground.feed.alerts() if ground.at is None else None
    data = {
        **moment(now),
        "cluster": snapshot.cluster,
        "mode": snapshot.mode,
        **_facts(facts),
        **await in_thread(_sums, snapshot, now),
        "alerts_firing": queries_alerts.firing(alerts, now) if alerts is not None else None,
        "incidents": incidents,
        "sources_not_answering": _silent_sources(snapshot, now),
        "gpus_not_well": await in_thread(_sick_gpus, snapshot, now),
        "model_servers": [one.model for one in snapshot.services.values()],
        "nodes": await in_thread(_nodes, snapshot, now),
    }
    return Found(
        lean(data),
        f"{facts.gpus} GPUs on {plural(facts.nodes, 'node')}, {facts.gpus_busy} busy; "
        f"{plural(len(incidents), 'open incident')}",
        now,
        trim=("nodes", "gpus_not_well", "model_servers", "sources_not_answering", "incidents"),
        totals={"nodes": facts.nodes, "gpus_not_well": facts.warnings + facts.criticals + facts.gpus_unknown},
        narrow="node_details(node), current_metrics(node) or diagnose(about)",
    )


def _facts(facts: ClusterFacts) -> dict[str, Any]:
    told = asdict(facts)
    renamed = {"warnings": "gpus_warning", "criticals": "gpus_critical", "cost_per_hour": "cost_dollars_per_hour"}
    renamed |= {"idle_cost_per_hour": "idle_cost_dollars_per_hour", "nodes": "nodes_total"}
    return {renamed.get(name, name): number(told[name]) for name in _FACTS}


def _sums(snapshot: Snapshot, now: float) -> dict[str, Any]:
    """What the GPUs amount to: models, mean use, memory."""
    used = [gpu.value("gpu.utilization", now) for gpu in snapshot.gpus()]
    known = [value for value in used if value is not None]
    held = [gpu.value("gpu.memory_used", now) for gpu in snapshot.gpus()]
    there = [gpu.value("gpu.memory_total", now) for gpu in snapshot.gpus()]
    whole = sum(value for value in there if value is not None)
    return {
        "gpu_models": counted(gpu.model or "unknown" for gpu in snapshot.gpus()),
        "mean_utilization_percent": number(sum(known) / len(known), 4) if known else None,
        "memory_used_percent": number(100 * sum(v for v in held if v is not None) / whole, 4) if whole else None,
    }


def _silent_sources(snapshot: Snapshot, now: float) -> list[dict[str, Any]]:
    told = [queries.source_status(state, now) for state in snapshot.sources.values()]
    keys = ("name", "kind", "state", "age_s", "error")
    return [lean({key: one[key] for key in keys}) for one in told if one["state"] != "ok"]


def _sick_gpus(snapshot: Snapshot, now: float) -> list[dict[str, Any]]:
    grave = {"critical": 0, "warning": 1, "unknown": 2}
    found = []
    for gpu in snapshot.gpus():
        verdict = gpu_health(gpu, now)
        if verdict.state in grave:
            found.append({"gpu": gpu.id, "health": verdict.state, "why": verdict.reason})
    return sorted(found, key=lambda one: grave[str(one["health"])])[:_ROWS]


def _nodes(snapshot: Snapshot, now: float) -> list[dict[str, Any]]:
    """A line a node, those that are not well first."""
    join = allocations(snapshot, now) if snapshot.slurm is not None else None
    rows = []
    for node, state in node_states(snapshot, now):
        verdict = node_health(node, now)
        used = [value for gpu in node.gpus if (value := gpu.value("gpu.utilization", now)) is not None]
        told = join.node(node.name) if join is not None else None
        row = {
            "node": node.name,
            "state": state,
            "health": verdict.state,
            "why": verdict.reason,
            "gpus": len(node.gpus),
            "mean_utilization_percent": number(sum(used) / len(used), 4) if used else None,
            "slurm_state": told.text if told is not None else None,
            "slurm_reason": told.reason if told is not None else None,
        }
        rank = 0 if state == "down" else {"critical": 1, "warning": 2, "unknown": 3}.get(verdict.state, 4)
        rows.append((rank, lean(row)))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])][:_NODE_ROWS]


async def current_metrics(  # noqa: PLR0917 - one a wish; given by name
    ground: Ground,
    node: Annotated[str | None, "only GPUs of this node"] = None,
    gpu: Annotated[str | None, "only this GPU: node/index, or its UUID"] = None,
    job: Annotated[str | None, "only GPUs that this Slurm job holds"] = None,
    metrics: Annotated[
        list[str] | None,
        "what to show, such as utilization, memory_used, temperature, power, sm_clock, tensor_active, pcie_rx, "
        "nvlink_tx, or keys like gpu.ecc_dbe_volatile; null: the usual ones",
    ] = None,
    order_by: Annotated[str | None, "the metric that GPUs are ordered by; null: by name"] = None,
    order: Annotated[Literal["highest", "lowest"] | None, "which stand first with order_by; null: highest"] = None,
) -> Found:
    """The numbers of GPUs now: one row a GPU with its job and user, and the lowest, mean and highest of each metric.

    Use it to compare GPUs, to find the busiest, hottest or idlest ones, or to see what a job's GPUs do. A number that
    is missing is not known. For the past use metric_history.
    """
    snapshot, now = await look(ground)
    wanted = [metric_of(one, "gpu") for one in metrics or []] or [by_key()[key] for _, key in queries.PLAIN]
    by = metric_of(order_by, "gpu") if order_by is not None else None
    wanted = list(dict.fromkeys([*wanted, by] if by is not None else wanted))
    if any(one.scope != "gpu" for one in wanted):
        raise ToolError("current_metrics tells of GPUs: see node_details for nodes, vllm_status for model servers")
    join = allocations(snapshot, now)
    chosen = await in_thread(_chosen, snapshot, join, (node, gpu, job))
    if by is not None:
        chosen = await in_thread(lambda: _ordered(chosen, by, now, is_lowest=order == "lowest"))
    data = {
        **moment(now),
        "gpus_matching": len(chosen),
        "statistics": await in_thread(lambda: {unit_name(one): _statistics(chosen, one, now) for one in wanted}),
        "gpus": [_row(one, wanted, join, now) for one in chosen[:_ROWS]],
    }
    return Found(
        lean(data), f"{plural(len(chosen), 'GPU')}, {plural(len(wanted), 'metric')}", now, trim=("gpus",),
        totals={"gpus": len(chosen)},
        narrow="node=, job=, gpu=, fewer metrics, or order_by= to have the interesting ones first",
    )  # fmt: skip


def _chosen(snapshot: Snapshot, join: Allocations, given: tuple[str | None, str | None, str | None]) -> list[Gpu]:
    node, gpu, job = given
    some: Sequence[Gpu] = list(snapshot.gpus())
    if gpu is not None:
        some = [gpu_of(snapshot, gpu)]
    if node is not None:
        name = node_name(snapshot, node)
        some = [one for one in some if one.node == name]
    if job is not None:
        held = {one.id for one in join.gpus_of(job_of(snapshot, job))}
        some = [one for one in some if one.id in held]
    return list(some)


def _ordered(some: list[Gpu], by: Metric, now: float, *, is_lowest: bool) -> list[Gpu]:
    """By a metric; those that do not tell it stand last."""
    sign = 1 if is_lowest else -1
    values = {one.id: one.value(by.key, now) for one in some}
    return sorted(some, key=lambda one: (values[one.id] is None, sign * (values[one.id] or 0.0)))


def _row(gpu: Gpu, wanted: Sequence[Metric], join: Allocations, now: float) -> dict[str, Any]:
    held = join.held(gpu)
    verdict = gpu_health(gpu, now)
    return lean(
        {
            "gpu": gpu.id,
            "state": "lost" if gpu.is_lost else None,
            "health": None if verdict.state == "ok" else verdict.state,
            "why": verdict.reason,
            **{unit_name(one): number(gpu.value(one.key, now)) for one in wanted},
            "jobs": list(held.job_ids),
            "user": held.user,
        }
    )


def _statistics(some: Sequence[Gpu], metric: Metric, now: float) -> dict[str, Any] | None:
    values = [(value, one.id) for one in some if (value := one.value(metric.key, now)) is not None]
    if not values:
        return None
    low, high = min(values), max(values)
    mean = sum(value for value, _ in values) / len(values)
    known = None if len(values) == len(some) else len(values)
    told = {"min": number(low[0]), "min_on": low[1], "mean": number(mean), "max": number(high[0]), "max_on": high[1]}
    return lean({**told, "gpus_that_tell": known})
