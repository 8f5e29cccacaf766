"""Sealing: the recent rows of a window that is over become chunks, one stream a metric and shelf.

Written as a generator that stops after every stream: the writer does a few between two ticks and goes on after the
next. A shelf's chunks and the mark that its rows are sealed are one transaction; a kill in between leaves either all
rows recent or all of them sealed, and reading both gives the same answer.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator
from itertools import groupby

from app.store.blocks import pack
from app.store.chunks import TIMES, add_to_state, shelf_state, state_value, tally
from app.store.levels import RAW, Windows
from app.store.recent import columns_of, first_id, rows_up_to
from app.store.scale import ABSENT
from app.store.schema import transaction

Stream = tuple[int, int, bytes]
"""(metric, samples, body)."""


def last_of_window(db: sqlite3.Connection, windows: Windows) -> int | None:
    """The last tick of the oldest unsealed window, once a tick of another window has come; else None."""
    first = db.execute(
        "SELECT id, at FROM tick WHERE id > ? ORDER BY id LIMIT 1", (state_value(db, "sealed"),)
    ).fetchone()
    if first is None:
        return None
    number, at = first
    window_ms = windows.raw_s * 1000
    begin = at // window_ms * window_ms
    after = db.execute(
        "SELECT id FROM tick WHERE id > ? AND (at < ? OR at >= ?) ORDER BY id LIMIT 1",
        (number, begin, begin + window_ms),
    ).fetchone()
    return None if after is None else int(after[0]) - 1


def seal(db: sqlite3.Connection, windows: Windows, last: int) -> Iterator[None]:
    """Seal every shelf's rows up to the tick `last`."""
    for (shelf,) in db.execute("SELECT id FROM shelf ORDER BY id").fetchall():
        yield from _seal_shelf(db, windows, shelf, last)
    db.execute("INSERT OR REPLACE INTO state (key, value) VALUES ('sealed', ?)", (last,))


def _seal_shelf(db: sqlite3.Connection, windows: Windows, shelf: int, last: int) -> Iterator[None]:
    sealed = shelf_state(db, shelf).sealed
    rows = rows_up_to(db, shelf, sealed, last)
    if not rows:
        return
    times = array("q", [row[0] for row in rows])
    streams: list[Stream] = [(TIMES, 0, pack(len(times), [(0, times)]))]
    width, grid = columns_of(rows)
    fields = db.execute("SELECT metric, slot, place FROM field WHERE shelf = ? ORDER BY metric, slot", (shelf,))
    for metric, group in groupby(fields.fetchall(), key=lambda row: int(row[0])):
        columns = [(slot, grid[place::width]) for _, slot, place in group if place < width]
        stream = _stream(metric, len(times), columns)
        if stream is not None:
            streams.append(stream)
            yield
    _write(db, windows, shelf, last, streams, times)
    yield


def _stream(metric: int, length: int, columns: list[tuple[int, array[int]]]) -> Stream | None:
    """The stream of one metric, of the tracks that have it; None when none has."""
    counted = [(length - column.count(ABSENT), slot, column) for slot, column in columns]
    present = [(slot, column) for count, slot, column in counted if count]
    return (metric, sum(count for count, _, _ in counted), pack(length, present)) if present else None


def _write(
    db: sqlite3.Connection, windows: Windows, shelf: int, last: int, streams: list[Stream], times: array[int]
) -> None:
    with transaction(db):
        start = times[0]
        # Two blocks of one shelf begin at the same millisecond only where the clock was set back to the very same.
        while db.execute(
            "SELECT 1 FROM chunk WHERE shelf = ? AND level = ? AND metric = ? AND start = ?", (shelf, RAW, TIMES, start)
        ).fetchone():
            start += 1
        db.executemany(
            "INSERT INTO chunk (shelf, level, metric, start, samples, body) VALUES (?, ?, ?, ?, ?, ?)",
            [(shelf, RAW, metric, start, samples, body) for metric, samples, body in streams],
        )
        add_to_state(db, tally(RAW), sum(samples for _, samples, _ in streams))
        again = start // (windows.minute_s * 1000) * windows.minute_s
        db.execute("UPDATE shelf SET sealed = ?, minutes = min(minutes, ?) WHERE id = ?", (last, again, shelf))
        db.execute("UPDATE track SET last_seen = ? WHERE shelf = ?", (times[-1] / 1000, shelf))


def drop_sealed_rows(db: sqlite3.Connection) -> Iterator[None]:
    """Delete recent rows that chunks hold by now, a few hundred at a time."""
    after = first_id(state_value(db, "sealed") + 1, 0)
    while db.execute(
        "DELETE FROM recent WHERE id IN (SELECT id FROM recent WHERE id < ? ORDER BY id LIMIT 256)", (after,)
    ).rowcount:
        yield
