"""METRICS: every quantity the program knows, one row each; adding a metric is adding a row to a catalogue file."""

from __future__ import annotations

from functools import cache

from app.domain.catalogue_fleet import FLEET_METRICS
from app.domain.catalogue_gpu import GPU_METRICS
from app.domain.catalogue_health import HEALTH_METRICS
from app.domain.catalogue_node import NODE_METRICS
from app.domain.catalogue_service import SERVICE_METRICS
from app.domain.metric import Metric, Name, Scope

METRICS: tuple[Metric, ...] = (*GPU_METRICS, *HEALTH_METRICS, *NODE_METRICS, *SERVICE_METRICS, *FLEET_METRICS)
"""Every row; the order is the order of tables."""


@cache
def by_key() -> dict[str, Metric]:
    """Every row under its key."""
    return {metric.key: metric for metric in METRICS}


@cache
def by_wire() -> dict[str, tuple[tuple[Metric, Name], ...]]:
    """Every (row, name) pair under the wire name; one wire name may feed several rows (told apart by labels)."""
    found: dict[str, list[tuple[Metric, Name]]] = {}
    for metric in METRICS:
        for name in metric.names:
            found.setdefault(name.wire, []).append((metric, name))
    return {wire: tuple(pairs) for wire, pairs in found.items()}


@cache
def by_whole() -> dict[str, tuple[tuple[Metric, Name], ...]]:
    """Every (row, name) pair under the wire name of what its parts are shares of."""
    found: dict[str, list[tuple[Metric, Name]]] = {}
    for metric in METRICS:
        for name in metric.names:
            if name.over:
                found.setdefault(name.over, []).append((metric, name))
    return {wire: tuple(pairs) for wire, pairs in found.items()}


@cache
def histograms() -> frozenset[str]:
    """Wire names of the histograms whose buckets some row needs, without `_bucket`."""
    return frozenset(name for metric in METRICS if metric.quantile for name in metric.quantile.histograms)


def find(text: str, scope: Scope | None = None) -> Metric | None:
    """Find a row by its key or by the last part of it (`utilization`), within a scope if one is given.

    The last part alone prefers the GPU's row: `utilization` is `gpu.utilization`.
    """
    wanted = text.strip().lower()
    exact = by_key().get(wanted)
    if exact is not None:
        return exact
    for metric in METRICS:
        if metric.short == wanted and scope in (None, metric.scope):
            return metric
    return None
