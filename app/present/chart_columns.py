"""Points into columns: which values fall into each of a chart's equal stretches of time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from app.domain.series import Point
from app.present.braille import Extent

_GAP_STEPS = 3
"""Raw samples further apart than this many usual distances have a gap between them."""


def extents(points: Sequence[Point], step_s: float, start: float, end: float, columns: int) -> list[Extent | None]:
    """Lowest and highest value in each stretch; None where there is none.

    A span (`step_s` > 0) fills every stretch it covers; a raw sample holds until the next one, but not over a gap.
    """
    found: list[Extent | None] = [None] * columns
    width = (end - start) / columns if columns else 0.0
    if width <= 0:
        return found
    known = [point for point in points if point.mean is not None and isfinite(point.mean)]
    holds = _holds([point.at for point in known]) if not step_s else [step_s] * len(known)
    for point, hold in zip(known, holds, strict=True):
        mean = point.mean or 0.0
        low, high = (mean if one is None else one for one in (point.low, point.high))
        first = int((point.at - start) // width)
        last = int((point.at + hold - start) / width - 1e-6) if hold else first
        for column in range(max(0, first), min(columns - 1, max(first, last)) + 1):
            before = found[column]
            found[column] = (low, high) if before is None else (min(low, before[0]), max(high, before[1]))
    return found


def _holds(times: list[float]) -> list[float]:
    """For how long each raw sample stands for the value."""
    distances = [after - before for before, after in pairwise(times)]
    if not distances:
        return [0.0] * len(times)
    most = _GAP_STEPS * sorted(distances)[len(distances) // 2]
    return [distance if distance <= most else 0.0 for distance in distances] + [0.0]
