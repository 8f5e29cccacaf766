"""A process that evaluates and tells until it is killed: `python -m tests.services.telling_child STORE FILE FIRST`.

Its world is a function of the tick's number: GPUs that get hot and cool down, incidents that begin and end. After each
tick, once all that it decided has arrived, it prints the tick's number. Imported, it is the same world without a kill.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from app.config.settings import Alerts, Settings
from app.domain.alert import Rule
from app.domain.diagnosis import Diagnosis
from app.domain.snapshot import Gpu, Layer, Node, Snapshot
from app.engine.alerting.rulebook import RuleBook
from app.services.alerting import Alerting
from app.services.board import Board
from app.services.notifier import Notifier, Told
from app.services.notify_file import NotifyFile
from app.store.sqlite import open_store
from tests.engine.notifying.build import diagnosis, finding
from tests.tools.fake_clock import FakeClock

T0 = 1_764_000_000.0
STEP_S = 120.0
"""So long that no rule flaps, which would mute it."""
GPUS = 6
ROUND = 12
"""Ticks after which a GPU gets hot again; it is hot for half of them."""
RULES = {
    f"Hot{gpu}": Rule(f"Hot{gpu}", f'gpu.temperature{{gpu="{gpu}"}} > 85', "critical", for_s=2 * STEP_S)
    for gpu in range(GPUS)
}


def at(tick: int) -> float:
    """When a tick is."""
    return T0 + STEP_S * tick


def picture(tick: int) -> Snapshot:
    """How hot the GPUs are at a tick."""
    gpus = tuple(
        Gpu(
            "n1",
            gpu,
            f"GPU-{gpu}",
            layers=(Layer("e", at(tick), STEP_S, {"gpu.temperature": 95.0 if (tick + 2 * gpu) % ROUND < 6 else 50.0}),),
            seen_at=at(tick),
        )
        for gpu in range(GPUS)
    )
    return Snapshot(version=tick + 1, at=at(tick), cluster="lab", nodes={"n1": Node("n1", gpus=gpus)})


def wrong(tick: int) -> Diagnosis:
    """What the diagnosis says at a tick: every tenth one an incident that lasts for five, of another node each time."""
    number = tick // 10
    if tick % 10 >= 5:
        return Diagnosis(at(tick))
    one = finding(f"f-{number}", at=at(10 * number), node=f"m{number}", gpu=0)
    return replace(diagnosis((f"i-{number}", (one,))), at=at(tick))


class World:
    """Evaluation and telling over one store."""

    def __init__(self, file: Path, first: int) -> None:
        self.clock = FakeClock(at(first - 1))
        self.board = Board(Snapshot(cluster="lab"))
        self.tick = first - 1
        self.alerting = Alerting(self.board, self.clock, STEP_S, RuleBook(RULES), waits_for_store=True)
        told = Told(self.alerting.now, lambda: wrong(self.tick))
        settings = Settings(alerts=Alerts(notify_file=str(file)))
        self.notifier = Notifier(self.board, self.clock, STEP_S, told, NotifyFile(settings), waits_for_store=True)

    async def send_all(self) -> None:
        """Until nothing waits any more."""
        while self.notifier.outbox.queue:
            for name in self.notifier.policy_file.policy.channels:
                while await self.notifier.send_next(name):
                    pass

    async def step(self, tick: int) -> None:
        """One tick, and all that it has to tell."""
        await self.send_all()
        self.tick = tick
        self.clock.set(at(tick))
        self.board.replace(picture(tick))
        await self.alerting.step(self.board.snapshot, at(tick))
        await self.notifier.step(at(tick))
        await self.send_all()


@asynccontextmanager
async def world(store: Path, file: Path, first: int) -> AsyncIterator[World]:
    """The world over a store, going on where that left off."""
    made = World(file, first)
    history = await open_store(store, made.clock.now)
    await made.alerting.keep(history)
    await made.notifier._turn.keep(history)
    try:
        yield made
    finally:
        await history.close()


async def main(store: Path, file: Path, first: int) -> None:
    """Go on from a tick, for ever."""
    async with world(store, file, first) as made:
        for tick in count(first):
            await made.step(tick)
            os.write(1, f"{tick}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
