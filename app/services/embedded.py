"""The feed of a process that collects for itself: the board for now, the store for the past."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis
from app.domain.series import Event, Series, Subject
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.services.board import Board
from app.store.history import History, StoreHealth
from app.transport.clock import Clock

if TYPE_CHECKING:
    from app.domain.slurm import SlurmJob
    from app.services.alert_desk import AlertDesk
    from app.services.alerting import Alerting
    from app.services.diagnosing import Diagnosing
    from app.services.server_alerts import ServerAlerts
    from app.services.watch import Watch

NOTHING_WATCHED = Watched()
NO_STORE = StoreHealth("closed", "no history is kept: the store is off", path="", size_bytes=0, samples=0, oldest=None)


class EmbeddedFeed:
    """A `Feed` over this process's own board and store."""

    origin = "embedded"

    def __init__(self, board: Board, history: History | None, clock: Clock) -> None:
        self._board = board
        self._history = history
        self._clock = clock
        self._without = NO_STORE
        self._watch: Watch | None = None
        self._alerting: Alerting | None = None
        self._elsewhere = NO_ALERTS
        self._diagnosing: Diagnosing | None = None
        self._looking_back = asyncio.Lock()
        self._server_alerts: ServerAlerts | None = None

    def expect(self, text: str) -> None:
        """Say why there is no store yet, in one sentence for a person."""
        self._without = replace(NO_STORE, text=text)

    def keep(self, history: History) -> None:
        """Take the store, once it is open: collecting does not wait for a disk."""
        self._history = history

    def latest(self) -> Snapshot:
        """The newest snapshot; never waits."""
        return self._board.snapshot

    def now(self) -> float:
        """The clock ages are reckoned against."""
        return self._clock.now()

    def changes(self) -> AsyncIterator[Snapshot]:
        """Snapshots as they come, newest only."""
        return self._board.changes()

    def recent_events(self) -> Sequence[Event]:
        """Events since this process began."""
        return tuple(self._board.recent)

    def watch_by(self, watch: Watch) -> None:
        """Take what somebody watches for us."""
        self._watch = watch

    def watched(self) -> Watched:
        """What was watched so far."""
        return NOTHING_WATCHED if self._watch is None else self._watch.watched

    def alert_by(self, alerting: Alerting) -> None:
        """Take who evaluates the alert rules for us."""
        self._alerting = alerting

    def take_alerts(self, alerts: AlertsNow) -> None:
        """Take what a process beside this one has evaluated; it counts where nobody evaluates here."""
        self._elsewhere = alerts

    def show_beside(self, others: ServerAlerts) -> None:
        """Take the alerts of a Prometheus server; they stand beside ours."""
        self._server_alerts = others

    def alerts(self) -> AlertsNow:
        """What the last evaluation left, and what fires at a Prometheus server."""
        own = self._elsewhere if self._alerting is None else self._alerting.now()
        return own if self._server_alerts is None else self._server_alerts.beside(own)

    def desk(self) -> AlertDesk | None:
        """Where wishes go, once there is somebody who evaluates."""
        if self._alerting is None:
            return None
        from app.services.alert_desk import LocalDesk  # noqa: PLC0415 - late: for wishes only

        return LocalDesk(self._alerting)

    def diagnose_by(self, diagnosing: Diagnosing) -> None:
        """Take who diagnoses for us."""
        self._diagnosing = diagnosing

    def diagnosis(self) -> Diagnosis:
        """What the last step of the diagnosis left."""
        return NO_DIAGNOSIS if self._diagnosing is None else self._diagnosing.now()

    async def diagnosis_at(self, when: float, since_s: float = 1800.0) -> Diagnosis | None:
        """The diagnosis of a moment in the past; one at a time, for it reads a lot."""
        if self._history is None:
            return None
        from app.services.diagnosis_past import diagnosis_at  # noqa: PLC0415 - late: for time travel only

        async with self._looking_back:
            return await diagnosis_at(self._history, when, since_s)

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """As `History.series`."""
        if self._history is None:
            raise LookupError(self._without.text)
        return await self._history.series(subject, metric, start, end, step_s)

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`."""
        return None if self._history is None else await self._history.at(when)

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """As `History.moments`."""
        return () if self._history is None else await self._history.moments(start, end)

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """As `History.events`; without a store, those since start."""
        if self._history is not None:
            return await self._history.events(start, end, subject, limit)
        kept = [one for one in self._board.recent if start <= one.at <= end and subject in (None, one.subject)]
        return kept[-limit:]

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """As `History.jobs`; without a store, none."""
        return () if self._history is None else await self._history.jobs(start, end, limit)

    async def store_health(self) -> StoreHealth:
        """As `History.health`."""
        return self._without if self._history is None else await self._history.health()
