"""Bytes a sample of the block, without waiting for it: the same pages at simulated times, through to the real store.

Everything but the network is the daemon's own: its reader of pages, its board, its keeper with the fleet's folds. Each
node has its own moment within the interval, and some milliseconds of jitter, as scrapes have.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from app.domain.reading import Reading, SourceSpec
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.recording import Keeper
from app.sources.page import Page, PageContents
from app.sources.rates import with_rates
from app.store.history import Tick
from app.store.sqlite import open_store
from tests.bench.report import Report, Target
from tests.bench.scale.field import INTERVAL_S
from tests.bench.scale.pages import METRICS, Fleet, address

BEGIN = 1_800_057_600.0
NODES, TICKS = 64, 1440
JITTER_S = 0.003
LIMIT = Target(at_most=2.0)


def run(report: Report, folder: Path, has_peer: bool) -> None:
    """Keep two hours, and report what they take while they are written and once they are sealed.

    Prometheus' own figure stands in `past`.
    """
    asyncio.run(_measure(report, folder / "kept.db"))


@dataclass(slots=True)
class _Clock:
    """Simulated time."""

    at: float = BEGIN

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


@dataclass(slots=True)
class _Node:
    """One node's page as a source."""

    number: int
    moment_s: float
    """When within the interval it is looked at."""
    spec: SourceSpec
    page: Page
    before: PageContents | None = field(default=None)

    def read(self, fleet: Fleet, at: float) -> Reading:
        """What the page says at a time."""
        _, _, body = fleet.page(self.number).partition(b"\r\n\r\n")
        self.before = found = with_rates(self.before, self.page.read(body, at))
        return Reading(self.spec.name, at, 0.004, nodes=found.nodes, services=found.services, page=found.health)


def _nodes(dice: random.Random) -> list[_Node]:
    made = []
    for number in range(NODES):
        host = address(number)
        spec = SourceSpec(f"node-{number}", "exporter", f"http://{host}:9400/metrics", INTERVAL_S)
        made.append(_Node(number, dice.random() * (INTERVAL_S - 1), spec, Page(None, host)))
    return sorted(made, key=lambda node: node.moment_s)


async def _measure(report: Report, path: Path) -> None:
    clock, dice, fleet = _Clock(), random.Random(5), Fleet(NODES, INTERVAL_S)
    history = await open_store(path, clock.now)
    board = Board(Snapshot(cluster="lab"))
    keeper = Keeper(board, history, clock, INTERVAL_S)
    nodes = _nodes(dice)
    for number in range(TICKS):
        begun = BEGIN + number * INTERVAL_S
        fleet.renew(begun)
        for node in nodes:
            clock.at = begun + node.moment_s + abs(dice.gauss(0, JITTER_S))
            board.apply(node.spec, node.read(fleet, clock.at))
        clock.at = begun + INTERVAL_S
        await keeper.tick()
    size = (await history.health()).size_bytes
    await history.close()
    with closing(sqlite3.connect(path)) as db:
        samples = db.execute("SELECT sum(samples) FROM tick").fetchone()[0]
    what = f"bytes a sample, pages of {NODES} nodes with {METRICS} metrics for two hours"
    report.add(f"{what}: unsealed rows, free pages, log and all", "B", size / samples, LIMIT)
    await _seal(path, clock.at + 3600)
    with closing(sqlite3.connect(path)) as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0] - db.execute("PRAGMA freelist_count").fetchone()[0]
        sealed = pages * db.execute("PRAGMA page_size").fetchone()[0]
    report.add("the same, all of it sealed", "B", sealed / samples, LIMIT)


async def _seal(path: Path, at: float) -> None:
    """Write one tick more, long after, with all the time in the world for chores."""
    history = await open_store(path, lambda: at, clock=lambda: 0.0)
    await history.write(Tick(at, ()))
    await history.close()
