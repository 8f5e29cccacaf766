"""A diagnosis by a command that stays for two readings: the stored past first, then what is there now.

States count at first sight, counters only when they rise: between two readings, or since the store's last picture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from app.domain.diagnosis import Diagnosis
from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.diagnosing import Diagnosing
from app.services.diagnosis_past import replayed
from app.services.embedded import EmbeddedFeed
from app.services.looks import Looks
from app.services.recall import Recall
from app.services.targets import Targets
from app.services.watch import Watch
from app.store.history import History
from app.transport.clock import Clock


@frozen
class Ground:
    """What is looked at, and by which clock."""

    board: Board
    targets: Targets
    looks: Looks
    clock: Clock
    interval_s: float
    history: History | None = None
    """The store of this machine, where there is one; only read."""


class Collected(Protocol):
    """What a process that collects has; the store comes when it is open."""

    @property
    def board(self) -> Board:
        """What was seen."""

    @property
    def feed(self) -> EmbeddedFeed:
        """Where it is shown; given the diagnosis too."""

    @property
    def history(self) -> History | None:
        """What was kept."""


async def diagnose_once(ground: Ground, since_s: float) -> tuple[Diagnosis, Snapshot]:
    """What is wrong now, by the past since then and two readings, and the picture it rests on."""
    feed = (await own_looks(ground, since_s)).feed
    return feed.diagnosis(), feed.latest()


@frozen
class OwnLooks:
    """The cluster by a command's own looks, with what is wrong and what was watched; it stands still between them."""

    feed: EmbeddedFeed
    look: Callable[[], Awaitable[None]]
    """Another look, an interval after the one before, and what it shows."""


async def own_looks(ground: Ground, since_s: float) -> OwnLooks:
    """The cluster by the past since then and two looks, an interval apart."""
    board, clock = ground.board, ground.clock
    start = clock.now() - since_s
    recall = Recall(board)
    await ground.looks.look()
    watch = Watch(board, clock)
    watch.history = ground.history
    diagnosing = Diagnosing(board, clock, ground.interval_s, lambda: watch.watched, oldest=start)
    if ground.history is not None:
        await recall.bring_back(ground.targets, ground.history, start)
        mode = board.snapshot.mode
        past = await replayed(ground.history, start, clock.now(), sources=ground.targets.names, mode=mode)
        diagnosing.go_on(past.state, past.logs, past.snapshot, past.at)
    await _step(diagnosing, watch, ground)
    feed = EmbeddedFeed(board, ground.history, clock)
    feed.watch_by(watch)
    feed.diagnose_by(diagnosing)

    async def look() -> None:
        await clock.sleep(ground.interval_s)
        await ground.looks.look()
        await _step(diagnosing, watch, ground)

    await look()
    return OwnLooks(feed, look)


async def diagnosing_live(
    collected: Collected, clock: Clock, interval_s: float, since_s: float
) -> AsyncIterator[Diagnosis]:
    """The diagnosis at every interval, over a board that somebody fills, the stored past first."""
    start, board = clock.now() - since_s, collected.board
    diagnosing = Diagnosing(board, clock, interval_s, collected.feed.watched, oldest=start)
    collected.feed.diagnose_by(diagnosing)
    is_recalled = False
    while True:
        await clock.sleep(interval_s)
        if collected.history is not None and not is_recalled:
            is_recalled = True
            names, mode = frozenset(board.snapshot.sources), board.snapshot.mode
            past = await replayed(collected.history, start, clock.now(), sources=names, mode=mode)
            diagnosing.go_on(past.state, past.logs, past.snapshot, past.at)
        await diagnosing.tick()
        yield diagnosing.now()


async def _step(diagnosing: Diagnosing, watch: Watch, ground: Ground) -> None:
    await watch.tick()
    await diagnosing.step(ground.board.snapshot, ground.clock.now())
