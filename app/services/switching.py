"""A feed that another one takes the place of while it is looked at: our own, until a daemon appears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from app.domain.series import Event, Series, Subject
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.store.history import StoreHealth

if TYPE_CHECKING:
    from app.domain.alerts_now import AlertsNow
    from app.domain.diagnosis import Diagnosis
    from app.domain.slurm import SlurmJob
    from app.services.alert_desk import AlertDesk
    from app.services.feed import Feed


class SwitchingFeed:
    """A `Feed` that is another one, and later a third; whoever follows it notices nothing but the numbers."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._is_over = asyncio.Event()

    def switch(self, feed: Feed) -> None:
        """Be this feed from now on."""
        self._feed = feed
        over, self._is_over = self._is_over, asyncio.Event()
        over.set()

    @property
    def origin(self) -> str:
        """Of the feed of now."""
        return self._feed.origin

    @property
    def trouble(self) -> str:
        """Why nothing comes from the feed of now; empty: it does."""
        return str(getattr(self._feed, "trouble", ""))

    def latest(self) -> Snapshot:
        """The newest snapshot; never waits."""
        return self._feed.latest()

    def now(self) -> float:
        """The clock ages are reckoned against."""
        return self._feed.now()

    async def changes(self) -> AsyncIterator[Snapshot]:
        """Snapshots as they come, newest only, from the feed of the moment."""
        while True:
            is_over, snapshots = self._is_over, self._feed.changes()
            woken = asyncio.ensure_future(is_over.wait())
            try:
                while not is_over.is_set():
                    coming = asyncio.ensure_future(_next(snapshots))
                    try:
                        await asyncio.wait((coming, woken), return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        if not coming.done():
                            coming.cancel()
                            await asyncio.wait((coming,))
                    if not coming.cancelled():
                        yield coming.result()
            finally:
                woken.cancel()

    def recent_events(self) -> Sequence[Event]:
        """Events since the feed of now began."""
        return self._feed.recent_events()

    def watched(self) -> Watched:
        """What was watched so far."""
        return self._feed.watched()

    def alerts(self) -> AlertsNow:
        """What the last evaluation left."""
        return self._feed.alerts()

    def desk(self) -> AlertDesk | None:
        """Where wishes go."""
        return self._feed.desk()

    def diagnosis(self) -> Diagnosis:
        """What the last step of the diagnosis left."""
        return self._feed.diagnosis()

    async def diagnosis_at(self, when: float, since_s: float = 1800.0) -> Diagnosis | None:
        """The diagnosis of a moment in the past."""
        return await self._feed.diagnosis_at(when, since_s)

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """As `History.series`."""
        return await self._feed.series(subject, metric, start, end, step_s)

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`."""
        return await self._feed.at(when)

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """As `History.moments`."""
        return await self._feed.moments(start, end)

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """As `History.events`."""
        return await self._feed.events(start, end, subject, limit)

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """As `History.jobs`."""
        return await self._feed.jobs(start, end, limit)

    async def store_health(self) -> StoreHealth:
        """As `History.health`."""
        return await self._feed.store_health()


async def _next(snapshots: AsyncIterator[Snapshot]) -> Snapshot:
    return await anext(snapshots)
