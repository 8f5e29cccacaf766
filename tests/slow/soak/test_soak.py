"""A day in less than an hour: nothing is lost, nothing grows, and every hot GPU is told of, whatever happens meanwhile.

By default two simulated hours of a few nodes in four minutes. `SOAK=full` is the whole of it: a day of 64
nodes in some forty-five minutes, the daemon killed twenty times.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slow.soak.collector import INTERVAL_S, LOOK_S, TIMEOUT_S
from tests.slow.soak.exporters import Exporter, Page
from tests.slow.soak.fast_clock import FastClock
from tests.slow.soak.plan import KILLED_SHARE, MOODS, REST_S, plan
from tests.slow.soak.run import Form
from tests.slow.soak.soak import BEGIN, Kill, Log, free_port
from tests.slow.soak.verdict import STALL_S, judge

ROOT = Path(__file__).parents[3]
SHORT = Form(hours=2.0, nodes=8, kills=4, wall_s=240.0)
FULL = Form(hours=24.0, nodes=64, kills=20, wall_s=2700.0)

SPEED = 32.0
MINUTES = 40


def sound_log() -> Log:
    """A soak of one node in which nothing went wrong: a page and a tick an interval."""
    count = round(MINUTES * 60 / INTERVAL_S)
    log = Log(dataclasses.replace(plan(7, length_s=MINUTES * 60.0, nodes=1, kills=0), hot=()), SPEED)
    log.served = {0: [Page(number, number * INTERVAL_S - 1.0) for number in range(1, count)]}
    log.kept = {0: {page.serial for page in log.served[0]}}
    log.ticks = [(number, BEGIN + number * INTERVAL_S) for number in range(1, count)]
    return log


def test_a_page_that_is_in_no_store_is_found() -> None:
    """One page of a whole soak that went out and is not kept is a loss, wherever nothing else happened."""
    log = sound_log()
    log.kept[0].remove(77)

    assert ("node-0: 1 pages were served and not kept",) == judge(log).wrong
    assert () == judge(sound_log()).wrong


def test_only_what_no_tick_held_by_then_may_be_missing_after_a_kill() -> None:
    """What came after the last tick that could be read before a kill was in flight; all before it must be kept."""
    log = sound_log()
    log.killed = [Kill(40 * INTERVAL_S + 3.0, log.ticks[39], 42 * INTERVAL_S)]
    sure = int((40 * INTERVAL_S - LOOK_S * SPEED) / INTERVAL_S)
    log.kept[0] -= {41, 42}
    in_flight = judge(log)
    log.kept[0].remove(sure)

    assert (0, 2, ()) == (in_flight.lost, in_flight.in_flight, in_flight.wrong)
    assert ("node-0: 1 pages were served and not kept",) == judge(log).wrong


def test_a_tick_that_could_be_read_and_is_gone_is_found() -> None:
    """A tick that another process had read before a kill must be there after it."""
    log = sound_log()
    log.killed = [Kill(40 * INTERVAL_S + 3.0, log.ticks[39], 42 * INTERVAL_S)]
    del log.ticks[39]

    assert any("tick 40 was written before the kill at 603, and is gone" == one for one in judge(log).wrong)


def test_a_daemon_that_had_stopped_to_write_is_found() -> None:
    """What is in flight at a kill is at most an interval and what the machine takes: else nobody wrote."""
    log = sound_log()
    idle_s = 40 * INTERVAL_S
    log.killed = [Kill(80 * INTERVAL_S, log.ticks[39], 82 * INTERVAL_S)]

    assert idle_s > INTERVAL_S + STALL_S * SPEED
    assert ("nothing was written for 600 s before the kill at 1200",) == judge(log).wrong


def test_a_page_of_a_look_that_ran_out_of_time_is_not_lost_where_that_was_told() -> None:
    """A missing page is excused by a look at it that the daemon told to have failed, and that took its whole time."""
    log = sound_log()
    log.kept[0].remove(77)
    at = 77 * INTERVAL_S - 1.0
    log.failed = {0: [(at - 1.0, at + 1.0)]}
    early = judge(log)
    log.failed = {0: [(at - 1.0, at - 1.0 + TIMEOUT_S * SPEED)]}

    assert (1, 0) == (early.lost, early.given_up)
    assert (0, 1) == (judge(log).lost, judge(log).given_up)


@pytest.mark.parametrize(
    ("hours", "growth", "wrong"),
    [(24, 0.03, ("memory grew by 2.7 % in the last half",)), (24, 0.01, ()), (2, 0.03, ())],
    ids=["leak", "flat", "young"],
)
def test_a_leak_is_found_beneath_a_daemons_ups_and_downs(hours: int, growth: float, wrong: tuple[str, ...]) -> None:
    """Of a whole day, 3 % more at the end than in the middle is told, 1 % is not, whatever a moment takes."""
    length_s, count = hours * 3600.0, 400
    log = sound_log()
    log.plan = dataclasses.replace(log.plan, length_s=length_s)
    log.rss_mib = [
        (length_s * number / count, 60.0 * (1.0 + growth * max(0.0, 2 * number / count - 1)) + 0.1 * (number % 3))
        for number in range(count)
    ]

    assert wrong == judge(log).wrong


async def test_a_hung_exporter_lets_go_of_who_hangs_up(tmp_path: Path) -> None:
    """Whoever asks it waits for as long as they like; when they have gone nothing of it is left."""
    exporter = Exporter(0, free_port(), FastClock.begin(tmp_path / "clock", BEGIN, 1.0), ())
    await exporter.open()
    before = asyncio.all_tasks()
    reader, writer = await asyncio.open_connection(exporter.host, exporter.port)
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    await reader.readuntil(b"DCGM")
    serving = asyncio.all_tasks() - before
    await exporter.be("hung")
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    await writer.drain()
    writer.close()

    done, waiting = await asyncio.wait(serving, timeout=10)
    await exporter.close()

    assert (serving, set()) == (done, waiting)
    assert [None] == [one.exception() for one in done]


def test_ticks_are_placed_in_time_whatever_the_clock_was_set_to() -> None:
    """Ticks are known to lie an interval apart, though the clock was set back by minutes, and forward again."""
    log = sound_log()
    log.passed_of_step = [(500.0, -600.0), (1000.0, 90.0)]
    log.ticks = [(number, log.at(number * INTERVAL_S)) for number in range(1, 100)]

    assert [number * INTERVAL_S for number in range(1, 100)] == pytest.approx([*log.passed_of_ticks().values()])


def test_plans_are_the_same_for_one_seed_and_spare_the_nodes_of_hot_gpus() -> None:
    """A seed gives one plan; no exporter fails while a GPU of its node is hot, and kills fall into the first part."""
    made = plan(7, length_s=24 * 3600.0, nodes=64, kills=20)

    assert made == plan(7, length_s=24 * 3600.0, nodes=64, kills=20)
    assert 20 == len(made.kills)
    assert all(when < KILLED_SHARE * made.length_s for when in made.kills)
    assert set(MOODS) == {one.mood for one in made.bad}
    assert made.steps
    assert made.full
    for bad in made.bad:
        near = [hot for hot in made.hot if hot.node == bad.node]
        assert all(bad.since >= hot.until + REST_S or bad.until <= hot.since - REST_S for hot in near)


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_grows_whatever_happens(tmp_path: Path) -> None:
    """Dying, hanging and lying exporters, stepping clocks, a full disk and kills cost nothing but ticks in flight."""
    form = FULL if os.environ.get("SOAK") == "full" else SHORT
    words = [str(value) for value in dataclasses.astuple(form)]
    command = [sys.executable, "-m", "tests.slow.soak.run", str(tmp_path), *words]
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    may_mount = subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    environ = {**os.environ, "SOAK_MAY_MOUNT": "1" if may_mount else "0"}
    done = subprocess.run(
        [*(alone if may_mount else []), *command], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout[-4000:] + done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert [] == told["wrong"]
    assert told["served"] > 0
