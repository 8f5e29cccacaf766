"""Where a value stands on its fixed scale: fractions, the ten levels of use, and bars.

A scale never follows the data while it can follow the catalogue or the device: 97 % is as high tomorrow as today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.metric import Metric
from app.present.cells import Cell, Line
from app.present.glyphs import Glyphs

LIMIT_OF: Mapping[str, str] = {
    "gpu.power": "gpu.power_limit",
    "gpu.power_instant": "gpu.power_limit",
    "gpu.memory_used": "gpu.memory_total",
    "gpu.memory_free": "gpu.memory_total",
    "gpu.memory_reserved": "gpu.memory_total",
    "gpu.sm_clock": "gpu.sm_clock_max",
    "gpu.memory_clock": "gpu.memory_clock_max",
    "node.memory_used": "node.memory_total",
    "node.memory_available": "node.memory_total",
    "node.disk_free": "node.disk_size",
    "node.load_1m": "node.cpu_count",
}
"""The device's own limit that tops a metric's scale."""

LEVEL_COUNT = 10
_BAR_STEP = 0.05
_MARGIN = 0.15
"""A value must pass a step's edge by this share of the step before the level follows: edges do not flicker."""


def top_of(metric: Metric, values: Mapping[str, float]) -> float | None:
    """Top of a metric's scale on one device: the device's limit, else the catalogue's."""
    limit = values.get(LIMIT_OF.get(metric.key, ""))
    return limit or metric.high


def fraction(metric: Metric, value: float, top: float | None) -> float:
    """A value's place on its scale, 0 to 1; 0 where the scale has no top."""
    low = metric.low or 0.0
    if top is None or top <= low:
        return 0.0
    return min(1.0, max(0.0, (value - low) / (top - low)))


def level_of(share: float, before: int | None = None) -> int:
    """The level 0-9 of a fraction: 0 is below 5 %, 9 from 85 % on; stays at `before` while just past its edge."""
    place = share * LEVEL_COUNT + 0.5
    if before is not None and before - _MARGIN <= place < before + 1 + _MARGIN:
        return before
    return min(LEVEL_COUNT - 1, int(place))


def steady(share: float, before: float | None) -> float:
    """A bar's fraction in twentieths; stays at `before` until the value is nearly a whole step away.

    A power that wanders by a few watts must not send its line to the terminal every second.
    """
    if before is not None and abs(share - before) < _BAR_STEP * 0.9:
        return before
    return round(share / _BAR_STEP) * _BAR_STEP


def pleasant_top(values: Sequence[float | None]) -> float:
    """A round number (1, 2 or 5 times a power of ten) at or above every value; 1 where there is none."""
    most = max((value for value in values if value is not None), default=0.0)
    if most <= 0:
        return 1.0
    power = 1.0
    while power < most:
        power *= 10
    while power / 10 >= most:
        power /= 10
    return next(power * share for share in (0.2, 0.5, 1.0) if power * share >= most)


def bar(share: float | None, width: int, glyphs: Glyphs) -> Line:
    """A horizontal bar of `width` columns; all rest where the share is unknown."""
    filled = 0 if share is None else round(min(1.0, max(0.0, share)) * width)
    if share and not filled:
        filled = 1
    full = (Cell(glyphs.fill * filled, "spark"),) if filled else ()
    rest = (Cell(glyphs.rest * (width - filled), "frame"),) if width > filled else ()
    return (*full, *rest)
