"""The monitor and a source that changes its own pace."""

from __future__ import annotations

import asyncio

from app.config.settings import Cluster, Settings
from app.domain.reading import Reading, SourceSpec
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.monitor import Monitor
from app.services.targets import Targets, Turnover
from app.sources.source import Source
from app.transport.scrape import ScrapeClient
from tests.tools.fake_clock import FakeClock


class Slowing:
    """A source that asks for a longer interval from its second look on."""

    timeout_s = 1.0

    def __init__(self, clock: FakeClock) -> None:
        self.spec = SourceSpec("slow", "slurm", "squeue (local)", 5.0)
        self.looked_at: list[float] = []
        self._clock = clock

    async def read(self) -> Reading:
        self.looked_at.append(self._clock.now())
        if len(self.looked_at) == 3:
            self.spec = SourceSpec("slow", "slurm", "squeue (local)", 20.0)
        return Reading("slow", self._clock.now(), 0.0)

    async def close(self) -> None:
        """Nothing is held."""


class Only(Targets):
    """One source, for ever."""

    source: Source

    async def changes(self):  # type: ignore[no-untyped-def]  # as its parent's
        yield Turnover(added=(self.source,))
        await asyncio.Event().wait()


async def test_a_source_that_slows_down_is_looked_at_less_often() -> None:
    """Its slots follow its own interval, and the board reckons its age by that."""
    clock = FakeClock()
    board, source = Board(Snapshot()), Slowing(clock)
    targets = Only(Settings(cluster=Cluster(interval_s=5.0)), (), ScrapeClient(), clock)
    targets.source = source
    running = asyncio.create_task(Monitor(board, targets, clock).run())
    await clock.advance(100.0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    gaps = [round(b - a, 3) for a, b in zip(source.looked_at, source.looked_at[1:], strict=False)]
    assert 5.0 == gaps[1]
    assert {20.0} == set(gaps[3:])
    assert 20.0 == board.snapshot.sources["slow"].spec.interval_s
