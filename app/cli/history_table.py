"""The past as a table for people: one span a line, with its mean and extremes. Pure."""

from __future__ import annotations

from app.domain.metric import Metric
from app.domain.series import Series
from app.present.cells import Cell, Line, fit, line
from app.present.look import Look
from app.present.units import MISSING, format_age, format_value

_TIME, _VALUE = 14, 11


def history_lines(series: Series, metric: Metric, now: float) -> list[Line]:
    """A headline, then a line for each span; spans without a sample say so."""
    look = Look(now)
    step = f"step {format_age(series.step_s)}" if series.step_s else "every sample"
    head = line(
        Cell(str(series.subject), "strong"),
        f"  {metric.title} ({metric.key})",
        Cell(f"  {look.clock(series.start)} … {look.clock(series.end)}, {step}", "quiet"),
    )
    if all(point.mean is None for point in series.points):
        return [head, line(Cell("nothing was kept in this span of time", "quiet"))]
    titles = fit("time", _TIME) + "".join(fit(name, _VALUE, "right") for name in ("mean", "lowest", "highest"))
    rows = [line(Cell(titles, "head"))]
    for point in series.points:
        values = [_shown(metric, one) for one in (point.mean, point.low, point.high)]
        rows.append(
            line(fit(look.clock(point.at), _TIME), Cell("".join(values), "plain" if point.mean is not None else "old"))
        )
    return [head, *rows]


def _shown(metric: Metric, value: float | None) -> str:
    return fit(MISSING if value is None else format_value(metric, value), _VALUE, "right")
