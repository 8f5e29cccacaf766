"""Answers about model servers: as `status --json`, the REST routes and the agent's tools give them."""

from __future__ import annotations

from typing import Any

from app.domain.service_place import ServicePlace, place_of
from app.domain.service_state import contradictions, load_state
from app.domain.snapshot import Service, Snapshot
from app.services.queries import number

SHARES = ("p50", "p95", "p99")


def service_details(service: Service, snapshot: Snapshot, now: float) -> dict[str, Any]:
    """What a model server is up to, its latencies, where it runs, and what does not go together."""
    place = place_of(service, snapshot, now)
    doing, words = load_state(service, snapshot, now, place)

    def value(short: str) -> float | None:
        return number(service.value(f"service.{short}", now))

    return {
        "doing": {"state": doing, "text": words},
        "waiting_by_reason": {reason: value(f"waiting_{reason}") for reason in ("capacity", "deferred")},
        "prompt_tokens_per_s": value("prompt_tokens_per_s"),
        "ttft_s": {share: value(f"ttft_{share}") for share in SHARES} | {"mean": value("ttft")},
        "itl_s": {share: value(f"itl_{share}") for share in SHARES} | {"mean": value("itl")},
        "runs_on": _place(place),
        "contradictions": [one.text for one in contradictions(service, place, now, doing)],
    }


def _place(place: ServicePlace) -> dict[str, Any]:
    return {
        "node": place.node or None,
        "gpus": [gpu.id for gpu in place.gpus],
        "jobs": list(place.jobs),
        "certainty": place.certainty,
        "why": place.why,
    }
