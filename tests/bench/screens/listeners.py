"""Fifty who follow the daemon as a screen does, without painting: what that costs it, how soon all have the news."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.services.client import AttachedFeed
from app.transport.clock import SystemClock
from app.transport.scrape import ScrapeClient
from app.transport.tasks import Tasks
from tests.bench.fleet_values import GPUS_OF_NODE
from tests.bench.report import Report, Target
from tests.bench.scale.cost import cost
from tests.bench.scale.field import INTERVAL_S, Pages
from tests.bench.scale.pages import name
from tests.real.paging import Daemon

ROUNDS, WINDOW_S, CHANGES = 2, 10.0, 2
"""Of each round: both windows, and changes told after them."""
MARGIN_S = 0.25


def measure(report: Report, daemon: Daemon, served: Pages, screens: int) -> None:
    """Alone and followed, in turns."""
    asyncio.run(_measure(report, daemon, served, screens))


async def _measure(report: Report, daemon: Daemon, served: Pages, screens: int) -> None:
    alone, followed = list[float](), list[float]()
    waits: list[float] = []
    dice = random.Random(3)
    for _ in range(ROUNDS):
        alone.append(await cpu_percent(daemon))
        async with _following(daemon, screens) as feeds:
            await asyncio.sleep(INTERVAL_S)
            followed.append(await cpu_percent(daemon))
            for _ in range(CHANGES):
                await asyncio.sleep(dice.uniform(0.0, INTERVAL_S))
                waits.append(await _change(served, feeds, node=len(waits)))
    what = f"daemon over {served.nodes * GPUS_OF_NODE} GPUs with {screens} attached: CPU of a core"
    report.add(what, "%", followed, Target(at_most=2.0, peer="none attached"), {"none attached": alone})
    report.add("from a page to all of them, the slowest", "s", max(waits), Target(at_most=INTERVAL_S + MARGIN_S))


async def cpu_percent(daemon: Daemon) -> float:
    """Percent of a core that the daemon takes for a while."""
    before, at = cost(daemon.process.pid), time.monotonic()
    await asyncio.sleep(WINDOW_S)
    return 100 * (cost(daemon.process.pid).cpu_s - before.cpu_s) / (time.monotonic() - at)


@asynccontextmanager
async def _following(daemon: Daemon, screens: int) -> AsyncIterator[list[AttachedFeed]]:
    """So many feeds of screens, each with a connection of its own."""
    async with ScrapeClient() as client, Tasks() as tasks:
        feeds = [AttachedFeed(daemon.socket, client, SystemClock()) for _ in range(screens)]
        for number, feed in enumerate(feeds):
            await feed.load()
            tasks.start(feed.run(), f"screen {number}")
        yield feeds


def plug_in(served: Pages, node: int) -> None:
    """Let a node's page tell of one GPU more: what is new there, and shows on every screen."""
    labels = f'gpu="{GPUS_OF_NODE}",UUID="GPU-{node:08x}-0008-4abc-9def-{node:012x}",Hostname="{name(node)}"'
    served.say(node, f"DCGM_FI_DEV_GPU_TEMP{{{labels}}} 41")


async def _change(served: Pages, feeds: list[AttachedFeed], node: int) -> float:
    """Seconds from a page that says something new until everybody has it."""
    began = time.monotonic()
    plug_in(served, node)
    async with asyncio.timeout(4 * INTERVAL_S):
        await asyncio.gather(*(_has(feed, name(node)) for feed in feeds))
    return time.monotonic() - began


async def _has(feed: AttachedFeed, node: str) -> None:
    async for snapshot in feed.changes():
        if len(snapshot.nodes[node].gpus) > GPUS_OF_NODE:
            return
