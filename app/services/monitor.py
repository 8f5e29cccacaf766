"""The monitor: one task a source, each reading at its own slots and putting what it finds on the board.

The first look is at once, so that a screen has numbers within a moment of its start; every later one is at the
source's slot (`app.engine.schedule`). A look that outlasts its time-out is a failed reading: a source may hang, its
task may not. Sources come and go with the targets; a source that is no longer configured is forgotten.
"""

from __future__ import annotations

import asyncio

from app.domain.reading import Reading
from app.engine.schedule import after_look
from app.services.board import Board
from app.services.targets import Readable, Targets, Turnover
from app.sources.source import Source
from app.transport import turns
from app.transport.clock import Clock
from app.transport.tasks import Tasks

GRACE_S = 0.25
"""A source bounds its own look; this much later the monitor does."""


class Monitor:
    """Keeps every source read, until cancelled."""

    def __init__(self, board: Board, targets: Readable, clock: Clock) -> None:
        self._board = board
        self._targets = targets
        self._clock = clock

    async def run(self) -> None:
        """Follow the targets: a task for each source there is, none for those that went."""
        following: dict[str, tuple[Source, asyncio.Task[None]]] = {}
        async with Tasks() as tasks:
            try:
                async for turnover in self._targets.changes():
                    stays = {source.spec.name for source in turnover.added}  # read in another way from now on
                    for name in turnover.removed:
                        source, task = following.pop(name)
                        task.cancel()
                        await source.close()
                        if name not in stays:
                            self._board.forget(name)
                    for source in turnover.added:
                        task = tasks.start(self._follow(source), f"source {source.spec.name}")
                        following[source.spec.name] = (source, task)
                    tell(self._board, turnover)
            finally:
                for source, _ in following.values():
                    await source.close()
                await self._targets.close()

    async def _follow(self, source: Source) -> None:
        """Look, put it on the board, wait for the next slot; for ever."""
        missed, failures = 0, 0
        while True:
            began = self._clock.now()
            reading = await look(source, self._clock)
            spec = source.spec  # a source that is asked more seldom just now says so
            failures = failures + 1 if reading.error is not None else 0
            await turns.pause()
            self._board.apply(spec, reading, missed)
            plan = after_look(spec.name, spec.interval_s, began, self._clock.now(), failures)
            missed += plan.missed
            await self._clock.sleep(plan.at - self._clock.now())


async def look(source: Source, clock: Clock) -> Reading:
    """One bounded look; whatever goes wrong in it is a failed reading."""
    began = clock.monotonic()
    try:
        async with asyncio.timeout(source.timeout_s + GRACE_S):
            return await source.read()
    except TimeoutError:
        error = f"no answer within {source.timeout_s:g} s"
    except Exception as fault:  # noqa: BLE001 - a collector's bug must cost its own cell, not the screen
        error = f"internal error while reading: {fault!r}; please report it"
    return Reading.failed(source.spec.name, clock.now(), error, clock.monotonic() - began)


def tell(board: Board, turnover: Turnover) -> None:
    """Put on the board what discoveries brought beside sources: prices, and how each of them is doing."""
    if turnover.prices is not None:
        board.price(turnover.prices)
    for told in turnover.discoveries:
        board.apply(*told)


async def look_once(board: Board, targets: Targets, clock: Clock) -> None:
    """One bounded look at every source there is now, in parallel."""
    async for turnover in targets.changes():
        readings = await asyncio.gather(*(look(source, clock) for source in turnover.added))
        for source, reading in zip(turnover.added, readings, strict=True):
            board.apply(source.spec, reading)
            await source.close()
        tell(board, turnover)
        await targets.close()
        return
