"""Keeps a chart supplied with history: asks the feed when the question changed or a new span of time has begun.

One question at a time a chart; a new one ends the old. A live chart asks once for each of its points, when half of
the newest is there, and at least once a minute; the right edge moves by whole spans, so a curve stands still between
two of them. A daemon answers fifty such screens: what they ask is the same for all who look at the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from textual.widget import Widget

from app.domain.frozen import frozen
from app.domain.metric import Metric
from app.domain.metrics import by_key
from app.domain.series import Event, Subject, span_for
from app.domain.snapshot import Gpu, Layer
from app.domain.values import believed
from app.present.charts import Chart, Mark, chart_of, mark_of
from app.present.scale import LIMIT_OF
from app.tui.desk import Desk
from app.tui.feed import RefusedError, ask
from widgets.chart import HistoryChart

BESIDE = {"gpu.pcie_rx": "gpu.pcie_tx", "gpu.nvlink_rx": "gpu.nvlink_tx", "node.network_rx": "node.network_tx"}
"""Metrics that are drawn with their counterpart."""
MOST_MARKS = 200
_LEAST_S, _MOST_S = 2.0, 60.0
"""Between two questions of a live chart."""
_MOMENT_S = 0.001
"""A past that differs by less is the same."""


@frozen
class Wish:
    """What a chart should show."""

    subject: Subject
    metric: str
    span_s: float
    end: float
    """Right edge, epoch seconds."""
    is_live: bool
    limit: float | None = None
    """The device's own limit, drawn as a line and as the scale's top."""

    def question(self, columns: int) -> tuple[object, ...]:
        """Equal as long as the answer would be; the time comes last."""
        step = span_for(self.end - self.span_s, self.end, columns)
        due = min(_MOST_S, max(_LEAST_S, step)) if self.is_live else _MOMENT_S
        return (self.subject, self.metric, self.span_s, self.is_live, step, math.floor(self.end / due + 0.5))


class ChartKeeper:
    """Supplies one chart."""

    def __init__(self, chart: HistoryChart, desk: Desk) -> None:
        self._chart = chart
        self._desk = desk
        self._wish: Wish | None = None
        self._asked: tuple[object, ...] = ()
        self._is_busy = False
        chart.when_resized(self._ask_again)

    def want(self, wish: Wish | None) -> None:
        """Show this from now on; cheap to call at every look. None: nothing is chosen."""
        self._wish = wish
        if wish is None:
            self._asked = ()
            return
        if self._chart.size.width == 0:
            return  # not laid out yet, or hidden: once it is there it tells
        question = wish.question(self._columns)
        if question == self._asked:
            return
        if self._is_busy and question[:5] == self._asked[:5]:
            return  # the same curve a moment later: let the one under way arrive
        is_other = question[:5] != self._asked[:5]
        self._asked = question
        owner: Widget = self._chart
        owner.run_worker(
            self._fill(wish, is_other=is_other),
            group="chart",
            exclusive=True,
            exit_on_error=False,
            description="history",
        )

    @property
    def _columns(self) -> int:
        """Points that the chart has room for: two in a character."""
        return max(10, self._chart.size.width * 2)

    def _ask_again(self) -> None:
        """The chart has another size: points that are too many or too few for it are not waited with."""
        if self._wish is not None:
            self.want(self._wish)

    async def _fill(self, wish: Wish, *, is_other: bool) -> None:
        self._is_busy = True
        try:
            chart = await self._ask(wish)
        except RefusedError as refusal:
            if not is_other and self._desk.bridge.feed is not None:
                self._asked = ()
            chart = empty_chart(wish, str(refusal))
        finally:
            self._is_busy = False
        self._chart.show(chart, self._desk.moment.look)

    async def _ask(self, wish: Wish) -> Chart:
        feed = self._desk.bridge.connected()
        start = wish.end - wish.span_s
        step = span_for(start, wish.end, self._columns)
        end = math.ceil(wish.end / step) * step if wish.is_live else wish.end
        begin = end - wish.span_s
        found = [await ask(feed.series(wish.subject, key, begin, end, step)) for key in curves_of(wish.metric)]
        events = await ask(feed.events(begin, end, None, MOST_MARKS))
        chart = chart_of(
            tuple(found),
            by_key()[wish.metric],
            marks=marks_for(wish.subject, events),
            limit=wish.limit,
            empty=f"Nothing of {metric_title(by_key()[wish.metric])} was kept in this time",
            hint="m shows another metric, . a longer span",
        )
        titles = [by_key()[one.metric].title for one in found]
        curves = (replace(curve, label=title) for curve, title in zip(chart.curves, titles, strict=True))
        return replace(chart, curves=tuple(curves))


def curves_of(metric: str) -> tuple[str, ...]:
    """The metric, and its counterpart where it has one."""
    return (metric, BESIDE[metric]) if metric in BESIDE else (metric,)


def gpu_wish(gpu: Gpu, metric: str, span_s: float, now: float, *, is_live: bool) -> Wish:
    """A GPU's metric, up to its own limit."""
    subject = Subject("gpu", node=gpu.node, index=gpu.index)
    return Wish(subject, metric, span_s, now, is_live, limit_of(gpu.layers, metric, now))


def limit_of(layers: tuple[Layer, ...], metric: str, now: float) -> float | None:
    """What the device says its own limit is."""
    return believed(layers, now).get(LIMIT_OF.get(metric, ""))


def marks_for(subject: Subject, events: Sequence[Event]) -> tuple[Mark, ...]:
    """The events that concern a subject: its own, for a node those of its GPUs as well, for the fleet all."""
    return tuple(mark_of(event) for event in events if _concerns(event.subject, subject))


def _concerns(about: Subject, subject: Subject) -> bool:
    if subject.kind == "fleet" or about == subject:
        return True
    return about.kind in ("gpu", "node") and about.node == subject.node and "node" in (about.kind, subject.kind)


def metric_title(metric: Metric) -> str:
    """A metric's name as people say it."""
    return metric.short.replace("_", " ")


def empty_chart(wish: Wish, why: str) -> Chart:
    """A chart that says why it is empty."""
    end = wish.end
    return Chart("", by_key()[wish.metric], end - wish.span_s, end, (), empty=why)


def span_title(span_s: float) -> str:
    """`5 min`, `1 h`, `30 d`."""
    for unit, seconds in (("d", 86400), ("h", 3600), ("min", 60)):
        if span_s >= seconds and span_s % seconds == 0:
            return f"{span_s / seconds:.0f} {unit}"
    return f"{span_s:.0f} s"
