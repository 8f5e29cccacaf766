"""The functions of the alert language, as Prometheus 2.42 reckons them. Pure.

Source: promql/functions.go and promql/engine.go of prometheus v2.42 (`extrapolatedRate`, `funcChanges`,
`linearRegression`, `aggregation`): counters that fall were reset; a rate is stretched to the edges of its window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise

from app.domain.frozen import frozen

Points = Sequence[tuple[float, float]]
"""(epoch seconds, value), oldest first."""


@frozen
class Window:
    """The values of one series within a span."""

    points: Points
    start: float
    end: float


Ranged = Callable[[Window, Sequence[float]], float | None]


@frozen
class Function:
    """One function; the first argument is a metric, the others are numbers."""

    arguments: int = 1
    over: Ranged | None = None
    """Over a span of values; None for no value."""
    each: Callable[[float, Sequence[float]], float] | None = None
    """Of every newest value."""

    @property
    def is_ranged(self) -> bool:
        """Its metric needs a span."""
        return self.over is not None


def _extrapolated(window: Window, _: Sequence[float], *, is_counter: bool, is_rate: bool) -> float | None:
    points = window.points
    if len(points) < 2:
        return None
    (first_at, first), (last_at, last) = points[0], points[-1]
    grown = last - first
    if is_counter:
        before = first
        for _at, value in points:
            if value < before:
                grown += before
            before = value
    to_start, to_end, sampled_s = first_at - window.start, window.end - last_at, last_at - first_at
    if sampled_s <= 0:
        return None
    between_s = sampled_s / (len(points) - 1)
    if is_counter and grown > 0 and first >= 0:
        to_start = min(to_start, sampled_s * (first / grown))  # a counter cannot have been below zero
    stretched_s = sampled_s
    for edge_s in (to_start, to_end):
        stretched_s += edge_s if edge_s < between_s * 1.1 else between_s / 2
    factor = stretched_s / sampled_s
    if is_rate:
        factor /= window.end - window.start
    return grown * factor


def _changes(window: Window, _: Sequence[float]) -> float | None:
    values = [value for _, value in window.points]
    if not values:
        return None
    pairs = pairwise(values)
    return float(sum(one != other and not (math.isnan(one) and math.isnan(other)) for one, other in pairs))


def _resets(window: Window, _: Sequence[float]) -> float | None:
    values = [value for _, value in window.points]
    return float(sum(other < one for one, other in pairwise(values))) if values else None


def _line(window: Window, about: float) -> tuple[float, float] | None:
    """Slope and height at `about` of the line through the points."""
    points = window.points
    if len(points) < 2:
        return None
    count = float(len(points))
    first = points[0][1]
    if all(value == first for _, value in points):
        return (math.nan, math.nan) if math.isinf(first) else (0.0, first)
    xs = [at - about for at, _ in points]
    ys = [value for _, value in points]
    sum_x, sum_y = math.fsum(xs), math.fsum(ys)
    covariance = math.fsum(x * y for x, y in zip(xs, ys, strict=True)) - sum_x * sum_y / count
    variance = math.fsum(x * x for x in xs) - sum_x * sum_x / count
    slope = covariance / variance
    return slope, sum_y / count - slope * sum_x / count


def _deriv(window: Window, _: Sequence[float]) -> float | None:
    line = _line(window, window.points[0][0]) if window.points else None
    return None if line is None else line[0]


def _predicted(window: Window, given: Sequence[float]) -> float | None:
    line = _line(window, window.end)
    return None if line is None else line[0] * given[0] + line[1]


def _fold(window: Window, _: Sequence[float], *, op: str) -> float | None:
    return AGGREGATES[op]([value for _, value in window.points]) if window.points else None


def _last(window: Window, _: Sequence[float]) -> float | None:
    return window.points[-1][1] if window.points else None


def _present(window: Window, _: Sequence[float]) -> float | None:
    return 1.0 if window.points else None


def _extreme(values: Sequence[float], *, is_max: bool) -> float:
    """The largest or smallest; NaN only where there is nothing else."""
    found = [value for value in values if not math.isnan(value)]
    if not found:
        return math.nan
    return max(found) if is_max else min(found)


def _deviation(values: Sequence[float]) -> float:
    middle = sum(values) / len(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / len(values))


AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "min": partial(_extreme, is_max=False),
    "max": partial(_extreme, is_max=True),
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
    "stddev": _deviation,
}

FUNCTIONS: Mapping[str, Function] = {
    "rate": Function(over=partial(_extrapolated, is_counter=True, is_rate=True)),
    "increase": Function(over=partial(_extrapolated, is_counter=True, is_rate=False)),
    "delta": Function(over=partial(_extrapolated, is_counter=False, is_rate=False)),
    "changes": Function(over=_changes),
    "resets": Function(over=_resets),
    "deriv": Function(over=_deriv),
    "predict_linear": Function(2, over=_predicted),
    "last_over_time": Function(over=_last),
    "present_over_time": Function(over=_present),
    **{
        f"{op}_over_time": Function(over=partial(_fold, op=op))
        for op in ("sum", "avg", "min", "max", "count", "stddev")
    },
    "absent_over_time": Function(over=_present),
    "absent": Function(),
    "abs": Function(each=lambda value, _: abs(value)),
    "ceil": Function(each=lambda value, _: float(math.ceil(value)) if math.isfinite(value) else value),
    "floor": Function(each=lambda value, _: float(math.floor(value)) if math.isfinite(value) else value),
    "clamp_min": Function(2, each=lambda value, given: max(value, given[0])),
    "clamp_max": Function(2, each=lambda value, given: min(value, given[0])),
}
"""By name. `absent` and `absent_over_time` are what they say: `app.engine.alerting.evaluate` knows them."""

STILL_IS_ZERO = frozenset(("rate", "increase", "delta", "changes", "resets", "deriv"))
"""Of a series that does not change, 0, however many samples it has."""
COUNTS_SAMPLES = frozenset(("count_over_time", "sum_over_time"))
"""What depends on how many samples there are, even of a series that does not change."""
