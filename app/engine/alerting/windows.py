"""What series of the last hours were, for rules that look back: only their changes are kept. Pure in, one owner.

An evaluation adds its values (`add`); spans are asked back as samples at the times of the evaluations. A series that is
not there at an evaluation has a gap there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.alert import Labels
from app.engine.alerting.functions import Points

MOST_SERIES = 400_000
"""Series remembered for all rules; beyond it new ones are not taken up."""


@dataclass(slots=True)
class _Kept:
    """The changes of one series: from each time on its value; None: it was not there."""

    times: list[float]
    values: list[float | None]


@dataclass(slots=True)
class _Name:
    """The series of one name."""

    span_s: float
    times: list[float] = field(default_factory=list)
    """Of the evaluations."""
    series: dict[Labels, _Kept] = field(default_factory=dict)
    last: dict[Labels, float] = field(default_factory=dict)
    """The newest value of those that are there now."""
    newest: tuple[Sequence[Labels], Sequence[float]] = ((), ())
    """All of the last evaluation, as given."""


class Windows:
    """The memory of one engine."""

    def __init__(self) -> None:
        self._names: dict[str, _Name] = {}
        self._count = 0

    def want(self, spans: Mapping[str, float]) -> None:
        """Remember these names for so many seconds, and forget the others."""
        for name in [name for name in self._names if name not in spans]:
            self._count -= len(self._names.pop(name).series)
        for name, span_s in spans.items():
            self._names.setdefault(name, _Name(span_s)).span_s = span_s

    @property
    def names(self) -> tuple[str, ...]:
        """What is remembered."""
        return tuple(self._names)

    def add(
        self, name: str, labels: Sequence[Labels], values: Sequence[float], at: float, *, is_counted: bool = False
    ) -> None:
        """Take an evaluation's values; of a counted name, a series that appears grew from 0 since the last one."""
        kept = self._names[name]
        before = kept.times[-1] if kept.times else None
        if before is not None and at <= before:
            return
        kept.times.append(at)
        (known, were), kept.newest = kept.newest, (labels, values)
        if labels != known:
            self._take(kept, dict(zip(labels, values, strict=True)), before if is_counted else None)
        elif values != were:
            told = zip(labels, values, were, strict=True)
            self._change(kept, {one: value for one, value, was in told if value != was}, before if is_counted else None)
        self._prune(kept, at)

    def _take(self, kept: _Name, vector: Mapping[Labels, float], before: float | None) -> None:
        """Take all values: series that are not among them are there no more."""
        self._change(kept, vector, before)
        for labels in [one for one in kept.last if one not in vector]:
            del kept.last[labels]
            kept.series[labels].times.append(kept.times[-1])
            kept.series[labels].values.append(None)

    def _change(self, kept: _Name, vector: Mapping[Labels, float], before: float | None) -> None:
        """Take values that may be others than before; with `before`, series that appear grew from 0 since then."""
        at, last, series = kept.times[-1], kept.last, kept.series
        for labels, value in vector.items():
            if last.get(labels) == value:
                continue
            known = series.get(labels)
            if known is None:
                if self._count >= MOST_SERIES:
                    kept.newest = ((), ())  # to be asked for again: there may be room by then
                    continue
                self._count += 1
                known = series[labels] = _Kept([], [])
                if before is not None:
                    known.times.append(before)
                    known.values.append(0.0)
            known.times.append(at)
            known.values.append(value)
            last[labels] = value

    def _prune(self, kept: _Name, at: float) -> None:
        """Forget what is older than the span, now and then."""
        oldest = at - kept.span_s
        if len(kept.times) < 64 or kept.times[len(kept.times) // 4] >= oldest:
            return
        del kept.times[: bisect_left(kept.times, oldest)]
        for labels, one in list(kept.series.items()):
            cut = bisect_right(one.times, oldest) - 1
            if cut > 0:
                del one.times[:cut], one.values[:cut]
            if len(one.times) == 1 and one.values[0] is None:
                del kept.series[labels]
                self._count -= 1

    def window(
        self,
        name: str,
        fits: Callable[[Labels], bool] | None,
        start: float,
        at: float,
        *,
        only_moved: bool,
        dense: bool,
    ) -> Iterator[tuple[Labels, Points]]:
        """Series with values within a span; `only_moved`: those that changed in it; else still ones have two points."""
        kept = self._names.get(name)
        if kept is None:
            return
        times = kept.times[bisect_left(kept.times, start) : bisect_right(kept.times, at)]
        if not times:
            return
        for labels, one in kept.series.items():
            is_still = one.times[-1] <= times[0]
            if is_still and (only_moved or one.values[-1] is None):
                continue
            if fits is not None and not fits(labels):
                continue
            if is_still and not dense:
                value = one.values[-1]
                ends = (times[0], times[-1]) if len(times) > 1 else (times[0],)
                points = [(when, value) for when in ends if value is not None]
            else:
                points = list(_points(one, times))
            if points:
                yield labels, points


def _points(one: _Kept, times: list[float]) -> Iterator[tuple[float, float]]:
    """A series at the times of the evaluations."""
    place = bisect_right(one.times, times[0]) - 1
    for when in times:
        while place + 1 < len(one.times) and one.times[place + 1] <= when:
            place += 1
        value = one.values[place] if place >= 0 else None
        if value is not None:
            yield when, value
