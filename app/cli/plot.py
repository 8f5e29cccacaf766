"""The past drawn in a terminal by plotext: the catalogue's fixed scale, gaps left as gaps, times below.

The only module that knows plotext. Its state is global, so every drawing begins by clearing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import plotext

from app.domain.metric import Metric
from app.domain.series import Point, Series
from app.present.look import Look
from app.present.units import format_value

_ASCII = str.maketrans("┌┐└┘─│┤├┬┴┼", "++++-|+++++") | {ord("°"): "C", ord("—"): "-", ord("…"): "~"}
_TICKS_ACROSS, _TICKS_UP = 14, 5
"""Columns a label of the time axis wants; labels of the value axis."""


def plot_lines(
    series: Series, metric: Metric, width: int, height: int, *, colour: bool = False, ascii_only: bool = False
) -> list[str]:
    """The curve in `width` × `height` characters, under its title."""
    known = [point for point in series.points if point.mean is not None]
    title = f"{series.subject}  {metric.title} ({metric.key})"
    if not known:
        return [title, "nothing was kept in this span of time"]
    low, high = scale(metric, [float(point.mean or 0.0) for point in known])
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(max(40, width), max(8, height))
    plotext.title(title)
    plotext.ylim(low, high)
    plotext.xlim(series.start, series.end)
    levels = [low + (high - low) * part / (_TICKS_UP - 1) for part in range(_TICKS_UP)]
    plotext.yticks(levels, [format_value(metric, level) for level in levels])
    moments, labels = _time_axis(series, width)
    plotext.xticks(moments, labels)
    for run in _runs(series.points):
        times = [point.at for point in run]
        values = [min(high, max(low, float(point.mean or 0.0))) for point in run]
        draw = plotext.plot if len(run) > 1 else plotext.scatter
        draw(times, values, marker="*" if ascii_only else "braille", color="cyan" if colour else None)
    drawn = str(plotext.build())
    text = drawn if colour else str(plotext.uncolorize(drawn))
    return [line.rstrip() for line in (text.translate(_ASCII) if ascii_only else text).splitlines()]


def scale(metric: Metric, values: list[float]) -> tuple[float, float]:
    """Bottom and top of the value axis: the catalogue's where it fixes them, else what holds the data, never flat."""
    low = min(values) if metric.low is None else metric.low
    high = max(values) if metric.high is None else metric.high
    if metric.high is None:
        high += (high - low) * 0.05
    return (low, high) if high > low else (low, low + 1.0)


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """Points without a gap between them, run by run."""
    return [list(run) for is_known, run in groupby(points, lambda point: point.mean is not None) if is_known]


def _time_axis(series: Series, width: int) -> tuple[list[float], list[str]]:
    """Moments to name below, as many as fit."""
    look = Look(series.end)
    count = max(2, min(7, width // _TICKS_ACROSS))
    moments = [series.start + (series.end - series.start) * part / (count - 1) for part in range(count)]
    return moments, [look.clock(at, seconds=series.end - series.start < 600) for at in moments]
