"""Events, moments, and how the store is doing: the small questions. Runs on a reader's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from app.domain.frozen import frozen
from app.domain.naming import uuid_key
from app.domain.series import Event, Subject
from app.store.chunks import state_value, tally
from app.store.levels import MINUTE, QUARTER, RAW

MOMENTS = 300
"""Most moments that are named at once."""


@frozen
class Contents:
    """What a store holds."""

    samples: int
    oldest: float | None
    """Epoch seconds of the oldest raw sample."""


def events(db: sqlite3.Connection, start: float, end: float, subject: Subject | None, limit: int) -> Sequence[Event]:
    """The newest `limit` events within start…end, oldest first: of all, of a node and its GPUs, or of one subject."""
    where, given = _of(db, subject)
    rows = db.execute(
        "SELECT at, kind, severity, subject, node, idx, key, text FROM event"  # noqa: S608 - conditions of `_of` alone
        f" WHERE at >= ? AND at <= ? AND {where} ORDER BY at DESC, id DESC LIMIT ?",
        (start, end, *given, max(0, limit)),
    ).fetchall()
    return tuple(
        Event(at, kind, severity, Subject(of, node, None if index < 0 else index, key), text)
        for at, kind, severity, of, node, index, key, text in reversed(rows)
    )


def _of(db: sqlite3.Connection, subject: Subject | None) -> tuple[str, tuple[str | int, ...]]:
    if subject is None or subject.kind == "fleet":
        return "1", ()
    if subject.kind == "node":
        return "node = ?", (subject.node,)
    if subject.kind == "gpu" and not subject.node:
        place = db.execute(
            "SELECT node, idx FROM track WHERE uuid = ? AND uuid <> '' ORDER BY last_seen DESC LIMIT 1",
            (uuid_key(subject.key) or "",),
        ).fetchone()
        subject = Subject("gpu", node=place[0], index=place[1]) if place else subject
    index = -1 if subject.index is None else subject.index
    if subject.kind == "gpu":
        return "node = ? AND idx = ?", (subject.node, index)
    return "subject = ? AND node = ? AND idx = ? AND key = ?", (subject.kind, subject.node, index, subject.key)


def moments(db: sqlite3.Connection, start: float, end: float) -> tuple[float, ...]:
    """Times of ticks within start…end, newest last, evenly thinned to a few hundred; the newest one always."""
    span = (round(start * 1000), round(end * 1000))
    count = db.execute("SELECT count(*) FROM tick WHERE at >= ? AND at <= ?", span).fetchone()[0]
    every = max(1, -(-count // MOMENTS))
    rows = db.execute("SELECT at FROM tick WHERE at >= ? AND at <= ? ORDER BY at DESC", span)
    return tuple(at / 1000 for place, (at,) in enumerate(rows) if place % every == 0)[::-1]


def contents(db: sqlite3.Connection) -> Contents:
    """How much there is, and since when."""
    sealed = state_value(db, "sealed")
    recent, first = db.execute("SELECT coalesce(sum(samples), 0), min(at) FROM tick WHERE id > ?", (sealed,)).fetchone()
    chunk = db.execute("SELECT min(start) FROM chunk WHERE level = ?", (RAW,)).fetchone()[0]
    oldest = min((at for at in (first, chunk) if at is not None), default=None)
    kept = sum(state_value(db, tally(level)) for level in (RAW, MINUTE, QUARTER))
    return Contents(kept + recent, None if oldest is None else oldest / 1000)
