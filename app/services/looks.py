"""Looks at every source when asked, for those who want a reading or two and no loop; sources keep their place between.

A source that is asked more seldom than others is passed over until it is due: Slurm is polled as kindly as ever.
"""

from __future__ import annotations

import asyncio

from app.services.board import Board
from app.services.monitor import look, tell
from app.services.targets import Targets
from app.sources.source import Source
from app.transport.clock import Clock

EARLY_S = 0.05
"""A source is due this much before its time."""


class Looks:
    """The sources there are."""

    def __init__(self, board: Board, targets: Targets, clock: Clock) -> None:
        self._board = board
        self._targets = targets
        self._clock = clock
        self._sources: tuple[Source, ...] | None = None
        self._due: dict[str, float] = {}

    async def look(self) -> None:
        """One bounded look at every source that is due, in parallel."""
        if self._sources is None:
            turnover = await anext(aiter(self._targets.changes()))
            self._sources = turnover.added
        else:
            turnover = await self._targets.again()
            kept = (one for one in self._sources if one.spec.name not in turnover.removed)
            self._sources = (*kept, *turnover.added)
        tell(self._board, turnover)
        now = self._clock.now()
        due = [one for one in self._sources or () if self._due.get(one.spec.name, now) <= now + EARLY_S]
        readings = await asyncio.gather(*(look(one, self._clock) for one in due))
        for source, reading in zip(due, readings, strict=True):
            self._due[source.spec.name] = now + source.spec.interval_s
            self._board.apply(source.spec, reading)

    async def close(self) -> None:
        """Give back what the sources hold."""
        for source in self._sources or ():
            await source.close()
        await self._targets.close()
