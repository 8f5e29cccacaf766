"""The past of a job: a metric folded over the GPUs it held, while it held them. Runs on a reader's thread."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.domain.metrics import by_key
from app.domain.series import Columns, Series, Subject
from app.store.answers import Question, Range, line_on, members_of, step_of, unhindered
from app.store.jobs import holdings, spans_of
from app.store.spans import Line, first_known, fold_lines
from app.store.view import View

Times = Sequence[tuple[float, float | None]]


@unhindered
def series(view: View, asked: Question) -> Series:
    """Answer for `job:ID`, in equal spans also where raw samples are asked for.

    Raises LookupError with a sentence for a person.
    """
    row = by_key().get(asked.metric)
    if row is None:
        raise LookupError(f"no metric is called {asked.metric!r}")
    if row.scope != "gpu":
        raise LookupError(f"{asked.subject}: the history of a job is that of its GPUs; {row.key} is none of a GPU's")
    spans = spans_of(view.db, asked.subject.key)
    if not spans:
        raise LookupError(f"{asked.subject} was never seen by this history")
    held = holdings(spans)
    members = [
        (member, times)
        for (node, index), times in held.items()
        for member in members_of(view.db, Subject("gpu", node=node, index=index), row)
        if member
    ]
    finest_s = max((stored.interval_s for member, _ in members for stored in member), default=5.0)
    step_s = max(step_of(view, max(0.0, asked.step_s), asked.start), math.ceil(finest_s))
    first = math.floor(asked.start / step_s)
    count = max(0, math.ceil(max(asked.start, asked.end) / step_s) - first)
    grid = Range(view, first * step_s, (first + count) * step_s)
    lines = [
        _while_held(first_known([line_on(grid, stored, step_s, count) for stored in member]), times, grid.start, step_s)
        for member, times in members
    ]
    line = fold_lines(lines, row.fold) if lines else Line([None] * count, [None] * count, [None] * count)
    points = Columns([grid.start + place * step_s for place in range(count)], line.means, line.lows, line.highs)
    return Series(asked.subject, row.key, row.unit, grid.start, grid.end, step_s, points)


def _while_held(line: Line, times: Times, start: float, step_s: float) -> Line:
    """The line with nothing in the spans in which the job did not have this GPU."""
    count = len(line.means)
    is_held = bytearray(count)
    for since, until in times:
        begin = max(0, math.floor((since - start) / step_s))
        end = count if until is None else min(count, math.ceil((until - start) / step_s))
        if begin < end:
            is_held[begin:end] = b"\x01" * (end - begin)
    if all(is_held):
        return line
    return Line(*([value if mine else None for value, mine in zip(one, is_held, strict=True)] for one in _parts(line)))


def _parts(line: Line) -> tuple[list[float | None], list[float | None], list[float | None]]:
    return line.means, line.lows, line.highs
