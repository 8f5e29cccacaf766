"""The store: bytes a sample, how long a tick and its chores take, and how long answers take.

A fleet of 1,024 GPUs with 20 metrics every 5 s is written for fifty minutes, realistic and as a plain random walk, and
two nodes for a whole day: an answer about one GPU, or about the fleet's own series, reads that one's streams alone.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import quantiles
from time import perf_counter

from app.domain.apply import Change
from app.domain.series import FLEET, Subject
from app.domain.snapshot import Layer
from app.store.history import History, Tick
from app.store.sqlite import open_store
from tests.bench.fleet_values import GPUS_OF_NODE, Realistic, Walk, changes
from tests.bench.report import Report, Target

INTERVAL_S = 5.0
BEGIN = 1_800_057_600.0
FLEET_GPUS, FLEET_TICKS = 1024, 600
DAY_GPUS, DAY_TICKS = 16, 17_280
ROUNDS = 15


def run(report: Report) -> None:
    """Measure everything and report it."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(report, Path(folder)))


async def _measure(report: Report, folder: Path) -> None:
    await _fleet(report, folder / "walk.db", "random walk", Walk(FLEET_GPUS, INTERVAL_S))
    await _fleet(report, folder / "real.db", "realistic", Realistic(FLEET_GPUS, INTERVAL_S))
    await _travel(report, folder / "real.db")
    await _day(report, folder / "day.db")


def _ticks(values: Realistic | Walk, count: int) -> Iterator[Tick]:
    for number in range(count):
        at = BEGIN + number * INTERVAL_S
        made = changes(values.tick(number), at, INTERVAL_S)
        fold = Change(FLEET, Layer("fold", at, INTERVAL_S, made[number % len(made)].layer.values))
        yield Tick(at, (*made, fold))


async def _fleet(report: Report, path: Path, name: str, values: Realistic | Walk) -> None:
    """Write fifty minutes of a fleet: what a tick costs, what its chores cost after it, and what a sample takes."""
    history = await open_store(path, lambda: BEGIN)
    commits, chores = [], []
    for tick in _ticks(values, FLEET_TICKS):
        began = perf_counter()
        await history.write(tick)
        commit_s = (await history.health()).write_s or 0.0
        commits.append(commit_s * 1000)
        chores.append((perf_counter() - began - commit_s) * 1000)
    await history.close()
    await _seal_all(path)
    report.add(f"{name}: bytes a sample, sealed, on disk", "B", _bytes_a_sample(path), Target(at_most=2.5))
    report.add(f"{name}: tick of 20,480 samples, median", "ms", commits)
    report.add(f"{name}: tick, 99th percentile", "ms", quantiles(commits, n=100)[98])
    report.add(f"{name}: chores after a tick, 99th percentile", "ms", quantiles(chores, n=100)[98], Target(at_most=50))


async def _seal_all(path: Path) -> None:
    """Write one tick more, long after, with all the time in the world for chores."""
    history = await open_store(path, lambda: BEGIN, clock=lambda: 0.0)
    await history.write(Tick(BEGIN + FLEET_TICKS * INTERVAL_S + 3600, ()))
    await history.close()


def _bytes_a_sample(path: Path) -> float:
    """Used pages of a store in which everything is sealed, over its samples."""
    with sqlite3.connect(path) as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0] - db.execute("PRAGMA freelist_count").fetchone()[0]
        samples = db.execute("SELECT sum(samples) FROM chunk WHERE level = 0").fetchone()[0]
        return float(pages * db.execute("PRAGMA page_size").fetchone()[0] / samples)


async def _travel(report: Report, path: Path) -> None:
    """Go to a moment of the fleet with a store just opened, and step on from there."""
    middle = BEGIN + FLEET_TICKS / 2 * INTERVAL_S
    cold: list[float] = []
    steps: list[float] = []
    for _ in range(3):
        history = await open_store(path, lambda: BEGIN, want_lease=False)
        took = [await _timed(history.at(middle + number * INTERVAL_S)) for number in range(6)]
        cold.append(took[0])
        steps += took[1:]
        await history.close()
    report.add("whole picture of 1,024 GPUs at a past moment, cold", "ms", cold, Target(at_most=1500))
    report.add("one step on from there", "ms", steps)


async def _day(report: Report, path: Path) -> None:
    """Write a day of two nodes and ask for it."""
    history = await open_store(path, lambda: BEGIN)
    for tick in _ticks(Realistic(DAY_GPUS, INTERVAL_S), DAY_TICKS):
        await history.write(tick)
    end = BEGIN + DAY_TICKS * INTERVAL_S
    limit = Target(at_most=10)

    async def asked(what: Callable[[int], Subject], metric: str, step_s: float) -> list[float]:
        return [await _timed(history.series(what(number), metric, BEGIN, end, step_s)) for number in range(ROUNDS)]

    report.add("one GPU, one metric, 24 h: 17,280 samples", "ms", await asked(_gpu, "gpu.power", 0), limit)
    looked_at = [await _timed(_points(history, number, end)) for number in range(ROUNDS)]
    report.add("the same, and each of its points looked at", "ms", looked_at)
    report.add("one GPU, one metric, 24 h: 600 spans of 144 s", "ms", await asked(_gpu, "gpu.power", 144), limit)
    report.add("one GPU, one metric, 24 h: 288 spans of 300 s", "ms", await asked(_gpu, "gpu.power", 300), limit)
    fleet = await asked(lambda _: FLEET, "gpu.utilization", 144)
    report.add("fleet mean, 24 h: 600 spans of 144 s", "ms", fleet, Target(at_most=60))
    node = await asked(lambda number: Subject("node", node=f"node-{number % 2}"), "gpu.power", 300)
    report.add("one node's 8 GPUs summed, 24 h: 288 spans", "ms", node)
    report.add("moments of 24 h", "ms", [await _timed(history.moments(BEGIN, end)) for _ in range(ROUNDS)])
    await history.close()


async def _points(history: History, number: int, end: float) -> int:
    """Ask for a day of raw samples, and make every point of it; how many there were."""
    found = await history.series(_gpu(number), "gpu.power", BEGIN, end, 0)
    return len(list(found.points))


def _gpu(number: int) -> Subject:
    """Another GPU each round, so that nothing is asked for twice in a row."""
    return Subject("gpu", node=f"node-{number % 2}", index=number * 3 % GPUS_OF_NODE)


async def _timed(question: Awaitable[object]) -> float:
    """Milliseconds until an answer is there; letting it go again is not counted."""
    began = perf_counter()
    answer = await question
    took_ms = (perf_counter() - began) * 1000
    del answer
    return took_ms
