"""The past of a cluster out of a Prometheus server: `app.store.prometheus` asks here what its series mean.

Samples come by range selectors, so at the times at which they were scraped; minutes and quarters of an hour are folded
by the server (`avg_over_time` and its like), a name at a time, and read as if each were a scrape. Counters are read
where each span ends: what grows is known from one end to the next.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.config.settings import Prometheus
from app.domain.apply import RANKS
from app.domain.metric import Metric
from app.domain.metrics import by_key
from app.domain.naming import same_node, uuid_key
from app.domain.past import Piece, Place, ServerSilentError
from app.domain.reading import Reading, SourceSpec
from app.domain.series import Subject
from app.sources.joins import is_loopback
from app.sources.layout import Layout
from app.sources.page import Page, PageContents, PageError
from app.sources.prometheus import UNKNOWN_INTERVAL_S, host_of, target_of
from app.sources.prometheus_fleet import fleet_queries
from app.sources.prometheus_names import SUMMED, Key, key_of, names_selector, of_target
from app.sources.prometheus_pages import Seen, interval_of
from app.sources.prometheus_read import (
    Read,
    Span,
    flag_names,
    identity_names,
    inputs_of,
    is_counter,
    layout_of,
    read_rows,
)
from app.sources.prometheus_sweep import look_at
from app.sources.rates import with_rates
from app.transport import turns
from app.transport.clock import Clock
from app.transport.prometheus import PrometheusError, PrometheusServer, Row

if TYPE_CHECKING:
    from app.domain.series import Event

LEAD_S = 300.0
"""How far before a piece is looked for the sample that growth is reckoned from."""
NEAR_S = 6 * 3600.0
"""A subject is looked for in the last hours of a question first: listing the series of a year takes a server long."""
KEEP_S = 300.0
"""What is known of who is where is asked for anew after this."""
_PRESENCE = {
    "gpu": ("gpu.utilization", "gpu.memory_used", "gpu.temperature", "gpu.power", "gpu.xid_last"),
    "node": ("node.memory_total", "node.load_1m", "node.gpus_expected", "gpu.utilization"),
    "service": ("service.requests_running",),
}
"""Scope → metrics of which a subject that is there at all has one, whichever exporter it has."""
SUM_STEP_S = 15
"""Between two sums of a series a core and mode; the server makes them of the newest samples."""


class PrometheusPast:
    """What one server has of the past. Raises LookupError, for a person, where it has or says nothing."""

    def __init__(self, server: PrometheusServer, settings: Prometheus, clock: Clock) -> None:
        self._server = server
        self._settings = settings
        self._clock = clock
        self._known: dict[tuple[str, float, float], tuple[float, Mapping[Key, Sequence[Row]]]] = {}

    async def places(self, subject: Subject, metric: Metric, start: float, end: float) -> tuple[Place, ...]:
        """The targets that knew of a subject; see `Past.places`."""
        names = frozenset(inputs_of(metric.key).names)
        end = min(end, self._clock.now())
        for since in dict.fromkeys((max(start, end - NEAR_S), start)) if names else ():
            found = await self._rows(metric.key, since, end)
            there = [(key, rows) for key, rows in found.items() if self._knows(key, rows, subject)]
            if there:
                return tuple(await asyncio.gather(*(self._where(key, rows, metric.key, end) for key, rows in there)))
        for key in _PRESENCE.get(metric.scope, ()):
            if key == metric.key or not await self._are_known(subject, key, start, end):
                continue
            return ()
        raise LookupError(f"{subject} was never seen by {self._server.name} in that time")

    async def _are_known(self, subject: Subject, key: str, start: float, end: float) -> bool:
        """Whether some target has a metric of the subject."""
        found = await self._rows(key, start, end) if key in by_key() else {}
        return any(self._knows(target, rows, subject) for target, rows in found.items())

    async def pieces(self, place: Place, metric: Metric, grain: int, start: float, end: float) -> tuple[Piece, ...]:
        """Every subject's values at one target; see `Past.pieces`."""
        end = min(end, self._clock.now() + 1.0)
        try:
            return await (self._samples if grain == 0 else self._spans)(place, metric, grain, start, end)
        except PrometheusError as error:
            raise ServerSilentError(str(error)) from error

    async def fleet(self, metric: Metric, grain: int, step_s: float, start: float, end: float) -> tuple[Piece, ...]:
        """The fold over all GPUs, as the server reckons it; see `Past.fleet`."""
        end = min(end, self._clock.now())
        try:
            has = await self._server.instant(
                f"count by (__name__) (last_over_time({names_selector(_of_fleet(metric), self._settings.only)}[1h]))",
                at=end,
            )
            counts = {row.labels.get("__name__", ""): int(row.values[-1]) for row in has.rows if row.values}
            query = fleet_queries(metric, counts, self._settings.only, max(grain, step_s))
            answer = await self._server.range(query, start, end - 0.001, max(grain, step_s))
        except PrometheusError as error:
            raise ServerSilentError(str(error)) from error
        return tuple(
            Piece(Subject("fleet"), None, 0, row.times, row.values, row.values, row.values) for row in answer.rows[:1]
        )

    async def readings(self, when: float) -> Sequence[tuple[SourceSpec, Reading]]:
        """What every target said at a time; see `Past.readings`."""
        try:
            swept = await look_at(self._server, self._settings.only, when)
        except PrometheusError as error:
            raise ServerSilentError(str(error)) from error
        return await turns.in_thread(_readings, tuple(swept.values()), self._settings.node_label)

    async def moments(self, start: float, end: float, step_s: float) -> tuple[float, ...]:
        """Times at which the server had something; see `Past.moments`."""
        wires = {
            name.wire
            for key in ("gpu.utilization", "gpu.temperature", "node.load_1m")
            if key in by_key()
            for name in by_key()[key].names
        }
        query = f"count({names_selector(wires, self._settings.only)})"
        try:
            answer = await self._server.range(query, start, end, step_s)
        except PrometheusError as error:
            raise ServerSilentError(str(error)) from error
        return tuple(answer.rows[0].times) if answer.rows else ()

    async def events(self, start: float, end: float) -> Sequence[Event]:
        """Alerts of the server's own that began and ended; see `Past.events`."""
        from app.sources.prometheus_alerts import STEP_S, events_of  # noqa: PLC0415 - late: seldom asked

        step_s = max(STEP_S, (end - start) / 5000)
        only = f", {self._settings.only}" if self._settings.only else ""
        try:
            answer = await self._server.range(f'ALERTS{{alertstate="firing"{only}}}', start, end, step_s)
        except PrometheusError as error:
            raise ServerSilentError(str(error)) from error
        return events_of(answer.rows, start, end, step_s, self._server.name)

    async def _rows(self, metric: str, start: float, end: float) -> Mapping[Key, Sequence[Row]]:
        """Who had series that give a metric, by target; remembered for a while."""
        names = inputs_of(metric).names
        asked = (metric, round(start / KEEP_S) * KEEP_S, round(end / KEEP_S) * KEEP_S)
        known = self._known.get(asked)
        if known is not None and self._clock.monotonic() - known[0] < KEEP_S:
            return known[1]
        try:
            labels = await self._server.labels(
                (names_selector(names | identity_names(metric) | flag_names(), self._settings.only),), start, end
            )
        except PrometheusError as error:
            raise ServerSilentError(str(error)) from error
        found: dict[Key, list[Row]] = defaultdict(list)
        for one in labels:
            found[key_of(one)].append(Row(one, (), ()))
        useful = {key: rows for key, rows in found.items() if any(row.labels.get("__name__") in names for row in rows)}
        while len(self._known) >= 64:
            self._known.pop(next(iter(self._known)))
        self._known[asked] = (self._clock.monotonic(), useful)
        return useful

    async def _where(self, key: Key, rows: Sequence[Row], metric: str, end: float) -> Place:
        """A target with how often it is scraped."""
        have = {row.labels.get("__name__", "") for row in rows}
        mine = sorted(have & inputs_of(metric).names)
        identities = sorted(have & identity_names(metric))
        interval_s = await self._interval(key, next(n for n in (*mine, *identities, "up") if n not in SUMMED), end)
        flags = sorted(have & flag_names())
        labels = tuple(sorted(rows[0].labels.items()))
        return Place(key.job, key.instance, interval_s, (*mine, *flags), tuple(identities), labels)

    async def _interval(self, key: Key, name: str, end: float) -> float:
        selector = f"{name}{{{of_target(key, self._settings.only)}}}[10m]"
        try:
            answer = await self._server.instant(selector, end)
        except PrometheusError as error:
            raise ServerSilentError(str(error)) from error
        return next((gap for row in answer.rows if (gap := interval_of(row.times))), UNKNOWN_INTERVAL_S)

    def _knows(self, key: Key, rows: Sequence[Row], subject: Subject) -> bool:
        """Whether a target speaks of a subject, as far as labels tell."""
        layout = self._layout(key, rows)
        if subject.kind == "service":
            source, _, model = subject.key.rpartition("#")
            return source.partition(" (")[0] == key.instance and any(one.model == model for one in layout.services)
        if subject.kind == "gpu" and not subject.node:
            wanted = uuid_key(subject.key)
            return any(uuid_key(gpu.uuid) == wanted for node in layout.nodes for gpu in node.gpus or ())
        return any(_is(node.name, subject.node) or node.host == subject.node for node in layout.nodes)

    def _layout(self, key: Key, rows: Sequence[Row]) -> Layout:
        return layout_of(rows, *_names(key, rows[0].labels, self._settings.node_label))

    async def _samples(self, place: Place, metric: Metric, grain: int, start: float, end: float) -> tuple[Piece, ...]:
        del grain
        only = of_target(Key(place.job, place.instance), self._settings.only)
        lead_s = LEAD_S if inputs_of(metric.key).is_grown else 0.0
        plain = [name for name in place.names if name not in SUMMED]
        at, span_s = end - 0.001, end - start + lead_s
        asked = [self._server.instant(f"{names_selector(plain, only)}[{round(span_s)}s]", at)] if plain else []
        sums = [name for name in place.names if name in SUMMED]
        step_s = max(SUM_STEP_S, round(place.interval_s))
        for name in sums:  # each sum of one scrape: a sample that is older than the step is not held on to
            newest = f"last_over_time({name}{{{only}}}[{step_s * 999}ms])"
            total = f"sum without ({SUMMED[name]}) ({newest})"
            asked.append(self._server.instant(f"{total}[{round(span_s)}s:{step_s}s]", at))
        identities = self._identities(place, only, at, span_s)
        who, answers = await asyncio.gather(identities, asyncio.gather(*asked))
        rows = list(answers[0].rows) if plain else []
        for name, one in zip(sums, answers[len(answers) - len(sums) :], strict=True):
            rows += [replace(row, labels={**row.labels, "__name__": name}) for row in one.rows]
        found = await turns.in_thread(self._read, place, rows, who, metric, Span(start, end))
        return tuple(
            Piece(one.subject, one.uuid, _rank(one), one.times, one.values, one.values, one.values)
            for one in found
            if one.times
        )

    async def _identities(self, place: Place, only: str, at: float, span_s: float) -> Sequence[Row]:
        if not place.identities:
            return ()
        selector = names_selector(place.identities, only)
        return (await self._server.instant(f"last_over_time({selector}[{round(span_s)}s])", at)).rows

    def _read(
        self, place: Place, rows: Sequence[Row], identities: Sequence[Row], metric: Metric, wanted: Span
    ) -> list[Read]:
        node, host = _names(Key(place.job, place.instance), dict(place.labels), self._settings.node_label)
        return read_rows(rows, identities, metric, (place.instance, node, host), wanted)

    async def _spans(self, place: Place, metric: Metric, grain: int, start: float, end: float) -> tuple[Piece, ...]:
        """Spans of a minute or a quarter: their means, lows and highs, as the server folds them."""
        only = of_target(Key(place.job, place.instance), self._settings.only)
        is_grown = inputs_of(metric.key).is_grown
        folds = ("last",) if is_grown else ("avg", "min", "max")
        identities = self._identities(place, only, end - 0.001, end - start)
        folded = (self._folded(place, fold, only, grain, start, end) for fold in folds)
        who, answers = await asyncio.gather(identities, asyncio.gather(*folded))
        reads = [await turns.in_thread(self._read, place, rows, who, metric, Span(start, math.inf)) for rows in answers]
        first, low, high = reads[0], reads[-1 if is_grown else 1], reads[-1]
        lows, highs = ({one.subject: one.values for one in some} for some in (low, high))
        made = []
        for one in first:
            low_values, high_values = lows.get(one.subject, ()), highs.get(one.subject, ())
            if len(low_values) != len(one.values) or len(high_values) != len(one.values):
                low_values = high_values = one.values
            times = [at - grain for at in one.times]
            made.append(Piece(one.subject, one.uuid, _rank(one), times, one.values, low_values, high_values))
        return tuple(made)

    async def _folded(self, place: Place, fold: str, only: str, grain: int, start: float, end: float) -> Sequence[Row]:
        """Every name of a target, folded by the server into spans; at the time at which each span ends."""
        first = start + grain - (grain if fold == "last" else 0)
        asked = []
        for name in (one for one in place.names if one not in flag_names()):
            function = "last" if fold == "last" or is_counter(name) else fold
            inner = f"{function}_over_time({name}{{{only}}}[{grain}s])"
            query = f"sum without ({SUMMED[name]}) ({inner})" if name in SUMMED else inner
            asked.append(self._server.range(query, first - 0.001, end + grain - 0.001, grain))
        answers = await asyncio.gather(*asked)
        rows = []
        for name, one in zip((name for name in place.names if name not in flag_names()), answers, strict=True):
            for row in one.rows:
                times = [float(round(at)) for at in row.times]
                rows.append(Row({**row.labels, "__name__": name}, times, row.values))
        return rows


def _of_fleet(metric: Metric) -> frozenset[str]:
    return inputs_of(metric.key).names or inputs_of("gpu.utilization").names


def _names(key: Key, labels: Mapping[str, str], node_label: str) -> tuple[str | None, str | None]:
    """The node a target is said to be on, and its host: as `app.sources.prometheus` has them."""
    host = host_of(key.instance)
    return labels.get(node_label) or None, key.instance if is_loopback(host) else host


def _is(name: str, wanted: str) -> bool:
    return name == wanted or same_node(name, wanted)


def _rank(read: Read) -> int:
    return RANKS.get(read.flavour, 40)


def _readings(seen: Sequence[Seen], node_label: str) -> list[tuple[SourceSpec, Reading]]:
    """Every target's page as a reading; one that cannot be read is left out, as it would be a failed look."""
    found = []
    for one in seen:
        target = target_of(one.key, one, node_label)
        host = host_of(one.key.instance)
        page = Page(target.node or None, target.name if is_loopback(host) else host)
        spec = SourceSpec(target.name, "prometheus", target.url, one.interval_s or 60.0, target.node or None)
        contents: PageContents | None = None
        try:
            for each in one.pages:
                contents = with_rates(contents, page.read(each.body, each.at))
        except PageError:
            continue
        if contents is not None:
            found.append(
                (
                    spec,
                    Reading(
                        spec.name,
                        contents.at,
                        0.0,
                        None,
                        contents.nodes,
                        contents.services,
                        contents.health,
                        contents.simulated,
                    ),
                )
            )
    return found
