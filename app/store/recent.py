"""Recent rows: what ticks brought and no chunk holds yet. One row a shelf and time, appended in order of ticks.

A row's id is its tick, shelf and number, packed: what one shelf has had since a tick is one look-up a tick, without an
index that every tick would have to write in as many places as there are shelves.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from itertools import repeat

from app.store.rows import number_at, unpack_row
from app.store.scale import ABSENT

TICK_SHIFT, SHELF_SHIFT = 28, 10
ROWS_OF_SHELF = (1 << SHELF_SHIFT) - 1
"""Most rows of one shelf that a tick can number."""
_EVER_MS = 1 << 62
# NOT INDEXED: by their ids, of which only the unsealed ones are looked at, never by their times. 28 is TICK_SHIFT.
_ROWS = (
    "SELECT recent.at, recent.large, recent.body FROM tick NOT INDEXED CROSS JOIN recent"
    " ON recent.id BETWEEN (tick.id << 28) + ? AND (tick.id << 28) + ?"
    " WHERE tick.id > ? AND tick.id <= ? AND tick.at >= ? AND tick.at <= ? ORDER BY tick.id"
)

Row = tuple[int, int | None, bytes]
"""Time in ms, and numbers as `app.store.rows` packs them."""


def first_id(tick: int, shelf: int) -> int:
    """The id of a shelf's first row of a tick."""
    return (tick << TICK_SHIFT) + (shelf << SHELF_SHIFT)


def rows_up_to(db: sqlite3.Connection, shelf: int, after: int, last: int) -> list[Row]:
    """A shelf's rows of the ticks after one, up to another, in order of their times."""
    first = first_id(0, shelf)
    given = (first, first + ROWS_OF_SHELF, after, last, -_EVER_MS, _EVER_MS)
    return sorted(db.execute(_ROWS, given), key=lambda row: row[0])


def rows_between(db: sqlite3.Connection, shelf: int, after: int, since_ms: int, until_ms: int) -> list[Row]:
    """A shelf's rows of the ticks after one that came within a time, in order of their times."""
    first = first_id(0, shelf)
    given = (first, first + ROWS_OF_SHELF, after, _EVER_MS, since_ms, until_ms)
    return sorted(db.execute(_ROWS, given), key=lambda row: row[0])


def column_between(
    db: sqlite3.Connection, shelf: int, place: int, after: int, since_ms: int, until_ms: int
) -> tuple[list[float], list[int]]:
    """(epoch seconds, counts) of one place of those rows, in order of time; rows without a value are left out."""
    rows = rows_between(db, shelf, after, since_ms, until_ms)
    pairs = [(at / 1000, number_at(large, body, place)) for at, large, body in rows]
    pairs = [pair for pair in pairs if pair[1] != ABSENT]
    return [at for at, _ in pairs], [count for _, count in pairs]


def columns_of(rows: Sequence[Row]) -> tuple[int, array[int]]:
    """(width, grid) of rows: the column of a place is `grid[place::width]`; older rows are narrower, and filled up."""
    unpacked = [unpack_row(large, body) for _, large, body in rows]
    width = max(map(len, unpacked), default=0)
    grid = array("q")
    for row in unpacked:
        grid += row
        grid.extend(repeat(ABSENT, width - len(row)))
    return width, grid
