"""Fifty screens that paint, each on a terminal of its own, over a fleet so small that one machine carries them."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from statistics import median

from tests.bench.fleet_values import GPUS_OF_NODE
from tests.bench.report import Report, Target
from tests.bench.scale.cost import cost
from tests.bench.scale.field import INTERVAL_S, Pages
from tests.bench.screens.listeners import MARGIN_S, WINDOW_S, cpu_percent, plug_in
from tests.bench.terminal import started
from tests.real.paging import Daemon

SIZE = (120, 40)
UP_S = 120.0
"""All of them show numbers by then."""
CHANGES = 3
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Wall:
    """Terminals that are read, and which of them have shown what is waited for."""

    def __init__(self, terminals: list[int]) -> None:
        self._tails = dict.fromkeys(terminals, b"")
        self._is_over = threading.Event()
        self.word = b""
        self.shown: set[int] = set()

    def read(self) -> None:
        """Read them all until it is over."""
        while not self._is_over.is_set():
            for one in select.select(list(self._tails), [], [], 0.05)[0]:
                with suppress(OSError):
                    text = self._tails[one] + _CONTROL.sub(b"", os.read(one, 1 << 16))
                    if self.word and self.word in text:
                        self.shown.add(one)
                    self._tails[one] = text[-64:]

    def expect(self, word: str) -> None:
        """From now on it is this that is waited for."""
        self.shown.clear()
        self.word = word.encode()

    def wait(self, within_s: float) -> float:
        """Seconds until all have shown it. Raises TimeoutError."""
        began = time.monotonic()
        while len(self.shown) < len(self._tails):
            if time.monotonic() - began > within_s:
                raise TimeoutError(f"{len(self.shown)} of {len(self._tails)} screens showed {self.word!r}")
            time.sleep(0.01)
        return time.monotonic() - began

    def end(self) -> None:
        """No more of it."""
        self._is_over.set()


def measure(report: Report, daemon: Daemon, served: Pages, screens: int) -> None:
    """The daemon alone and with all of them; what one screen takes; how soon all have painted what is new."""
    gpus = served.nodes * GPUS_OF_NODE
    alone = asyncio.run(cpu_percent(daemon))
    with _painting(daemon, screens, f"{gpus}/{gpus}") as (wall, pids):
        time.sleep(INTERVAL_S)
        before = [cost(pid).cpu_s for pid in pids]
        watched = asyncio.run(cpu_percent(daemon))
        each = [100 * (cost(pid).cpu_s - was) / WINDOW_S for pid, was in zip(pids, before, strict=True)]
        waits = [_change(wall, served, node, gpus + node + 1) for node in range(CHANGES)]
        memory = median(cost(pid).rss_mib for pid in pids)
    what = f"daemon over {gpus} GPUs with {screens} screens that paint: CPU of a core"
    report.add(what, "%", watched, Target(at_most=2.0, peer="none attached"), {"none attached": [alone]})
    report.add("each of them: CPU of a core", "%", each)
    report.add("each of them: memory", "MiB", memory)
    report.add("from a page to the last of their terminals", "s", waits, Target(at_most=INTERVAL_S + MARGIN_S))


def _change(wall: Wall, served: Pages, node: int, gpus: int) -> float:
    """Seconds until all have painted that a node has one GPU more."""
    wall.expect(f"{gpus}/{gpus}")
    plug_in(served, node)
    return wall.wait(4 * INTERVAL_S)


@contextmanager
def _painting(daemon: Daemon, screens: int, word: str) -> Iterator[tuple[Wall, list[int]]]:
    """So many screens that have all shown a word."""
    environ = {**daemon.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    with ExitStack() as stack:
        found = []
        for number in range(screens):
            own = {**environ, "GPU_WATCHDOG_STATE_DIR": f"{daemon.environ['GPU_WATCHDOG_STATE_DIR']}-{number}"}
            found.append(stack.enter_context(started(daemon.screen, own, SIZE)))
        wall, pids = Wall([terminal for _, terminal in found]), [pid for pid, _ in found]
        reading = threading.Thread(target=wall.read, daemon=True)
        wall.expect(word)
        reading.start()
        try:
            wall.wait(UP_S)
            yield wall, pids
        finally:
            wall.end()
            reading.join()
            for pid in pids:  # at once: one after another politely takes longer than all that was measured
                os.killpg(pid, signal.SIGKILL)
