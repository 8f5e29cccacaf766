"""Signs out of values: metrics beyond a limit that some fault has for them, and counters that rose. Pure.

A counter that stands above 0 at the first look is history: only a rise between two looks is a sign. One that fell was
reset with its driver or machine.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from app.domain.finding import FindingSubject
from app.domain.frozen import frozen
from app.domain.metric import Metric
from app.domain.metrics import by_key
from app.domain.snapshot import Gpu, Layer
from app.engine.columns import Compared, T, by_node
from app.engine.diagnosis.sign import Limit, Look, Sign


@frozen
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
    gpus = look.gpus.picked(*_passing(look.gpus, by_scope["gpu"]), *map(look.gpus.moved, rises["gpu"]))
    nodes = look.machines.picked(*_passing(look.machines, by_scope["node"]), *map(look.machines.moved, rises["node"]))
    for subject, layers, before in _holders(look, by_node(gpus), frozenset(one.name for one in nodes)):
        scope = "gpu" if subject.gpu is not None else "service" if subject.service else "node"
        yield from _values(subject, layers, by_scope[scope], look.now)
        if before and rises[scope]:
            yield from _rises(subject, layers, before, rises[scope])


def _passing(some: Compared[T], watches: Iterable[_Watch]) -> Iterator[Iterable[int]]:
    """Rows with a value that some limit may hold for: hardly any of thousands."""
    for watch in watches:
        column = some.column(watch.key)
        least, most = column.ends
        if any(least <= value <= most for value in watch.exact):
            yield [row for row, value in zip(column.rows, column.values, strict=True) if not watch.is_calm(value)]
        else:
            yield column.beyond(watch.low, watch.high)


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


def _holders(
    look: Look, gpus: Mapping[str, Sequence[Gpu]], machines: Collection[str]
) -> Iterator[tuple[FindingSubject, tuple[Layer, ...], tuple[Layer, ...]]]:
    """Some GPUs and machines, and all services: (subject, layers, layers of the last look where they are others)."""
    old = look.before
    for name, node in look.snapshot.nodes.items():
        if name not in gpus and name not in machines:
            continue
        was = old.nodes.get(name) if old is not None else None
        is_changed = was is not None and was is not node
        if node.layers and name in machines:
            yield FindingSubject(node=name), node.layers, was.layers if is_changed and was is not None else ()
        some = gpus.get(name, ())
        olds = {gpu.index: gpu for gpu in was.gpus} if some and is_changed and was is not None else {}
        for gpu in some:
            if gpu.lost_at is None:
                before = olds.get(gpu.index)
                past = before.layers if before is not None and before is not gpu else ()
                yield FindingSubject(node=name, gpu=gpu.index), gpu.layers, past
    for key, service in look.snapshot.services.items():
        earlier = old.services.get(key) if old is not None else None
        past = earlier.layers if earlier is not None and earlier is not service else ()
        yield FindingSubject(service=key), service.layers, past


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
