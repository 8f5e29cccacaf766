"""A series in a few numbers and twelve points, so that nobody is sent thousands. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from app.agent.tools.told import iso, lean, number
from app.domain.series import Point, Series
from app.present.sparks import sparkline

POINTS = 12
SPARKS = 24
_STEADY_SHARE = 0.1
"""A change from the first to the last quarter of less than this part of the range, or of the mean, is none."""

Trend = Literal["rising", "falling", "steady", "unknown"]


def summarised(series: Series) -> dict[str, Any]:
    """Lowest, mean, highest, 95th percentile, first, last, gaps and trend of a series, a sparkline and some points."""
    known = [point for point in series.points if point.mean is not None]
    if not known:
        return {"samples": 0}
    points = _since_known(series.points)
    means = [point.mean for point in known if point.mean is not None]
    low = min(known, key=_low)
    high = max(known, key=_high)
    return lean(
        {
            "samples": len(known),
            "step_s": number(series.step_s),
            "kept_from_iso": iso(known[0].at) if len(points) < len(series.points) else None,
            "min": number(_low(low)),
            "min_at_iso": iso(low.at),
            "mean": number(sum(means) / len(means)),
            "max": number(_high(high)),
            "max_at_iso": iso(high.at),
            "p95": number(percentile(means, 95)),
            "first": number(means[0]),
            "first_at_iso": iso(known[0].at),
            "last": number(means[-1]),
            "last_at_iso": iso(known[-1].at),
            **_trend(known),
            **_gaps(points, series.step_s),
            "sparkline": _spark(points),
            "points": folded(points, POINTS),
        }
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent do not pass, interpolated."""
    some = sorted(values)
    place = (len(some) - 1) * percent / 100
    below = math.floor(place)
    above = min(below + 1, len(some) - 1)
    return some[below] + (some[above] - some[below]) * (place - below)


def trend_of(means: Sequence[float]) -> Trend:
    """Where a series goes, by its first and last quarter."""
    if len(means) < 4:
        return "unknown"
    part = max(1, len(means) // 4)
    first, last = sum(means[:part]) / part, sum(means[-part:]) / part
    spread = max(max(means) - min(means), abs(sum(means) / len(means)))
    if abs(last - first) <= _STEADY_SHARE * spread:
        return "steady"
    return "rising" if last > first else "falling"


def folded(points: Sequence[Point], most: int) -> list[list[Any]]:
    """At most so many points, each the mean of its part of the time: `[moment, value]`; null where nothing is known."""
    if not points:
        return []
    size = math.ceil(len(points) / most)
    found: list[list[Any]] = []
    for begin in range(0, len(points), size):
        part = points[begin : begin + size]
        means = [point.mean for point in part if point.mean is not None]
        found.append([iso(part[0].at), number(sum(means) / len(means)) if means else None])
    return found


def _since_known(points: Sequence[Point]) -> list[Point]:
    """From the first that is known: before that nothing was kept, which is no gap."""
    some = list(points)
    first = next(place for place, point in enumerate(some) if point.mean is not None)
    return some[first:]


def _low(point: Point) -> float:
    return point.low if point.low is not None else (point.mean or 0.0)


def _high(point: Point) -> float:
    return point.high if point.high is not None else (point.mean or 0.0)


def _trend(known: Sequence[Point]) -> dict[str, Any]:
    means = [point.mean for point in known if point.mean is not None]
    hours = (known[-1].at - known[0].at) / 3600
    change = means[-1] - means[0]
    told = {"trend": trend_of(means), "change": number(change)}
    return {**told, "change_per_hour": number(change / hours, 3)} if hours >= 0.25 else told


def _gaps(points: Sequence[Point], step_s: float) -> dict[str, Any]:
    """How often and for how long nothing is known."""
    runs: list[int] = []
    is_gap = False
    for point in points:
        if point.mean is None:
            runs = [*runs[:-1], runs[-1] + 1] if is_gap else [*runs, 1]
        is_gap = point.mean is None
    if not runs or not step_s:
        return {}
    return {"gaps": len(runs), "gaps_s": number(sum(runs) * step_s), "longest_gap_s": number(max(runs) * step_s)}


def _spark(points: Sequence[Point]) -> str:
    some = [value for _, value in folded(points, SPARKS)]
    known = [value for value in some if value is not None]
    low, high = min(known), max(known)
    if low == high:
        low, high = (0.0, high or 1.0) if high >= 0 else (high, 0.0)
    return sparkline(some, len(some), low, high)
