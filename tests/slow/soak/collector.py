"""The collecting part of the daemon on a fast clock: `python -m tests.slow.soak.collector STATE CLOCK NODE=URL…`.

The program's own parts throughout: sources, board, alerts, diagnosis, store and its lease; only the sockets on which a
daemon answers are left out. What it tells of looks that failed goes to a file beside the state. It ends on SIGTERM.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from pathlib import Path
from typing import TextIO

from app.cli.serve import _SEARCHES
from app.config.settings import Alerts, Cluster, Discover, Settings, Slurm, Store, Target
from app.runtime.collecting import collecting
from app.runtime.options import RuntimeOptions
from app.services.board import Arrival
from app.services.monitor import GRACE_S
from tests.slow.soak.fast_clock import FastClock

INTERVAL_S = 15.0
TIMEOUT_S = 0.3
"""Of a look, in real seconds."""
LOOK_S = TIMEOUT_S + GRACE_S
"""Most real seconds between a page and its numbers on the board, else the look has failed."""


async def collect(state: Path, clock: Path, targets: list[str]) -> None:
    """Collect until told to end."""
    pairs = [one.split("=", 1) for one in targets]
    settings = Settings(
        cluster=Cluster(name="soak", interval_s=INTERVAL_S),
        target=tuple(Target(url=url, node=node, name=node, timeout_s=TIMEOUT_S) for node, url in pairs),
        discover=Discover(local=False),
        slurm=Slurm(via="off"),
        store=Store(raw_hours=72.0, flight_mib=0.0),
        alerts=Alerts(rules=(str(state.parent / "rules.toml"),)),
    )
    gc.set_threshold(*_SEARCHES)  # as `serve` does: how much waits to be collected is part of what it holds
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    fast, file = FastClock(clock), failed_looks(state).open("a", buffering=1)
    with file:
        async with collecting(settings, RuntimeOptions(state_dir=state, clock=fast)) as parts:
            parts.board.listen(lambda arrival: tell_failed(file, arrival, fast.passed()))
            sys.stdout.write("collecting\n")
            sys.stdout.flush()
            await stop.wait()


def failed_looks(state: Path) -> Path:
    """Where a line is written for each look that failed: its source, when it began and when it was over."""
    return state.parent / "failed"


def tell_failed(file: TextIO, arrival: Arrival, passed: float) -> None:
    """Write it down where an arrival is a look that failed."""
    if arrival.reading.error is not None:
        file.write(f"{arrival.spec.name} {passed - arrival.reading.duration_s} {passed}\n")


if __name__ == "__main__":
    asyncio.run(collect(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
