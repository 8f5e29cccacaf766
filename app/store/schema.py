"""The tables, as numbered steps from an empty file to now, and how a file is opened.

`PRAGMA user_version` counts the steps a file has taken; each is one transaction. A step that was released is never
edited: what must change is a new step. A file of a newer program is left alone, and so is another program's database.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

APPLICATION_ID = 0x47505557
"""`GPUW`, in the file's header: this database is ours."""
PAGE_SIZE = 4096
"""A sixth of it is lost to sealed streams of 1-4 kB that do not fit; in larger ones as much, and ticks write more."""
BUSY_S = 0.25
"""How long a statement waits for a lock. Short: a tick that cannot be kept is dropped and counted, not queued."""

_SAMPLES = (
    "CREATE TABLE state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE metric (id INTEGER PRIMARY KEY, key TEXT NOT NULL, quantum REAL NOT NULL, UNIQUE (key, quantum))",
    # sealed: last tick whose rows are in chunks. minutes, quarters: epoch seconds up to which that level is made.
    """CREATE TABLE shelf (id INTEGER PRIMARY KEY, source TEXT NOT NULL, sealed INTEGER NOT NULL DEFAULT 0,
       minutes INTEGER NOT NULL DEFAULT 0, quarters INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE track (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, node TEXT NOT NULL, idx INTEGER NOT NULL,
       key TEXT NOT NULL, uuid TEXT NOT NULL, source TEXT NOT NULL, interval_s REAL NOT NULL, rank INTEGER NOT NULL,
       shelf INTEGER NOT NULL, slot INTEGER NOT NULL, last_seen REAL NOT NULL)""",
    "CREATE INDEX track_place ON track (kind, node, idx, key)",
    "CREATE INDEX track_uuid ON track (uuid)",
    """CREATE TABLE field (shelf INTEGER NOT NULL, place INTEGER NOT NULL, slot INTEGER NOT NULL,
       metric INTEGER NOT NULL, PRIMARY KEY (shelf, place)) WITHOUT ROWID""",
    "CREATE TABLE tick (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, samples INTEGER NOT NULL)",
    "CREATE INDEX tick_at ON tick (at)",
    "CREATE TABLE recent (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL)",
    """CREATE TABLE chunk (id INTEGER PRIMARY KEY, shelf INTEGER NOT NULL, level INTEGER NOT NULL,
       metric INTEGER NOT NULL, start INTEGER NOT NULL, samples INTEGER NOT NULL, body BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX chunk_place ON chunk (shelf, level, metric, start)",
    "CREATE INDEX chunk_age ON chunk (level, start)",
)
_HAPPENINGS = (
    """CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL,
       subject TEXT NOT NULL, node TEXT NOT NULL, idx INTEGER NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL)""",
    "CREATE INDEX event_at ON event (at)",
    "CREATE TABLE part (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (kind, key))",
    """CREATE TABLE version (part INTEGER NOT NULL, at REAL NOT NULL, body BLOB, PRIMARY KEY (part, at))
       WITHOUT ROWID""",
)
_JOBS = (
    # A job as it stood from since to until (epoch seconds; NULL: still).
    "CREATE TABLE job (id INTEGER PRIMARY KEY, key TEXT NOT NULL, since REAL NOT NULL, until REAL, body BLOB NOT NULL)",
    "CREATE INDEX job_span ON job (until, since)",
    "CREATE INDEX job_since ON job (since)",
    "CREATE INDEX job_key ON job (key, since)",
)
_NOTES = ("CREATE TABLE note (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",)
# How many numbers of the row did not fit a cell of four bytes; NULL: it has no cells, each number has eight bytes.
_CELLS = ("ALTER TABLE recent ADD COLUMN large INTEGER",)
STEPS: tuple[tuple[str, ...], ...] = (_SAMPLES, _HAPPENINGS, _JOBS, _NOTES, _CELLS)
"""What each version added: 1 samples in all their levels, 2 events and the parts of pictures, 3 Slurm's jobs, 4 notes
of alerting's state, 5 recent rows in half the bytes."""
CURRENT = len(STEPS)


class NotUsable(Exception):  # noqa: N818 - it names what was found
    """This file is not for us to use; the message is for a person."""


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open a store for writing, made or migrated as needed; private to its owner.

    Raises NotUsable for another program's database or a newer version's, sqlite3.Error for trouble with the file.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        _set_up(db, path)
    except BaseException:
        db.close()
        raise
    return db


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a store for reading alone. Raises NotUsable when it has another version, sqlite3.Error for trouble."""
    uri = f"file:{quote(str(path))}?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA query_only = 1")
        db.execute("PRAGMA temp_store = MEMORY")
        _check_readable(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _check_readable(db: sqlite3.Connection, path: Path) -> None:
    version = _version(db, path)
    if version != CURRENT:
        raise NotUsable(f"{path} has version {version} until a collector of this version runs; {CURRENT} can be read")


def _set_up(db: sqlite3.Connection, path: Path) -> None:
    version = _version(db, path)
    if version == 0:
        db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    # NORMAL: a killed process loses nothing. A power cut may take the ticks since the last checkpoint, never the file.
    db.execute("PRAGMA synchronous = NORMAL")
    # Checkpoints are a chore between ticks (see `app.store.writer`), so that no commit waits for one.
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("PRAGMA journal_size_limit = 1048576")
    db.execute("PRAGMA temp_store = MEMORY")
    migrate(db, version)


def migrate(db: sqlite3.Connection, version: int) -> None:
    """Take the steps from `version` to now, each in one transaction."""
    for number, statements in enumerate(STEPS[version:], version + 1):
        with transaction(db):
            for statement in statements:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number}")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Everything within, or nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite has undone it already where the disk was full
            db.execute("ROLLBACK")
        raise


def _version(db: sqlite3.Connection, path: Path) -> int:
    """How many steps this file has taken. Raises NotUsable when it is not ours or too new."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    owner = int(db.execute("PRAGMA application_id").fetchone()[0])
    if owner != APPLICATION_ID and (version or db.execute("SELECT 1 FROM sqlite_schema").fetchone()):
        raise NotUsable(f"{path} is another program's database: set store.path to a file of its own")
    if version > CURRENT:
        raise NotUsable(
            f"{path} was written by a newer gpu-watchdog (version {version} of the file, this one knows {CURRENT}): "
            "upgrade this one, or set store.path to another file"
        )
    return version
