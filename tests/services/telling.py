"""A notifier over a store, a file and a world that a test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.config.settings import Alerts, Settings
from app.domain.alerts_now import AlertsNow
from app.domain.diagnosis import Diagnosis
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.notifier import Notifier, Told
from app.services.notify_file import NotifyFile
from app.store.sqlite import open_store
from tests.engine.notifying.build import NOW, alerts, diagnosis, finding
from tests.tools.fake_clock import FakeClock

FELL_OFF = diagnosis(("i-1", (finding("f-1"),)))


@dataclass
class Scene:
    """What is wrong now, as evaluation and diagnosis would say at each look."""

    clock: FakeClock
    board: Board = field(default_factory=lambda: Board(Snapshot(cluster="lab")))
    alerts: AlertsNow = field(default_factory=alerts)
    diagnosis: Diagnosis = field(default_factory=lambda: Diagnosis(NOW))

    def told(self) -> Told:
        """Both, looked at just now."""
        return Told(
            lambda: replace(self.alerts, at=self.clock.now()), lambda: replace(self.diagnosis, at=self.clock.now())
        )


def notify_file(tmp_path: Path, text: str) -> Settings:
    """Settings with this file."""
    path = tmp_path / "notify"
    path.write_text(text)
    path.chmod(0o600)
    return Settings(alerts=Alerts(notify_file=str(path)))


@asynccontextmanager
async def notifier(
    tmp_path: Path, scene: Scene, settings: Settings, managers: tuple[str, ...] = ()
) -> AsyncIterator[Notifier]:
    """A notifier whose store is open; it ends as a process that is killed: nothing is said at the end."""
    history = await open_store(tmp_path / "h.db", scene.clock.now)
    made = Notifier(scene.board, scene.clock, 5.0, scene.told(), NotifyFile(settings), managers, waits_for_store=True)
    scene.clock.set(scene.clock.now() + 15)
    await made._turn.keep(history)
    try:
        yield made
    finally:
        await history.close()


async def send_all(made: Notifier) -> None:
    """Make every attempt that is due."""
    now = made._clock.now()
    for name, work in made._due(now):
        while (await work()) is True and name in {one for one, _ in made._due(now)}:
            pass
