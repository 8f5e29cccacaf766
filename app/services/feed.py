"""The `Feed`: how front ends see the cluster, whether this process collects (embedded) or a daemon does (attached)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Protocol

from app.domain.series import Event, Series, Subject
from app.domain.snapshot import Snapshot
from app.store.history import StoreHealth

if TYPE_CHECKING:
    from app.domain.alerts_now import AlertsNow
    from app.domain.diagnosis import Diagnosis
    from app.domain.slurm import SlurmJob
    from app.domain.watched import Watched
    from app.services.alert_desk import AlertDesk


class Feed(Protocol):
    """One view of the cluster, live and past. No screen knows which implementation it has."""

    @property
    def origin(self) -> str:
        """For people: `embedded` or `attached to <socket>`."""

    def latest(self) -> Snapshot:
        """The newest snapshot; never waits."""

    def now(self) -> float:
        """The clock ages are reckoned against, epoch seconds."""

    def changes(self) -> AsyncIterator[Snapshot]:
        """Snapshots as they come, newest only: a slow consumer skips, never queues."""

    def recent_events(self) -> Sequence[Event]:
        """Events since this feed began, oldest first, bounded."""

    def watched(self) -> Watched:
        """What watching for a while has shown of jobs and their GPUs; never waits."""

    def alerts(self) -> AlertsNow:
        """What the last evaluation of the alert rules left; never waits."""

    def desk(self) -> AlertDesk | None:
        """Where wishes about alerts go; None while nothing is evaluated."""

    def diagnosis(self) -> Diagnosis:
        """What the last step of the diagnosis left; never waits."""

    async def diagnosis_at(self, when: float, since_s: float = 1800.0) -> Diagnosis | None:
        """The diagnosis of a moment in the past, from what `since_s` before it brought; None when nothing was kept."""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """As `History.series`."""

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`."""

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """As `History.moments`."""

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """As `History.events`."""

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """As `History.jobs`."""

    async def store_health(self) -> StoreHealth:
        """As `History.health`."""


class Attached(Feed, Protocol):
    """The view of somebody else: a daemon's, or a recording's."""

    async def load_diagnosis(self) -> bool:
        """Have the diagnosis of now; says whether there was one to have."""
