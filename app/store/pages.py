"""Windows of a shelf, unpacked whole: what every track on it said, row by row. For `app.store.past`.

A sealed window is unpacked once and kept, so that stepping from moment to moment unpacks nothing.
"""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from app.domain.frozen import frozen
from app.store.blocks import Block, DamagedBlock
from app.store.chunks import TIMES, shelf_state
from app.store.levels import MINUTE, RAW, SPAN_S
from app.store.recent import columns_of, rows_between
from app.store.scale import ABSENT, Scale, scale_of
from app.store.shelves import SLOTS
from app.store.view import Remembered, View

PAGES_KEPT = 512
"""Unpacked windows kept: two of each shelf of some 2,000 GPUs; 0.2 MB each."""


@frozen
class Field:
    """A column of a shelf."""

    key: str
    scale: Scale
    parts: int
    """Parts of a quantum its counts are in: 1, or more for means."""
    counts: array[int]


@frozen
class Page:
    """A window of a shelf."""

    times: Sequence[int]
    """ms of each row."""
    lasts_ms: int
    """How long a row stands for: 0 for a sample, a minute for a mean."""
    fields: Mapping[int, Sequence[Field]]
    """By slot."""
    rows: Mapping[int, Sequence[int]]
    """Places of the rows in which a slot has any value."""

    def at(self, slot: int, when_ms: int) -> tuple[int, dict[str, float]] | None:
        """(time in ms, values) of a slot's last row not after a time."""
        rows = self.rows.get(slot)
        if not rows:
            return None
        place = bisect_right(rows, bisect_right(self.times, when_ms) - 1) - 1
        if place < 0:
            return None
        row = rows[place]
        values = {
            one.key: one.scale.value(one.counts[row], one.parts)
            for one in self.fields[slot]
            if one.counts[row] != ABSENT
        }
        return min(self.times[row] + self.lasts_ms, when_ms), values


def page_of(times: Sequence[int], lasts_ms: int, columns: Mapping[int, Sequence[Field]]) -> Page:
    """A page of columns by slot."""
    rows: dict[int, Sequence[int]] = {}
    for slot, fields in columns.items():
        if any(ABSENT not in one.counts for one in fields):
            rows[slot] = range(len(times))
        else:
            rows[slot] = [row for row in range(len(times)) if any(one.counts[row] != ABSENT for one in fields)]
    return Page(times, lasts_ms, columns, rows)


class Pages:
    """Reads windows of an open store, and remembers those that will not change."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._kept: Remembered[tuple[int, int, int], Page] = Remembered(PAGES_KEPT)

    def around(self, shelf: int, level: int, when_ms: int, reach_ms: int) -> Iterator[Page]:
        """The pages of a shelf that may hold its last rows before a time, newest first."""
        if level == RAW:
            recent = _recent_page(self.view.db, shelf, when_ms, reach_ms)
            if recent is not None:
                yield recent
        earliest = when_ms - reach_ms - 2000 * self.view.windows.of(level)
        starts = self.view.db.execute(
            "SELECT start FROM chunk WHERE shelf = ? AND level = ? AND metric = ? AND start <= ? AND start > ?"
            " ORDER BY start DESC",
            (shelf, level, TIMES, when_ms, earliest),
        ).fetchall()
        for (start,) in starts:
            yield self._sealed((shelf, level, start))

    def _sealed(self, place: tuple[int, int, int]) -> Page:
        page = self._kept.get(place)
        if page is None:
            page = _read(self.view, place)
            self._kept.put(place, page)
        return page


def _read(view: View, place: tuple[int, int, int]) -> Page:
    shelf, level, start = place
    rows = view.db.execute(
        "SELECT metric.key, metric.quantum, chunk.metric, chunk.body FROM chunk"
        " LEFT JOIN metric ON metric.id = chunk.metric WHERE shelf = ? AND level = ? AND start = ? AND chunk.metric IN"
        " (SELECT 0 UNION SELECT metric FROM field WHERE shelf = ?)",
        (shelf, level, start, shelf),
    )
    times: Sequence[int] = ()
    if level == MINUTE:
        times = range(start, start + view.windows.minute_s * 1000, SPAN_S[MINUTE] * 1000)
    columns: dict[int, list[Field]] = defaultdict(list)
    for key, quantum, metric, body in rows:
        try:
            block = Block(body)
        except DamagedBlock:
            continue
        if metric == TIMES:
            times = block.column(0) or times
            continue
        scale = scale_of(quantum)
        parts = 1 if level == RAW else scale.mean_parts
        for slot in block.tags:
            counts = block.column(slot)
            if slot < SLOTS and counts is not None:
                columns[slot].append(Field(key, scale, parts, array("q", counts)))
    fitting = {slot: [one for one in fields if len(one.counts) == len(times)] for slot, fields in columns.items()}
    return page_of(times, 0 if level == RAW else SPAN_S[MINUTE] * 1000, fitting)


def _recent_page(db: sqlite3.Connection, shelf: int, when_ms: int, reach_ms: int) -> Page | None:
    """The rows of a shelf around a time that no chunk holds yet; None when there are none."""
    rows = rows_between(db, shelf, shelf_state(db, shelf).sealed, when_ms - reach_ms, when_ms + reach_ms)
    if not rows:
        return None
    width, grid = columns_of(rows)
    columns: dict[int, list[Field]] = defaultdict(list)
    fields = db.execute(
        "SELECT place, slot, key, quantum FROM field JOIN metric ON metric.id = field.metric WHERE shelf = ?", (shelf,)
    )
    for place, slot, key, quantum in fields:
        if place < width:
            columns[slot].append(Field(key, scale_of(quantum), 1, grid[place::width]))
    return page_of([row[0] for row in rows], 0, columns)
