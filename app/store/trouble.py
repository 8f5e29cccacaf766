"""What can be wrong with a store's file, and what becomes of one that is damaged: moved aside, never deleted."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Trouble = Literal["full", "locked", "corrupt", "failed"]

_KINDS: dict[int, Trouble] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
}
_COMPANIONS = ("", "-wal", "-shm")


def trouble_of(error: sqlite3.Error) -> Trouble:
    """Sort an error of SQLite's; the low byte of its code is the kind, the rest the circumstance."""
    code = getattr(error, "sqlite_errorcode", None)
    return _KINDS.get(code & 0xFF, "failed") if isinstance(code, int) else "failed"


def set_aside(path: Path, now: float) -> Path:
    """Move a damaged store out of the way, its log with it, and say where it went. Raises OSError."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    for companion in _COMPANIONS:
        part = path.with_name(path.name + companion)
        if part.exists():
            part.rename(aside.with_name(aside.name + companion))
    return aside
