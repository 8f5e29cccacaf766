"""Rounds of judging come early for what is a fault by itself, one at a time, and with room between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.domain.series import FLEET, Event, Severity
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.rounds import LEAST_S, SETTLE_S, SHARE, Rounds
from tests.tools.fake_clock import FakeClock


class Scene:
    """Rounds whose one step takes as long as a test says."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.board = Board(Snapshot())
        self.takes_s = 0.0
        self.began: list[float] = []
        """When rounds began, in seconds since the start."""
        self.ended: list[float] = []
        self._start = self.clock.now()
        self.rounds = Rounds(self.board, self.clock, [self._step])

    async def _step(self) -> None:
        self.began.append(round(self.clock.now() - self._start, 3))
        await self.clock.sleep(self.takes_s)
        self.ended.append(round(self.clock.now() - self._start, 3))

    def happens(self, kind: str = "gpu.xid", severity: Severity = "warning") -> None:
        """Something is noted."""
        self.board.note(Event(self.clock.now(), kind, severity, FLEET, "something"))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """Rounds that are hastened, none made yet."""
    async with hastened(Scene()) as made:
        yield made


@asynccontextmanager
async def hastened(scene: Scene) -> AsyncIterator[Scene]:
    """Hasten until the context is left."""
    task = asyncio.create_task(scene.rounds.hasten())
    await scene.clock.advance(0)
    try:
        yield scene
    finally:
        task.cancel()


@pytest.mark.parametrize(
    ("kind", "severity"), [("gpu.lost", "critical"), ("log.xid", "warning"), ("node.drained", "warning")]
)
async def test_fault_is_judged_a_moment_later(scene: Scene, kind: str, severity: Severity) -> None:
    """What a reading brings is judged once what came with it has had its moment, and once only."""
    scene.happens(kind, severity)
    scene.happens(kind, severity)
    await scene.clock.advance(10)

    assert [SETTLE_S] == scene.began


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        ("gpu.found", "info"),
        ("source.down", "warning"),
        ("log.nccl.timeout", "critical"),
        ("incident.began", "critical"),
    ],
)
async def test_symptoms_and_our_own_words_wait_for_their_round(scene: Scene, kind: str, severity: Severity) -> None:
    """Information, silence, what programs say of a fault, and what judging itself notes bring no round."""
    scene.happens(kind, severity)
    await scene.clock.advance(10)

    assert [] == scene.began


async def test_round_that_comes_meanwhile_is_enough(scene: Scene) -> None:
    """Where the interval's own round comes while a fault settles, there is no second one."""
    scene.happens()
    await scene.clock.advance(SETTLE_S / 2)
    await scene.rounds.round()
    await scene.clock.advance(10)

    assert [round(SETTLE_S / 2, 3)] == scene.began


async def test_what_happens_during_a_round_brings_another_one(scene: Scene) -> None:
    """A round has not heard of what came after it began; the next leaves the machine time for other things."""
    scene.takes_s = 1.0
    scene.happens()
    await scene.clock.advance(SETTLE_S + 0.5)
    scene.happens()
    await scene.clock.advance(20)

    first_end = SETTLE_S + 1.0
    assert [SETTLE_S, first_end + SHARE * 1.0] == scene.began


async def test_storm_is_judged_now_and_then(scene: Scene) -> None:
    """Faults every 50 ms for ten seconds make no more than a round each half second."""
    for _ in range(200):
        scene.happens()
        await scene.clock.advance(0.05)

    assert len(scene.began) <= 10 / LEAST_S
    assert min(late - early for early, late in zip(scene.ended, scene.began[1:], strict=False)) >= LEAST_S - 0.001


async def test_there_is_never_more_than_one_round_at_a_time(scene: Scene) -> None:
    """The interval's own round waits for one that was made early."""
    scene.takes_s = 2.0
    scene.happens()
    await scene.clock.advance(SETTLE_S + 0.1)
    own = asyncio.create_task(scene.rounds.round())
    await scene.clock.advance(10)
    await own

    assert [SETTLE_S, SETTLE_S + 2.0] == scene.began
