"""vllm_status: model servers, their load against their GPUs' truth, and what their logs said."""

from __future__ import annotations

from typing import Annotated, Any

from app.agent.ground import Ground
from app.agent.tools.hardware import told_values
from app.agent.tools.places import look, service_of
from app.agent.tools.told import iso, lean, moment, number, plural, unit_name
from app.agent.tools.tool import Found
from app.domain.allocation import allocations
from app.domain.metrics import by_key
from app.domain.snapshot import Gpu, Service, Snapshot
from app.services import queries

_MOST_EVENTS = 12
_PLAIN = frozenset(
    {"service.requests_running", "service.requests_waiting", "service.kv_cache_usage", "service.tokens_per_s"}
)
"""Told under plain names."""


async def vllm_status(
    ground: Ground,
    service: Annotated[str | None, "model, address or node of one server; null: all"] = None,
) -> Found:
    """Model servers (vLLM): model, state, requests running and waiting, KV cache, tokens/s, latencies, preemptions.

    With the GPUs each runs on and what they do, its job, and what its log said last. `contradictions` is what does not
    go together, such as requests that wait beside an idle GPU. Latencies are of the last interval; for the past use
    metric_history(metric=ttft, service=).
    """
    snapshot, now = await look(ground)
    some = [service_of(snapshot, service)] if service is not None else list(snapshot.services.values())
    rows = [_server(one, snapshot, now) for one in some]
    data = {
        **moment(now),
        "servers": rows,
        "note": None if rows else "no model server is read here: no target publishes vLLM's metrics",
        "log_events": _events(snapshot),
    }
    return Found(
        {**lean(data), "servers": rows}, plural(len(rows), "model server"), now,
        trim=("log_events", "servers"), narrow="service=",
    )  # fmt: skip


def _server(one: Service, snapshot: Snapshot, now: float) -> dict[str, Any]:
    told = queries.service_status(one, snapshot, now)
    state, place = snapshot.sources.get(one.source), told["runs_on"]
    gpus = [gpu for gpu in snapshot.gpus() if gpu.id in place["gpus"]]
    return lean(
        {
            "service": one.id,
            **{key: told[key] for key in ("kind", "model", "target", "state")},
            "doing": lean(told["doing"]),
            "contradictions": told["contradictions"],
            **{key: number(told[key]) for key in ("running", "waiting", "tokens_per_s")},
            "kv_cache_usage_percent": number(one.value("service.kv_cache_usage", now)),
            **{key: lean(told[key]) for key in ("waiting_by_reason", "ttft_s", "itl_s")},
            "error": state.error if state is not None else None,
            "metrics": told_values({key: value for key, value in told["metrics"].items() if not _is_plain(key)}),
            "facts": dict(one.facts),
            "node": place["node"],
            "jobs": place["jobs"],
            "placed_by": place["why"],
            "placed_how_sure": place["certainty"],
            "gpus": [_gpu(gpu, snapshot, now) for gpu in gpus],
        }
    )


def _is_plain(key: str) -> bool:
    """Told under a plain name."""
    return key in _PLAIN or key.startswith(("service.ttft", "service.itl"))


def _gpu(gpu: Gpu, snapshot: Snapshot, now: float) -> dict[str, Any]:
    values = {unit_name(by_key()[key]): number(gpu.value(key, now)) for _, key in queries.PLAIN[:5]}
    jobs = list(allocations(snapshot, now).held(gpu).job_ids) if snapshot.slurm is not None else []
    return lean({"gpu": gpu.id, **values, "jobs": jobs})


def _events(snapshot: Snapshot) -> list[dict[str, Any]]:
    some = sorted((one for one in snapshot.logs if one.kind.startswith("vllm.")), key=lambda one: one.at)
    some = [one for one in some if one.kind != "vllm.throughput"][-_MOST_EVENTS:]
    return [
        lean({"at_iso": iso(one.at), "node": one.node, "kind": one.kind, "severity": one.severity, "text": one.text})
        for one in reversed(some)
    ]
