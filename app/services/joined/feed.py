"""The joined feed: several daemons as one view of one cluster, or of several side by side.

It collects and judges nothing. What each daemon shows is put together under names that tell the clusters apart, and
what is asked of the past, of alerts or of a job goes to the daemon whose it is. One that is down leaves its part to age
and says so among the sources; the rest lives on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from app.domain.alerts_now import AlertsNow
from app.domain.diagnosis import Diagnosis
from app.domain.series import Event, Series, Subject
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.services.board import Board
from app.services.client import DaemonError
from app.services.joined import past, verdicts
from app.services.joined.member import Link
from app.services.joined.merging import merged
from app.services.joined.slurms import Slurms
from app.services.joined.verdicts import Remembered
from app.services.wire import WireError
from app.store.history import StoreHealth
from app.transport.clock import Clock
from app.transport.tasks import Tasks

if TYPE_CHECKING:
    from app.domain.slurm import SlurmJob
    from app.services.joined.desk import JoinedDesk

LEAST_S = 0.1
"""Between two pictures put together; the readings of a thousand nodes come in hundreds a second."""
SHARE = 20
"""Putting one together may take one part in so many of the time."""
TICK_S = 1.0
"""A part that grows old is seen to do so, though nothing comes."""
EVENTS_KEPT = 500


class JoinedFeed:
    """A `Feed` over several daemons. `run` must be running for `changes` to move."""

    def __init__(self, links: Sequence[Link], name: str, clock: Clock) -> None:
        """`name` is what the whole is called; empty: as its clusters."""
        self._links = tuple(links)
        self._clock = clock
        self._name = name or ", ".join(dict.fromkeys(one.cluster for one in links))
        self._slurms = Slurms()
        self._diagnosis = Remembered(verdicts.joined_diagnosis)
        self._alerts = Remembered(verdicts.joined_alerts)
        self._watched = Remembered(verdicts.joined_watched)
        self._board = Board(Snapshot(cluster=self._name))
        self._woken = asyncio.Event()

    @property
    def origin(self) -> str:
        """Whose view it is, and how many of them answer."""
        clusters, heard = len(self.clusters), sum(not one.silence for one in self._links)
        what = f"{clusters} clusters" if clusters > 1 else f"{len(self._links)} shares"
        return f"{what}, {heard} of {len(self._links)} daemons answer"

    @property
    def trouble(self) -> str:
        """Which daemons do not answer just now, and why; empty: all do."""
        return "; ".join(f"{one.name}: {one.silence}" for one in self._links if one.silence)

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters in view."""
        return tuple(dict.fromkeys(one.cluster for one in self._links))

    @property
    def links(self) -> tuple[Link, ...]:
        """The members, cluster by cluster."""
        return self._links

    def latest(self) -> Snapshot:
        """The newest picture; never waits."""
        return self._board.snapshot

    def now(self) -> float:
        """The clock ages are reckoned against: this machine's, as the daemons' machines should keep it too."""
        return self._clock.now()

    def changes(self) -> AsyncIterator[Snapshot]:
        """Pictures as they come, newest only."""
        return self._board.changes()

    def recent_events(self) -> Sequence[Event]:
        """Events of all since the attachment began."""
        some = [(one.renamer.names, one.feed.recent_events()) for one in self._links]
        return verdicts.joined_events(some, EVENTS_KEPT)

    def watched(self) -> Watched:
        """What the daemons had watched when they were last asked."""
        return self._watched.of([one.told() for one in self._links])

    def alerts(self) -> AlertsNow:
        """What the daemons' last evaluations had left when they were last asked."""
        return self._alerts.of([one.told() for one in self._links])

    def desk(self) -> JoinedDesk:
        """Where wishes go: to the daemon of the cluster that they name."""
        from app.services.joined.desk import JoinedDesk  # noqa: PLC0415 - late: for wishes only

        return JoinedDesk(self._links)

    def diagnosis(self) -> Diagnosis:
        """What the daemons' diagnoses were when they were last asked."""
        return self._diagnosis.of([one.told() for one in self._links])

    async def load_diagnosis(self) -> bool:
        """Have the diagnoses of now; says whether there was one to have."""
        found = await asyncio.gather(*(one.feed.load_diagnosis() for one in self._links if not one.silence))
        return any(found)

    async def diagnosis_at(self, when: float, since_s: float = 1800.0) -> Diagnosis | None:
        """The diagnoses of a moment in the past."""
        return await past.diagnosis_at(self._links, when, since_s)

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """As `History.series`, from the daemon whose subject it is; the fleet's from all."""
        return await past.series(self._links, subject, metric, (start, end, step_s))

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`: what each of them kept of that moment."""
        return await past.picture_at(self._links, when, self._name)

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """As `History.moments`: times at which any of them kept something."""
        return await past.moments(self._links, start, end)

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """As `History.events`; of a daemon that cannot be asked, an event that says so."""
        return await past.events(self._links, start, end, subject, limit)

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """As `History.jobs`, of those who answer."""
        return await past.jobs(self._links, start, end, limit)

    async def store_health(self) -> StoreHealth:
        """As `History.health`: the worst of them, and all of them counted together."""
        return await past.store_health(self._links)

    async def load(self, patience_s: float) -> None:
        """Fetch everybody's picture of now once; who takes longer than `patience_s` or fails comes later."""
        await asyncio.gather(*(self._load(one, patience_s) for one in self._links))
        self._put_together()

    async def _load(self, link: Link, patience_s: float) -> None:
        try:
            async with asyncio.timeout(patience_s):
                if await link.look():
                    await link.feed.load()
        except TimeoutError:
            link.tell(f"no answer within {patience_s:g} s")
        except (DaemonError, LookupError, WireError) as error:
            link.tell(str(error))

    async def run(self) -> None:
        """Follow all daemons until cancelled."""
        async with Tasks() as tasks:
            for one in self._links:
                tasks.start(one.feed.run(), one.name)
                tasks.start(one.follow(), f"link to {one.name}")
                tasks.start(self._hear(one), f"changes of {one.name}")
            tasks.start(self._tick(), "ages")
            await tasks.start(self._renew(), "joined picture")

    async def _hear(self, link: Link) -> None:
        async for _ in link.feed.changes():
            self._woken.set()

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            self._woken.set()

    async def _renew(self) -> None:
        """Put a new picture together whenever one of them changed, and not more often than it is worth."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            began = self._clock.monotonic()
            self._put_together()
            await self._clock.sleep(max(LEAST_S, SHARE * (self._clock.monotonic() - began)))

    def _put_together(self) -> None:
        parts = [one.part() for one in self._links]
        slurm = self._slurms.of(parts, self._clock.now())
        self._board.replace(merged(parts, self._name, slurm, self._board.snapshot.version + 1))
