"""A finished store becomes one small file that says the same."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from app.domain.apply import Change
from app.domain.series import Series, Subject
from app.domain.snapshot import Layer, Snapshot
from app.store.history import Tick
from app.store.levels import Windows
from app.store.schema import connect_writer
from app.store.settling import settle
from app.store.sqlite import open_store

AT = 1_764_000_000.0
GPU = Subject("gpu", node="gpu-1", index=0)
WINDOWS = Windows(60, 120, 900)


async def filled(path: Path) -> Series:
    """A store with a value every 5 s for 200 s; gives them."""
    history = await open_store(path, lambda: AT, windows=WINDOWS)
    for number in range(40):
        at = AT + 5.0 * number
        await history.write(Tick(at, (Change(GPU, Layer("page", at, 5.0, {"gpu.power": 100.0 + number})),)))
    kept = await history.series(GPU, "gpu.power", AT, AT + 200, 0.0)
    await history.close()
    return kept


async def asked(path: Path) -> tuple[Series, Snapshot | None]:
    """What a reader is told."""
    history = await open_store(path, lambda: AT, windows=WINDOWS, want_lease=False)
    told = await history.series(GPU, "gpu.power", AT, AT + 200, 0.0), await history.at(AT + 197)
    await history.close()
    return told


def test_a_settled_store_is_one_file_that_answers_the_same(tmp_path: Path) -> None:
    """No log and no lock beside it, and none is needed to read it; all is sealed, the unfinished window too."""
    path = tmp_path / "h.db"
    before = asyncio.run(filled(path))

    settle(path, WINDOWS)
    after, picture = asyncio.run(asked(path))

    assert 40 == len(before.points)
    assert before.points == after.points
    assert picture is not None
    assert 139.0 == picture.nodes["gpu-1"].gpus[0].layers[0].values["gpu.power"]
    assert [path] == list(tmp_path.glob("h.db*"))
    with closing(sqlite3.connect(path)) as db:
        assert ("delete", 0) == (
            db.execute("PRAGMA journal_mode").fetchone()[0],
            db.execute("SELECT count(*) FROM recent").fetchone()[0],
        )


def test_an_empty_store_settles_too(tmp_path: Path) -> None:
    """Nothing to seal is no trouble."""
    path = tmp_path / "h.db"
    connect_writer(path).close()

    settle(path)

    assert [path] == list(tmp_path.glob("h.db*"))
