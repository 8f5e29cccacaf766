"""Daemons in the test's own process, each answering on a socket of its own, and a view of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.config.settings import Member
from app.domain.series import Event
from app.domain.snapshot import Snapshot
from app.services.alerting import Alerting
from app.services.board import Board
from app.services.embedded import EmbeddedFeed
from app.services.joined.feed import JoinedFeed
from app.services.joined.member import links_of
from app.store.history import StoreHealth
from app.transport.scrape import ScrapeClient
from app.transport.tasks import Tasks
from tests.present.fleets import NOW
from tests.standins.doors import answering
from tests.tools.fake_clock import FakeClock
from tests.tui.alarms import book
from tests.tui.fake_feed import HEALTH, FakeFeed


async def _health() -> StoreHealth:
    return HEALTH


@dataclass
class Daemon:
    """One daemon: its picture, its past by formula, and who evaluates its alerts."""

    cluster: str
    snapshot: Snapshot
    events: Sequence[Event] = ()
    socket: Path = Path()
    board: Board = field(init=False)
    past: FakeFeed = field(init=False)
    feed: EmbeddedFeed = field(init=False)
    alerting: Alerting = field(init=False)
    door: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def answer(self, socket: Path, clock: FakeClock) -> None:
        """Begin to answer on a socket."""
        self.socket, self.board = socket, Board(self.snapshot)
        self.past = FakeFeed(self.snapshot, self.events)
        self.past.health = _health  # type: ignore[assignment]  # a history is asked for it
        self.feed = EmbeddedFeed(self.board, self.past, clock)  # type: ignore[arg-type]  # it answers what a history is asked
        self.alerting = Alerting(self.board, clock, 5.0, book())
        self.feed.alert_by(self.alerting)
        await self.door.enter_async_context(answering(self.feed, self.board, socket))

    async def judge(self) -> None:
        """Let the rules see twenty minutes of the picture."""
        for at in (NOW - 1200, NOW):
            await self.alerting.step(self.snapshot, at)

    async def die(self) -> None:
        """Stop answering."""
        await self.door.aclose()


@dataclass
class View:
    """A joined feed, and what stands behind it."""

    feed: JoinedFeed
    daemons: Mapping[str, Daemon]
    clock: FakeClock


@contextlib.asynccontextmanager
async def viewing(folder: Path, *daemons: Daemon, follow: bool = False, judged: bool = False) -> AsyncIterator[View]:
    """A view of daemons, loaded once; followed as they change where that is wanted."""
    clock = FakeClock(NOW)
    async with contextlib.AsyncExitStack() as stack:
        members = []
        for number, one in enumerate(daemons):
            stack.push_async_callback(one.die)
            await one.answer(folder / f"d{number}" / "api.sock", clock)
            if judged:
                await one.judge()
            members.append(Member(cluster=one.cluster, socket=str(one.socket)))
        client = await stack.enter_async_context(ScrapeClient())
        feed = JoinedFeed(links_of(tuple(members), folder, client, clock), "", clock)
        await feed.load(5.0)
        if follow:
            tasks = await stack.enter_async_context(Tasks())
            tasks.start(feed.run(), "view")
        yield View(feed, {f"{one.cluster}{number}": one for number, one in enumerate(daemons)}, clock)
