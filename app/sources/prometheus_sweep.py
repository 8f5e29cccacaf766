"""One look at everything a Prometheus server has of the cluster, shared by the sources of all its targets.

Names are asked for once in a while (which of the catalogue's are there, how many series each has), samples at every
look, by range selectors: so each comes with the time at which it was scraped, and no page is told for newer than it is.
Nothing is asked twice while an answer is on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from app.config.settings import Prometheus
from app.domain.frozen import frozen
from app.sources.prometheus_names import SUMMED, Key, look_selectors, names_selector, quoted, wanted
from app.sources.prometheus_pages import Seen, pages_of, sum_query
from app.transport import turns
from app.transport.clock import Clock
from app.transport.prometheus import Answer, PrometheusError, PrometheusServer, Row
from app.transport.prometheus_answer import joined

NAMES_S = 120.0
"""Seconds after which the server is asked anew which names it has."""
FIRST_REACH_S = 300.0
"""How far back the first look reaches: as far as a server itself holds a sample to be the present."""
LONGEST_WAIT_S = 30.0
"""After this a look is due, however long the one before took."""
FORGET_S = 900.0
"""A target is forgotten when the server has had nothing of it for so long, not even that it is down."""
_REACH_INTERVALS = 1.5
"""Later ones look so many of the slowest target's intervals back."""
_DRIFT_S = 2.0
"""The server's clock is ours, unless it differs by more."""


@frozen
class Swept:
    """What one look brought."""

    began: float = 0.0
    """By the clock that never jumps."""
    duration_s: float = 0.0
    targets: Mapping[Key, Seen] = field(default_factory=dict)
    down: frozenset[Key] = frozenset()
    """Targets whose last scrape failed."""
    ahead_s: float = 0.0
    """How far our clock is ahead of the server's."""
    error: str | None = None
    notes: tuple[str, ...] = ()


class Sweep:
    """The looks at one server."""

    def __init__(self, server: PrometheusServer, settings: Prometheus, interval_s: float, clock: Clock) -> None:
        self.server = server
        self.settings = settings
        self.every_s = settings.interval_s or interval_s
        self.intervals: dict[Key, float] = {}
        """How often each target is scraped, where that is known."""
        self._clock = clock
        self._counts: Mapping[str, int] = {}
        self._counted_at: float | None = None
        self._ahead_s = 0.0
        self._stamps: dict[Key, float] = {}
        self._last = Swept()
        self._one_at_a_time = asyncio.Lock()

    async def look(self) -> Swept:
        """What the server has now: a look of our own, or that of a moment ago. Never raises: see `Swept.error`."""
        async with self._one_at_a_time:
            # A look that takes long is not begun anew at once: half of the time is the server's, and the screen's.
            wait_s = max(0.7 * self.every_s, min(2 * self._last.duration_s, LONGEST_WAIT_S))
            if not self._last.began or self._clock.monotonic() - self._last.began >= wait_s:
                self._last = await self._look()
            return self._last

    async def close(self) -> None:
        """Give back the server's connections."""
        await self.server.close()

    async def _look(self) -> Swept:
        began = self._clock.monotonic()
        try:
            if self._counted_at is None or began - self._counted_at > NAMES_S:
                await self._count()
                self._counted_at = began
            swept = await self._samples(began)
        except PrometheusError as error:
            self._counted_at = None
            return Swept(began, self._clock.monotonic() - began, error=str(error), ahead_s=self._ahead_s)
        return swept

    async def _count(self) -> None:
        """Which names the server has, and how many series of each; and what time it is there."""
        asked = self._clock.now()
        query = f"count by (__name__) ({names_selector(wanted(), self.settings.only)})"
        found = await self.server.instant(query)
        self._counts = {row.labels.get("__name__", ""): int(row.values[-1]) for row in found.rows if row.values}
        at = next((row.times[-1] for row in found.rows if row.times), None)
        ahead_s = 0.0 if at is None else (asked + self._clock.now()) / 2 - at
        self._ahead_s = ahead_s if abs(ahead_s) > _DRIFT_S else 0.0

    async def _samples(self, began: float) -> Swept:
        is_first = not self._last.targets
        slowest = max(self.intervals.values(), default=0.0)
        reach_s = max(_REACH_INTERVALS * slowest, 2.0) if slowest and not is_first else FIRST_REACH_S
        selectors = look_selectors(self._counts, self.settings.only)
        ranges = [self._range(selector, reach_s) for selector in selectors]
        sums = [name for name in SUMMED if name in self._counts]
        asked = [self.server.instant(sum_query(name, self.settings.only)) for name in sums]
        answers = await asyncio.gather(*ranges, *asked)
        ranged, summed = answers[: len(ranges)], answers[len(ranges) :]
        rows = [row for one in ranged for row in one.rows]
        totals = [(name, row) for name, one in zip(sums, summed, strict=True) for row in one.rows]
        made = await turns.in_thread(_pages, rows, totals, is_first)
        self._learn(made)
        # Also of jobs that had no sample in the last looks: `up` may turn 0 only after the samples are gone.
        down = await self._down({key.job for key in self._stamps})
        notes = joined([*ranged, *summed]).notes
        return Swept(began, self._clock.monotonic() - began, made, down, self._ahead_s, None, notes)

    async def _range(self, selector: str, reach_s: float) -> Answer:
        """The samples of a selector; less far back where that is too much for the server."""
        try:
            return await self.server.instant(f"{selector}[{max(1, round(reach_s))}s]")
        except PrometheusError as error:
            if error.kind != "too_many" or reach_s <= 20.0:
                raise
        return await self._range(selector, reach_s / 4)

    async def _down(self, jobs: Iterable[str]) -> frozenset[Key]:
        """Targets of these jobs whose last scrape failed; none where the server keeps no `up`."""
        pattern = "|".join(_literal(job) for job in sorted(jobs))
        if not pattern:
            return frozenset()
        only = f", {self.settings.only}" if self.settings.only else ""
        found = await self.server.instant(f"up{{job=~{quoted(pattern)}{only}}} == 0")
        return frozenset(Key(row.labels.get("job", ""), row.labels.get("instance", "")) for row in found.rows)

    def _learn(self, made: Mapping[Key, Seen]) -> None:
        """How often each target is scraped: from its samples, else from this look and the one before."""
        for key, seen in made.items():
            at, before = seen.pages[-1].at, self._stamps.get(key)
            gap_s = at - before if before is not None and at > before else None
            known = [each for each in (seen.interval_s, gap_s) if each]
            if known and (key not in self.intervals or min(known) < self.intervals[key] or seen.interval_s):
                self.intervals[key] = seen.interval_s or min(known)
            self._stamps[key] = at
        # Not at the first gap: one that has failed is looked at as often as before, or its failure is told late.
        newest = max(self._stamps.values(), default=0.0)
        gone_keys = [key for key, at in self._stamps.items() if newest - at > FORGET_S and key not in self._last.down]
        for gone in gone_keys:
            del self._stamps[gone]
            self.intervals.pop(gone, None)


async def look_at(server: PrometheusServer, only: str, when: float) -> dict[Key, Seen]:
    """Everything a server had at a time in the past. Raises PrometheusError."""
    found = await server.instant(f"count by (__name__) ({names_selector(wanted(), only)})", when)
    counts = {row.labels.get("__name__", ""): int(row.values[-1]) for row in found.rows if row.values}
    sums = [name for name in SUMMED if name in counts]
    ranges = [server.instant(f"{one}[{round(FIRST_REACH_S)}s]", when) for one in look_selectors(counts, only)]
    asked = [server.instant(sum_query(name, only), when) for name in sums]
    answers = await asyncio.gather(*ranges, *asked)
    rows = [row for one in answers[: len(ranges)] for row in one.rows]
    totals = [(name, row) for name, one in zip(sums, answers[len(ranges) :], strict=True) for row in one.rows]
    return await turns.in_thread(_pages, rows, totals, True)


def _pages(rows: Sequence[Row], sums: Sequence[tuple[str, Row]], is_first: bool) -> dict[Key, Seen]:  # noqa: FBT001 - a thread takes no names
    return pages_of(rows, sums, want_before=is_first)


def _literal(text: str) -> str:
    """A text as a pattern that fits it alone; Go's patterns are not Python's."""
    return "".join(f"\\{sign}" if sign in r"\.+*?()|[]{}^$" else sign for sign in text)
