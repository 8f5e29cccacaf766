"""One GPU in the grid: its entry of one line, or of several where there is room.

The same place always holds the same thing; where the width does not suffice whole fields are left out, never digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from app.domain.health import Verdict, gpu_health, heat_reason
from app.domain.metrics import by_key
from app.domain.snapshot import Gpu
from app.domain.values import believed
from app.present.braille import curve
from app.present.cells import Cell, Line, Tone, cells, fit, fit_line, line, line_width, spread, text_width, tidy
from app.present.fleet_view import FleetView
from app.present.look import Look
from app.present.scale import bar, fraction, pleasant_top, top_of
from app.present.sparks import area
from app.present.units import MISSING, format_age, quantity

INDEX_WIDTH = 4
_FIELD_WIDTHS: Mapping[str, int] = {
    "gpu.utilization": 5,
    "gpu.memory_used": 7,
    "gpu.temperature": 4,
    "gpu.power": 6,
}
_GAP = 2
_SPARK_LEAST, _SPARK_MOST = 6, 24
_OWNER_LEAST, _OWNER_MOST = 9, 28
_TWO_BARS = 48
"""From this width on, memory and power both have their bar."""
_ADDED = ("gpu.temperature", "gpu.power", "gpu.memory_used")
"""Fields after utilization, in the order in which they find room."""
_ORDER = ("gpu.utilization", "gpu.memory_used", "gpu.temperature", "gpu.power")


@dataclass(frozen=True, slots=True)
class EntryShape:
    """What fits into an entry of a width."""

    width: int
    spark: int
    fields: tuple[str, ...]
    owner: int
    """Columns of the owner's field; 0: left out."""


@lru_cache(256)
def entry_shape(width: int, colour_key: str = "gpu.utilization") -> EntryShape:
    """Choose the fields of a one-line entry; the metric that colours the grid is always among them."""
    leading = colour_key if colour_key in _FIELD_WIDTHS else "gpu.utilization"
    chosen = [leading]
    left = width - INDEX_WIDTH - _GAP - _FIELD_WIDTHS[leading] - _SPARK_LEAST
    for key in ("gpu.utilization", *_ADDED):
        if key not in chosen and left >= _FIELD_WIDTHS[key] + _GAP:
            chosen.append(key)
            left -= _FIELD_WIDTHS[key] + _GAP
    fields = tuple(key for key in _ORDER if key in chosen)
    owner = _OWNER_LEAST if left >= _OWNER_LEAST + _GAP else 0
    left -= owner + _GAP if owner else 0
    spark = min(_SPARK_MOST, _SPARK_LEAST + max(0, left))
    left -= spark - _SPARK_LEAST
    return EntryShape(width, max(0, spark), fields, min(_OWNER_MOST, owner + max(0, left)) if owner else 0)


def owner(gpu: Gpu) -> str:
    """Who has the GPU, as far as its exporter says: job ids, then users, else the largest process's name."""
    users = {process.user: None for process in gpu.processes or () if process.user}
    parts = [*gpu.hpc_jobs[:2], *list(users)[:2]]
    if not parts and gpu.processes:
        largest = max(gpu.processes, key=lambda process: process.memory_mib or 0.0)
        parts = [largest.name.rsplit("/", 1)[-1]]
    return tidy(" ".join(parts), 60)


def sign(verdict: Verdict, look: Look) -> Cell:
    """One column: how the GPU is, or nothing where it is well."""
    match verdict.state:
        case "critical":
            return Cell(look.glyphs.critical, "bad")
        case "warning":
            return Cell(look.glyphs.warning, "look")
        case _:
            return Cell(" ")


def lost_text(gpu: Gpu, look: Look) -> str:
    """`lost 14:32:08 · why`."""
    since = look.clock(gpu.lost_at) if gpu.lost_at is not None else ""
    why = f" {look.glyphs.dot} {tidy(gpu.note, 80)}" if gpu.note else ""
    return f"lost {since}{why}"


def silent_text(gpu: Gpu, look: Look) -> str:
    """Why a GPU that is not lost has no values."""
    if gpu.note:
        return f"no data {look.glyphs.dot} {tidy(gpu.note, 80)}"
    return f"no data for {format_age(look.now - gpu.seen_at)}" if gpu.seen_at else "no data yet"


def entry(gpu: Gpu, view: FleetView, shape: EntryShape) -> Line:
    """A GPU on one line of exactly the shape's width."""
    look = view.look
    verdict = gpu_health(gpu, look.now)
    head = _head(gpu, verdict, look)
    if gpu.is_lost:
        return fit_line(line(*head, Cell(lost_text(gpu, look), "lost")), shape.width, cut=look.glyphs.more)
    values = believed(gpu.layers, look.now)
    if not values:
        return fit_line(line(*head, Cell(silent_text(gpu, look), "old")), shape.width, cut=look.glyphs.more)
    is_old = _is_old(gpu, look)
    parts: list[Cell | str | Line] = [*head]
    if shape.spark:
        parts.append(_trend_line(gpu, view, shape.spark, values, is_old=is_old))
    for key in shape.fields:
        parts += ["  ", field(key, values, is_old=is_old)]
    if shape.owner:
        parts += ["  ", *_owner_cell(gpu, look, is_old=is_old)]
    return fit_line(line(*parts), shape.width, cut=look.glyphs.more)


def tall_entry(gpu: Gpu, view: FleetView, width: int, height: int) -> tuple[Line, ...]:
    """A GPU on `height` (2 or more) lines of exactly `width` columns: numbers, its past, and bars from 3 lines on."""
    look = view.look
    verdict = gpu_health(gpu, look.now)
    values = believed(gpu.layers, look.now)
    head = _head(gpu, verdict, look)
    blank = (Cell(" " * width),)
    if gpu.is_lost or not values:
        said = Cell(lost_text(gpu, look), "lost") if gpu.is_lost else Cell(silent_text(gpu, look), "old")
        rest = [blank] * (height - 1)
        return (fit_line(line(*head, said), width, cut=look.glyphs.more), *rest)
    is_old = _is_old(gpu, look)
    room = width - INDEX_WIDTH
    fields = _tall_fields(room, height)
    numbers: list[Cell | str | Line] = [*head]
    for number, key in enumerate(fields):
        numbers += ["  " if number else "", field(key, values, is_old=is_old)]
    left = line(*numbers)
    right = _owner_cell(gpu, look, is_old=is_old) if verdict.state == "ok" else (Cell(verdict.reason, _tone(verdict)),)
    most = width - line_width(left) - 2
    if line_width(right) > most:
        right = fit_line(right, max(0, most), cut=look.glyphs.more)
    chart = _tall_chart(gpu, view, values, room, max(1, height - 2))
    tone: Tone = "old" if is_old else "curve" if len(chart) > 1 and look.glyphs.braille else "spark"
    drawn = tuple((Cell(" " * INDEX_WIDTH), Cell(text, tone)) for text in chart)
    bars = (_bars(values, width, look, is_old=is_old),) if height > 2 else ()
    return (spread(left, right, width), *drawn, *bars)


def _tall_fields(room: int, height: int) -> tuple[str, ...]:
    """The numbers of a tall entry's first line: what has no bar below."""
    if height == 2:
        return _ORDER
    bare = () if room >= _TWO_BARS else ("gpu.power",)
    return ("gpu.utilization", "gpu.temperature", *bare)


def _tall_chart(gpu: Gpu, view: FleetView, values: Mapping[str, float], width: int, height: int) -> tuple[str, ...]:
    """Recent values: blocks on one line, a curve of dots on more."""
    low, high = _range(view, values, gpu)
    recent, glyphs = view.trend(gpu.node, gpu.index), view.look.glyphs
    if height > 1 and glyphs.braille:
        return curve(recent, width, height, low, high)
    return area(recent, width, height, low, high, glyphs)


def field(key: str, values: Mapping[str, float], *, is_old: bool = False) -> Line:
    """A value of steady width with its quiet unit; amber where the value itself is the trouble."""
    metric = by_key()[key]
    width = _FIELD_WIDTHS[key]
    shown = quantity(metric, values.get(key))
    gap = "" if key == "gpu.temperature" else " "
    unit = gap + shown.unit if shown.unit else ""
    number = fit(shown.number, width - (len(gap) + 1), "right")
    tone: Tone = "old" if is_old or shown.number == MISSING else "plain"
    if key == "gpu.temperature" and heat_reason(values) and not is_old:
        tone = "look"
    return (Cell(number, tone), Cell(fit(unit, len(gap) + 1), "old" if is_old else "unit"))


def _head(gpu: Gpu, verdict: Verdict, look: Look) -> tuple[Cell, ...]:
    index_tone: Tone = _tone(verdict) if verdict.state in {"critical", "warning"} else "quiet"
    mark = Cell(look.glyphs.lost, "lost") if gpu.is_lost else sign(verdict, look)
    return (mark, Cell(fit(str(gpu.index), 2, "right"), index_tone), Cell(" "))


def _tone(verdict: Verdict) -> Tone:
    return "bad" if verdict.state == "critical" else "look"


def _is_old(gpu: Gpu, look: Look) -> bool:
    return all(layer.is_stale(look.now) for layer in gpu.layers)


def _owner_cell(gpu: Gpu, look: Look, *, is_old: bool) -> Line:
    if is_old:
        return (Cell(f"{format_age(look.now - gpu.seen_at)} old", "old"),)
    return cells(owner(gpu))


def _range(view: FleetView, values: Mapping[str, float], gpu: Gpu) -> tuple[float, float]:
    top = top_of(view.metric, values)
    return view.metric.low or 0.0, top or pleasant_top(view.trend(gpu.node, gpu.index))


def _trend_line(gpu: Gpu, view: FleetView, width: int, values: Mapping[str, float], *, is_old: bool) -> Line:
    low, high = _range(view, values, gpu)
    text = area(view.trend(gpu.node, gpu.index), width, 1, low, high, view.look.glyphs)[0]
    return (Cell(text, "old" if is_old else "spark"),)


def _bars(values: Mapping[str, float], width: int, look: Look, *, is_old: bool) -> Line:
    """Memory and power against their limits, side by side."""
    room = width - INDEX_WIDTH
    both = room >= _TWO_BARS
    each = (room - 2) // 2 if both else room
    memory = _bar("mem", "gpu.memory_used", values, each, look, is_old=is_old)
    if not both:
        return (Cell(" " * INDEX_WIDTH), *memory)
    power = _bar("pwr", "gpu.power", values, room - 2 - each, look, is_old=is_old)
    return (Cell(" " * INDEX_WIDTH), *memory, Cell("  "), *power)


def _bar(label: str, key: str, values: Mapping[str, float], width: int, look: Look, *, is_old: bool) -> Line:
    metric = by_key()[key]
    value = values.get(key)
    top = top_of(metric, values)
    number = quantity(metric, value)
    of = f"/{quantity(metric, top).number}" if top is not None and value is not None else ""
    text_tone: Tone = "old" if is_old or value is None else "plain"
    text = (Cell(fit(number.number, 5, "right"), text_tone), Cell(fit(f"{of} {number.unit}", 8), "unit"))
    length = width - len(label) - 1 - 1 - 13
    share = None if value is None else fraction(metric, value, top)
    drawn = bar(share, length, look.glyphs) if length >= 4 else ()
    joined = line(Cell(label, "quiet"), " ", drawn, " " if drawn else "", text)
    return fit_line(joined, width, cut=look.glyphs.more)


def label_width(names: tuple[str, ...], most: int) -> int:
    """Columns for node names of these lengths, at most `most`."""
    return min(most, max((text_width(tidy(name)) for name in names), default=0))
