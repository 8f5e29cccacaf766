"""The file of conversations: its tables, and how it is opened. Runs on the store's thread.

A file of its own beside the history, in the person's state folder: conversations are one person's, are never pruned,
and several screens of that person write to it. `PRAGMA user_version` counts the steps that a file has taken; a step
that was released is never edited.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from app.store.reader import FileKey, file_key
from app.store.schema import NotUsable, transaction
from app.store.trouble import set_aside

APPLICATION_ID = 0x47505743
"""`GPWC`, in the file's header: this database is ours."""
BUSY_S = 3.0
"""How long a statement waits for another screen's: nobody looks at the store's thread meanwhile."""

_CHATS = (
    # words: all that is searched, in one case. owner: the process that keeps it while it is open (app.store.alive).
    """CREATE TABLE chat (id TEXT PRIMARY KEY, title TEXT NOT NULL, words TEXT NOT NULL, began REAL NOT NULL,
       changed REAL NOT NULL, user TEXT NOT NULL, model TEXT) WITHOUT ROWID""",
    "CREATE INDEX chat_changed ON chat (changed)",
    """CREATE TABLE exchange (chat TEXT NOT NULL, id TEXT NOT NULL, place INTEGER NOT NULL, question TEXT NOT NULL,
       words TEXT NOT NULL, owner TEXT NOT NULL, kept REAL NOT NULL, body TEXT NOT NULL, PRIMARY KEY (chat, id))""",
    "CREATE UNIQUE INDEX exchange_place ON exchange (chat, place)",
    # What became of a proposal; who wants to do it claims the row first.
    """CREATE TABLE decision (chat TEXT NOT NULL, proposal TEXT NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL,
       at REAL NOT NULL, outcome TEXT NOT NULL, plan TEXT NOT NULL, PRIMARY KEY (chat, proposal)) WITHOUT ROWID""",
)
STEPS: tuple[tuple[str, ...], ...] = (_CHATS,)
CURRENT = len(STEPS)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made or migrated as needed; private to its owner.

    Raises NotUsable for another program's database or a newer version's, OSError and sqlite3.Error for trouble.
    """
    with _alone(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _set_up(db, path)
        except BaseException:
            db.close()
            raise
        return db


def move_aside(path: Path, damaged: FileKey, now: float) -> Path | None:
    """Move the damaged file away, and say where to; None where another screen has done so already. Raises OSError."""
    with _alone(path):
        return set_aside(path, now) if file_key(path) == damaged else None


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process opens the file, or moves it away, at a time: else one may move the other's new log away."""
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: then as well as it goes
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _set_up(db: sqlite3.Connection, path: Path) -> None:
    version = _version(db, path)
    db.execute("PRAGMA journal_mode = WAL")
    # NORMAL: a killed process loses nothing; a power cut may take the last moments, never the file.
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA journal_size_limit = 4194304")
    db.execute("PRAGMA temp_store = MEMORY")
    if version < CURRENT:
        _migrate(db, path)
    db.execute("SELECT count(*) FROM chat").fetchone()  # damage shows itself here rather than in the first question


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    """Take the steps that are missing, all in one transaction: another screen may be about to take them too."""
    with transaction(db):
        for statements in STEPS[_version(db, path) :]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {CURRENT}")


def _version(db: sqlite3.Connection, path: Path) -> int:
    """How many steps this file has taken. Raises NotUsable when it is not ours or too new."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    owner = int(db.execute("PRAGMA application_id").fetchone()[0])
    if owner != APPLICATION_ID and (version or db.execute("SELECT 1 FROM sqlite_schema").fetchone()):
        raise NotUsable(f"{path} is another program's database: move it away")
    if version > CURRENT:
        raise NotUsable(
            f"{path} was written by a newer gpu-watchdog (version {version}, known is {CURRENT}): upgrade this one"
        )
    return version
