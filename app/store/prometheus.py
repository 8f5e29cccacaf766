"""`History` out of a Prometheus-compatible server: the same questions, the same answers, for as far back as it keeps.

What series mean is told by a `Past` (`app.store.prometheus_span`), fetched in aligned pieces that are remembered; here
they are folded into spans as SQLite's levels are. The server keeps only numbers and its own alerts: no Slurm jobs, no
events of this program's, and nothing can be written to it. Where there is a local store too, both answer as one
(`app.store.joined`).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from app.domain.apply import apply
from app.domain.metric import Metric
from app.domain.metrics import by_key
from app.domain.naming import same_node, uuid_key
from app.domain.past import Piece, Place, ServerSilentError
from app.domain.series import Columns, Event, Series, Subject, span_for
from app.domain.snapshot import Snapshot
from app.store.answers import HOLD_INTERVALS
from app.store.history import StoreHealth, Tick
from app.store.prometheus_lines import Spans, grid_of, line_of_pieces, raw_columns
from app.store.prometheus_span import (
    FRESH_S,
    LATE_S,
    MOST_PIECES,
    Grain,
    Past,
    cuts,
    grain_of,
)
from app.store.spans import Line, first_known, fold_lines
from app.store.view import Remembered

if TYPE_CHECKING:
    from app.domain.slurm import SlurmJob

MOST_MOMENTS = 300
FLEET_STEP_S = 15.0
"""Between two folds of the fleet where they are not given by spans."""
Asked = tuple[Place | None, str, Grain, float, float, float]


class PrometheusHistory:
    """A `History` that a server keeps; nothing is written."""

    def __init__(
        self, past: Past, name: str, now: Callable[[], float], close: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """`name`: the server's address for people; `now` gives epoch seconds; `close` gives back its connections."""
        self._close = close
        self._past = past
        self._name = name
        self._now = now
        self._pieces: Remembered[Asked, tuple[float, tuple[Piece, ...]]] = Remembered(MOST_PIECES)
        self._trouble = ""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """One metric of one subject; see `History.series`. Raises LookupError with a sentence for a person."""
        row = by_key().get(metric)
        if row is None:
            raise LookupError(f"no metric is called {metric!r}")
        if subject.kind == "job":
            raise LookupError(f"what {subject} did is in this program's own history only, not in {self._name}")
        end = max(start, end)
        grain, step_s = grain_of(max(0.0, step_s), start, end)
        try:
            if subject.kind == "fleet":
                return await self._fleet(row, start, end, grain, max(step_s, FLEET_STEP_S))
            members = await self._members(subject, row, grain, start, end)
        except ServerSilentError as error:
            self._trouble = str(error)
            raise
        self._trouble = ""
        groups = _by_subject(subject, row, members)
        interval_s = max((place.interval_s for place, _ in members), default=60.0)
        if step_s == 0 and len(groups) <= 1:
            ranked = [pieces for one in groups.values() for _, pieces in one] or [[]]
            points = raw_columns(ranked, interval_s, row.quantum, start, end)
            return Series(subject, row.key, row.unit, start, end, 0.0, points)
        grid = grid_of(start, end, step_s or interval_s)
        lines = [
            first_known([line_of_pieces(pieces, row, grid, grain, hold_s) for hold_s, pieces in ranked])
            for ranked in groups.values()
        ]
        nothing = Line([None] * grid[1], [None] * grid[1], [None] * grid[1])
        return _series(subject, row, grid, fold_lines(lines, row.fold) if lines else nothing)

    async def at(self, when: float) -> Snapshot | None:
        """The picture as it stood at `when`; None when the server had nothing near that time, or gives nothing."""
        try:
            readings = await self._past.readings(when)
        except ServerSilentError as error:
            self._trouble = str(error)
            return None
        if not readings:
            return None
        snapshot = Snapshot()
        for number, (spec, reading) in enumerate(readings):
            snapshot = apply(snapshot, spec, reading).snapshot
            if number % 16 == 15:
                await asyncio.sleep(0)  # a screen waits for this loop
        return snapshot

    async def last(self, since: float) -> Snapshot | None:
        """None: a new start learns from the server's own present what there is."""
        del since
        return None

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """Times within start…end at which the server had something: at most 300, newest last."""
        end = min(end, self._now())
        step_s = max(1.0, (end - start) / MOST_MOMENTS, span_for(start, end, MOST_MOMENTS))
        try:
            found = await self._past.moments(start, end, step_s) if end > start else ()
        except ServerSilentError as error:
            self._trouble = str(error)
            return ()
        return tuple(found)[-MOST_MOMENTS:]

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """The newest `limit` of the server's own alerts that began or ended within start…end, oldest first."""
        try:
            found = await self._past.events(start, min(end, self._now()))
        except ServerSilentError as error:
            self._trouble = str(error)
            return ()
        return [one for one in found if subject is None or one.subject == subject][-limit:]

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """None: a Prometheus server knows no jobs."""
        del start, end, limit
        return ()

    async def write(self, tick: Tick) -> None:
        """Nothing: the server scrapes for itself."""

    async def try_lease(self) -> bool:
        """Never: nothing is written there."""
        return False

    async def put_notes(self, notes: Mapping[str, str | None]) -> bool:
        """Never: nothing is written there."""
        del notes
        return False

    async def notes(self, begins: str) -> Mapping[str, str]:
        """None: nothing is written there."""
        del begins
        return {}

    async def health(self) -> StoreHealth:
        """How asking went the last time."""
        state, text = ("failed", self._trouble) if self._trouble else ("read-only", f"read from {self._name}")
        return StoreHealth(state, text, path=self._name, size_bytes=0, samples=0, oldest=None)

    async def close(self) -> None:
        """Give back the server's connections."""
        if self._close is not None:
            await self._close()

    async def _members(
        self, subject: Subject, row: Metric, grain: Grain, start: float, end: float
    ) -> list[tuple[Place, list[Piece]]]:
        """Every target that knows of the subject, with the pieces of all its subjects."""
        places = await self._past.places(subject, row, start, end)
        wanted = [(place, *cut) for place in places for cut in cuts(start - 2 * place.interval_s, end, grain)]
        found = await asyncio.gather(*(self._piece(place, row, grain, *cut) for place, *cut in wanted))
        by_place: dict[Place, list[Piece]] = defaultdict(list)
        for (place, *_), pieces in zip(wanted, found, strict=True):
            by_place[place].extend(pieces)
        return list(by_place.items())

    async def _piece(self, place: Place, row: Metric, grain: Grain, start: float, end: float) -> tuple[Piece, ...]:
        """One piece, remembered if it was fetched before: for good once it is complete."""
        key: Asked = (place, row.key, grain, 0.0, start, end)
        return await self._remembered(key, partial(self._past.pieces, place, row, grain, start, end))

    async def _remembered(self, key: Asked, fetch: Callable[[], Awaitable[tuple[Piece, ...]]]) -> tuple[Piece, ...]:
        now, known = self._now(), self._pieces.get(key)
        if known is not None and (known[0] >= key[-1] + LATE_S or now - known[0] < FRESH_S):
            return known[1]
        found = await fetch()
        self._pieces.put(key, (now, found))
        return found

    async def _fleet(self, row: Metric, start: float, end: float, grain: Grain, step_s: float) -> Series:
        """The fleet's fold, reckoned by the server at every step."""
        fetch_s = float(grain) or max(FLEET_STEP_S, step_s if step_s < 60 else FLEET_STEP_S)
        pieces: list[Piece] = []
        for begin, stop in cuts(start, end, grain):
            key: Asked = (None, row.key, grain, fetch_s, begin, stop)
            pieces += await self._remembered(key, partial(self._past.fleet, row, grain, fetch_s, begin, stop))
        grid = grid_of(start, end, step_s)
        return _series(Subject("fleet"), row, grid, line_of_pieces(pieces, row, grid, 0, 0.0))


def _series(subject: Subject, row: Metric, grid: Spans, line: Line) -> Series:
    first, count, step_s = grid
    times = [(first + place) * step_s for place in range(count)]
    return Series(
        subject,
        row.key,
        row.unit,
        first * step_s,
        (first + count) * step_s,
        step_s,
        Columns(times, line.means, line.lows, line.highs),
    )


def _by_subject(
    subject: Subject, row: Metric, members: Sequence[tuple[Place, list[Piece]]]
) -> dict[Subject, list[tuple[float, list[Piece]]]]:
    """For each subject asked for its pieces, by target, best rank first, with how long a sample holds there.

    Of a node that is asked for its GPUs' metric, each GPU; else the one.
    """
    over_gpus = subject.kind == "node" and row.scope == "gpu"
    found: dict[Subject, dict[tuple[int, int], tuple[float, list[Piece]]]] = defaultdict(dict)
    for number, (place, pieces) in enumerate(members):
        for piece in pieces:
            if not _fits(subject, piece, over_gpus=over_gpus):
                continue
            key = Subject("gpu", index=piece.subject.index) if over_gpus else subject
            hold_s = HOLD_INTERVALS * place.interval_s
            found[key].setdefault((piece.rank, number), (hold_s, []))[1].append(piece)
    return {key: [by_rank[rank] for rank in sorted(by_rank)] for key, by_rank in found.items()}


def _fits(wanted: Subject, piece: Piece, *, over_gpus: bool) -> bool:
    has = piece.subject
    if over_gpus:
        return has.kind == "gpu" and _same(has.node, wanted.node)
    if wanted.kind == "service":
        source, _, model = wanted.key.rpartition("#")
        return has == replace(wanted, key=f"{source.partition(' (')[0]}#{model}")
    if wanted.kind == "gpu" and not wanted.node:
        return has.kind == "gpu" and uuid_key(piece.uuid) == uuid_key(wanted.key)
    is_place = has.kind == wanted.kind and _same(has.node, wanted.node) and has.key == wanted.key
    return is_place and (has.index == wanted.index or wanted.index is None)


def _same(name: str, wanted: str) -> bool:
    return name == wanted or same_node(name, wanted)
