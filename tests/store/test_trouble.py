"""A full disk, a locked file, a damaged one, somebody else's: said, counted, survived, never deleted."""

from __future__ import annotations

import gc
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.series import FLEET, Event
from app.store.reader import Unreadable
from app.store.schema import CURRENT
from app.store.shelves import Registry
from app.store.sqlite import SqliteHistory
from tests.store.build import GPU, POWER, T0, change, power_ticks, store, tick, values

LATER = power_ticks([2.0] * 3, T0 + 1000)


async def now_limit_pages(history: SqliteHistory, pages: int) -> None:
    """Let the file grow to so many pages and no further, as a full disk would."""
    assert history._scribe is not None
    assert history._scribe._line is not None
    await history._scribe._line.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())


async def test_a_full_disk_costs_ticks_until_there_is_space(tmp_path: Path) -> None:
    """While the disk is full ticks are dropped and counted; with space it goes on and says what is missing."""
    many = {f"gpu.{name}": 1.0 for name in ("power", "fan", "temperature", "utilization")}
    ticks = [tick(T0 + n * 5.0, change(T0 + n * 5.0, many | {POWER: float(n)})) for n in range(3000)]

    async with store(tmp_path / "h.db", ticks[:5]) as history:
        await now_limit_pages(history, 1)  # SQLite makes that the present size
        kept = 5
        while (await history.health()).dropped_ticks == 0:
            await history.write(ticks[kept])
            kept += 1
        full = await history.health()
        await history.write(ticks[kept])
        still = await history.health()
        await now_limit_pages(history, 1 << 20)
        await history.write(ticks[kept + 1])
        again = await history.health()
        events = await history.events(T0, T0 + 20000)
        found = values(await history.series(GPU, POWER, T0, T0 + 20000, 0))

    assert ("full", 1) == (full.state, full.dropped_ticks)
    assert "disk is full" in full.text
    assert ("full", 2, "ok", 2) == (still.state, still.dropped_ticks, again.state, again.dropped_ticks)
    assert [("store.gap", "warning", FLEET)] == [(one.kind, one.severity, one.subject) for one in events]
    assert "2 ticks before this one were not kept: the disk was full" == events[0].text
    assert [*map(float, range(kept - 1)), None, float(kept + 1)] == found


async def test_a_tick_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """Tables read for a tick that was dropped do not wait for the collector of cycles: a fleet's are megabytes each."""
    path = tmp_path / "h.db"
    gc.collect()
    gc.disable()
    try:
        async with store(path, power_ticks([1.0])) as history:
            with sqlite3.connect(path) as other:
                other.execute("BEGIN IMMEDIATE")
                for one in LATER:
                    await history.write(one)
                tables = [one for one in gc.get_objects() if isinstance(one, Registry)]
            dropped = (await history.health()).dropped_ticks
    finally:
        gc.enable()

    assert 3 == dropped
    assert len(tables) <= 1


async def test_a_locked_file_costs_the_tick(tmp_path: Path) -> None:
    """While another program holds the file locked, ticks are dropped and counted; afterwards they are kept."""
    path = tmp_path / "h.db"

    async with store(path, power_ticks([1.0])) as history:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await history.write(power_ticks([2.0], T0 + 5)[0])
        locked = await history.health()
        other.execute("ROLLBACK")
        other.close()
        await history.write(power_ticks([3.0], T0 + 10)[0])
        free = await history.health()
        found = values(await history.series(GPU, POWER, T0, T0 + 60, 0))

    assert ("failed", 1, "ok", 1) == (locked.state, locked.dropped_ticks, free.state, free.dropped_ticks)
    assert "locked" in locked.text
    assert [1.0, 3.0] == found


def truncated(body: bytes) -> bytes:
    """Half of the file."""
    return body[: len(body) // 2]


def garbled(body: bytes) -> bytes:
    """Another header."""
    return b"this is no database at all" + body[26:]


def shredded(body: bytes) -> bytes:
    """Every page after the first one overwritten with noise."""
    return body[:4096] + random.Random(1).randbytes(len(body) - 4096)


def set_aside(folder: Path) -> list[str]:
    """Names of the stores that were moved aside, their logs left out."""
    return [one.name for one in folder.iterdir() if ".corrupt-" in one.name and one.name.endswith("Z")]


@pytest.mark.parametrize("damage", [truncated, garbled, shredded])
async def test_a_damaged_file_is_moved_aside(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """What cannot be read is kept under another name, a new store begun, and an event says so."""
    path = tmp_path / "h.db"
    async with store(path, power_ticks([1.0] * 100)):
        pass
    broken = damage(path.read_bytes())
    path.write_bytes(broken)

    async with store(path, LATER) as history:
        health = await history.health()
        found = values(await history.series(GPU, POWER, T0, T0 + 2000, 0))
        events = await history.events(T0, T0 + 2000)

    assert ["h.db.corrupt-20270116T000000Z"] == set_aside(tmp_path)
    assert broken == (tmp_path / "h.db.corrupt-20270116T000000Z").read_bytes()
    assert ("ok", 0, [2.0] * 3) == (health.state, health.dropped_ticks, found)
    assert ["store.damaged"] == [one.kind for one in events]
    assert "moved to h.db.corrupt-20270116T000000Z" in events[0].text


@pytest.mark.parametrize("seed", range(12))
async def test_flipped_bytes_never_crash_nor_invent(tmp_path: Path, seed: int) -> None:
    """With random bytes changed the store opens or is replaced, and every sealed value it shows is one it was given."""
    path = tmp_path / "h.db"
    given = [float(100 + n % 50) for n in range(150)]
    async with store(path, power_ticks(given)):
        pass
    dice, body = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(20):
        body[dice.randrange(100, len(body))] ^= 1 << dice.randrange(8)
    path.write_bytes(body)

    async with store(path, LATER) as history:
        try:
            points = (await history.series(GPU, POWER, T0, T0 + 600, 0)).points
        except LookupError:
            points = ()
        await history.at(T0 + 300)
        await history.moments(T0, T0 + 2000)
        await history.write(power_ticks([3.0], T0 + 1100)[0])
        assert "ok" == (await history.health()).state

    sealed = {point.mean for point in points if point.at < T0 + 600}
    assert sealed <= {*given, None, 2.0} or len(points) == 0


async def test_damage_found_while_running_is_dealt_with(tmp_path: Path) -> None:
    """A file that goes bad under a running program is moved aside at the next tick, which is kept in a new one."""
    path = tmp_path / "h.db"

    async with store(path, power_ticks([1.0] * 100)) as history:
        assert history._scribe is not None
        history._scribe.suspect("database disk image is malformed")
        for one in LATER:
            await history.write(one)
        assert [2.0] * 3 == values(await history.series(GPU, POWER, T0, T0 + 2000, 0))
        assert ["store.damaged"] == [one.kind for one in await history.events(T0, T0 + 2000)]

    assert ["h.db.corrupt-20270116T000000Z"] == set_aside(tmp_path)


async def test_a_file_taken_away_is_begun_anew(tmp_path: Path) -> None:
    """Somebody who deletes the file under a running program costs its past, not its future."""
    path = tmp_path / "h.db"

    async with store(path, power_ticks([1.0] * 3)) as history:
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        for one in LATER:
            await history.write(one)
        assert [2.0] * 3 == values(await history.series(GPU, POWER, T0, T0 + 2000, 0))


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """A database that is not ours is neither written nor moved, and the sentence says what to do."""
    path = tmp_path / "h.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()

    async with store(path, power_ticks([1.0])) as history:
        health = await history.health()

    assert ("read-only", 1) == (health.state, health.dropped_ticks)
    assert "another program's database: set store.path" in health.text
    assert before == path.read_bytes()


async def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    """A store of a newer version is neither written nor read, and the sentence says so."""
    path = tmp_path / "h.db"
    async with store(path, power_ticks([1.0])):
        pass
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {CURRENT + 1}")
    before = path.read_bytes()

    async with store(path, LATER) as history:
        health = await history.health()
        with pytest.raises(LookupError, match="newer gpu-watchdog"):
            await history.series(GPU, POWER, T0, T0 + 60, 0)

    assert "read-only" == health.state
    assert f"version {CURRENT + 1} of the file, this one knows {CURRENT}" in health.text
    assert before == path.read_bytes()


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """Where the folder cannot be, ticks are dropped and counted, and the sentence names the path."""
    (tmp_path / "file").write_text("")

    async with store(tmp_path / "file" / "h.db", LATER) as history:
        health = await history.health()

    assert ("failed", 3) == (health.state, health.dropped_ticks)
    assert str(tmp_path / "file") in health.text


async def test_events_of_a_dropped_tick_are_told_of(tmp_path: Path) -> None:
    """The gap is told of once, in the first tick that is kept again."""
    path = tmp_path / "h.db"

    async with store(path, power_ticks([1.0])) as history:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for number in range(2):
            await history.write(power_ticks([2.0], T0 + 5 + number)[0])
        other.execute("ROLLBACK")
        other.close()
        for number in range(3):
            await history.write(power_ticks([3.0], T0 + 10 + number)[0])
        events = await history.events(T0, T0 + 60)

    assert [Event(T0 + 10, "store.gap", "warning", FLEET, events[0].text)] == [*events]
    assert "2 ticks before this one were not kept: another program had locked the file" == events[0].text


async def test_closing_twice_is_fine(tmp_path: Path) -> None:
    """A closed store writes nothing, answers nothing, and says that it is closed."""
    async with store(tmp_path / "h.db", power_ticks([1.0])) as history:
        await history.close()
        await history.write(LATER[0])
        health = await history.health()
        await history.close()

    assert ("closed", 0) == (health.state, health.dropped_ticks)


async def test_notes_are_waited_for_while_the_file_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes them up on a busy machine must not find nothing, and begin anew."""
    async with store(tmp_path / "h.db", LATER) as history:
        assert await history.put_notes({"a.1": "kept"})
        ask, refusals = history._reader.ask, [Unreadable("locked"), Unreadable("locked")]

        async def busy(question: Callable[[object], object]) -> object:
            if refusals:
                raise refusals.pop()
            return await ask(question)

        monkeypatch.setattr(history._reader, "ask", busy)

        assert {"a.1": "kept"} == await history.notes("a.")
        assert [] == refusals
