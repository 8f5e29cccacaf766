"""Signs out of values: metrics beyond a limit that some fault has for them, and counters that rose. Pure.

A counter that stands above 0 at the first look is history: only a rise between two looks is a sign. One that fell was
reset with its driver or machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from app.domain.finding import FindingSubject
from app.domain.metric import Metric
from app.domain.metrics import by_key
from app.domain.snapshot import Layer
from app.engine.diagnosis.sign import Limit, Look, Sign


@dataclass(frozen=True, slots=True)
class _Watch:
    """What to look for in one metric: no limit of it can hold between `low` and `high`."""

    key: str
    low: float
    """Some limit may hold from here down."""
    high: float
    """Some limit may hold from here up."""
    exact: frozenset[float]
    """Values at which one may hold."""
    limits: tuple[Limit, ...]

    def is_calm(self, value: float) -> bool:
        """Whether no limit can hold."""
        return self.low < value < self.high and value not in self.exact


def observe_metrics(look: Look) -> Iterator[Sign]:
    """Every value beyond a limit, and every rise that is asked for."""
    by_scope: dict[str, list[_Watch]] = {"gpu": [], "node": [], "service": []}
    for key, limits in look.wanted.items():
        if key in by_key():
            by_scope[by_key()[key].scope].append(_watch(key, limits))
    rises = {scope: tuple(key for key in look.rises if key.startswith(f"{scope}.")) for scope in by_scope}
    calm = _Calm(by_scope["gpu"], rises["gpu"])
    for subject, layers, before in _holders(look):
        scope = "gpu" if subject.gpu is not None else "service" if subject.service else "node"
        if scope == "gpu" and len(layers) == 1 and calm.is_so(layers[0], before):
            continue
        yield from _values(subject, layers, by_scope[scope], look.now)
        if before and rises[scope]:
            yield from _rises(subject, layers, before, rises[scope])


class _Calm:
    """Whether a GPU's values are as those of most: no limit passed, no counter moved. Answers for thousands of GPUs.

    Metrics that are 0 on a healthy GPU and counters are compared as one tuple each; a source that gives other keys than
    the first one is looked at in full.
    """

    def __init__(self, watches: Sequence[_Watch], rises: Sequence[str]) -> None:
        self._watches = watches
        self._rises = rises
        self._made = False
        self._zeros: Callable[[Mapping[str, float]], tuple[float, ...]] | None = None
        self._counters: Callable[[Mapping[str, float]], tuple[float, ...]] | None = None
        self._others: tuple[_Watch, ...] = ()
        self._absent: tuple[str, ...] = ()
        self._all_zero: tuple[float, ...] = ()

    def _make(self, values: Mapping[str, float]) -> None:
        self._made = True
        zeros = [one.key for one in self._watches if values.get(one.key) == 0.0 and one.is_calm(0.0)]
        counters = [key for key in self._rises if key in values]
        if len(zeros) > 1 and len(counters) > 1:
            self._zeros, self._counters = itemgetter(*zeros), itemgetter(*counters)
            self._all_zero = (0.0,) * len(zeros)
        known = {*zeros}
        self._others = tuple(one for one in self._watches if one.key in values and one.key not in known)
        self._absent = (
            *(one.key for one in self._watches if one.key not in values),
            *(key for key in self._rises if key not in values),
        )

    def is_so(self, layer: Layer, before: tuple[Layer, ...]) -> bool:
        """Whether there is nothing to say of a GPU for sure."""
        values = layer.values
        if not self._made:
            self._make(values)
        if self._zeros is None or self._counters is None or not values.keys().isdisjoint(self._absent):
            return False
        try:
            if self._zeros(values) != self._all_zero:
                return False
            if before and (len(before) != 1 or self._counters(values) != self._counters(before[0].values)):
                return False
        except KeyError:
            return False
        for watch in self._others:
            value = values.get(watch.key)
            if value is not None and not watch.is_calm(value):
                return False
        return True


def _watch(key: str, limits: tuple[Limit, ...]) -> _Watch:
    low, high = -math.inf, math.inf
    exact = frozenset(one.equals for one in limits if one.equals is not None)
    for one in limits:
        if one.equals is not None:
            continue
        if one.at_least is None and one.above is None:
            low = math.inf if one.below is None else max(low, one.below)
        else:
            high = min(high, max(-math.inf if bound is None else bound for bound in (one.at_least, one.above)))
    return _Watch(key, low, high, exact, limits)


def _holders(look: Look) -> Iterator[tuple[FindingSubject, tuple[Layer, ...], tuple[Layer, ...]]]:
    """Whoever has values: (subject, layers, layers of the last look where they are others)."""
    old = look.before
    for name, node in look.snapshot.nodes.items():
        was = old.nodes.get(name) if old is not None else None
        is_changed = was is not None and was is not node
        if node.layers:
            yield FindingSubject(node=name), node.layers, was.layers if is_changed and was is not None else ()
        olds = {gpu.index: gpu for gpu in was.gpus} if is_changed and was is not None else {}
        for gpu in node.gpus:
            if gpu.lost_at is None:
                before = olds.get(gpu.index)
                past = before.layers if before is not None and before is not gpu else ()
                yield _gpu_subject(name, gpu.index), gpu.layers, past
    for key, service in look.snapshot.services.items():
        earlier = old.services.get(key) if old is not None else None
        past = earlier.layers if earlier is not None and earlier is not service else ()
        yield FindingSubject(service=key), service.layers, past


@lru_cache(maxsize=32768)
def _gpu_subject(node: str, index: int) -> FindingSubject:
    return FindingSubject(node=node, gpu=index)


def _values(
    subject: FindingSubject, layers: tuple[Layer, ...], watches: Sequence[_Watch], now: float
) -> Iterator[Sign]:
    fresh = layers if len(layers) == 1 else [one for one in layers if not one.is_stale(now)]
    for place, layer in enumerate(fresh):
        if layer.is_stale(now):
            continue  # whoever remembers signs knows that its source is silent
        value_of = layer.values.get
        for watch in watches:
            value = value_of(watch.key)
            if value is None or watch.is_calm(value):
                continue
            better = any(watch.key in one.values for one in fresh[:place])
            if not better and any(limit.holds(value) for limit in watch.limits):
                metric = by_key()[watch.key]
                yield Sign(watch.key, subject, layer.at, said(metric, value), layer.source, value)


def said(metric: Metric, value: float) -> str:
    """A value with its name, as evidence says it."""
    unit = "" if not metric.unit else metric.unit if metric.unit in ("%", "°C") else f" {metric.unit}"
    return f"{metric.title} {value:,.6g}{unit}"


def _rises(
    subject: FindingSubject, layers: tuple[Layer, ...], before: tuple[Layer, ...], rises: tuple[str, ...]
) -> Iterator[Sign]:
    told: set[str] = set()
    for layer in layers:
        old = next((one for one in before if one.source == layer.source), None)
        if old is None or old is layer:
            continue
        value_of, was_of = layer.values.get, old.values.get
        for key in rises:
            value = value_of(key)
            if not value or key in told:
                continue
            was = was_of(key)
            if was is not None and value > was:
                told.add(key)
                text = f"{by_key()[key].title} rose by {value - was:,g} to {value:,g}"
                yield Sign(f"{key}+", subject, layer.at, text, layer.source, value - was, is_event=True)
