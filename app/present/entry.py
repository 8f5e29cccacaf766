"""One GPU in the grid: what is known of it, and its entry of one line.

The same place always holds the same thing; where the width does not suffice whole fields are left out, never digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from app.domain.frozen import frozen
from app.domain.health import Verdict, gpu_health, heat_reason
from app.domain.metrics import by_key
from app.domain.snapshot import Gpu
from app.domain.values import believed, stale_keys
from app.present.cells import Cell, Line, Tone, cells, fit, fit_line, line, text_width, tidy
from app.present.fleet_view import FleetView
from app.present.look import Look
from app.present.paint import paint_cell
from app.present.scale import pleasant_top, top_of
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
_ADDED = ("gpu.temperature", "gpu.power", "gpu.memory_used")
"""Fields after utilization, in the order in which they find room."""
IDLE_SHOWN_S = 120.0
"""From how long on a held GPU is said to be idle: every job has a breath."""
FIELD_ORDER = ("gpu.utilization", "gpu.memory_used", "gpu.temperature", "gpu.power")


@frozen
class EntryShape:
    """What fits into an entry of a width."""

    width: int
    spark: int
    fields: tuple[str, ...]
    owner: int
    """Columns of the owner's field; 0: left out."""


@frozen
class Known:
    """What is known of a GPU at a moment, and which of it is old."""

    values: Mapping[str, float]
    stale: frozenset[str] = frozenset()

    @property
    def is_old(self) -> bool:
        """Nothing of it is fresh."""
        return len(self.stale) == len(self.values)


def known_of(gpu: Gpu, now: float) -> Known:
    """The values within their age, and those past two intervals."""
    return Known(believed(gpu.layers, now), stale_keys(gpu.layers, now))


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
    fields = tuple(key for key in FIELD_ORDER if key in chosen)
    owner = _OWNER_LEAST if left >= _OWNER_LEAST + _GAP else 0
    left -= owner + _GAP if owner else 0
    spark = min(_SPARK_MOST, _SPARK_LEAST + max(0, left))
    left -= spark - _SPARK_LEAST
    return EntryShape(width, max(0, spark), fields, min(_OWNER_MOST, owner + max(0, left)) if owner else 0)


def owner(gpu: Gpu, look: Look) -> str:
    """Who has the GPU: its job and user as Slurm tells, else what its exporter says.

    That is job ids, then users, else the largest process's name. A question mark follows a job that is guessed.
    """
    told = held_text(gpu, look)
    if told:
        return told
    users = {process.user: None for process in gpu.processes or () if process.user}
    parts = [*gpu.hpc_jobs[:2], *list(users)[:2]]
    if not parts and gpu.processes:
        largest = max(gpu.processes, key=lambda process: process.memory_mib or 0.0)
        parts = [largest.name.rsplit("/", 1)[-1]]
    return tidy(" ".join(parts), 60)


def held_text(gpu: Gpu, look: Look) -> str:
    """`812 ana` as Slurm tells it; empty where it says nothing of this GPU, or that nobody has it."""
    held = look.held(gpu) if look.held is not None else None
    if held is None or not (held.job_ids or held.allocated):
        return ""
    if not held.jobs:
        return tidy(" ".join(held.job_ids[:2]), 60) or "allocated"
    doubt = "" if held.certainty == "exact" else "?"
    jobs = " ".join(f"{job.id}{doubt}" for job in held.jobs[:2])
    users = " ".join(dict.fromkeys(job.user for job in held.jobs[:2]))
    idle_s = look.idle_s(gpu) if look.idle_s is not None else None
    idle = f" idle {format_age(idle_s)}" if idle_s is not None and idle_s >= IDLE_SHOWN_S else ""
    return tidy(f"{jobs} {users}".rstrip() + idle, 60)


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
    head = head_cells(gpu, verdict, view)
    if gpu.is_lost:
        return fit_line(line(*head, Cell(lost_text(gpu, look), "lost")), shape.width, cut=look.glyphs.more)
    known = known_of(gpu, look.now)
    if not known.values:
        return fit_line(line(*head, Cell(silent_text(gpu, look), "old")), shape.width, cut=look.glyphs.more)
    parts: list[Cell | str | Line] = [*head]
    if shape.spark:
        parts.append(_trend_line(gpu, view, shape.spark, known))
    for key in shape.fields:
        parts += ["  ", field(key, known)]
    if shape.owner:
        parts += ["  ", *owner_cell(gpu, look, known)]
    return fit_line(line(*parts), shape.width, cut=look.glyphs.more)


def field(key: str, known: Known) -> Line:
    """A value of steady width with its quiet unit; grey when old, amber where the value itself is the trouble."""
    metric = by_key()[key]
    width = _FIELD_WIDTHS[key]
    shown = quantity(metric, known.values.get(key))
    gap = "" if key == "gpu.temperature" else " "
    unit = gap + shown.unit if shown.unit else ""
    number = fit(shown.number, width - (len(gap) + 1), "right")
    is_old = key in known.stale
    tone: Tone = "old" if is_old or shown.number == MISSING else "plain"
    if key == "gpu.temperature" and tone == "plain" and heat_reason(known.values):
        tone = "look"
    return (Cell(number, tone), Cell(fit(unit, len(gap) + 1), "old" if is_old else "unit"))


def head_cells(gpu: Gpu, verdict: Verdict, view: FleetView) -> tuple[Cell, ...]:
    """Sign and index, in INDEX_WIDTH columns; where kinds colour the grid, the last is the letter of its kind."""
    look, paint = view.look, view.paint
    index_tone: Tone = tone_of(verdict) if verdict.state in {"critical", "warning"} else "quiet"
    mark = Cell(look.glyphs.lost, "lost") if gpu.is_lost else sign(verdict, look)
    kind = Cell(" ") if paint is None else paint_cell(paint.code(gpu), look.glyphs)
    return (mark, Cell(fit(str(gpu.index), 2, "right"), index_tone), kind)


def tone_of(verdict: Verdict) -> Tone:
    """Red or amber, of a verdict that is one of them."""
    return "bad" if verdict.state == "critical" else "look"


def is_trend_old(view: FleetView, known: Known) -> bool:
    """Whether the metric that the grid shows is past two intervals."""
    return view.metric.key in known.stale


def owner_cell(gpu: Gpu, look: Look, known: Known) -> Line:
    """Who has the GPU; where nothing is fresh, how old it all is."""
    if known.is_old:
        return (Cell(f"{format_age(look.now - gpu.seen_at)} old", "old"),)
    return cells(owner(gpu, look))


def trend_range(view: FleetView, values: Mapping[str, float], gpu: Gpu) -> tuple[float, float]:
    """Bottom and top of the sparkline."""
    top = top_of(view.metric, values)
    return view.metric.low or 0.0, top or pleasant_top(view.trend(gpu.node, gpu.index))


def _trend_line(gpu: Gpu, view: FleetView, width: int, known: Known) -> Line:
    low, high = trend_range(view, known.values, gpu)
    text = area(view.trend(gpu.node, gpu.index), width, 1, low, high, view.look.glyphs)[0]
    return (Cell(text, "old" if is_trend_old(view, known) else "spark"),)


def label_width(names: tuple[str, ...], most: int) -> int:
    """Columns for node names of these lengths, at most `most`."""
    return min(most, max((text_width(tidy(name)) for name in names), default=0))
