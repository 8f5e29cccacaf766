"""Sealing and rolling up change how things are kept, never what is answered."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.series import Series, Subject
from app.store.history import Tick
from app.store.levels import Windows
from app.store.sqlite import SqliteHistory
from tests.store.build import GPU, POWER, SMALL, T0, change, power_ticks, store, tick, values

NEVER = Windows(raw_s=10**9, minute_s=10**9 // 60 * 60, quarter_s=10**9 // 900 * 900)
"""Windows that are never over: everything stays a recent row."""


def chunks(path: Path) -> dict[int, int]:
    """How many chunks there are, by level."""
    with sqlite3.connect(path) as db:
        return dict(db.execute("SELECT level, count(*) FROM chunk GROUP BY level").fetchall())


async def all_answers(history: SqliteHistory, subject: Subject, end: float) -> list[Series]:
    """What a store answers at every kind of step."""
    return [await history.series(subject, POWER, T0, end, step_s) for step_s in (0, 3, 7, 60, 300, 900)]


@settings(max_examples=15)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1000)), min_size=1, max_size=900),
    st.integers(1, 20),
)
async def test_sealing_changes_no_answer(
    tmp_path_factory: pytest.TempPathFactory, watts: list[float | None], step_s: int
) -> None:
    """A store that seals and rolls up all the time answers like one that never does, gaps included."""
    folder = tmp_path_factory.mktemp("equal")
    ticks = power_ticks(watts, step_s=step_s)
    if not any(one.changes for one in ticks):
        return
    end = T0 + len(watts) * step_s

    async with store(folder / "small.db", ticks) as sealing, store(folder / "never.db", ticks, NEVER) as keeping:
        assert await all_answers(keeping, GPU, end) == await all_answers(sealing, GPU, end)


async def test_an_hour_is_sealed_and_rolled_up(tmp_path: Path) -> None:
    """All three levels fill as time goes on, and sealed rows leave the recent ones."""
    async with store(tmp_path / "h.db", power_ticks([300.0] * 1200)):
        pass

    found = chunks(tmp_path / "h.db")
    with sqlite3.connect(tmp_path / "h.db") as db:
        recent = db.execute("SELECT count(*) FROM recent").fetchone()[0]
    assert {0, 1, 2} == set(found)
    assert recent <= SMALL.raw_s / 5 + 1


async def test_rolled_up_spans_are_right(tmp_path: Path) -> None:
    """Mean, least and most of every minute are those of its samples, to the quantum."""
    dice = random.Random(4)
    watts = [round(dice.uniform(60, 700), 1) for _ in range(720)]
    minutes = [watts[at : at + 12] for at in range(0, 720, 12)]

    async with store(tmp_path / "h.db", [*power_ticks(watts), *power_ticks([None] * 200, T0 + 3600)]) as history:
        points = (await history.series(GPU, POWER, T0, T0 + 3600, 60)).points

    assert 1 in chunks(tmp_path / "h.db")
    assert [(min(minute), max(minute)) for minute in minutes] == [(one.low, one.high) for one in points]
    assert [fmean(minute) for minute in minutes] == [pytest.approx(one.mean, abs=0.0501) for one in points]


async def test_a_rolled_up_gap_is_a_gap(tmp_path: Path) -> None:
    """Minutes in which a GPU said nothing are None after rolling up, and their neighbours are whole."""
    watts: list[float | None] = [100.0] * 24 + [None] * 24 + [200.0] * 24 + [None] * 300

    async with store(tmp_path / "h.db", power_ticks(watts)) as history:
        series = await history.series(GPU, POWER, T0, T0 + 360, 60)

    assert [100.0, 100.0, None, None, 200.0, 200.0] == values(series)


async def test_means_of_whole_numbers_keep_their_fractions(tmp_path: Path) -> None:
    """A flag that was up a quarter of the time has a mean of 0.25, not 0."""
    flags = [1.0, 0.0, 0.0, 0.0] * 180
    ticks = [tick(T0 + place * 5, change(T0 + place * 5, {"gpu.processes": flag})) for place, flag in enumerate(flags)]

    async with store(tmp_path / "h.db", ticks) as history:
        series = await history.series(GPU, "gpu.processes", T0, T0 + 3600, 300)

    assert {0.25} == set(values(series))


def fleet_ticks(count: int) -> list[Tick]:
    """Ticks of three nodes with four GPUs each, all with the same metrics."""
    made = []
    for number in range(count):
        at = T0 + number * 5.0
        every = [
            change(at - node * 0.3, {POWER: 100.0 * node + gpu + number % 7, "gpu.temperature": 40.0 + gpu},
                   Subject("gpu", node=f"n{node}", index=gpu), source=f"n{node}")
            for node in range(3)
            for gpu in range(4)
        ]  # fmt: skip
        made.append(tick(at, *every))
    return made


async def test_neighbours_on_a_shelf_are_not_mixed_up(tmp_path: Path) -> None:
    """Each GPU of three nodes reads back its own numbers, sealed or recent."""
    ticks = fleet_ticks(60)

    async with store(tmp_path / "h.db", ticks) as history:
        for node in range(3):
            for gpu in range(4):
                subject = Subject("gpu", node=f"n{node}", index=gpu)
                series = await history.series(subject, POWER, T0 - 60, T0 + 600, 0)
                assert [100.0 * node + gpu + number % 7 for number in range(60)] == values(series)


async def test_metrics_that_come_and_go_keep_their_places(tmp_path: Path) -> None:
    """An exporter that shows a metric only now and then gives that metric gaps, and no other metric its numbers."""
    ticks = []
    for number in range(100):
        at = T0 + number * 5.0
        shown = {POWER: float(number)}
        if number % 3 == 0:
            shown = {"gpu.temperature": 40.0 + number, **shown}
        if number > 50:
            shown["gpu.fan"] = 30.0
        ticks.append(tick(at, change(at, shown)))

    async with store(tmp_path / "h.db", ticks) as history:
        power = await history.series(GPU, POWER, T0, T0 + 500, 0)
        warm = await history.series(GPU, "gpu.temperature", T0, T0 + 500, 0)
        fan = await history.series(GPU, "gpu.fan", T0, T0 + 500, 0)

    assert [float(number) for number in range(100)] == values(power)
    assert [40.0 + number for number in range(0, 100, 3)] == [one for one in values(warm) if one is not None]
    assert [30.0] * 49 == values(fan)


async def test_a_clock_set_back_loses_nothing(tmp_path: Path) -> None:
    """Samples taken twice over the same stretch of time are all there, in order of their times."""
    first = power_ticks([1.0] * 100)
    again = power_ticks([2.0] * 100, T0 + 100.0)

    async with store(tmp_path / "h.db", [*first, *again]) as history:
        series = await history.series(GPU, POWER, T0, T0 + 700, 0)

    times = [one.at for one in series.points]
    assert sorted(times) == times
    assert 100 == values(series).count(1.0)
    assert 100 == values(series).count(2.0)


async def test_a_clock_far_ahead_for_a_moment_does_no_harm(tmp_path: Path) -> None:
    """One tick from 2099 neither stalls the chores nor throws the history away."""
    ahead = power_ticks([5.0], T0 + 70 * 365 * 86400.0)

    async with store(
        tmp_path / "h.db", [*power_ticks([1.0] * 150), *ahead, *power_ticks([2.0] * 300, T0 + 755.0)]
    ) as history:
        series = await history.series(GPU, POWER, T0, T0 + 3000, 0)

    assert 150 == values(series).count(1.0)
    assert 300 == values(series).count(2.0)


async def test_a_value_from_far_off_is_not_kept(tmp_path: Path) -> None:
    """A value taken hours before its tick belongs to no window near it; the others of the tick are kept."""
    late = change(T0 - 7200.0, {POWER: 1.0}, Subject("gpu", node="n1", index=1))

    async with store(tmp_path / "h.db", [tick(T0, late, change(T0, {POWER: 2.0}))]) as history:
        assert [2.0] == values(await history.series(GPU, POWER, T0 - 9000, T0 + 60, 0))
        with pytest.raises(LookupError):
            await history.series(Subject("gpu", node="n1", index=1), POWER, T0 - 9000, T0 + 60, 0)


async def test_a_late_gpu_keeps_its_own_time(tmp_path: Path) -> None:
    """A GPU whose values are older than its neighbours' keeps their true time, and gives the neighbours no gap."""
    slow = Subject("gpu", node="n1", index=1)
    ticks = [
        tick(at, change(at, {POWER: 1.0}), change(at - 3.0, {POWER: 2.0}, slow))
        for at in (T0 + number * 5.0 for number in range(40))
    ]

    async with store(tmp_path / "h.db", ticks) as history:
        quick = await history.series(GPU, POWER, T0 - 60, T0 + 200, 0)
        late = await history.series(slow, POWER, T0 - 60, T0 + 200, 0)

    assert [T0 + number * 5.0 for number in range(40)] == [one.at for one in quick.points]
    assert [T0 + number * 5.0 - 3.0 for number in range(40)] == [one.at for one in late.points]
