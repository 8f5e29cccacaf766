"""The recent past of every GPU on view, for its sparkline: from the moments as they come, from history at the start.

After a start, a change of metric or a journey in time the sparklines are filled from the store, GPU by GPU, the first
ones first; fleets too large for that fill up as moments come.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import dropwhile

from app.domain.pieces import Pieces, whole
from app.domain.series import Subject
from app.present.trends import Trends
from app.tui.desk import Desk
from app.tui.feed import RefusedError, ask
from app.tui.moment import Moment

STEP_S, KEPT = 5.0, 120
MOST_SEEDED = 96
"""GPUs whose sparklines are worth a question each."""


class Trending:
    """Holds the trends of one metric and knows when they must be begun anew."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.trends = Trends(step_s=STEP_S, keep=KEPT)
        self._begun: tuple[object, ...] = ()

    def take(self, moment: Moment, metric: str) -> bool:
        """Take a moment in; whether the sparklines should be seeded now."""
        return whole(self.taking(moment, metric))

    def taking(self, moment: Moment, metric: str) -> Pieces[bool]:
        """As `take`, some nodes a piece."""
        begun = (metric, moment.replay_at, moment.origin, bool(moment.snapshot.nodes))
        is_anew = begun != self._begun
        if is_anew:
            self._begun = begun
            self.trends = Trends(metric, STEP_S, KEPT)
        yield from self.trends.adding(moment.snapshot, moment.now)
        return is_anew and bool(moment.snapshot.nodes)

    async def seed(self, moment: Moment) -> None:
        """Fill the sparklines from history; gives up quietly where there is none."""
        trends, begun = self.trends, self._begun
        feed = self._desk.bridge.feed
        gpus = moment.gpus()
        if feed is None or len(gpus) > MOST_SEEDED:
            return
        end = moment.now - moment.now % STEP_S + STEP_S
        for gpu in gpus:
            subject = Subject("gpu", node=gpu.node, index=gpu.index)
            try:
                series = await ask(feed.series(subject, trends.metric, end - STEP_S * KEPT, end, STEP_S))
            except RefusedError:
                continue
            if self._begun != begun:
                return
            # Before the first value there was no gap, there was nothing: a sparkline begins where its GPU does.
            points = tuple(dropwhile(lambda point: point.mean is None, series.points))
            if points:
                trends.seed(gpu.node, gpu.index, replace(series, points=points))
