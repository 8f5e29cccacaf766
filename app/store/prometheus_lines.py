"""Pieces of a server's past as the spans that were asked for: folded as SQLite's levels fold. Pure.

A value is kept to its metric's quantum, as the local store keeps it, so that both give one answer. Spans of whole
minutes are means of minutes, those of whole quarters means of quarters: equal times weigh equally.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain, repeat
from itertools import count as count_up

from app.domain.metric import Metric
from app.domain.past import Piece
from app.domain.series import Columns
from app.store.answers import GAP_INTERVALS, HOLD_INTERVALS
from app.store.prometheus_span import Grain
from app.store.scale import Scale, scale_of
from app.store.spans import Line, edges, held, line_of_samples

Spans = tuple[int, int, float]
"""Number of the first span since the epoch, how many there are, how wide they are in seconds."""


def grid_of(start: float, end: float, step_s: float) -> Spans:
    """Spans aligned to the epoch that cover a time."""
    first = math.floor(start / step_s)
    return first, max(0, math.ceil(end / step_s) - first), step_s


def line_of_pieces(pieces: Sequence[Piece], row: Metric, grid: Spans, grain: Grain, hold_s: float) -> Line:
    """One track's spans on a grid; a sample holds for `hold_s` in spans narrower than that."""
    first, count, step_s = grid
    ordered = sorted(pieces, key=lambda one: one.times[0] if one.times else 0.0)
    scale = scale_of(row.quantum)
    if grain:
        line = _on_grid(ordered, grain, int(first * step_s) // grain, count * int(step_s) // grain, scale)
        return held(_as_wide(line, grain, step_s), int(hold_s / step_s))
    times, values = _samples(ordered, scale)
    if step_s % 60 == 0:
        minutes = edges(times, first * step_s, 60, count * int(step_s) // 60)
        line = line_of_samples(times, values, minutes, repeat(math.inf))
        return held(_as_wide(line, 60, step_s), int(hold_s / step_s))
    is_narrow = hold_s and step_s < 2 * hold_s / HOLD_INTERVALS
    since = count_up(first * step_s - hold_s, step_s) if is_narrow else repeat(math.inf)
    return line_of_samples(times, values, edges(times, first * step_s, step_s, count), since)


def _as_wide(line: Line, finest_s: int, step_s: float) -> Line:
    """Spans of the width asked for, by way of quarters where it is a multiple of those."""
    if finest_s < 900 and step_s % 900 == 0:
        line, finest_s = coarser(line, 900 // finest_s), 900
    return coarser(line, int(step_s) // finest_s)


def coarser(line: Line, factor: int) -> Line:
    """Spans `factor` times as wide."""
    if factor == 1:
        return line
    found = Line([], [], [])
    for at in range(0, len(line.means), factor):
        means = [one for one in line.means[at : at + factor] if one is not None]
        lows = [one for one in line.lows[at : at + factor] if one is not None]
        highs = [one for one in line.highs[at : at + factor] if one is not None]
        found.means.append(sum(means) / len(means) if means else None)
        found.lows.append(min(lows, default=None))
        found.highs.append(max(highs, default=None))
    return found


def raw_columns(
    ranked: Sequence[Sequence[Piece]], interval_s: float, quantum: float, start: float, end: float
) -> Columns:
    """Samples of the best target at their own times, with one empty point in each gap."""
    times, values = _samples(sorted(ranked[0], key=lambda one: one.times[0] if one.times else 0.0), scale_of(quantum))
    found_times: list[float] = []
    found: list[float | None] = []
    for at, value in zip(times, values, strict=True):
        if not start <= at <= end:
            continue
        if found_times and at - found_times[-1] > GAP_INTERVALS * interval_s:
            found_times.append(found_times[-1] + interval_s)
            found.append(None)
        found_times.append(at)
        found.append(value)
    return Columns(found_times, found, found, found)


def _samples(pieces: Sequence[Piece], scale: Scale) -> tuple[list[float], list[float]]:
    """All samples in order, each a whole number of quanta."""
    times = list(chain.from_iterable(one.times for one in pieces))
    counts = (scale.count(value) for one in pieces for value in one.means)
    kept = [(at, scale.value(count)) for at, count in zip(times, counts, strict=True) if count is not None]
    return [at for at, _ in kept], [value for _, value in kept]


def _on_grid(pieces: Sequence[Piece], grain: int, first: int, count: int, scale: Scale) -> Line:
    """Spans that the server folded, where they belong."""
    line = Line([None] * count, [None] * count, [None] * count)
    for piece in pieces:
        for at, mean, low, high in zip(piece.times, piece.means, piece.lows, piece.highs, strict=True):
            place = round(at / grain) - first
            if 0 <= place < count:
                line.means[place] = mean
                line.lows[place] = _rounded(low, scale)
                line.highs[place] = _rounded(high, scale)
    return line


def _rounded(value: float, scale: Scale) -> float | None:
    count = scale.count(value)
    return None if count is None else scale.value(count)
