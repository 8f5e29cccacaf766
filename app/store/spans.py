"""Spans of time out of samples: mean and extremes of each, and coarser spans out of finer. Pure.

The mean over several spans is the mean of their means: equal times weigh equally, however many samples each had. So an
answer is the same whether it was reckoned from samples or from what was kept of them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat

from app.domain.frozen import frozen
from app.domain.metric import Fold
from app.store.scale import ABSENT, Scale


@frozen
class Spans:
    """Whole-number spans of one column on a grid: entry `i` covers `start_s + i · span_s`."""

    start_s: int
    span_s: int
    means: array[int]
    """In parts of a quantum (`Scale.mean_parts`); `ABSENT` where there was no sample, as in the other two."""
    lows: array[int]
    highs: array[int]

    @staticmethod
    def empty(start_s: int, span_s: int, length: int) -> Spans:
        """Spans without a sample."""
        blank = array("q", repeat(ABSENT, length))
        return Spans(start_s, span_s, blank, blank[:], blank[:])

    def put(self, other: Spans) -> None:
        """Take over what `other` knows of spans on this grid."""
        shift = (other.start_s - self.start_s) // self.span_s
        begin, end = max(0, shift), min(len(self.means), shift + len(other.means))
        if begin >= end:
            return
        theirs = slice(begin - shift, end - shift)
        if ABSENT not in other.means[theirs]:
            self.means[begin:end] = other.means[theirs]
            self.lows[begin:end] = other.lows[theirs]
            self.highs[begin:end] = other.highs[theirs]
            return
        for place in range(begin, end):
            if other.means[place - shift] != ABSENT:
                self.means[place] = other.means[place - shift]
                self.lows[place] = other.lows[place - shift]
                self.highs[place] = other.highs[place - shift]


@frozen
class Line:
    """Spans as they are answered: values in the metric's unit, None where there was nothing."""

    means: list[float | None]
    lows: list[float | None]
    highs: list[float | None]


def edges(times: Sequence[float], start: float, step: float, count: int) -> list[int]:
    """Where each of `count` spans begins in sorted `times`, and where the last one ends."""
    return [bisect_left(times, start + place * step) for place in range(count + 1)]


def fold_samples(values: Sequence[int], cuts: Sequence[int], parts: int) -> tuple[array[int], array[int], array[int]]:
    """(means, lows, highs) of the spans between cuts; means in `parts` of a quantum, halves rounded up."""
    if values and values.count(values[0]) == len(values):  # most of what GPUs say is the same all day
        known = [begin < end for begin, end in pairwise(cuts)]
        flat = array("q", [values[0] if one else ABSENT for one in known])
        return array("q", [values[0] * parts if one else ABSENT for one in known]), flat, flat[:]
    spans = [values[begin:end] for begin, end in pairwise(cuts)]
    means = [(2 * parts * sum(span) + len(span)) // (2 * len(span)) if span else ABSENT for span in spans]
    lows = [min(span, default=ABSENT) for span in spans]
    highs = [max(span, default=ABSENT) for span in spans]
    return array("q", means), array("q", lows), array("q", highs)


def coarsen(fine: Spans, factor: int) -> Spans:
    """Spans `factor` times as wide; the length is a multiple of it."""
    means, lows, highs = array("q"), array("q"), array("q")
    for at in range(0, len(fine.means), factor):
        here, low, high = (column[at : at + factor] for column in (fine.means, fine.lows, fine.highs))
        missing = here.count(ABSENT)
        if missing == len(here):
            means.append(ABSENT)
            lows.append(ABSENT)
            highs.append(ABSENT)
            continue
        known = len(here) - missing
        means.append((2 * (sum(here) - missing * ABSENT) + known) // (2 * known))
        lows.append(min(low) if not missing else min(one for one in low if one != ABSENT))
        highs.append(max(high))
    return Spans(fine.start_s, fine.span_s * factor, means, lows, highs)


def line_of(spans: Spans, scale: Scale) -> Line:
    """Spans in the metric's unit."""
    return Line(
        _unit(spans.means, scale, scale.mean_parts),
        _unit(spans.lows, scale, 1),
        _unit(spans.highs, scale, 1),
    )


def _unit(counts: array[int], scale: Scale, parts: int) -> list[float | None]:
    values: list[float | None] = [*scale.values(counts, parts)]
    if ABSENT in counts:
        return [None if count == ABSENT else value for count, value in zip(counts, values, strict=True)]
    return values


def line_of_samples(
    times: Sequence[float], values: Sequence[float], cuts: Sequence[int], hold_from: Iterable[float]
) -> Line:
    """Spans of any width straight from samples.

    A span narrower than the source's interval may hold no sample of its own; the newest one before it still holds if
    its time is not before that span's entry of `hold_from`.
    """
    line = Line([], [], [])
    for (begin, end), since in zip(pairwise(cuts), hold_from, strict=False):
        if begin < end:
            span = values[begin:end]
            line.means.append(sum(span) / (end - begin))
            line.lows.append(min(span))
            line.highs.append(max(span))
            continue
        held = values[begin - 1] if begin and times[begin - 1] >= since else None
        line.means.append(held)
        line.lows.append(held)
        line.highs.append(held)
    return line


def held(line: Line, spans: int) -> Line:
    """The line with each span that knows something holding over the next so many that know nothing.

    For a source that is read less often than once a span.
    """
    if spans < 1 or None not in line.means:
        return line
    found = Line([*line.means], [*line.lows], [*line.highs])
    last: int | None = None
    for place, mean in enumerate(line.means):
        if mean is not None:
            last = place
        elif last is not None and place - last <= spans:
            found.means[place] = found.lows[place] = found.highs[place] = line.means[last]
    return found


def first_known(lines: Sequence[Line]) -> Line:
    """For each span, the first line that knows it: lines come best rank first."""
    if len(lines) == 1:
        return lines[0]
    chosen = [
        next((rank for rank, mean in enumerate(means) if mean is not None), 0)
        for means in zip(*(line.means for line in lines), strict=True)
    ]
    return Line(
        [lines[rank].means[place] for place, rank in enumerate(chosen)],
        [lines[rank].lows[place] for place, rank in enumerate(chosen)],
        [lines[rank].highs[place] for place, rank in enumerate(chosen)],
    )


def fold_lines(lines: Sequence[Line], fold: Fold) -> Line:
    """Many subjects' lines as one: means folded as the metric folds, with the extremes of any of them.

    Of a sum the extremes are the sums of the extremes. Subjects without a sample in a span take no part in it.
    """
    if len(lines) == 1:
        return lines[0]
    low, high = ("sum", "sum") if fold == "sum" else ("min", "max")
    return Line(
        _folded([line.means for line in lines], fold),
        _folded([line.lows for line in lines], low),
        _folded([line.highs for line in lines], high),
    )


def _folded(columns: Sequence[Sequence[float | None]], fold: str) -> list[float | None]:
    found: list[float | None] = []
    for row in zip(*columns, strict=True):
        known = [value for value in row if value is not None]
        found.append(_fold(known, fold) if known else None)
    return found


def _fold(known: Sequence[float], fold: str) -> float:
    match fold:
        case "sum":
            return sum(known)
        case "max":
            return max(known)
        case "min":
            return min(known)
        case "last":
            return known[-1]
        case _:
            return sum(known) / len(known)
