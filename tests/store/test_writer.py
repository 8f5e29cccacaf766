"""Ticks and chores side by side: nobody waits long, nobody sees half of anything."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from app.domain.apply import Change
from app.domain.series import FLEET, Event, Subject
from app.domain.snapshot import Gpu, Node, Snapshot
from app.store.chunks import state_value
from app.store.levels import Retention, Windows
from app.store.schema import connect_writer
from app.store.shelves import SLOTS
from app.store.writer import BEHIND_S, CHORES_S, Writer
from tests.store.build import GPU, POWER, SMALL, T0, change, power_ticks, store, tick, values


class Ticking:
    """A clock that moves on by the same at each look."""

    def __init__(self, step_s: float) -> None:
        self._looks = count()
        self._step_s = step_s

    def __call__(self) -> float:
        return next(self._looks) * self._step_s


def crowd(at: float, gpus: int = 40) -> tuple[Change, ...]:
    """Values of many GPUs of many sources."""
    return tuple(
        change(at, {POWER: float(gpu), "gpu.fan": 30.0}, Subject("gpu", node="n1", index=gpu), source=f"s{gpu // 4}")
        for gpu in range(gpus)
    )


def test_chores_are_spread_over_many_ticks(tmp_path: Path) -> None:
    """Sealing ten shelves takes a few steps after each tick, not one long stop."""
    db = connect_writer(tmp_path / "h.db")
    writer = Writer(db, tmp_path / "h.db", Retention(), SMALL, Ticking(CHORES_S / 4))
    sealed = []
    for number in range(30):
        at = T0 + number * 5.0
        writer.write(tick(at, *crowd(at)))
        marks = {row[0] for row in db.execute("SELECT sealed FROM shelf")}
        sealed.append((state_value(db, "sealed"), len(marks)))

    first = next(place for place, (done, _) in enumerate(sealed) if done)
    begun = next(place for place, (_, marks) in enumerate(sealed) if marks > 1)
    assert first - begun >= 5
    db.close()


@pytest.mark.parametrize(("late_s", "most"), [(0.0, CHORES_S), (3600.0, BEHIND_S)])
def test_chores_take_longer_only_when_they_are_late(tmp_path: Path, late_s: float, most: float) -> None:
    """After a pause the chores get more time, a share of the time between ticks and never over half a second."""
    db = connect_writer(tmp_path / "h.db")
    for number in range(100):
        Writer(db, tmp_path / "h.db", Retention(), Windows(), Ticking(1.0)).write(
            power_ticks([1.0], T0 + number * 5.0)[0]
        )
    clock = Ticking(0.001)
    writer = Writer(db, tmp_path / "h.db", Retention(), SMALL, clock)
    writer.write(power_ticks([1.0], T0 + 500.0)[0])

    began = clock()
    writer.write(power_ticks([1.0], T0 + 505.0 + late_s)[0])

    assert clock() - began <= most + 0.02
    db.close()


async def test_reading_while_writing_sees_whole_ticks(tmp_path: Path) -> None:
    """Whoever asks while ticks are sealed finds every tick so far once, and none twice."""
    found: list[list[float | None]] = []

    async with store(tmp_path / "h.db", power_ticks([0.0])) as history:

        async def write() -> None:
            for one in power_ticks(map(float, range(1, 200)), T0 + 5.0):
                await history.write(one)

        async def read() -> None:
            while not writing.done():
                found.append(values(await history.series(GPU, POWER, T0, T0 + 5000, 0)))

        async with asyncio.TaskGroup() as group:
            writing = group.create_task(write())
            group.create_task(read())

    assert len(found) > 3
    assert all(one == list(map(float, range(len(one)))) for one in found)


async def test_more_tracks_than_a_shelf_holds(tmp_path: Path) -> None:
    """A source of a hundred GPUs stands on several shelves, and each GPU finds its own."""
    gpus = 6 * SLOTS + 4
    ticks = [
        tick(at, *(change(at, {POWER: 1000.0 * n + gpu}, Subject("gpu", node="n1", index=gpu)) for gpu in range(gpus)))
        for n, at in enumerate(T0 + n * 5.0 for n in range(20))
    ]

    async with store(tmp_path / "h.db", ticks) as history:
        for gpu in (0, SLOTS - 1, SLOTS, gpus - 1):
            series = await history.series(Subject("gpu", node="n1", index=gpu), POWER, T0, T0 + 100, 0)
            assert [1000.0 * n + gpu for n in range(20)] == values(series)


async def test_a_stopped_program_goes_on_where_it_was(tmp_path: Path) -> None:
    """Opened again, a store goes on with the same tracks; what was not sealed before is sealed then."""
    given = [float(number) for number in range(60)]
    for begin in range(0, 60, 7):
        async with store(tmp_path / "h.db", power_ticks(given[begin : begin + 7], T0 + begin * 5.0)):
            pass

    async with store(tmp_path / "h.db", want_lease=False) as history:
        assert given == values(await history.series(GPU, POWER, T0, T0 + 300, 0))


async def test_hostile_names_and_numbers_cost_themselves_alone(tmp_path: Path) -> None:
    """Half characters, endless indexes and times that are none do not cost the tick they came with."""
    half = "n\ud800"
    nan = float("nan")
    bad = [
        change(T0, {POWER: 1.0}, Subject("gpu", node=half, index=0), source="half\udfff", uuid="\ud800"),
        change(T0, {POWER: 1.0}, Subject("gpu", node="n1", index=10**30)),
        change(nan, {POWER: 1.0}, Subject("gpu", node="n1", index=1)),
    ]
    events = [
        Event(nan, "gpu.xid", "info", Subject("node", node=half), "Xid \ud800"),
        Event(T0, "x", "info", FLEET, "fine"),
    ]
    picture = Snapshot(nodes={half: Node(half, gpus=(Gpu(half, 0, "\ud800"),))})

    async with store(
        tmp_path / "h.db", [tick(T0, *bad, change(T0, {POWER: 2.0}), events=events, snapshot=picture)]
    ) as history:
        assert [2.0] == values(await history.series(GPU, POWER, T0, T0 + 5, 0))
        assert ["Xid ?", "fine"] == [one.text for one in await history.events(T0, T0 + 5)]
        assert 0 == (await history.health()).dropped_ticks
        assert await history.at(T0 + 1.0) is not None


@pytest.mark.parametrize("step_s", [20, 60])
async def test_a_slow_source_holds_between_its_looks(tmp_path: Path, step_s: float) -> None:
    """A source read every two minutes is a line at any step, not dots; when it stops, the line does."""
    ticks = [tick(at, change(at, {POWER: 7.0}, interval_s=120.0)) for at in (T0 + n * 120.0 for n in range(5))]

    async with store(tmp_path / "h.db", [*ticks, *(tick(T0 + 600 + n * 60.0) for n in range(20))]) as history:
        found = values(await history.series(GPU, POWER, T0, T0 + 1200, step_s))

    last = int(480 / step_s) + int(180 / step_s)
    assert {7.0} == set(found[: int(600 / step_s)])
    assert {None} == set(found[last + 1 :])


FORGETFUL = """
import asyncio, sys
from pathlib import Path
from app.store.sqlite import open_store
from app.store.history import Tick

async def main():
    history = await open_store(Path(sys.argv[1]), lambda: 0.0)
    await history.write(Tick(1.0, ()))
    print((await history.health()).state)

asyncio.run(main())
"""


def test_a_store_nobody_closed_lets_the_process_go(tmp_path: Path) -> None:
    """A program that ends without closing its store ends, with what it wrote kept."""
    done = subprocess.run(
        [sys.executable, "-c", FORGETFUL, str(tmp_path / "h.db")],
        capture_output=True,
        timeout=20,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert (0, "ok\n") == (done.returncode, done.stdout)
    with sqlite3.connect(tmp_path / "h.db") as db:
        assert 1 == db.execute("SELECT count(*) FROM tick").fetchone()[0]
