"""Charts of a report as inline SVG that needs no script: a line with its extremes, gaps left open, marks over it. Pure.

Lines are drawn in a picture of fixed units that is stretched; text stands outside it in percent, so that it keeps its
size at every width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from app.domain.metric import Metric
from app.domain.metrics import by_key
from app.domain.series import Event, Point, Series
from app.present.cells import tidy
from app.present.report_axis import Axis, anchor
from app.present.report_story import Chart
from app.present.units import format_value

HEIGHT, TOP, FOOT = 132, 8, 18
_WIDE, _TALL = 1000.0, 100.0
MOST_MARKS = 40
_SPELT = {
    "sm": "SM",
    "cpu": "CPU",
    "kv": "KV",
    "gpus": "GPUs",
    "ttft": "time to first token",
    "pcie": "PCIe",
    "nvlink": "NVLink",
    "ecc": "ECC",
    "xid": "Xid",
    "e2e": "request",
    "1m": "of 1 min",
    "s": "second",
}


def chart(one: Chart, axis: Axis, during: tuple[float, float], marks: Sequence[Event]) -> str:
    """A figure: its title with the least, the usual and the most, and the curve."""
    metric = metric_of(one.series)
    known = [point for point in one.series.points if _value(point) is not None]
    low, high = scale(metric, known, one.limit)
    lows = [value for point in known if (value := _least(point)) is not None]
    highs = [value for point in known if (value := _most(point)) is not None]
    said = f"{format_value(metric, min(lows))} to {format_value(metric, max(highs))}" if lows else "no value"
    body = "".join(
        (
            *_during(axis, during),
            *_grid(axis),
            _curves(one, axis, low, high),
            *_marks(axis, marks),
            *_times(axis),
        )
    )
    name = name_of(metric)
    return (
        f'<figure class="chart"><figcaption><b>{text(name)}</b> <span>{text(one.title)}</span>'
        f'<span class="range">{text(said)}</span></figcaption>'
        f'<div class="plot"><svg width="100%" height="{HEIGHT}" role="img" '
        f'aria-label="{text(f"{name} of {one.title}: {said}")}">{body}</svg>{_scale(metric, low, high)}</div></figure>'
    )


def name_of(metric: Metric) -> str:
    """`SM clock`, `utilization`: the key in words, which say more than the head of a narrow column."""
    words = metric.short.split("_") if "." in metric.key else [metric.key]
    return " ".join(_SPELT.get(word, word) for word in words)


def metric_of(series: Series) -> Metric:
    """The catalogue's row, or one made of what the series says of itself."""
    return by_key().get(series.metric) or Metric(series.metric, series.unit, series.metric, "")


def text(words: str, most: int = 400) -> str:
    """Text from outside as HTML may hold it, in an element or a quoted attribute."""
    return escape(tidy(words, most), quote=True)


def scale(metric: Metric, points: Iterable[Point], limit: float | None) -> tuple[float, float]:
    """Bottom and top: the metric's own where it has them, else round numbers around what is seen."""
    seen = [value for point in points for value in (_least(point), _most(point)) if value is not None]
    seen += [limit] if limit is not None else []
    low = metric.low if metric.low is not None else min(seen, default=0.0)
    low = min([low, *seen]) if seen else low
    high = metric.high if metric.high is not None else _round_up(max(seen, default=1.0))
    high = max([high, *seen]) if seen else high
    return (low, high) if high > low else (low, low + 1.0)


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        step * power for step in (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0) if step * power >= value
    )


def _value(point: Point) -> float | None:
    return point.mean if point.mean is not None and math.isfinite(point.mean) else None


def _least(point: Point) -> float | None:
    return point.low if point.low is not None and math.isfinite(point.low) else _value(point)


def _most(point: Point) -> float | None:
    return point.high if point.high is not None and math.isfinite(point.high) else _value(point)


def _curves(one: Chart, axis: Axis, low: float, high: float) -> str:
    """The band of the extremes, the line of the means, and the bound; stretched over the width."""

    def y(value: float) -> float:
        return round(_TALL * (1.0 - (value - low) / (high - low)), 2)

    shapes: list[str] = []
    for run in _runs(one.series, axis):
        tops = [f"{x},{y(most)}" for x, _, _, most in run]
        bottoms = [f"{x},{y(least)}" for x, _, least, _ in reversed(run)]
        line = " ".join(f"{x},{y(mean)}" for x, mean, _, _ in run)
        if any(least != most for _, _, least, most in run):
            shapes.append(f'<polygon class="band" points="{" ".join((*tops, *bottoms))}"/>')
        shapes.append(f'<polyline class="curve" points="{line}"/>')
    if one.limit is not None:
        shapes.append(f'<line class="limit" x1="0" x2="{_WIDE:g}" y1="{y(one.limit)}" y2="{y(one.limit)}"/>')
    return (
        f'<svg y="{TOP}" width="100%" height="{HEIGHT - TOP - FOOT}" viewBox="0 0 {_WIDE:g} {_TALL:g}" '
        f'preserveAspectRatio="none" overflow="visible">{"".join(shapes)}</svg>'
    )


def _runs(series: Series, axis: Axis) -> Iterator[list[tuple[float, float, float, float]]]:
    """Stretches without a gap: (x, mean, least, most) of each span, at its middle; one alone is as wide as it lasts."""
    run: list[tuple[float, float, float, float]] = []
    for point in series.points:
        mean = _value(point)
        if mean is None or not axis.start - series.step_s <= point.at <= axis.end:
            yield from _ended(run, series, axis)
            run = []
            continue
        x = round(_WIDE / 100 * axis.share(point.at + series.step_s / 2), 1)
        run.append((x, mean, _least(point) or 0.0, _most(point) or 0.0))
    yield from _ended(run, series, axis)


def _ended(
    run: list[tuple[float, float, float, float]], series: Series, axis: Axis
) -> Iterator[list[tuple[float, float, float, float]]]:
    if len(run) == 1:
        half = _WIDE * series.step_s / max(1.0, axis.end - axis.start) / 2
        (x, *values), wide = run[0], max(1.0, half)
        run = [(round(x + shift, 1), values[0], values[1], values[2]) for shift in (-wide, wide)]
    if run:
        yield run


def _scale(metric: Metric, low: float, high: float) -> str:
    """Top, middle and bottom of the scale, beside the plot: over the curves they could not be read."""
    said = (text(format_value(metric, low + (high - low) * share)) for share in (1.0, 0.5, 0.0))
    return f'<div class="scale">{"".join(f"<span>{one}</span>" for one in said)}</div>'


def _grid(axis: Axis) -> Iterator[str]:
    tall = HEIGHT - TOP - FOOT
    for share in (0.0, 0.5, 1.0):
        y = round(TOP + tall * (1 - share), 1)
        yield f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
    for at, _ in axis.ticks():
        yield f'<line class="grid" x1="{at}%" x2="{at}%" y1="{TOP}" y2="{HEIGHT - FOOT}"/>'


def _times(axis: Axis) -> Iterator[str]:
    for at, label in axis.ticks():
        yield f'<text class="time" x="{at}%" y="{HEIGHT - 4}" text-anchor="{anchor(at)}">{label}</text>'


def _during(axis: Axis, during: tuple[float, float]) -> Iterator[str]:
    start, end = axis.share(during[0]), axis.share(during[1])
    wide = max(0.3, round(end - start, 3))
    yield f'<rect class="during" x="{start}%" y="{TOP}" width="{wide}%" height="{HEIGHT - TOP - FOOT}"/>'


def _marks(axis: Axis, marks: Sequence[Event]) -> Iterator[str]:
    for one in [one for one in marks if axis.holds(one.at)][:MOST_MARKS]:
        at = axis.share(one.at)
        yield (
            f'<line class="mark {one.severity}" x1="{at}%" x2="{at}%" y1="{TOP}" y2="{HEIGHT - FOOT}">'
            f"<title>{text(one.text)}</title></line>"
        )
