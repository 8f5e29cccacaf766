"""What only two looks can tell: how fast counters grow. Pure; from one source's result and the one before it.

What was not there before, or has been counted anew since, has no rate: unknown, not 0.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from operator import is_not
from typing import TYPE_CHECKING, TypeVar

from app.domain.derive import Values, grow, grows
from app.domain.metric import Scope
from app.domain.metrics import METRICS
from app.domain.quantiles import quantiles
from app.domain.reading import GpuReading, NodeReading, ServiceReading

if TYPE_CHECKING:  # the driver has rates too, and no page: a cold look at it need not load what reads pages
    from app.sources.page import PageContents

_Reading = TypeVar("_Reading", GpuReading, NodeReading, ServiceReading)


def with_rates(before: PageContents | None, after: PageContents) -> PageContents:
    """`after` with rates, means over the interval and shares of time; `before` is what this returned the last time."""
    if before is None:
        return after
    nodes = nodes_with_rates(before.nodes, before.at, after.nodes, after.at)
    services = {one.model: one for one in before.services}
    seconds = after.at - before.at
    grown = (_grown(services.get(one.model), one, seconds, "service") for one in after.services)
    quantiled = tuple(_with_quantiles(one, before, after) for one in grown)
    return replace(after, nodes=nodes, services=quantiled, sheet=None)  # the next look needs no page


def _with_quantiles(one: ServiceReading, before: PageContents, after: PageContents) -> ServiceReading:
    """A model server with the quantiles of what came between two looks."""
    was, now = before.buckets.get(one.model), after.buckets.get(one.model)
    if not was or not now or after.at <= before.at:
        return one
    found = {
        metric.key: value
        for metric in METRICS
        if metric.quantile is not None and metric.key not in one.values
        if (value := quantiles(was, now, metric.quantile.share, metric.quantile.histograms)) is not None
    }
    return replace(one, values={**one.values, **found}) if found else one


def nodes_with_rates(
    before: tuple[NodeReading, ...], before_at: float, after: tuple[NodeReading, ...], after_at: float
) -> tuple[NodeReading, ...]:
    """Machines and their GPUs with what grew between two looks (epoch seconds); a GPU by its UUID, else its index."""
    known = {node.name: node for node in before}
    made: list[NodeReading] = []
    for node in after:
        was = known.get(node.name)
        grown = _grown(was, node, after_at - before_at, "node")
        if was is not None and was.gpus and grown.gpus and any(map(_has_counters, grown.gpus)):
            known_gpus = {_identity(gpu): gpu for gpu in was.gpus}
            gpus = tuple([_grown_gpu(known_gpus.get(_identity(gpu)), before_at, gpu, after_at) for gpu in grown.gpus])
            if any(map(is_not, gpus, grown.gpus)):
                grown = replace(grown, gpus=gpus)
        made.append(grown)
    return tuple(made)


def _has_counters(gpu: GpuReading) -> bool:
    """Whether anything could grow: most exporters publish rates themselves, and then no GPU is looked at further."""
    return not gpu.values.keys().isdisjoint(_gpu_counters())


@cache
def _gpu_counters() -> frozenset[str]:
    gpu = [metric for metric in METRICS if metric.scope == "gpu"]
    return frozenset(key for metric in gpu for key in (metric.rate_of, *(metric.quotient or ())) if key)


def _grown_gpu(was: GpuReading | None, was_at: float, now: GpuReading, now_at: float) -> GpuReading:
    if was is None:
        return now
    seconds = (now.at if now.at is not None else now_at) - (was.at if was.at is not None else was_at)
    return _grown(was, now, seconds, "gpu")


def _grown(was: _Reading | None, now: _Reading, seconds: float, scope: Scope) -> _Reading:
    if was is None:
        return now
    more = grow(was.values, now.values, seconds, scope) if seconds > 0 else _kept(was.values, now.values, scope)
    return replace(now, values={**now.values, **more}) if more else now


def _kept(before: Values, after: Values, scope: Scope) -> dict[str, float]:
    """The same values once more (a GPU that has not answered anew): what had grown stays what it was."""
    return {key: before[key] for key in grows(scope) if key in before and key not in after}


def _identity(gpu: GpuReading) -> tuple[str | None, int | None]:
    return (gpu.uuid, None) if gpu.uuid else (None, gpu.index)
