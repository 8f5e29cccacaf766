"""Cells of the heat map and their legend: a code, and what it looks like at each width.

A sign always stands over the colour, so that a state is never colour alone; plain ASCII shows levels as digits.
"""

from __future__ import annotations

from app.domain.snapshot import Gpu
from app.present.cells import LEVELS, Cell, Line, fit, line, line_width, text_width
from app.present.fleet_view import FleetView
from app.present.glyphs import Glyphs
from app.present.paint import FIRST_KIND, FREE, Paint, kind_cell, kind_sign, kind_tone, paint_cell
from app.present.units import quantity

WARNING, CRITICAL, SILENT, LOST, NOBODY = 10, 11, 12, 13, 14
"""Codes of a cell beyond the ten levels; NOBODY is the space between nodes."""
HELD = -1
"""Under the cursor."""


def run_of_cells(code: int, count: int, width: int, glyphs: Glyphs) -> Cell:
    """A run of equal cells without numbers."""
    if code >= FREE:
        return kind_cell(code, fit(glyphs.dot if code == FREE else kind_sign(code), width) * count)
    match code:
        case -1:  # HELD
            return Cell(glyphs.cursor[:width] if width == 2 else glyphs.cursor[2], "cursor", "cursor")
        case 11:
            return Cell(fit("!", width) * count, "plain", "bad")
        case 10:
            return Cell(fit(glyphs.up, width) * count, "plain", "look")
        case 12:
            return Cell(glyphs.hatch * width * count, "frame")
        case 13:
            return Cell(fit(glyphs.lost, width) * count, "plain", "lost")
        case _:
            return Cell(
                (fit(glyphs.digits[code], width) if glyphs.digits else " " * width) * count, "plain", LEVELS[code]
            )


def run_of_halves(upper: int, lower: int, count: int, glyphs: Glyphs) -> Cell:
    """A run of equal pairs; trouble in either takes the whole character, since a sign has no half."""
    for code in (HELD, LOST, CRITICAL, WARNING):
        if code in (upper, lower):
            return run_of_cells(code, count, 1, glyphs)
    if upper in (NOBODY, SILENT) and lower in (NOBODY, SILENT):
        return Cell((" " if upper == lower == NOBODY else glyphs.hatch) * count, "frame")
    if upper in (NOBODY, SILENT):
        return Cell("▄" * count, LEVELS[lower])
    if lower in (NOBODY, SILENT):
        return Cell(glyphs.half * count, LEVELS[upper])
    if upper == lower:
        return Cell(" " * count, "plain", LEVELS[upper])
    return Cell(glyphs.half * count, LEVELS[upper], LEVELS[lower])


def numbered_cell(gpu: Gpu, view: FleetView, code: int, width: int, *, is_held: bool) -> Cell:
    """A cell with its number, or with the sign of what is wrong and the number where there is one."""
    glyphs = view.look.glyphs
    if view.paint is not None and (code >= FREE or 0 <= code < WARNING):
        return _painted_cell(gpu, view.paint, code, width, glyphs, is_held=is_held)
    number = (
        ""
        if code in (LOST, SILENT) or view.paint is not None
        else quantity(view.metric, gpu.value(view.metric.key, view.look.now)).number
    )
    mark = {LOST: "x", CRITICAL: "!", WARNING: glyphs.up}.get(code, "")
    if code == SILENT:
        number = glyphs.missing
    text = fit(mark, width, "center") if code == LOST else mark + fit(number, width - 1 - len(mark), "right") + " "
    if is_held:
        return Cell(text, "cursor", "cursor")
    match code:
        case 11:
            return Cell(text, "plain", "bad")
        case 10:
            return Cell(text, "plain", "look")
        case 13:
            return Cell(text, "plain", "lost")
        case 12:
            return Cell(text, "old")
        case _:
            return Cell(text, "plain", LEVELS[code])


def _painted_cell(gpu: Gpu, paint: Paint, code: int, width: int, glyphs: Glyphs, *, is_held: bool) -> Cell:
    """A wide cell of a grid that something else than its metric colours."""
    name = glyphs.dot if code == FREE else paint.text(gpu)
    shown = name if text_width(name) < width else kind_sign(code) if code >= FIRST_KIND else ""
    text = fit(shown, width - 1, "right") + " "
    if is_held:
        return Cell(text, "cursor", "cursor")
    return Cell(text, "plain", LEVELS[code]) if code < WARNING else kind_cell(code, text)


def _painted_legend(paint: Paint, glyphs: Glyphs) -> list[Line]:
    """Whose each colour and letter is."""
    items: list[Line] = [line(Cell(paint.title, "quiet"))]
    for code, name in sorted(paint.names.items()):
        is_kind = code >= FIRST_KIND
        sign = Cell(kind_sign(code), "plain", kind_tone(code)) if is_kind else paint_cell(code, glyphs)
        items.append(line(sign, Cell(f" {name}", "quiet")))
    return [*items, line(Cell(glyphs.dot, "frame"), Cell(f" {paint.nobody}", "quiet"))]


def legend(view: FleetView, width: int) -> Line:
    """What the colours and signs mean: the ramp with its ends, and the signs; whole items give way when narrow."""
    glyphs = view.look.glyphs
    low = quantity(view.metric, view.metric.low or 0.0).number
    high = quantity(view.metric, view.metric.high) if view.metric.high is not None else None
    ramp: Line = tuple(Cell(glyphs.digits[at] if glyphs.digits else " ", "plain", LEVELS[at]) for at in range(10))
    items: list[Line] = [
        line(Cell(f"{view.metric.title} ", "quiet"), Cell(f"{low} ", "quiet"), ramp),
        line(Cell(glyphs.lost, "plain", "lost"), Cell(" lost", "quiet")),
        line(Cell("!", "plain", "bad"), Cell(" critical", "quiet")),
        line(Cell(glyphs.up, "plain", "look"), Cell(" warning", "quiet")),
        line(Cell(glyphs.hatch, "frame"), Cell(" no data", "quiet")),
    ]
    items[0] = line(items[0], Cell(f" {high.text}" if high else " limit", "quiet"))
    if view.paint is not None:
        items[:1] = _painted_legend(view.paint, glyphs)
    parts: Line = ()
    for item in items:
        joined = line(parts, "   " if parts else "", item)
        if line_width(joined) > width:
            break
        parts = joined
    return parts
