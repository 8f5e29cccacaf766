"""Tracks and shelves: where each value of a tick has its place. The writer's own memory of it, mirrored in the store.

A track is one subject as one source sees it. Up to sixteen tracks of one source stand on a shelf, and a tick keeps one
row a shelf: whole numbers, one for each field (track and metric) the shelf has ever had, in the order they came. Fields
are only ever added, so a field's place in a row never changes, and an exporter whose metrics come and go costs a few
empty places, not a new layout each time.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import repeat
from operator import mul, truediv

from app.domain.metrics import by_key
from app.domain.naming import uuid_key
from app.domain.series import Subject
from app.store.scale import ABSENT, scale_of

SLOTS = 16
"""Tracks a shelf holds: enough for a node's GPUs, few enough that reading one of them unpacks little else."""
SHELF_LIMIT = 1 << 18
"""Shelves a store can number (4 million tracks); beyond it new subjects are not kept."""
_LARGEST_INDEX = 1 << 31
PULSE_QUANTA = {"source.lag": 0.001, "source.duration": 0.001, "source.failures": 1.0, "source.missed": 1.0}
"""How a source itself is doing, kept like any other track (kind `source`) but in no catalogue."""


def storable(text: str) -> str:
    """Text that SQLite takes: what is no Unicode (half a surrogate pair, out of a broken page) becomes `?`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def quantum_of(key: str) -> float | None:
    """The quantum of a metric; None for a key nobody knows, whose values are not kept."""
    metric = by_key().get(key)
    return metric.quantum if metric else PULSE_QUANTA.get(key)


@dataclass(slots=True)
class Shelf:
    """One row's worth of tracks."""

    id: int
    source: str
    tracks: int = 0
    width: int = 0
    """Fields, that is numbers in a row."""


@dataclass(slots=True)
class Plan:
    """Where the values of one set of keys go, and the factors that turn them into quanta."""

    keys: tuple[str, ...]
    kept: tuple[str, ...]
    places: tuple[int, ...]
    first: int | None
    """The first place where all stand side by side and every key is kept; else None."""
    times: tuple[float, ...]
    over: tuple[float, ...]


@dataclass(slots=True)
class Track:
    """One subject as one source sees it."""

    id: int
    shelf: Shelf
    slot: int
    interval_s: float
    rank: int
    fields: dict[str, int] = field(default_factory=dict)
    """Place in the shelf's rows by metric key."""
    plan: Plan | None = None


TrackKey = tuple[str, str, int, str, str, str]
"""kind, node, index (-1: none), key, source, UUID in its comparable form (empty: not known)."""


class Registry:
    """Every track and shelf of a store; used on the writer's thread, inside its transactions."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.refused = 0
        self.has_news = False
        """Something was written to the store since the tick began."""
        self._metrics: dict[tuple[str, float], int] = {
            (key, quantum): number for number, key, quantum in db.execute("SELECT id, key, quantum FROM metric")
        }
        self.shelves = {one: Shelf(one, source) for one, source in db.execute("SELECT id, source FROM shelf")}
        self._open: dict[str, Shelf] = {}
        self._tracks: dict[TrackKey, Track] = {}
        self._load()

    def _load(self) -> None:
        names = {number: key for (key, quantum), number in self._metrics.items() if quantum_of(key) == quantum}
        by_slot: dict[tuple[int, int], Track] = {}
        rows = self._db.execute(
            "SELECT id, kind, node, idx, key, source, uuid, interval_s, rank, shelf, slot FROM track"
        )
        for one, kind, node, index, key, source, uuid, interval_s, rank, shelf_id, slot in rows:
            shelf = self.shelves[shelf_id]
            shelf.tracks = max(shelf.tracks, slot + 1)
            track = Track(one, shelf, slot, interval_s, rank)
            self._tracks[kind, node, index, key, source, uuid] = by_slot[shelf_id, slot] = track
            if shelf.tracks < SLOTS:
                self._open[source] = shelf
        for shelf_id, place, slot, metric in self._db.execute("SELECT shelf, place, slot, metric FROM field"):
            shelf = self.shelves[shelf_id]
            shelf.width = max(shelf.width, place + 1)
            if metric in names and (shelf_id, slot) in by_slot:
                by_slot[shelf_id, slot].fields[names[metric]] = place

    def begin(self) -> None:
        """Begin a tick."""
        self.has_news = False

    def track(
        self, subject: Subject, source: str, uuid: str | None, interval_s: float, rank: int, at: float
    ) -> Track | None:
        """The track of a subject and source, made if it is new; None when there is no room for another."""
        index = -1 if subject.index is None else subject.index
        if not -1 <= index <= _LARGEST_INDEX:
            return None
        place = (subject.kind, storable(subject.node), index, storable(subject.key), storable(source))
        known = storable(uuid_key(uuid) or "")
        track = self._tracks.get((*place, known))
        if track is None and known and (*place, "") in self._tracks:
            track = self._tracks[*place, known] = self._tracks.pop((*place, ""))
            self._write("UPDATE track SET uuid = ? WHERE id = ?", (known, track.id))
        if track is None:
            track = self._make((*place, known), interval_s, rank, at)
        elif track.interval_s != interval_s or track.rank != rank:
            track.interval_s, track.rank = interval_s, rank
            self._write("UPDATE track SET interval_s = ?, rank = ? WHERE id = ?", (interval_s, rank, track.id))
        return track

    def _make(self, key: TrackKey, interval_s: float, rank: int, at: float) -> Track | None:
        source = key[4]
        shelf = self._open.get(source)
        if shelf is None or shelf.tracks >= SLOTS:
            if len(self.shelves) >= SHELF_LIMIT:
                self.refused += 1
                return None
            made = self._write("INSERT INTO shelf (source) VALUES (?)", (source,))
            shelf = self._open[source] = Shelf(made.lastrowid or 0, source)
            self.shelves[shelf.id] = shelf
        slot = shelf.tracks
        shelf.tracks += 1
        kind, node, index, name, _, uuid = key
        row = (kind, node, index, name, uuid, source, interval_s, rank, shelf.id, slot, at)
        made = self._write(
            "INSERT INTO track (kind, node, idx, key, uuid, source, interval_s, rank, shelf, slot, last_seen)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        track = self._tracks[key] = Track(made.lastrowid or 0, shelf, slot, interval_s, rank)
        return track

    def put(self, track: Track, values: Mapping[str, float], row: list[int]) -> int:
        """Write a track's values into its places of a row; says how many were kept."""
        keys = tuple(values)
        plan = track.plan
        if plan is None or plan.keys != keys:
            plan = track.plan = self._plan(track, keys)
        if len(row) < track.shelf.width:
            row.extend(repeat(ABSENT, track.shelf.width - len(row)))
        wanted = values.values() if len(plan.kept) == len(keys) else [values[key] for key in plan.kept]
        try:
            # float's own, since `round` looks it up at each number, which takes as long again.
            counts = list(map(float.__round__, map(truediv, map(mul, wanted, plan.times), plan.over)))
            array("q", counts)  # each fits 64 bits, or this raises
        except (ValueError, OverflowError):
            found = (scale_of(quantum_of(key) or 1.0).count(values[key]) for key in plan.kept)
            counts = [ABSENT if count is None else count for count in found]
        if plan.first is not None:
            row[plan.first : plan.first + len(counts)] = counts
        else:
            for place, count in zip(plan.places, counts, strict=True):
                row[place] = count
        return len(counts) - counts.count(ABSENT)

    def _plan(self, track: Track, keys: tuple[str, ...]) -> Plan:
        kept = tuple(key for key in keys if quantum_of(key) is not None)
        places = tuple(self._place(track, key) for key in kept)
        scales = [scale_of(quantum_of(key) or 1.0) for key in kept]
        side_by_side = bool(places) and places == tuple(range(places[0], places[0] + len(places)))
        return Plan(
            keys,
            kept,
            places,
            places[0] if side_by_side else None,
            tuple(scale.times for scale in scales),
            tuple(scale.over for scale in scales),
        )

    def _place(self, track: Track, key: str) -> int:
        if key not in track.fields:
            place = track.fields[key] = track.shelf.width
            track.shelf.width += 1
            row = (track.shelf.id, place, track.slot, self._metric(key))
            self._write("INSERT INTO field (shelf, place, slot, metric) VALUES (?, ?, ?, ?)", row)
        return track.fields[key]

    def _metric(self, key: str) -> int:
        """The number of a metric at its present quantum; a changed quantum gets a number of its own."""
        named = (key, quantum_of(key) or 1.0)
        if named not in self._metrics:
            made = self._write("INSERT INTO metric (key, quantum) VALUES (?, ?)", named)
            self._metrics[named] = made.lastrowid or 0
        return self._metrics[named]

    def _write(self, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        self.has_news = True
        return self._db.execute(statement, values)
