"""Leaves a finished store as one small file: everything sealed, no log beside it, no free pages within.

For a recording that nobody writes any more: it can be read where nothing can be written.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from app.store.lease import Lease
from app.store.levels import Windows
from app.store.sealing import drop_sealed_rows, last_of_window, seal


def settle(path: Path, windows: Windows | None = None) -> None:
    """Seal and pack a store that is closed. Raises sqlite3.Error or OSError."""
    span = windows or Windows()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        while (last := last_of_window(db, span)) is not None:
            _seal(db, span, last)
        newest = db.execute("SELECT max(id) FROM tick").fetchone()[0]
        if newest is not None:  # its window is not over, but nothing will follow
            _seal(db, span, int(newest))
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("VACUUM")
    Lease.lock_of(path).unlink(missing_ok=True)


def _seal(db: sqlite3.Connection, windows: Windows, last: int) -> None:
    for _ in seal(db, windows, last):
        pass
    for _ in drop_sealed_rows(db):
        pass
