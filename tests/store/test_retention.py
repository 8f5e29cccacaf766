"""What is past its time goes; what it became stays; nothing goes too early."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest

from app.domain.series import Event, Subject
from app.store.levels import Retention
from app.store.pruning import prune
from app.store.schema import connect_writer
from tests.store.build import GPU, POWER, SMALL, T0, change, follow, node_reading, power_ticks, store, tick, values

SHORT = Retention(raw_s=300.0, minute_s=1200.0, quarter_s=3600.0)
END = T0 + 7200
OLD = Subject("gpu", node="old", index=0)


async def _two_hours(path: Path) -> None:
    """Two hours of one GPU, with an event a tick; another was seen at the beginning only."""
    async with store(path, retention=SHORT) as history:
        for number, one in enumerate(power_ticks([5.0] * 1440)):
            event = Event(one.at, "gpu.xid", "warning", GPU, "Xid")
            old = [change(one.at, {POWER: 1.0}, OLD, source="old")] if number < 30 else []
            await history.write(tick(one.at, *one.changes, *old, events=(event,)))


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has run for two hours."""
    path = tmp_path_factory.mktemp("aged") / "h.db"
    asyncio.run(_two_hours(path))
    return path


@pytest.fixture
def path(aged: Path, tmp_path: Path) -> Path:
    """A copy of that store."""
    return Path(shutil.copy(aged, tmp_path / "h.db"))


def oldest(path: Path, table: str, column: str, where: str = "1") -> float:
    """The least value of a column."""
    with sqlite3.connect(path) as db:
        found = db.execute(f"SELECT min({column}) FROM {table} WHERE {where}").fetchone()[0]
    return float(found)


@pytest.mark.parametrize(("level", "kept_s"), [(0, 300), (1, 1200), (2, 3600)])
def test_each_level_is_kept_for_its_time(path: Path, level: int, kept_s: int) -> None:
    """Five minutes of samples, twenty of minutes, an hour of quarters; each by whole windows, a hundred ticks late."""
    age_s = END - oldest(path, "chunk", "start", f"level = {level}") / 1000

    assert kept_s <= age_s <= kept_s + SMALL.of(level) + SMALL.of(min(2, level + 1)) + 500


async def test_the_answer_is_whole_at_every_age(path: Path) -> None:
    """Samples, minutes and quarters follow upon each other without a gap."""
    async with store(path, want_lease=False) as history:
        spans = [
            await history.series(GPU, POWER, END - ago, END, step_s)
            for ago, step_s in ((290, 5), (1190, 60), (3590, 900))
        ]

    assert [5, 60, 900] == [series.step_s for series in spans]
    assert {5.0} == {value for series in spans for value in values(series)}


async def test_a_fine_question_about_long_ago_gets_minutes(path: Path) -> None:
    """Where samples are gone the answer comes in minutes, and says so; where minutes are gone, in quarters."""
    async with store(path, want_lease=False) as history:
        steps = [(await history.series(GPU, POWER, END - ago, END, 0)).step_s for ago in (290, 1190, 3590)]
        uneven = await history.series(GPU, POWER, END - 1190, END, 144)

    assert [0.0, 60.0, 900.0] == steps
    assert 180.0 == uneven.step_s
    assert {5.0} == set(values(uneven))


async def test_a_young_store_is_asked_for_samples(tmp_path: Path) -> None:
    """A question that reaches back before the first sample is not answered in minutes for that."""
    async with store(tmp_path / "h.db", power_ticks([5.0] * 100)) as history:
        assert 0.0 == (await history.series(GPU, POWER, T0 - 86400, T0 + 500, 0)).step_s


async def test_moments_of_long_ago_are_one_a_minute(path: Path) -> None:
    """Ticks whose samples are gone stay as moments, one a minute; past the minutes' time they go."""
    async with store(path, want_lease=False) as history:
        found = await history.moments(END - 1800, END - 1100)
        gone = await history.moments(T0, END - 3600)

    assert {60.0} == {after - before for before, after in pairwise(found)}
    assert () == gone


def test_events_are_kept_as_long_as_anything(path: Path) -> None:
    """Events go with the coarsest level."""
    assert 3600 <= END - oldest(path, "event", "at") <= 3600 + 600


async def test_what_left_long_ago_is_forgotten(path: Path) -> None:
    """A GPU nobody has seen for as long as anything is kept leaves nothing behind, and may come again."""
    with sqlite3.connect(path) as db:
        assert 0 == db.execute("SELECT count(*) FROM track WHERE node = 'old'").fetchone()[0]
    back = tick(END + 10.0, change(END + 10.0, {POWER: 2.0}, OLD, source="old"))

    async with store(path, [back]) as history:
        assert [2.0] == values(await history.series(OLD, POWER, END, END + 20, 0))


async def test_how_it_stood_outlives_old_versions(tmp_path: Path) -> None:
    """Old versions of a part go, but for the one that still says how things stood since."""
    readings = [node_reading(T0 + n * 5.0, gpus=1 + n // 100 % 2) for n in range(700)]

    async with store(tmp_path / "h.db", retention=SHORT) as history:
        await follow(history, readings)
        picture = await history.at(T0 + 3480)

    assert picture is not None
    assert [False, True] == [gpu.is_lost for gpu in picture.nodes["n1"].gpus]
    node = "part = (SELECT id FROM part WHERE kind = 'node')"
    assert T0 + 3500 - 1200 - 600 - 500 <= oldest(tmp_path / "h.db", "version", "at", node)


def test_a_file_that_need_not_be_large_shrinks(tmp_path: Path) -> None:
    """When retention is lowered, the room is given back to the disk, a few pages at a time."""
    db = connect_writer(tmp_path / "h.db")
    db.execute("INSERT INTO tick (id, at, samples) VALUES (1, ?, 0)", (END * 1000,))
    row = "INSERT INTO chunk (shelf, level, metric, start, samples, body) VALUES (1, 2, ?, ?, 1, ?)"
    db.execute("BEGIN")
    db.executemany(row, [(number, T0 * 1000, os.urandom(3000)) for number in range(1, 2000)])
    db.execute("COMMIT")

    steps = sum(1 for _ in prune(db, Retention(0.0, 0.0, 0.0), SMALL, END))

    assert db.execute("PRAGMA freelist_count").fetchone()[0] < 1024
    assert db.execute("PRAGMA page_count").fetchone()[0] < 1100
    assert steps > 30
    db.close()
