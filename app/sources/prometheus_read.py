"""What the samples of a Prometheus server say of one metric, subject by subject. Pure.

The samples of one target are laid side by side, a column a scrape, and read by the same layout that reads its page:
so a value of the past is made as it would have been made when it was new, rates and quantiles included.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import NamedTuple

from app.domain.derive import DERIVED, GROWN, derive_gpu, derive_node, grow, grows
from app.domain.frozen import frozen
from app.domain.metric import Metric, Scope
from app.domain.metrics import by_key
from app.domain.quantiles import Buckets, quantiles
from app.domain.series import Subject
from app.sources.adapters import ADAPTERS, adapter_of
from app.sources.binding import Binder
from app.sources.exposition import Series
from app.sources.layout import Layout, LayoutMaker
from app.sources.picker import Picker, RatioScale, judge_ratio
from app.sources.plans import GpuPlan, Numbers, ServicePlan
from app.sources.prometheus_names import page_labels
from app.transport.prometheus_answer import Row

_NAN = math.nan
_IDENTITY = ("index", "info")
"""Roles of samples that say who is who."""
_NOBODY = ("node_cpu_info", "node_os_info", "vllm:cache_config_info", "all_smi_build_info")
"""Those of them that name nobody."""


@frozen
class Read:
    """One subject's values of one metric."""

    subject: Subject
    uuid: str | None
    flavour: str
    times: Sequence[float]
    values: Sequence[float]


@frozen
class Span:
    """Which scrapes are wanted."""

    start: float
    end: float
    """The first that is not."""


@frozen
class Inputs:
    """What must be asked for to know a metric."""

    names: frozenset[str]
    """Sample names, as the catalogue has them."""
    is_grown: bool
    """Only two looks give it."""


@cache
def inputs_of(key: str) -> Inputs:
    """Everything that some exporter needs for a metric."""
    names: set[str] = set()
    seen: set[str] = set()
    wanted = [key]
    while wanted:
        one = wanted.pop()
        metric = by_key().get(one)
        if one in seen or metric is None:
            continue
        seen.add(one)
        names.update(name.wire for name in metric.names)
        names.update(name.over for name in metric.names if name.over)
        if metric.quantile is not None:
            names.update(f"{name}_bucket" for name in metric.quantile.histograms)
        wanted += [need for rule in (*DERIVED, *GROWN) if rule.key == one for need in rule.needs]
        wanted += [need for need in (metric.rate_of, *(metric.quotient or ())) if need]
        if one == "gpu.memory_total":
            wanted.append("gpu.memory_reserved")
    if key == "gpu.processes":
        names.update(mark.wire for adapter in ADAPTERS for mark in adapter.marks if mark.role == "process")
        names.update(adapter.lists_processes for adapter in ADAPTERS if adapter.lists_processes)
    metric = by_key()[key]
    return Inputs(frozenset(names), metric.quantile is not None or key in grows(metric.scope))


@cache
def flag_names() -> frozenset[str]:
    """Names of the samples that say that a GPU is lost, or how old its values are."""
    return frozenset(mark.wire for adapter in ADAPTERS for mark in adapter.marks if mark.role in ("lost", "age"))


@cache
def identity_names(key: str) -> frozenset[str]:
    """Names of the samples that say which machine, GPU or model server those of a metric are of."""
    names = inputs_of(key).names
    marks = (mark for adapter in ADAPTERS for mark in adapter.marks if mark.role in _IDENTITY)
    found = {mark.wire for mark in marks if mark.wire not in _NOBODY}
    if any(
        adapter_of(name) is None for name in names
    ):  # a client library's own: a model server's, if the page is one's
        found |= inputs_of("service.requests_running").names
    return frozenset(found - names)


def is_counter(name: str) -> bool:
    """Whether a sample only grows, so that its mean over time says nothing."""
    found = adapter_of(name)
    bare = found[1] if found is not None else name
    return bare.endswith(("_total", "_sum", "_count", "_bucket")) or any(
        metric.kind == "counter" for metric in by_key().values() if any(one.wire == bare for one in metric.names)
    )


def layout_of(rows: Sequence[Row], node: str | None, host: str | None) -> Layout:
    """What series of one target are of, by their labels and last values."""
    binder = Binder()
    bindings = [binder.bind(Series(row.labels.get("__name__", ""), page_labels(row.labels))) for row in rows]
    last = [row.values[-1] if row.values else 0.0 for row in rows]
    return LayoutMaker(bindings, last).make(node, host, frozenset())


def read_rows(
    rows: Sequence[Row],
    identities: Sequence[Row],
    metric: Metric,
    whose: tuple[str, str | None, str | None],
    wanted: Span,
) -> list[Read]:
    """Every subject's values of a metric, out of the rows of one target.

    `identities`: rows that hold for the whole time; `whose`: name of the source that reads the target, the node it is
    said to be on, and its host.
    """
    source, node, host = whose
    everything = (*rows, *identities)
    layout = layout_of(everything, node, host)
    times, moments = _side_by_side(rows, identities)
    ratio: RatioScale = None
    for position in layout.ratios:
        ratio = judge_ratio(ratio, everything[position].values)
    flavour = layout.flavour or ""
    return [
        Read(subject, uuid, flavour, *_values(reader, _Moments(times, moments, ratio, wanted), metric))
        for subject, uuid, reader in _readers(layout, metric.scope, source)
    ]


class _Reader:
    """How one subject's values are had from a moment's numbers."""

    def __init__(
        self,
        picker: Picker,
        derive: Callable[[Mapping[str, float]], dict[str, float]],
        scope: Scope,
        gpu: GpuPlan | None = None,
    ) -> None:
        self._picker = picker
        self._derive = derive
        self.scope: Scope = scope
        self._flags: Mapping[str, int] = gpu.flags if gpu is not None else {}
        self._processes = gpu.processes if gpu is not None else None

    def values(self, numbers: Sequence[float], ratio: RatioScale) -> dict[str, float]:
        if "lost" in self._flags and numbers[self._flags["lost"]] == 1:
            return {}
        found = self._derive(self._picker.pick(numbers, ratio))
        if self._processes is not None:
            there = (
                one for one in self._processes if any(numbers[at] == numbers[at] for at, _ in one.positions.values())
            )
            found.setdefault("gpu.processes", float(sum(1 for _ in there)))
        return found

    def age_s(self, numbers: Sequence[float]) -> float:
        """How long before the scrape the exporter took the values, where it says."""
        age = numbers[self._flags["age"]] if "age" in self._flags else 0.0
        return age if age > 0 else 0.0

    def counts(self, _numbers: Numbers) -> Mapping[str, Buckets]:
        return {}


class _ServiceReader(_Reader):
    def __init__(self, plan: ServicePlan) -> None:
        super().__init__(plan.picker, dict, "service")
        self._plan = plan

    def counts(self, numbers: Numbers) -> Mapping[str, Buckets]:
        return self._plan.counts(numbers)


def _readers(layout: Layout, scope: Scope, source: str) -> Iterator[tuple[Subject, str | None, _Reader]]:
    """Every subject of a scope, with its reader."""
    for plan in layout.services if scope == "service" else ():
        yield Subject("service", key=f"{source}#{plan.model}"), None, _ServiceReader(plan)
    for node in layout.nodes:
        if scope == "node":
            yield Subject("node", node=node.name), None, _Reader(node.picker, derive_node, "node")
        for gpu in (node.gpus or ()) if scope == "gpu" else ():
            yield Subject("gpu", node.name, gpu.index), gpu.uuid, _Reader(gpu.picker, derive_gpu, "gpu", gpu)
            for one in gpu.mig:
                subject = Subject("mig", node.name, gpu.index, str(one.id))
                yield subject, one.uuid, _Reader(one.picker, derive_gpu, "gpu")


def _side_by_side(rows: Sequence[Row], identities: Sequence[Row]) -> tuple[list[float], list[list[float]]]:
    """The times of all samples, and for each the numbers of all series; NaN where one has none then."""
    times = sorted(set(chain.from_iterable(row.times for row in rows)))
    place = {at: number for number, at in enumerate(times)}
    columns: list[list[float]] = []
    for row in rows:
        if row.times is times or len(row.times) == len(times):
            columns.append([*row.values])
            continue
        column = [_NAN] * len(times)
        for at, value in zip(row.times, row.values, strict=True):
            column[place[at]] = value
        columns.append(column)
    columns += [[row.values[-1] if row.values else _NAN] * len(times) for row in identities]
    return times, [list(moment) for moment in zip(*columns, strict=True)] if columns else []


class _Moments(NamedTuple):
    """The numbers of one target, scrape by scrape."""

    times: Sequence[float]
    numbers: Sequence[Sequence[float]]
    ratio: RatioScale
    wanted: Span


def _values(reader: _Reader, moments: _Moments, metric: Metric) -> tuple[list[float], list[float]]:
    """Times and values of a metric; growth is from one moment at which the subject was seen to the next."""
    found_times: list[float] = []
    found: list[float] = []
    before: tuple[float, Mapping[str, float], Mapping[str, Buckets]] | None = None
    is_grown = inputs_of(metric.key).is_grown
    ratio, wanted = moments.ratio, moments.wanted
    for scraped_at, numbers in zip(moments.times, moments.numbers, strict=True):
        at = scraped_at - reader.age_s(numbers)
        values = reader.values(numbers, ratio)
        buckets = reader.counts(Numbers(numbers, at, {}, ratio)) if metric.quantile is not None else {}
        value = values.get(metric.key)
        if is_grown and value is None and before is not None:
            value = _grown(metric, before[1:], (values, buckets), at - before[0], reader.scope)
        if values or buckets:
            before = (at, values, buckets)
        if value is not None and math.isfinite(value) and wanted.start <= scraped_at < wanted.end:
            found_times.append(at)
            found.append(value)
    return found_times, found


_Look = tuple[Mapping[str, float], Mapping[str, Buckets]]


def _grown(metric: Metric, before: _Look, after: _Look, seconds: float, scope: Scope) -> float | None:
    if metric.quantile is not None:
        return quantiles(before[1], after[1], metric.quantile.share, metric.quantile.histograms)
    return grow(before[0], after[0], seconds, scope).get(metric.key)
