"""When a chart asks for history: once for each of its points, and as soon as it has another size."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from textual.app import App, ComposeResult

from app.domain.series import Series, Subject
from app.present.glyphs import UNICODE
from app.present.look import Look
from app.tui.charting import ChartKeeper, Wish
from tests.tui.boards import NOW, full
from tests.tui.fake_feed import FakeFeed
from widgets.chart import HistoryChart

HOUR = Wish(Subject("gpu", node="gpu-01", index=0), "gpu.utilization", 3600.0, NOW, is_live=True)


class Asked(FakeFeed):
    """Writes down of each question the seconds of a point."""

    def __init__(self) -> None:
        super().__init__(full())
        self.steps: list[float] = []

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        self.steps.append(step_s)
        return await super().series(subject, metric, start, end, step_s)


class Desk:
    """As much of a desk as a chart needs."""

    def __init__(self, feed: FakeFeed) -> None:
        self.bridge, self.moment, self.feed = self, self, feed
        self.look = Look(NOW, UNICODE)

    def connected(self) -> FakeFeed:
        return self.feed


class OneChart(App[None]):
    """A chart over the whole terminal."""

    def __init__(self, desk: Any) -> None:  # noqa: ANN401 - it has what is needed of one
        super().__init__()
        self.chart = HistoryChart()
        self.keeper = ChartKeeper(self.chart, desk)

    def compose(self) -> ComposeResult:
        yield self.chart


def asks(wish: Wish, columns: int, seconds: int) -> int:
    """How often a wish that is repeated every second becomes another question."""
    questions = [replace(wish, end=wish.end + passed).question(columns) for passed in range(seconds)]
    return sum(one != other for one, other in pairwise(questions))


def test_a_live_chart_asks_once_for_each_of_its_points() -> None:
    """An hour of 120 points twice a minute or so, a day once a minute; a past that stands still not again."""
    day, short = replace(HOUR, span_s=86400.0), replace(HOUR, span_s=300.0)

    assert [20, 10, 300] == [asks(one, 200, 601) for one in (HOUR, day, short)]
    past = replace(HOUR, is_live=False)
    assert past.question(200) == replace(past).question(200)


def test_half_of_the_newest_point_is_there_when_it_is_asked_for() -> None:
    """The question changes in the middle of a point, whose first values have come by then."""
    moments = [NOW - NOW % 30 + passed for passed in range(60)]
    questions = [replace(HOUR, end=end).question(200) for end in moments]

    assert [15, 45] == [at for at in range(1, 60) if questions[at] != questions[at - 1]]


async def test_a_chart_asks_as_soon_as_it_has_a_size() -> None:
    """Wished for before it was laid out, it waits for nobody to look again."""
    feed = Asked()
    app = OneChart(Desk(feed))
    app.keeper.want(HOUR)
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        await app.workers.wait_for_complete()

    assert [30.0] == feed.steps


async def test_another_width_is_filled_at_once() -> None:
    """With as many points as there is room for; a height alone asks for nothing."""
    feed = Asked()
    app = OneChart(Desk(feed))
    async with app.run_test(size=(60, 12)) as pilot:
        app.keeper.want(HOUR)
        for size in ((60, 20), (200, 20)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await app.workers.wait_for_complete()

    assert [30.0, 10.0] == feed.steps
