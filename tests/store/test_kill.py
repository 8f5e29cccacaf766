"""Kill -9 at any moment: the store opens, and nothing but the tick in flight is missing."""

from __future__ import annotations

import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from app.domain.series import Series, Subject
from tests.store.build import POWER, T0, store
from tests.store.writing_child import GPUS, TINY


def write_until_killed(path: Path, first: int, lives_s: float) -> int:
    """Let a process write from a tick on, kill it so long after its first tick, and say which tick it saw committed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.writing_child", str(path), str(first)],
        stdout=subprocess.PIPE,
        bufsize=0,  # what is read here and what is read below must stay in order
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    printed, dies_at = process.stdout.readline(), monotonic() + lives_s
    while (left := dies_at - monotonic()) > 0 and process.poll() is None:
        if select.select([process.stdout], [], [], left)[0]:
            printed += os.read(process.stdout.fileno(), 1 << 16)
    os.kill(process.pid, signal.SIGKILL)
    printed += process.stdout.read()
    process.stdout.close()
    assert -signal.SIGKILL == process.wait()
    whole = printed[: printed.rfind(b"\n")].split()
    return int(whole[-1])


def numbers_of(series: Series, offset: float) -> dict[int, float]:
    """What each tick of a raw series said, by the tick's number."""
    return {round((one.at - T0) / 5): one.mean - offset for one in series.points if one.mean is not None}


async def check(path: Path, last: int) -> int:
    """Compare all that is kept with what was written up to a tick; says which tick is the last one kept."""
    with closing(sqlite3.connect(path)) as db:
        assert [("ok",)] == db.execute("PRAGMA integrity_check").fetchall()
    end = T0 + 5.0 * (last + 2)
    oldest = max(0, last - 700)
    async with store(path, windows=TINY, want_lease=False) as history:
        kept = last
        for gpu in (0, GPUS - 1):
            subject = Subject("gpu", node="n1", index=gpu)
            found = numbers_of(await history.series(subject, POWER, T0 + 5.0 * oldest, end, 0), gpu / 10)
            kept = max(found)
            assert kept in (last, last + 1)
            assert {n: pytest.approx(n % 1000, abs=1e-6) for n in range(oldest, kept + 1)} == found
            minutes = (await history.series(subject, "gpu.energy", max(T0, end - 10800), end, 60)).points
            assert [(one.low, one.high) for one in minutes[1:-1]] == [
                (round((one.at - T0) / 5), round((one.at - T0) / 5) + 11) for one in minutes[1:-1]
            ]
        events = await history.events(T0 + 5.0 * max(0, kept - 50), end)
        assert [str(number) for number in range(max(0, kept - 50), kept + 1)] == [one.text for one in events]
        picture = await history.at(T0 + 5.0 * kept)
        assert picture is not None
        assert {str(kept // 50)} == {gpu.facts["driver"] for gpu in picture.gpus()}
    return kept


def is_half_sealed(path: Path) -> bool:
    """Whether the kill fell between the sealing of two shelves, or of a shelf and the end of it all."""
    with closing(sqlite3.connect(path)) as db:
        marks = db.execute("SELECT max(sealed), (SELECT value FROM state WHERE key = 'sealed') FROM shelf").fetchone()
    return int(marks[0]) > int(marks[1] or 0)


async def kill_often(path: Path, times: int) -> int:
    """Write, kill, check, go on where it ended; says how many kills fell into the middle of sealing."""
    dice = random.Random(times)
    kept, in_sealing = -1, 0
    for _ in range(times):
        last = write_until_killed(path, kept + 1, dice.uniform(0.0, 0.15))
        in_sealing += is_half_sealed(path)
        kept = await check(path, last)
    assert kept > 4 * times * TINY.raw_s / 5 / 10, "too little was written for kills to fall into sealing"
    return in_sealing


async def test_ten_kills_cost_nothing_but_the_tick_in_flight(tmp_path: Path) -> None:
    """Ten times killed at random while writing, sealing and pruning, the store has every tick that was committed."""
    await kill_often(tmp_path / "h.db", 10)


@pytest.mark.slow
async def test_two_hundred_kills_cost_nothing_but_the_tick_in_flight(tmp_path: Path) -> None:
    """The same two hundred times, some of them in the middle of sealing."""
    assert await kill_often(tmp_path / "h.db", 200) > 0
