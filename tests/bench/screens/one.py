"""One screen over the whole fleet: its first frame, its first numbers, what it takes, and how long a key waits."""

from __future__ import annotations

import os
import random
import select
import time

from tests.bench.report import Report, Target
from tests.bench.terminal import measure as watched
from tests.bench.terminal import started
from tests.real.paging import Daemon

SIZE = (200, 60)
STARTS, START_S = 3, 20.0
WARM_S, WINDOW_S = 10.0, 15.0
KEYS, UNANSWERED_S = 150, 2.0


def measure(report: Report, daemon: Daemon, gpus: int) -> None:
    """From its start to its keys."""
    environ = {**daemon.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    marks = {"frame": "scale", "numbers": f"{gpus:,}|{gpus}"}
    firsts = []
    for _ in range(STARTS):
        seen = watched(daemon.screen, environ, marks, warm_s=START_S, window_s=0.0, until_marked=True, size=SIZE).marks
        firsts.append((seen["frame"] or START_S, seen["numbers"] or START_S))
    got = watched(daemon.screen, environ, {}, warm_s=WARM_S, window_s=WINDOW_S, size=SIZE)
    report.add(f"attached to {gpus:,} GPUs: first frame", "s", [one for one, _ in firsts], Target(at_most=0.5))
    report.add("the same: its first numbers", "s", [one for _, one in firsts])
    report.add("the same: memory of the screen", "MiB", got.rss_mib, Target(at_most=200.0))
    report.add("the same: CPU of the screen", "% of a core", got.cpu_percent)
    waits = sorted(_key_waits_ms(daemon, environ))
    report.add("the same: key to paint, median", "ms", waits[len(waits) // 2])
    report.add("the same: key to paint, p99", "ms", waits[int(len(waits) * 0.99)], Target(at_most=50.0))


def _key_waits_ms(daemon: Daemon, environ: dict[str, str]) -> list[float]:
    """Milliseconds from writing a key to the first byte that answers it."""
    dice, waits = random.Random(3), []
    with started(daemon.screen, environ, SIZE) as (_, terminal):
        _drain(terminal, WARM_S)
        for number in range(KEYS):
            _drain(terminal, dice.uniform(0.02, 0.2))
            pressed = time.monotonic()
            os.write(terminal, (b"\x1b[C", b"\x1b[B", b"\x1b[D", b"\x1b[A")[number % 4])
            select.select([terminal], [], [], UNANSWERED_S)  # one that nothing answers counts as that long
            waits.append(1000 * (time.monotonic() - pressed))
    return waits


def _drain(terminal: int, seconds: float) -> None:
    """Read what comes for a while."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 1 << 20)
