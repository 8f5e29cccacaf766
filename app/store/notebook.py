"""Small texts under a key, each written at once and whole: what alerting must not lose between two ticks.

Runs on the writer's or a reader's thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import nullcontext

from app.store.schema import transaction


def put(db: sqlite3.Connection, notes: Mapping[str, str | None]) -> None:
    """Write notes down in one transaction; None strikes one out."""
    # One statement is a transaction by itself: to begin and end another around it would take as long again.
    with transaction(db) if len(notes) > 1 else nullcontext():
        for key, text in notes.items():
            if text is None:
                db.execute("DELETE FROM note WHERE key = ?", (key,))
            else:
                db.execute("INSERT OR REPLACE INTO note (key, body) VALUES (?, ?)", (key, text))


def read(db: sqlite3.Connection, begins: str) -> dict[str, str]:
    """Every note whose key begins so."""
    rows = db.execute("SELECT key, body FROM note WHERE substr(key, 1, ?) = ? ORDER BY key", (len(begins), begins))
    return {str(key): str(body) for key, body in rows}
