"""Retention: what is older than its level is kept goes, a little at a time, and the room is used again.

A generator like sealing. Nothing goes before what it was to become is made, and the reckoning is from the earliest of
the latest hundred ticks: a clock that is wrong for a moment throws nothing away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import pairwise

from app.store.chunks import add_to_state, state_value, tally
from app.store.jobs import drop_jobs
from app.store.levels import MINUTE, QUARTER, RAW, Retention, Windows
from app.store.rollup import made_until
from app.store.schema import transaction

_TRUSTED_TICKS = 100
_MINUTE_MS = 60_000
_SLICE = 64
"""Chunks, or pages, handled at once."""


def prune(db: sqlite3.Connection, retention: Retention, windows: Windows, sealed_until_s: float) -> Iterator[None]:
    """Delete what is past its time, on every level, given that `roll_up` is through up to a time."""
    now_ms = db.execute(
        "SELECT min(at) FROM (SELECT at FROM tick ORDER BY id DESC LIMIT ?)", (_TRUSTED_TICKS,)
    ).fetchone()[0]
    if now_ms is None:
        return
    now_s = now_ms / 1000
    raw_s = min(now_s - retention.raw_s, made_until(windows, MINUTE, sealed_until_s))
    minute_s = min(now_s - retention.minute_s, made_until(windows, QUARTER, sealed_until_s))
    for level, horizon_s in ((RAW, raw_s), (MINUTE, minute_s), (QUARTER, now_s - retention.quarter_s)):
        yield from _drop_chunks(db, level, round((horizon_s - windows.of(level)) * 1000))
    yield from _thin_ticks(db, round(raw_s * 1000))
    sealed = state_value(db, "sealed")
    yield from _repeat(
        db,
        "DELETE FROM tick WHERE id IN (SELECT id FROM tick WHERE at < ? AND id <= ? LIMIT 256)",
        (round(min(raw_s, minute_s) * 1000), sealed),
    )
    oldest_s = now_s - retention.longest_s
    yield from _repeat(db, "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < ? LIMIT 256)", (oldest_s,))
    yield from drop_jobs(db, oldest_s)
    yield from _drop_versions(db, now_s - max(retention.raw_s, retention.minute_s))
    yield from _drop_shelves(db, oldest_s)
    yield from _give_room_back(db)


def _repeat(db: sqlite3.Connection, statement: str, given: tuple[float, ...]) -> Iterator[None]:
    while db.execute(statement, given).rowcount:
        yield


def _drop_chunks(db: sqlite3.Connection, level: int, horizon_ms: int) -> Iterator[None]:
    while rows := db.execute(
        "SELECT id, samples FROM chunk WHERE level = ? AND start < ? ORDER BY start LIMIT ?",
        (level, horizon_ms, _SLICE),
    ).fetchall():
        with transaction(db):
            db.executemany("DELETE FROM chunk WHERE id = ?", [(row[0],) for row in rows])
            add_to_state(db, tally(level), -sum(row[1] for row in rows))
        yield


def _thin_ticks(db: sqlite3.Connection, horizon_ms: int) -> Iterator[None]:
    """Of ticks whose samples are gone, keep the first of each minute: moments to travel to."""
    horizon_ms = horizon_ms // _MINUTE_MS * _MINUTE_MS
    while True:
        rows = db.execute(
            "SELECT id, at FROM tick WHERE at >= ? AND at < ? AND id <= ? ORDER BY at LIMIT 256",
            (state_value(db, "thinned"), horizon_ms, state_value(db, "sealed")),
        ).fetchall()
        if not rows:
            return
        # Whole minutes only, so that the next slice need not know how this one ended.
        last = rows[-1][1] // _MINUTE_MS
        whole = [row for row in rows if row[1] // _MINUTE_MS < last] if len(rows) == 256 else rows
        until_ms = (whole or rows)[-1][1] // _MINUTE_MS * _MINUTE_MS + _MINUTE_MS
        gone = [(after[0],) for before, after in pairwise(rows) if before[1] // _MINUTE_MS == after[1] // _MINUTE_MS]
        with transaction(db):
            db.executemany("DELETE FROM tick WHERE id = ?", gone)
            db.execute("INSERT OR REPLACE INTO state (key, value) VALUES ('thinned', ?)", (until_ms,))
        yield


def _drop_versions(db: sqlite3.Connection, horizon_s: float) -> Iterator[None]:
    """Of the versions of a part before the horizon only the last one still says how it stood since."""
    for (part,) in db.execute("SELECT id FROM part").fetchall():
        last = db.execute("SELECT max(at) FROM version WHERE part = ? AND at <= ?", (part, horizon_s)).fetchone()[0]
        if last is not None and db.execute("DELETE FROM version WHERE part = ? AND at < ?", (part, last)).rowcount:
            yield


def _drop_shelves(db: sqlite3.Connection, horizon_s: float) -> Iterator[None]:
    """Forget shelves of which nothing is left and nobody has been seen for as long as anything is kept."""
    rows = db.execute("SELECT shelf FROM track GROUP BY shelf HAVING max(last_seen) < ?", (horizon_s,)).fetchall()
    for (shelf,) in rows:
        if db.execute("SELECT 1 FROM chunk WHERE shelf = ?", (shelf,)).fetchone():
            continue
        with transaction(db):
            db.execute("DELETE FROM field WHERE shelf = ?", (shelf,))
            db.execute("DELETE FROM track WHERE shelf = ?", (shelf,))
            db.execute("DELETE FROM shelf WHERE id = ?", (shelf,))
        yield


def _give_room_back(db: sqlite3.Connection) -> Iterator[None]:
    """Shorten the file when more than a quarter of it is free: retention was lowered, or many nodes left."""
    while True:
        free = db.execute("PRAGMA freelist_count").fetchone()[0]
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        if free * 4 < pages or free < 16 * _SLICE:
            return
        db.execute(f"PRAGMA incremental_vacuum({_SLICE})").fetchall()
        yield
