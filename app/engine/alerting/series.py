"""Series as they were sampled, asked as Prometheus asks its own: a value counts for five minutes or until it is stale.

For recorded series: dry runs over the past and comparison with Prometheus. The live engine asks the snapshot instead
(`app.engine.alerting.signals`), where the age of a value is its source's own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping

from app.domain.alert import Labels, fits
from app.engine.alerting.evaluate import Bound
from app.engine.alerting.expression import Selector
from app.engine.alerting.functions import Points

LOOK_BACK_S = 300.0
"""A value counts for so long where nothing newer came (Prometheus' default)."""
Mark = tuple[float, float | None]
"""(epoch seconds, value); None marks the series as stale."""


class Series:
    """One series: its times and values; None is the stale mark."""

    __slots__ = ("labels", "times", "values")

    def __init__(self, labels: Labels, marks: Iterable[Mark]) -> None:
        self.labels = labels
        self.times: list[float] = []
        self.values: list[float | None] = []
        for at, value in marks:
            self.times.append(at)
            self.values.append(value)


class SeriesBook:
    """Series by name."""

    def __init__(self, series: Mapping[str, Iterable[Series]], look_back_s: float = LOOK_BACK_S) -> None:
        self._series = {name: tuple(some) for name, some in series.items()}
        self._look_back_s = look_back_s

    def instant(self, selector: Selector, at: float) -> dict[Labels, float]:
        """The newest value of every series that fits, unless it is too old or stale."""
        found: dict[Labels, float] = {}
        for one in self._fitting(selector):
            place = bisect_right(one.times, at) - 1
            if place < 0 or one.times[place] < at - self._look_back_s:
                continue
            value = one.values[place]
            if value is not None:
                found[one.labels] = value
        return found

    def where(self, selector: Selector, bound: Bound, at: float) -> dict[Labels, float]:
        """Those of them whose value passes."""
        return {labels: value for labels, value in self.instant(selector, at).items() if bound.passes(value)}

    def window(
        self, selector: Selector, start: float, at: float, *, only_moved: bool = False, dense: bool = True
    ) -> dict[Labels, Points]:
        """Every series that fits, with its values from `start` to `at`, both included; stale marks are no values."""
        del only_moved, dense  # every series is given with all its samples
        found: dict[Labels, Points] = {}
        for one in self._fitting(selector):
            first, last = bisect_left(one.times, start), bisect_right(one.times, at)
            points = [
                (when, value)
                for when, value in zip(one.times[first:last], one.values[first:last], strict=True)
                if value is not None
            ]
            if points:
                found[one.labels] = points
        return found

    def _fitting(self, selector: Selector) -> Iterator[Series]:
        some = self._series.get(selector.name, ())
        if not selector.matchers:
            yield from some
            return
        for one in some:
            if fits(selector.matchers, one.labels):
                yield one
