"""The heat map: one cell a GPU, the metric as a level of one hue, a state as a sign over it.

Levels are steps with some give (`scale.level_of`), so that a row whose picture did not change is not sent again. Cells
of four columns and more show their number as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Literal

from app.domain.ages import EXPIRED_INTERVALS, STALE_INTERVALS
from app.domain.health import OK, values_health
from app.domain.pieces import Pieces, whole
from app.domain.snapshot import Gpu
from app.domain.values import believed
from app.present.cells import Cell, Line, fit_line, line
from app.present.fleet_view import FleetView, Shape
from app.present.glyphs import Glyphs
from app.present.heat_cells import (
    CRITICAL,
    HELD,
    LOST,
    NOBODY,
    SILENT,
    WARNING,
    numbered_cell,
    run_of_cells,
    run_of_halves,
)
from app.present.heat_layout import HeatLayout, Run, labels, lay_out_heat
from app.present.places import Places
from app.present.scale import LIMIT_OF, fraction, level_of, pleasant_top
from app.present.titles import group_state

_SIDE_LEAST = 14
_TURNS = (STALE_INTERVALS, EXPIRED_INTERVALS)
_AT_ONCE = 256
"""GPUs judged in one piece: two milliseconds."""
_LINES_AT_ONCE = 8
"""Lines drawn in one piece: likewise."""


@dataclass(slots=True)
class _Judged:
    """The code of every cell of a view, as far as its lines are judged, and the lines drawn of them."""

    codes: list[int]
    seen: list[Gpu | None]
    """The GPU that a cell was judged by, and until when that stands."""
    until: list[float]
    scale: tuple[str, object] = ("", None)
    view: FleetView | None = None
    lines: set[int] = field(default_factory=set)
    drawn: dict[int, tuple[object, Line]] = field(default_factory=dict)
    """By their number, with what they were drawn from."""

    def before(self, view: FleetView) -> _Judged:
        """What is known of another view before any of its lines is judged; this one stays as it is."""
        codes, seen, until = self.codes.copy(), self.seen.copy(), self.until.copy()
        return _Judged(codes, seen, until, self.scale, view, drawn=self.drawn.copy())

    def reckon_by(self, scale: tuple[str, object]) -> None:
        """Forget what was judged by another scale: it makes other levels of the same values."""
        if scale != self.scale:
            self.scale = scale
            self.until = [0.0] * len(self.until)


class HeatPlan:
    """The heat map laid out for one size and shape; remembers the levels shown, so that they do not flicker."""

    zoom: Literal["heat"] = "heat"

    def __init__(self, shape: Shape, width: int, height: int, *, can_halve: bool) -> None:
        self.width = width
        self.layout: HeatLayout = lay_out_heat(shape, max(1, width), max(1, height), can_halve=can_halve)
        self.height = self.layout.height
        self.places = Places(tuple(self.layout.boxes()))
        self._labels = labels(shape, self.layout.label)
        count = sum(len(indexes) for _, indexes in shape)
        self._shown = _Judged([SILENT] * count, [None] * count, [0.0] * count)
        self._coming: _Judged | None = None
        self._blank: Line = (Cell(" " * self.width),)
        self._made: dict[tuple[int, int], Cell] = {}
        self._runs: dict[int, tuple[tuple[int, ...], tuple[Cell, ...]]] = {}

    def lines(self, view: FleetView, top: int, bottom: int, cursor: int | None) -> list[Line]:
        """The lines from `top` up to `bottom`; beyond the last, blank ones."""
        if self._coming is not None and self._coming.view is view:
            self._shown, self._coming = self._coming, None
        elif self._shown.view is not view:
            self._shown = self._shown.before(view)
        whole(self._judge(self._shown, view, range(top, bottom)))
        return [self._line(self._shown, view, y, cursor) for y in range(top, bottom)]

    def ahead(self, view: FleetView, top: int, bottom: int, cursor: int | None) -> Pieces[list[Line]]:
        """Make some lines of a view before it is shown, beside the one that is; `lines` then finds that done."""
        coming, lines, count = self._shown.before(view), list[Line](), 0
        yield from self._judge(coming, view, range(top, bottom))
        for y in range(top, bottom):
            known = coming.drawn.get(y)
            lines.append(self._line(coming, view, y, cursor))
            if known is None or lines[-1] is not known[1]:
                count += 1
                if count % _LINES_AT_ONCE == 0:
                    yield
        self._coming = coming
        return lines

    def _judge(self, judged: _Judged, view: FleetView, wanted: range) -> Pieces[None]:
        """Bring the codes of some lines up to date; a moved cursor or a scrolled screen judges nobody twice."""
        due = [y for y in wanted if y not in judged.lines]
        if not due:
            return
        judge, gpus = _Judge(view), view.gpus
        judged.reckon_by(judge.scale)
        codes, seen, until, now, count = judged.codes, judged.seen, judged.until, view.look.now, 0
        for y in due:
            upper, lower = self._rows_at(y)
            for run in (*upper, *lower):
                for number in range(run.start, run.start + run.count):
                    gpu = gpus[number]
                    if seen[number] is gpu and now < until[number]:
                        continue
                    codes[number] = judge.code(gpu, codes[number])
                    seen[number], until[number] = gpu, _good_until(gpu, now)
                    count += 1
            judged.lines.add(y)
            if count >= _AT_ONCE:
                count = 0
                yield

    def _rows_at(self, y: int) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
        rows, layout = self.layout.rows, self.layout
        if layout.half:
            return (
                rows[2 * y] if 2 * y < len(rows) else (),
                rows[2 * y + 1] if 2 * y + 1 < len(rows) else (),
            )
        number, between = divmod(y, layout.step)
        return (() if between or number >= len(rows) else rows[number]), ()

    def _line(self, judged: _Judged, view: FleetView, y: int, cursor: int | None) -> Line:
        upper, lower = self._rows_at(y)
        codes = judged.codes
        if not upper:
            return self._blank
        if self.layout.cell >= 4:
            return self._wide(codes, view, upper, cursor)
        key = tuple(tuple(codes[run.start : run.start + run.count]) for run in (*upper, *lower))
        held = next((cursor for run in (*upper, *lower) if _holds(run, cursor)), None)
        known = judged.drawn.get(y)
        if known is not None and known[0] == (key, held):
            return known[1]
        glyphs = view.look.glyphs
        if self.layout.half:
            made = self._halves(codes, glyphs, upper, lower, cursor)
        else:
            made = self._narrow(codes, glyphs, upper, cursor)
        judged.drawn[y] = ((key, held), made)
        return made

    def _wide(self, codes: list[int], view: FleetView, runs: tuple[Run, ...], cursor: int | None) -> Line:
        """Cells with their numbers, each node after its name; beside a lone node, how it is."""
        parts: list[Cell | str | Line] = []
        used = 0
        for run in runs:
            if run.label_x is None:
                parts.append(" " * (run.x - used))
            else:
                parts += [" " * (run.label_x - used), self._label(run), " " if self.layout.label else ""]
            for number in range(run.start, run.start + run.count):
                gpu, code = view.gpus[number], codes[number]
                parts.append(numbered_cell(gpu, view, code, self.layout.cell, is_held=number == cursor))
            used = run.x + run.count * self.layout.cell
        side = self.width - used - 2
        if len(runs) == 1 and len(self.layout.rows[0]) == 1 and side >= _SIDE_LEAST:
            parts += ["  ", fit_line(group_state(view.nodes[runs[0].node], view), side, cut=view.look.glyphs.more)]
        return fit_line(line(*parts), self.width)

    def _label(self, run: Run) -> Cell:
        return Cell(self._labels[run.node], "head")

    def _narrow(self, codes: list[int], glyphs: Glyphs, runs: tuple[Run, ...], cursor: int | None) -> Line:
        """Cells of one or two columns: equal neighbours are one run of colour."""
        width = self.layout.cell
        made: list[Cell] = []
        used = 0
        for run in runs:
            if run.label_x is not None:
                made += [_space(run.label_x - used), self._label(run), _space(1)]
            elif run.x > used:
                made.append(_space(run.x - used))
            shown = codes[run.start : run.start + run.count]
            if _holds(run, cursor):
                shown[(cursor or 0) - run.start] = HELD
            made += self._run(run, tuple(shown), glyphs)
            used = run.x + run.count * width
        made.append(_space(self.width - used))
        return tuple(cell for cell in made if cell.text)

    def _run(self, run: Run, shown: tuple[int, ...], glyphs: Glyphs) -> tuple[Cell, ...]:
        """The cells of one node, or of its part in a line; remembered, since most stay as they are."""
        known = self._runs.get(run.start)
        if known is None or known[0] != shown:
            made = tuple(self._cells(code, len(list(same)), glyphs) for code, same in groupby(shown))
            known = self._runs[run.start] = (shown, made)
        return known[1]

    def _cells(self, code: int, count: int, glyphs: Glyphs) -> Cell:
        """A run of equal cells, made once: thousands of them stand on the screen, of a few dozen kinds."""
        known = self._made.get((code, count))
        if known is None:
            known = self._made[code, count] = run_of_cells(code, count, self.layout.cell, glyphs)
        return known

    def _halves(
        self, codes: list[int], glyphs: Glyphs, upper: tuple[Run, ...], lower: tuple[Run, ...], cursor: int | None
    ) -> Line:
        """Two rows in one line: the upper half block in one row's colour over the other's."""
        left = self.layout.label + 1 if self.layout.label else 0
        above = self._columns(codes, upper, left, cursor)
        below = self._columns(codes, lower, left, cursor)
        parts: list[Cell | str | Line] = []
        if left:
            named = upper[0].label_x is not None
            parts += [self._label(upper[0]) if named else " " * (left - 1), " "]
        for pair, same in groupby(zip(above, below, strict=True)):
            parts.append(run_of_halves(pair[0], pair[1], len(list(same)), glyphs))
        return fit_line(line(*parts), self.width)

    def _columns(self, codes: list[int], runs: tuple[Run, ...], left: int, cursor: int | None) -> list[int]:
        """The code in each column of a row of cells one column wide; -1 under the cursor."""
        columns = [NOBODY] * (self.width - left)
        for run in runs:
            at = run.x - left
            columns[at : at + run.count] = codes[run.start : run.start + run.count]
            if cursor is not None and _holds(run, cursor):
                columns[at + cursor - run.start] = -1
        return columns


class _Judge:
    """Makes cells' codes: bound once per picture to what all GPUs share."""

    def __init__(self, view: FleetView) -> None:
        self._now = view.look.now
        self._paint = view.paint
        self._metric = view.metric
        self._key = view.metric.key
        self._limit = LIMIT_OF.get(self._key, "")
        self._high = view.metric.high
        if self._high is None and not self._limit:
            self._high = pleasant_top([gpu.value(self._key, self._now) for gpu in view.gpus])
        self._low = view.metric.low or 0.0
        self._share = 1.0 / (self._high - self._low) if self._high is not None and self._high > self._low else 0.0
        """Of the scale, for a unit of the metric, where all GPUs have one scale."""

    @property
    def scale(self) -> tuple[str, object]:
        """What the codes are reckoned from, besides the GPUs' own values and limits."""
        return (self._key, self._high) if self._paint is None else (self._paint.title, self._paint.key)

    def code(self, gpu: Gpu, before: int) -> int:
        """0-9, or what is wrong, or a kind (`app.present.paint`); `before` is the code shown until now."""
        if gpu.lost_at is not None:
            return LOST
        values = believed(gpu.layers, self._now)
        verdict = values_health(values)
        if verdict is not OK and verdict.state != "ok":
            return CRITICAL if verdict.state == "critical" else WARNING
        if self._paint is not None:
            return self._paint.code(gpu)
        value = values.get(self._key)
        if value is None:
            return SILENT
        shown = before if before < WARNING else None
        if self._limit:
            return level_of(fraction(self._metric, value, values.get(self._limit) or self._high), shown)
        share = (value - self._low) * self._share  # `fraction`, for the thousands that share one scale
        return level_of(0.0 if share <= 0.0 else min(1.0, share), shown)


def _good_until(gpu: Gpu, now: float) -> float:
    """When an unchanged GPU must be judged again: as soon as one of its layers grows stale or too old."""
    if len(gpu.layers) == 1:  # a lone layer's values stand, fresh or stale, until they are too old
        return gpu.layers[0].at + EXPIRED_INTERVALS * gpu.layers[0].interval_s
    turns = (layer.at + count * layer.interval_s for layer in gpu.layers for count in _TURNS)
    return min((turn for turn in turns if turn > now), default=float("inf"))


@lru_cache(512)
def _space(width: int) -> Cell:
    """Nothing, `width` columns of it."""
    return Cell(" " * max(0, width))


def _holds(run: Run, number: int | None) -> bool:
    return number is not None and run.start <= number < run.start + run.count
