"""One GPU in the grid where there is room: numbers, its recent past as a curve, memory and power as bars.

What wanders every second stands on one line, the rest keeps still: on a slow terminal every line that changes is paid.
"""

from __future__ import annotations

from app.domain.health import gpu_health
from app.domain.metrics import by_key
from app.domain.snapshot import Gpu
from app.present.braille import curve
from app.present.cells import Cell, Line, Tone, fit, fit_line, line, line_width, spread
from app.present.entry import (
    FIELD_ORDER,
    INDEX_WIDTH,
    Known,
    field,
    head_cells,
    is_trend_old,
    known_of,
    lost_text,
    owner_cell,
    silent_text,
    tone_of,
    trend_range,
)
from app.present.fleet_view import FleetView
from app.present.kept import Kept
from app.present.look import Look
from app.present.scale import bar, fraction, steady, top_of
from app.present.sparks import area
from app.present.units import quantity

_TWO_BARS = 50
"""From this width on, memory and power both have their bar."""
_BARRED = frozenset(("gpu.memory_used", "gpu.power"))


class Held:
    """What a layout remembers of its entries: most of one stands still from second to second."""

    def __init__(self) -> None:
        self.shares: dict[tuple[str, int, str], float] = {}
        """(node, index, metric) → how full its bar is drawn."""
        self.charts: Kept[tuple[Line, ...]] = Kept()
        self.bars: Kept[Line] = Kept()


def tall_entry(gpu: Gpu, view: FleetView, width: int, height: int, held: Held) -> tuple[Line, ...]:
    """A GPU on `height` (2 or more) lines of exactly `width` columns: numbers, its past, and bars from 3 lines on."""
    look = view.look
    verdict = gpu_health(gpu, look.now)
    known = known_of(gpu, look.now)
    head = head_cells(gpu, verdict, view)
    blank = (Cell(" " * width),)
    if gpu.is_lost or not known.values:
        said = Cell(lost_text(gpu, look), "lost") if gpu.is_lost else Cell(silent_text(gpu, look), "old")
        rest = [blank] * (height - 1)
        return (fit_line(line(*head, said), width, cut=look.glyphs.more), *rest)
    room = width - INDEX_WIDTH
    # What wanders every second stands on this line alone; the bars below keep still until they grow by a column.
    fields = FIELD_ORDER if height == 2 else ("gpu.utilization", "gpu.temperature", "gpu.power")
    numbers: list[Cell | str | Line] = [*head]
    for number, key in enumerate(fields):
        numbers += ["  " if number else "", field(key, known)]
    left = line(*numbers)
    right = owner_cell(gpu, look, known) if verdict.state == "ok" else (Cell(verdict.reason, tone_of(verdict)),)
    most = width - line_width(left) - 2
    if line_width(right) > most:
        right = fit_line(right, max(0, most), cut=look.glyphs.more)
    chart = _tall_chart(gpu, view, known, room, max(1, height - 2), held)
    bars = (_bars(gpu, known, width, look, held),) if height > 2 else ()
    return (spread(left, right, width), *chart, *bars)


def _tall_chart(gpu: Gpu, view: FleetView, known: Known, width: int, height: int, held: Held) -> tuple[Line, ...]:
    """Recent values: blocks on one line, a curve of dots on more."""
    low, high = trend_range(view, known.values, gpu)
    recent, glyphs, is_old = view.trend(gpu.node, gpu.index), view.look.glyphs, is_trend_old(view, known)

    def make() -> tuple[Line, ...]:
        is_curve = height > 1 and bool(glyphs.braille)
        drawn = curve(recent, width, height, low, high) if is_curve else area(recent, width, height, low, high, glyphs)
        tone: Tone = "old" if is_old else "curve" if is_curve else "spark"
        return tuple((Cell(" " * INDEX_WIDTH), Cell(text, tone)) for text in drawn)

    return held.charts.of((gpu.node, gpu.index), (recent, width, height, low, high, is_old), make)


def _bars(gpu: Gpu, known: Known, width: int, look: Look, held: Held) -> Line:
    """Memory and power against their limits, side by side."""
    metrics, values = by_key(), known.values
    memory, power = (_share(gpu, key, known, held) for key in ("gpu.memory_used", "gpu.power"))
    tops = tuple(top_of(metrics[key], values) for key in ("gpu.memory_used", "gpu.power"))
    used = quantity(metrics["gpu.memory_used"], values.get("gpu.memory_used")).number
    parts = (memory, power, tops, used, known.stale & _BARRED, width)

    def make() -> Line:
        room = width - INDEX_WIDTH
        both = room >= _TWO_BARS
        each = (room - 2) // 2 if both else room
        left = _bar("mem", memory, known, each, look)
        if not both:
            return (Cell(" " * INDEX_WIDTH), *left)
        return (Cell(" " * INDEX_WIDTH), *left, Cell("  "), *_bar("pwr", power, known, room - 2 - each, look))

    return held.bars.of((gpu.node, gpu.index), parts, make)


def _share(gpu: Gpu, key: str, known: Known, held: Held) -> float | None:
    """How full a bar is; remembers it, so that the bar keeps still while the value only wanders."""
    value = known.values.get(key)
    if value is None:
        return None
    metric = by_key()[key]
    place = (gpu.node, gpu.index, key)
    held.shares[place] = steady(fraction(metric, value, top_of(metric, known.values)), held.shares.get(place))
    return held.shares[place]


def _bar(label: str, share: float | None, known: Known, width: int, look: Look) -> Line:
    """A label, a bar, and the limit; memory says its number here, power on the line above."""
    key = "gpu.memory_used" if label == "mem" else "gpu.power"
    metric = by_key()[key]
    top = top_of(metric, known.values)
    number, unit = quantity(metric, top)
    used, of = (quantity(metric, known.values.get(key)).number, "/") if label == "mem" else ("", "of ")
    tone: Tone = "old" if key in known.stale or share is None else "plain"
    limit = Cell(fit(f"{of}{number} {unit}" if top is not None else "", 9), "unit")
    text = (Cell(fit(used, 5, "right"), tone), limit)
    length = width - len(label) - 2 - 14
    drawn = bar(share, length, look.glyphs) if length >= 4 else ()
    return fit_line(line(Cell(label, "quiet"), " ", drawn, " " if drawn else "", text), width, cut=look.glyphs.more)
