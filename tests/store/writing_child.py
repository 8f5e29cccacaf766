"""A process that writes ticks as fast as it can until it is killed: `python -m tests.store.writing_child STORE FIRST`.

After each tick that was committed it prints the tick's number; what it writes says its number too.
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from app.domain.series import Event, Subject
from app.domain.snapshot import Gpu, Node, Snapshot
from app.store.history import Tick
from app.store.levels import Retention, Windows
from app.store.sqlite import open_store
from tests.store.build import GPU, POWER, T0, change

GPUS = 20
TINY = Windows(raw_s=30, minute_s=120, quarter_s=1800)
"""Every sixth tick is the last of a window, so that much of a short life is spent in sealing."""
KEPT = Retention(raw_s=3600.0, minute_s=4 * 3600.0, quarter_s=40 * 86400.0)


def numbered(number: int) -> Tick:
    """The tick of a number: every GPU draws as many watts, an event names it, and the picture changes now and then."""
    at = T0 + 5.0 * number
    said = [
        change(
            at,
            {POWER: number % 1000 + gpu / 10, "gpu.energy": float(number)},
            Subject("gpu", node="n1", index=gpu),
            source=f"source-{gpu // 2}",
        )
        for gpu in range(GPUS)
    ]
    node = Node("n1", gpus=tuple(Gpu("n1", gpu, None, {"driver": str(number // 50)}) for gpu in range(GPUS)))
    return Tick(at, tuple(said), (Event(at, "gpu.xid", "info", GPU, str(number)),), Snapshot(at=at, nodes={"n1": node}))


async def main(path: Path, first: int) -> None:
    """Write ticks from a number on, for ever."""
    history = await open_store(path, lambda: float(T0), windows=TINY, retention=KEPT)
    for number in count(first):
        await history.write(numbered(number))
        if (await history.health()).dropped_ticks:
            sys.exit("a tick was dropped")
        os.write(1, f"{number}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
