"""The memory of spans: it keeps changes only, and answers as if it had kept every value."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from app.domain.alert import Labels, fits, labels_of
from app.engine.alerting.evaluate import Bound, evaluate
from app.engine.alerting.expression import Selector
from app.engine.alerting.functions import Points
from app.engine.alerting.parse import parse
from app.engine.alerting.series import Series, SeriesBook
from app.engine.alerting.windows import Windows

X = [labels_of({"gpu": str(number)}) for number in range(4)]
EXPRESSIONS = (
    "increase(x[2m]) > 0", "rate(x[1m])", "changes(x[5m]) >= 1", "delta(x[3m]) < 0", "avg_over_time(x[2m]) > 1",
    "count_over_time(x[2m])", "sum_over_time(x[1m]) > 2", "deriv(x[4m]) != 0", "max_over_time(x[5m]) == 2",
    'increase(x{gpu="1"}[2m])', "absent_over_time(x[30s])", "last_over_time(x[3m])", "resets(x[5m]) >= 0",
)  # fmt: skip


class Remembered:
    """Samples of a memory alone."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    def instant(self, selector: Selector, at: float) -> Mapping[Labels, float]:
        raise AssertionError

    def where(self, selector: Selector, bound: Bound, at: float) -> Mapping[Labels, float]:
        raise AssertionError

    def window(
        self, selector: Selector, start: float, at: float, *, only_moved: bool = False, dense: bool = True
    ) -> Mapping[Labels, Points]:
        wanted = (lambda labels: fits(selector.matchers, labels)) if selector.matchers else None
        return dict(self._windows.window(selector.name, wanted, start, at, only_moved=only_moved, dense=dense))


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_only_changes_are_kept_and_every_answer_is_the_same(text: str) -> None:
    """Series that come, go, stand still and change, over 400 evaluations: as with all values kept."""
    dice, windows, tree = random.Random(7), Windows(), parse(text)
    windows.want({"x": 300.0})
    values: dict[Labels, float] = {}
    marks: dict[Labels, list[tuple[float, float | None]]] = {labels: [] for labels in X}
    for number in range(400):
        at = number * 15.0
        for labels in X:
            if dice.random() < 0.15:
                values[labels] = float(dice.randint(0, 3))
            if dice.random() < 0.05:
                values.pop(labels, None)
            marks[labels].append((at, values.get(labels)))
        windows.add("x", list(values), list(values.values()), at)
        whole = SeriesBook({"x": [Series(labels, some) for labels, some in marks.items()]})

        expected, found = evaluate(tree, whole, at), evaluate(tree, Remembered(windows), at)

        assert dict(expected) == pytest.approx(dict(found), abs=1e-9), (text, at)


def test_a_counted_series_that_appears_grew_from_nothing() -> None:
    """A new Xid code is one Xid; what stood there at the first look is history."""
    for is_counted, expected in ((True, {X[1]}), (False, set())):
        windows = Windows()
        windows.want({"x": 300.0})
        windows.add("x", X[:1], [5.0], 0.0, is_counted=is_counted)
        windows.add("x", X[:2], [5.0, 1.0], 15.0, is_counted=is_counted)

        assert expected == set(evaluate(parse("increase(x[1m]) > 0"), Remembered(windows), 15.0))


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    """A rule that is gone takes its memory along."""
    windows = Windows()
    windows.want({"x": 300.0})
    windows.add("x", X[:1], [5.0], 0.0)
    windows.want({})

    assert () == windows.names
