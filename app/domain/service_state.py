"""What a model server is up to, and where its own numbers and its GPUs' do not agree. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from app.domain.evidence import LogEvidence
from app.domain.frozen import frozen
from app.domain.service_place import ServicePlace
from app.domain.snapshot import BUSY_PERCENT, Gpu, Service, Snapshot
from app.domain.values import believed

LoadState = Literal["serving", "idle", "asleep", "starting", "loading", "stale", "down", "never"]
_STARTING_S = 1800.0
"""A start that the log told of longer ago than this says nothing of now."""
_FULL, _ROOMY = 90.0, 50.0
"""Percent of the KV cache."""
_HELD_MIB = 1024.0


@frozen
class Contradiction:
    """Two truths that do not go together."""

    severity: Literal["warning", "info"]
    text: str


def load_state(service: Service, snapshot: Snapshot, now: float, place: ServicePlace) -> tuple[LoadState, str]:
    """What it is up to, and a few words to it: how far a load is, or what is wrong with its page."""
    source = snapshot.sources.get(service.source)
    condition = source.condition(now) if source is not None else "never"
    if condition in ("down", "never"):
        told = _starting(service, snapshot, now, place)
        if told is not None:
            return told
        error = source.error if source is not None else None
        return ("down" if condition == "down" else "never"), error or ""
    if service.value("service.sleeping", now):
        return "asleep", ""
    if condition == "stale":
        return "stale", ""
    busy = any(service.value(f"service.requests_{what}", now) for what in ("running", "waiting"))
    return ("serving" if busy else "idle"), ""


def _starting(service: Service, snapshot: Snapshot, now: float, place: ServicePlace) -> tuple[LoadState, str] | None:
    """What its log told last, while its page does not answer: that it starts, or how far its weights are."""
    if not place.node:
        return None
    told: LogEvidence | None = None
    for one in snapshot.logs:
        if one.node == place.node and one.kind.startswith("vllm.") and now - one.at < _STARTING_S:
            told = one
    seen = snapshot.sources[service.source].ok_at if service.source in snapshot.sources else None
    if told is None or (seen is not None and told.at < seen):
        return None
    if told.kind == "vllm.weights_loading":
        return "loading", f"weights {told.details.get('percent', '?')} %"
    return ("starting", "") if told.kind in ("vllm.starting", "vllm.weights_loaded", "vllm.kv_cache") else None


def contradictions(service: Service, place: ServicePlace, now: float, state: LoadState) -> Iterator[Contradiction]:
    """Where its numbers and its GPUs' do not agree, the gravest first."""
    uses = [value for gpu in place.gpus if (value := _use(gpu, now)) is not None]
    held = sum(believed(gpu.layers, now).get("gpu.memory_used", 0.0) for gpu in place.gpus)
    idle = bool(uses) and max(uses) < BUSY_PERCENT
    running = service.value("service.requests_running", now) or 0.0
    waiting = service.value("service.requests_waiting", now) or 0.0
    kv, tokens = service.value("service.kv_cache_usage", now), service.value("service.tokens_per_s", now)
    for gpu in place.gpus:
        if gpu.is_lost:
            yield Contradiction("warning", f"its GPU {gpu.id} is lost")
    if state in ("down", "never") and held > _HELD_MIB:
        yield Contradiction("warning", f"its page does not answer, and {held / 1024:.1f} G are held on its GPUs")
    if state not in ("serving", "idle"):
        return
    if running + waiting and idle and tokens == 0.0:
        full = f", the KV cache {kv:.0f} % full" if kv is not None and kv >= _FULL else ""
        yield Contradiction("warning", f"requests are in flight{full} and its GPUs idle: the engine may hang")
    elif kv is not None and kv >= _FULL and idle:
        yield Contradiction("warning", f"its KV cache is {kv:.0f} % full and its GPUs idle")
    if waiting and kv is not None and kv < _ROOMY:
        yield Contradiction("info", f"requests wait though {100 - kv:.0f} % of the KV cache is free: the batch is full")
    if len(uses) > 1 and max(uses) >= BUSY_PERCENT > min(uses):
        yield Contradiction("warning", "one of its GPUs idles while the others work")
    if not running and not waiting and uses and min(uses) >= _ROOMY:
        yield Contradiction("info", "no request is in flight and its GPUs are busy: something else runs on them")


def _use(gpu: Gpu, now: float) -> float | None:
    return None if gpu.is_lost else believed(gpu.layers, now).get("gpu.utilization")
