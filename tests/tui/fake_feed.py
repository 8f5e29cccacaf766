"""A feed that stands still until it is told: snapshots by hand, history by formula, time by hand."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis
from app.domain.metrics import by_key
from app.domain.series import Event, Point, Series, Subject
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.services.alert_desk import AlertDesk, LocalDesk
from app.services.alerting import Alerting
from app.store.history import StoreHealth
from tests.tui.boards import NOW

HEALTH = StoreHealth(
    "ok", "kept in SQLite", "/var/lib/gpu-watchdog/history.db", 41_943_040, 18_400_000, NOW - 86400, 0, 0.004
)


class FakeFeed:
    """Implements `app.services.feed.Feed` on values given."""

    origin = "embedded"

    def __init__(self, snapshot: Snapshot, events: Sequence[Event] = (), *, now: float = NOW) -> None:
        self._snapshot = snapshot
        self._now = now
        self._events = tuple(events)
        self._woken = asyncio.Event()
        self.past: dict[float, Snapshot] = {}
        """Pictures kept, by their time."""
        self.spells = Watched()
        self.diagnosed: Diagnosis = NO_DIAGNOSIS
        """What is wrong; `tests.tui.diagnoses` has some."""
        self.diagnosed_past: dict[float, Diagnosis] = {}
        """What was wrong, by times from which on it was."""
        self.alerted: AlertsNow = NO_ALERTS
        """What fires, while nothing evaluates; `tests.tui.alarms` has some."""
        self.alerting: Alerting | None = None
        """Evaluates, and takes wishes."""
        self.refusal: Exception | None = None
        """Raised by every question to the history."""
        self.health = HEALTH
        self.asked: list[tuple[Subject, str, float, float]] = []
        """Series asked for: subject, metric, start, end."""

    def push(self, snapshot: Snapshot, now: float | None = None) -> None:
        """News."""
        self._snapshot = snapshot
        self._now = self._now if now is None else now
        self._woken.set()

    def advance(self, seconds: float) -> None:
        """Time passes, nothing comes."""
        self._now += seconds

    def latest(self) -> Snapshot:
        return self._snapshot

    def now(self) -> float:
        return self._now

    async def changes(self) -> AsyncIterator[Snapshot]:
        while True:
            self._woken.clear()
            yield self._snapshot
            await self._woken.wait()

    def recent_events(self) -> Sequence[Event]:
        return self._events

    def watched(self) -> Watched:
        return self.spells

    def diagnosis(self) -> Diagnosis:
        return self.diagnosed

    def alerts(self) -> AlertsNow:
        if self.alerting is None or self.alerted.at:
            return self.alerted
        return self.alerting.now()

    def desk(self) -> AlertDesk | None:
        return None if self.alerting is None else LocalDesk(self.alerting)

    async def diagnosis_at(self, when: float, since_s: float = 1800.0) -> Diagnosis | None:
        self._refuse()
        return next((self.diagnosed_past[at] for at in sorted(self.diagnosed_past, reverse=True) if at <= when), None)

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        self._refuse()
        self.asked.append((subject, metric, start, end))
        step = step_s or 5.0
        points = tuple(_point(subject, metric, at, end) for at in _steps(start, min(end, self._now), step))
        return Series(subject, metric, by_key()[metric].unit, start, end, step, points)

    async def at(self, when: float) -> Snapshot | None:
        self._refuse()
        return next((self.past[at] for at in sorted(self.past, reverse=True) if at <= when), None)

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        self._refuse()
        return tuple(at for at in sorted(self.past) if start <= at <= end)

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        self._refuse()
        return ()

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        self._refuse()
        return [one for one in self._events if start <= one.at <= end and subject in (None, one.subject)][-limit:]

    async def store_health(self) -> StoreHealth:
        self._refuse()
        return self.health

    def _refuse(self) -> None:
        if self.refusal is not None:
            raise self.refusal


def connection(feed: FakeFeed, *failures: Exception):  # type: ignore[no-untyped-def]  # the type is contextlib's own
    """A `Connect` that fails as often as there are failures, then gives the feed."""
    left = list(failures)

    @asynccontextmanager
    async def connect() -> AsyncIterator[FakeFeed]:
        if left:
            raise left.pop(0)
        yield feed

    return connect


def _steps(start: float, end: float, step: float) -> list[float]:
    return [start + number * step for number in range(max(0, math.ceil((end - start) / step)))]


def _point(subject: Subject, metric: str, at: float, end: float) -> Point:
    """A wave that depends on subject and metric, with one gap."""
    if 0.60 < (at % 3600) / 3600 < 0.63:
        return Point(at, None)
    high = _TOPS.get(metric, 100.0)
    seed = sum(map(ord, f"{subject}{metric}")) % 17
    mean = high * (0.62 + 0.3 * math.sin(at / 531 + seed) * math.sin(at / 97))
    return Point(at, mean, mean * 0.96, min(high, mean * 1.05))


_TOPS = {
    "gpu.memory_used": 81_559.0,
    "gpu.power": 700.0,
    "gpu.temperature": 80.0,
    "gpu.sm_clock": 1980.0,
    "gpu.pcie_rx": 2e9,
    "gpu.pcie_tx": 1e9,
    "node.memory_used": 411_000.0,
    "node.network_rx": 1e9,
    "node.network_tx": 9e8,
    "service.tokens_per_s": 1900.0,
    "service.requests_waiting": 6.0,
}
