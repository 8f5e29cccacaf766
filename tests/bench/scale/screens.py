"""Those who look: what fifty attached screens cost the daemon, and one screen over 8,192 GPUs.

The fifty are connections that follow the daemon's stream as a screen does, without painting: what screens themselves
cost is theirs, on whatever machine they run.
"""

from __future__ import annotations

import asyncio
import os
import random
import select
import time
from contextlib import ExitStack
from pathlib import Path

from tests.bench.fleet_values import GPUS_OF_NODE
from tests.bench.report import Report, Target
from tests.bench.scale.collect import NODES
from tests.bench.scale.cost import cost
from tests.bench.scale.field import INTERVAL_S, Pages, is_full, ours, pages, status, wait_for
from tests.bench.terminal import measure, started
from tests.real.paging import Daemon

SCREENS = 50
FEW_NODES = 64
WINDOW_S, ROUNDS = 30.0, 3
CHANGES = 6
MARGIN_S = 0.25
NEWS = "DCGM_FI_DEV_FAN_SPEED"
"""A field that no page has until it is wished for."""
SIZE = (200, 60)
KEYS = 200
_ASK = b"GET /api/stream HTTP/1.1\r\nHost: daemon\r\n\r\n"


def run(report: Report, folder: Path, _has_peer: bool) -> None:
    """Fifty over 512 GPUs, then one over 8,192."""
    with ExitStack() as stack:
        served = stack.enter_context(pages(folder / "few", FEW_NODES))
        daemon = stack.enter_context(ours(folder / "few"))
        wait_for(lambda: _sees(daemon, FEW_NODES), "every GPU was seen")
        time.sleep(2 * INTERVAL_S)
        asyncio.run(_fifty(report, daemon, served))
    with ExitStack() as stack:
        stack.enter_context(pages(folder / "all", NODES))
        daemon = stack.enter_context(ours(folder / "all"))
        wait_for(lambda: _sees(daemon, NODES), "every GPU was seen")
        time.sleep(4 * INTERVAL_S)
        _one(report, daemon)


def _sees(daemon: Daemon, nodes: int) -> bool:
    return bool(status(daemon)["cluster"]["gpus"] == nodes * GPUS_OF_NODE)


async def _fifty(report: Report, daemon: Daemon, served: Pages) -> None:
    alone, watched, waits = [], [], []
    dice = random.Random(3)
    for _ in range(ROUNDS):
        alone.append(await _cpu_s(daemon))
        async with asyncio.TaskGroup() as group:
            there = [_Screen() for _ in range(SCREENS)]
            tasks = [group.create_task(one.follow(daemon)) for one in there]
            await asyncio.sleep(INTERVAL_S)
            watched.append(await _cpu_s(daemon))
            for _ in range(CHANGES // ROUNDS):
                await asyncio.sleep(dice.uniform(0.0, INTERVAL_S))
                waits.append(await _change(served, there, dice.randrange(10_000, 99_999)))
            for task in tasks:
                task.cancel()
    gpus = FEW_NODES * GPUS_OF_NODE
    what = f"daemon over {gpus} GPUs with {SCREENS} attached: CPU of a core"
    report.add(what, "%", watched, Target(at_most=2.0, peer="none attached"), {"none attached": alone})
    report.add("from a page to all of them, the slowest", "s", max(waits), Target(at_most=INTERVAL_S + MARGIN_S))


async def _cpu_s(daemon: Daemon) -> float:
    """Percent of a core that the daemon takes for a while."""
    before, at = cost(daemon.process.pid), time.monotonic()
    await asyncio.sleep(WINDOW_S if is_full() else WINDOW_S / 2)
    return 100 * (cost(daemon.process.pid).cpu_s - before.cpu_s) / (time.monotonic() - at)


class _Screen:
    """One screen's connection: reads all that comes, and says when what it waits for was in it."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self.word = b""

    async def follow(self, daemon: Daemon) -> None:
        """Read until cancelled."""
        reader, writer = await asyncio.open_unix_connection(str(daemon.socket), limit=1 << 26)
        try:
            writer.write(_ASK)
            while data := await reader.readline():
                if self.word and self.word in data:
                    self.heard.set()
        finally:
            writer.close()


async def _change(served: Pages, there: list[_Screen], value: int) -> float:
    """Seconds from a page that says something new until every screen has heard it."""
    for one in there:
        one.heard.clear()
        one.word = f":{value}.0".encode()
    began = time.monotonic()
    served.say(0, f'{NEWS}{{gpu="0",UUID="GPU-00000000-0000-4abc-9def-000000000000",Hostname="gpu-0000"}} {value}')
    async with asyncio.timeout(4 * INTERVAL_S):
        await asyncio.gather(*(one.heard.wait() for one in there))
    return time.monotonic() - began


def _one(report: Report, daemon: Daemon) -> None:
    """The screen over the whole fleet: its first frame with numbers, its memory, and keys."""
    environ = {**daemon.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    gpus = f"{NODES * GPUS_OF_NODE:,}"
    marks = {"frame": "scale", "numbers": f"{gpus}|{gpus.replace(',', '')}"}
    firsts = []
    for _ in range(3):
        seen = measure(daemon.screen, environ, marks, warm_s=15.0, window_s=0.0, until_marked=True, size=SIZE).marks
        firsts.append((seen["frame"] or 15.0, seen["numbers"] or 15.0))
    got = measure(daemon.screen, environ, {}, warm_s=10.0, window_s=20.0, size=SIZE)
    report.add(f"attached to {gpus} GPUs: first frame", "s", [one for one, _ in firsts], Target(at_most=0.5))
    report.add("the same: its first numbers", "s", [one for _, one in firsts])
    report.add("the same: memory of the screen", "MiB", got.rss_mib, Target(at_most=200.0))
    report.add("the same: CPU of the screen", "% of a core", got.cpu_percent)
    waits = sorted(_key_waits_ms(daemon, environ))
    report.add("the same: key to paint, p99", "ms", waits[int(len(waits) * 0.99)], Target(at_most=50.0))


def _key_waits_ms(daemon: Daemon, environ: dict[str, str]) -> list[float]:
    """Milliseconds from writing a key to the first byte that answers it."""
    dice, waits = random.Random(3), []
    with started(daemon.screen, environ, SIZE) as (_, terminal):
        _drain(terminal, 10.0)
        for number in range(KEYS):
            _drain(terminal, dice.uniform(0.02, 0.2))
            pressed = time.monotonic()
            os.write(terminal, (b"\x1b[C", b"\x1b[B", b"\x1b[D", b"\x1b[A")[number % 4])
            if select.select([terminal], [], [], 2.0)[0]:
                waits.append(1000 * (time.monotonic() - pressed))
    return waits


def _drain(terminal: int, seconds: float) -> None:
    """Read what comes for a while."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 1 << 20)
