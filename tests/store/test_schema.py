"""Steps from an empty file to now."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from app.domain.series import Event
from app.store.blocks import to_bytes
from app.store.rows import unpack_row
from app.store.schema import APPLICATION_ID, CURRENT, STEPS, NotUsable, connect_reader, connect_writer
from tests.store.build import GPU, POWER, T0, change, power_ticks, store, tick, values


async def first_version(path: Path) -> None:
    """A store as version 1 left it: samples, eight bytes each, and nothing that later steps added."""
    async with store(path, power_ticks([1.0, 2.0, 3.0])):
        pass
    db = sqlite3.connect(path, isolation_level=None)
    before = sqlite3.connect(":memory:")
    for statement in STEPS[0]:
        before.execute(statement)
    wanted = {name for (name,) in before.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        if name not in wanted:
            db.execute(f"DROP TABLE {name}")
    for row, large, body in db.execute("SELECT id, large, body FROM recent").fetchall():
        db.execute("UPDATE recent SET body = ? WHERE id = ?", (to_bytes(unpack_row(large, body)), row))
    db.execute("ALTER TABLE recent DROP COLUMN large")
    db.execute("PRAGMA user_version = 1")
    db.close()


async def test_a_store_of_version_1_is_taken_over(tmp_path: Path) -> None:
    """The samples of an older store are all there, and what newer versions keep is kept from now on."""
    path = tmp_path / "h.db"
    await first_version(path)
    event = Event(T0 + 15.0, "gpu.xid", "warning", GPU, "Xid 79")

    async with store(path, [tick(T0 + 15.0, change(T0 + 15.0, {POWER: 4.0}), events=(event,))]) as history:
        assert [1.0, 2.0, 3.0, 4.0] == values(await history.series(GPU, POWER, T0, T0 + 60, 0))
        assert (event,) == await history.events(T0, T0 + 60)

    with sqlite3.connect(path) as db:
        assert CURRENT == db.execute("PRAGMA user_version").fetchone()[0]


async def test_rows_of_version_1_are_sealed_beside_new_ones(tmp_path: Path) -> None:
    """Recent rows in eight bytes a number end in the same chunk as those that came after them."""
    path = tmp_path / "h.db"
    await first_version(path)
    later = [tick(at, change(at, {POWER: 4.0})) for at in (T0 + 15.0, T0 + 120.0, T0 + 180.0)]

    async with store(path, later) as history:
        assert [1.0, 2.0, 3.0, 4.0] == values(await history.series(GPU, POWER, T0, T0 + 60, 0))

    with sqlite3.connect(path) as db:
        assert (4,) == db.execute("SELECT samples FROM chunk WHERE level = 0 AND samples ORDER BY start").fetchone()


async def test_an_older_store_is_not_read_before_it_is_taken_over(tmp_path: Path) -> None:
    """One who may not write does not migrate; the sentence says what is waited for."""
    path = tmp_path / "h.db"
    await first_version(path)

    async with store(path, want_lease=False) as history:
        with pytest.raises(LookupError, match="has version 1 until a collector"):
            await history.series(GPU, POWER, T0, T0 + 60, 0)


async def test_a_step_that_fails_leaves_the_version_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that breaks half-way has changed nothing, and can be tried again."""
    path = tmp_path / "h.db"
    await first_version(path)
    with monkeypatch.context() as broken:
        broken.setattr("app.store.schema.STEPS", (STEPS[0], (*STEPS[1][:2], "CREATE NONSENSE")))
        with pytest.raises(sqlite3.OperationalError):
            connect_writer(path)

    db = connect_writer(path)

    assert CURRENT == db.execute("PRAGMA user_version").fetchone()[0]
    db.close()


def test_a_new_store_is_ours_and_a_reader_may_not_write(tmp_path: Path) -> None:
    """The file carries our mark; a reader's connection refuses to change it."""
    db = connect_writer(tmp_path / "h.db")
    reader = connect_reader(tmp_path / "h.db")

    assert APPLICATION_ID == db.execute("PRAGMA application_id").fetchone()[0]
    with pytest.raises(sqlite3.OperationalError):
        reader.execute("DELETE FROM tick")
    reader.close()
    db.close()


def test_an_empty_file_is_a_new_store(tmp_path: Path) -> None:
    """A file of no bytes, as a shell leaves it, is made a store."""
    (tmp_path / "h.db").touch()

    connect_writer(tmp_path / "h.db").close()
    connect_reader(tmp_path / "h.db").close()


def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    """Question marks, percent signs and blanks in a path do not end up in SQLite's options."""
    path = tmp_path / "a ?mode=rw%20#b.db"
    connect_writer(path).close()

    connect_reader(path).close()
    with pytest.raises((NotUsable, sqlite3.Error)):
        connect_reader(tmp_path / "not there")
