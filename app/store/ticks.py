"""Keeping one tick: its values as recent rows, its events, and what its picture has new.

Runs on the writer's thread, inside one transaction. A tick is one row a shelf, appended to the end of the file: a
fleet of 1,024 GPUs is about 128 rows, whichever of them the tick brought news of.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from itertools import repeat
from math import isfinite

from app.domain.series import Subject
from app.domain.snapshot import Snapshot, SourceState
from app.store.history import Tick
from app.store.parts import PictureBook
from app.store.recent import ROWS_OF_SHELF, first_id
from app.store.rows import pack_row
from app.store.scale import ABSENT
from app.store.shelves import Registry, Track, storable

PULSE = "pulse"
"""Source of the tracks that say how sources are doing."""


class Rows:
    """The rows of a tick."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int], list[int]] = {}
        """Under (shelf, time in ms)."""

    def row(self, track: Track, at: float) -> list[int]:
        """The row that values of a track, taken at a time, belong in."""
        place = (track.shelf.id, round(at * 1000))
        if place not in self._rows:
            self._rows[place] = list(repeat(ABSENT, track.shelf.width))
        return self._rows[place]

    def numbered(self, tick: int) -> Iterable[tuple[int, int, int, bytes]]:
        """Packed, with their ids: the newest of each shelf where there are more than a tick can number."""
        by_shelf: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
        for (shelf, at), row in sorted(self._rows.items()):
            by_shelf[shelf].append((at, row))
        for shelf, timed in by_shelf.items():
            for number, (at, row) in enumerate(timed[-ROWS_OF_SHELF:], first_id(tick, shelf)):
                yield number, at, *pack_row(row)


def keep(db: sqlite3.Connection, registry: Registry, book: PictureBook, tick: Tick, number: int, reach_s: float) -> int:
    """Write a tick under its number; says how many values were kept. The caller owns the transaction.

    Values taken more than `reach_s` before or after the tick are not kept: they belong to no window near it.
    """
    rows = Rows()
    samples = 0
    for change in tick.changes:
        layer = change.layer
        if not abs(layer.at - tick.at) <= reach_s:  # NaN is not within reach either
            continue
        track = registry.track(change.subject, layer.source, change.uuid, layer.interval_s, layer.rank, tick.at)
        if track is None:
            continue
        samples += registry.put(track, layer.values, rows.row(track, layer.at))
    if tick.snapshot is not None:
        _pulses(registry, book, tick.at, tick.snapshot, rows)
        book.keep(db, tick.at, tick.snapshot)
    db.execute("INSERT INTO tick (id, at, samples) VALUES (?, ?, ?)", (number, round(tick.at * 1000), samples))
    db.executemany("INSERT INTO recent (id, at, large, body) VALUES (?, ?, ?, ?)", rows.numbered(number))
    keep_events(db, tick)
    return samples


def _pulses(registry: Registry, book: PictureBook, at: float, snapshot: Snapshot, rows: Rows) -> None:
    """How each source is doing, where it was looked at since the tick before; all under the tick's own time."""
    for state in snapshot.sources.values():
        if state.tried_at is None or book.has_seen(state):
            continue
        spec = state.spec
        track = registry.track(Subject("service", key=spec.name), PULSE, None, spec.interval_s, 0, at)
        if track is None:
            continue
        registry.put(track, _pulse(state, at), rows.row(track, at))


def _pulse(state: SourceState, at: float) -> dict[str, float]:
    """A source's state in numbers; what is not a number is in the picture's parts."""
    values = {"source.lag": at - (state.tried_at or at), "source.failures": float(state.failures)}
    if state.duration_s is not None:
        values["source.duration"] = state.duration_s
    values["source.missed"] = float(state.missed_slots)
    return values


def keep_events(db: sqlite3.Connection, tick: Tick) -> None:
    """Write a tick's events down; one whose time is none happened at the tick."""
    db.executemany(
        "INSERT INTO event (at, kind, severity, subject, node, idx, key, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                one.at if isfinite(one.at) else tick.at,
                one.kind,
                one.severity,
                one.subject.kind,
                storable(one.subject.node),
                -1 if one.subject.index is None else one.subject.index,
                storable(one.subject.key),
                storable(one.text),
            )
            for one in tick.events
        ],
    )
