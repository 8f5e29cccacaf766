"""History as a picture: curves in braille on a fixed scale, with axes, gaps, a limit and marks of what happened.

Our own renderer, not plotext's widget, for the screen: plotext joins points over gaps, knows no marks on its axis and
no quiet tones, and textual-plotext rebuilds the figure as ANSI text and parses it back on every render. 600 points on
90 × 20 took plotext 12 ms, and 2 ms more to parse; here they take 2 ms and send a quarter less. `history --plot` still
prints through plotext, where one picture is all there is to do.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.frozen import frozen
from app.domain.metric import Metric
from app.domain.series import Event, Point, Series
from app.present.braille import ACROSS, canvas, plain_canvas
from app.present.cells import Cell, Line, Tone, fit, fit_line, line, line_width, text_width, tidy
from app.present.chart_columns import extents
from app.present.look import Look
from app.present.notes import note_lines
from app.present.scale import pleasant_top
from app.present.sparks import area
from app.present.time_axis import axis_labels
from app.present.units import MISSING, format_value, quantity

_CURVE_TONES: tuple[Tone, ...] = ("curve", "accent", "look", "good")


@frozen
class Mark:
    """Something that happened, on the time axis."""

    at: float
    text: str
    tone: Tone = "info"


@frozen
class Curve:
    """One line of a chart."""

    label: str
    points: Sequence[Point]
    tone: Tone = "curve"
    step_s: float = 0.0
    """Width of a span; 0 for samples at their own times."""


@frozen
class Chart:
    """A picture of one metric over a stretch of time."""

    title: str
    metric: Metric
    start: float
    end: float
    curves: tuple[Curve, ...]
    marks: tuple[Mark, ...] = ()
    limit: float | None = None
    """A line across, and the top of the scale where the catalogue has none (a power limit, all the memory)."""
    empty: str = ""
    """Why there is nothing."""
    hint: str = ""
    """The key or setting that changes that."""

    @property
    def has_values(self) -> bool:
        """Whether there is anything to draw."""
        return any(point.mean is not None for curve in self.curves for point in curve.points)


def mark_of(event: Event) -> Mark:
    """An event as a mark."""
    tones: dict[str, Tone] = {"critical": "bad", "warning": "look"}
    return Mark(event.at, event.text, tones.get(event.severity, "info"))


def chart_of(
    series: Series | tuple[Series, ...],
    metric: Metric,
    *,
    marks: tuple[Mark, ...] = (),
    limit: float | None = None,
    title: str = "",
    empty: str = "",
    hint: str = "",
) -> Chart:
    """A chart of one series, or of several with the subjects as labels."""
    many = series if isinstance(series, tuple) else (series,)
    curves = tuple(
        Curve(str(one.subject), one.points, "curve" if len(many) == 1 else _CURVE_TONES[at % 4], one.step_s)
        for at, one in enumerate(many)
    )
    start = min((one.start for one in many), default=0.0)
    end = max((one.end for one in many), default=1.0)
    return Chart(title or metric.title, metric, start, end, curves, marks, limit, empty, hint)


def scale_of(chart: Chart) -> tuple[float, float]:
    """Bottom and top: the catalogue's, else the limit's, else a round number above all there is."""
    highs = [point.high if point.high is not None else point.mean for curve in chart.curves for point in curve.points]
    lows = [point.low if point.low is not None else point.mean for curve in chart.curves for point in curve.points]
    low = chart.metric.low
    if low is None:
        least = min((value for value in lows if value is not None), default=0.0)
        low = 0.0 if least >= 0 else -pleasant_top([-least])
    top = chart.metric.high
    if top is None:
        most = max((value for value in highs if value is not None), default=0.0)
        top = chart.limit if chart.limit is not None and most <= chart.limit else pleasant_top(highs)
    return low, max(top, low + 1e-9)


def chart_lines(chart: Chart, width: int, height: int, look: Look) -> tuple[Line, ...]:
    """The picture in exactly that many columns and lines; without values, why."""
    if height < 1 or width < 1:
        return ()
    if not chart.has_values:
        why = chart.empty or f"No {chart.metric.title} within this time."
        return note_lines(why, chart.hint, width, height)
    low, top = scale_of(chart)
    label = max(text_width(format_value(chart.metric, value)) for value in (low, top)) + 1
    plot = width - label - 1
    if plot < 8 or height < 4:
        return _bare(chart, width, height, look)
    has_legend = len(chart.curves) > 1 and height >= 8
    rows = height - 2 - has_legend
    body = _plot(chart, plot, rows, (low, top), look)
    lines = [line(head, drawn) for head, drawn in zip(_scale(chart, rows, low, top, label, look), body, strict=True)]
    lines += [_marks_line(chart, label, plot, look), _time_line(chart, label, plot, look)]
    if has_legend:
        lines.append(_legend(chart, width, look))
    return tuple(fit_line(one, width) for one in lines)


def _plot(chart: Chart, width: int, height: int, scale: tuple[float, float], look: Look) -> list[Line]:
    """The curves over each other, the first on top."""
    low, top = scale
    if len(chart.curves) == 1 and (chart.limit is None or not low < chart.limit < top):
        only = chart.curves[0]
        return [(Cell(text, only.tone),) for text in _curve_rows(only, chart, width, height, look)]
    signs: list[list[Cell]] = [[Cell(" ")] * width for _ in range(height)]
    if chart.limit is not None and low < chart.limit < top:
        row = height - 1 - int((chart.limit - low) / (top - low) * height)
        signs[min(height - 1, max(0, row))] = [Cell(look.glyphs.limit, "look")] * width
    for curve in reversed(chart.curves):
        for y, text in enumerate(_curve_rows(curve, chart, width, height, look)):
            for x, sign in enumerate(text):
                if sign != " ":
                    signs[y][x] = Cell(sign, curve.tone)
    return [_merged(row) for row in signs]


def _curve_rows(curve: Curve, chart: Chart, width: int, height: int, look: Look) -> tuple[str, ...]:
    low, top = scale_of(chart)
    if look.glyphs.braille and height > 1:
        dots = extents(curve.points, curve.step_s, chart.start, chart.end, width * ACROSS)
        return canvas(dots, width, height, low, top)
    columns = extents(curve.points, curve.step_s, chart.start, chart.end, width)
    if height > 1:
        return plain_canvas(columns, width, height, low, top)
    return area([None if one is None else one[1] for one in columns], width, height, low, top, look.glyphs)


def _merged(row: list[Cell]) -> Line:
    """Neighbours of one tone as one cell."""
    merged: list[Cell] = []
    for cell in row:
        if merged and (merged[-1].tone == cell.tone or cell.text == " "):
            merged[-1] = merged[-1]._replace(text=merged[-1].text + cell.text)
        else:
            merged.append(cell)
    return tuple(merged)


def _scale(chart: Chart, rows: int, low: float, top: float, label: int, look: Look) -> list[Line]:
    """The vertical axis: its top, middle and bottom are named."""
    named = {0: top, rows - 1: low}
    if rows >= 5:
        named[rows // 2] = (low + top) / 2
    axis = Cell(look.glyphs.axis, "frame")
    lines: list[Line] = []
    for row in range(rows):
        text = format_value(chart.metric, named[row]) if row in named else ""
        lines.append((Cell(fit(text, label - 1, "right") + " ", "quiet"), axis))
    return lines


def _marks_line(chart: Chart, label: int, plot: int, look: Look) -> Line:
    """The time axis itself, with what happened on it; graver marks hide lighter ones."""
    grave = {"bad": 2, "look": 1}
    signs: dict[int, Mark] = {}
    for mark in chart.marks:
        if not chart.start <= mark.at <= chart.end:
            continue
        column = min(plot - 1, int((mark.at - chart.start) / max(1e-9, chart.end - chart.start) * plot))
        known = signs.get(column)
        if known is None or grave.get(mark.tone, 0) >= grave.get(known.tone, 0):
            signs[column] = mark
    row = [
        Cell(look.glyphs.mark, signs[x].tone) if x in signs else Cell(look.glyphs.rest, "frame") for x in range(plot)
    ]
    corner = look.glyphs.box.bottom_left if look.glyphs.braille else look.glyphs.tick
    return line(" " * label, Cell(corner, "frame"), *_merged_signs(row))


def _merged_signs(row: list[Cell]) -> Line:
    merged: list[Cell] = []
    for cell in row:
        if merged and merged[-1].tone == cell.tone:
            merged[-1] = merged[-1]._replace(text=merged[-1].text + cell.text)
        else:
            merged.append(cell)
    return tuple(merged)


def _time_line(chart: Chart, label: int, plot: int, look: Look) -> Line:
    text = axis_labels(chart.start, chart.end, plot, look)
    return line(" " * (label + 1), Cell(text, "quiet"))


def _legend(chart: Chart, width: int, look: Look) -> Line:
    parts: list[Cell | str | Line] = []
    for curve in chart.curves:
        item = line(
            "   " if parts else "", Cell(look.glyphs.fill * 2 + " ", curve.tone), Cell(tidy(curve.label), "quiet")
        )
        if line_width(line(*parts, item)) > width:
            break
        parts.append(item)
    return line(*parts)


def _bare(chart: Chart, width: int, height: int, look: Look) -> tuple[Line, ...]:
    """Too small for axes: the first curve alone, its newest value at the right of the first line."""
    curve = chart.curves[0]
    newest = next((point.mean for point in reversed(curve.points) if point.mean is not None), None)
    value = quantity(chart.metric, newest).text if newest is not None else MISSING
    plot = max(1, width - text_width(value) - 1)
    rows = _curve_rows(curve, chart, plot, height, look)
    return tuple(fit_line(line(Cell(text, curve.tone), " ", "" if y else value), width) for y, text in enumerate(rows))
