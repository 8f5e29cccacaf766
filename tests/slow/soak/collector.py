"""The collecting part of the daemon on a fast clock: `python -m tests.slow.soak.collector STATE CLOCK NODE=URL…`.

The program's own parts throughout: sources, board, alerts, diagnosis, store and its lease; only the sockets on which a
daemon answers are left out. It ends on SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from app.config.settings import Alerts, Cluster, Discover, Settings, Slurm, Store, Target
from app.runtime import RuntimeOptions, collecting
from tests.slow.soak.fast_clock import FastClock

INTERVAL_S = 15.0
TIMEOUT_S = 0.3
"""Of a look, in real seconds."""


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
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with collecting(settings, RuntimeOptions(state_dir=state, clock=FastClock(clock))):
        sys.stdout.write("collecting\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(collect(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
