"""Who judges a recording: the diagnosis and the alert rules of now over what was seen then; nobody is told.

They go on from the notes that the recording begins with, as after a restart.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.snapshot import Snapshot
from app.domain.watched import IdleSpell
from app.engine.alerting.rulebook import load
from app.services.alerting import Alerting
from app.services.board import Board
from app.services.diagnosing import Diagnosing
from app.services.embedded import EmbeddedFeed
from app.services.recorder.frames import Begun
from app.services.watch import Watch
from app.store.history import StoreHealth
from app.transport.clock import Clock

_KEPT = StoreHealth("ok", "of a recording", path="", size_bytes=0, samples=0, oldest=None)


class Judges:
    """The judges of one board, from one beginning on."""

    def __init__(self, board: Board, feed: EmbeddedFeed, clock: Clock, begun: Begun) -> None:
        notes = _Notes(dict(begun.notes), begun.picture)
        self._notes = notes if begun.notes else None
        self._watch = watch = Watch(board, clock)
        watch.known = begun.idle
        # A clock that stands at 0 while they are made: whether sources had settled was decided when it was recorded.
        self._diagnosing = diagnosing = Diagnosing(board, clock, begun.interval_s, lambda: watch.watched)
        self._alerting = Alerting(
            board,
            clock,
            begun.interval_s,
            load(begun.rules),
            lambda: watch.watched,
            findings=lambda: diagnosing.now().findings,
        )
        watch.is_diagnosed = lambda: diagnosing.is_running
        feed.watch_by(watch)
        feed.diagnose_by(diagnosing)
        feed.alert_by(self._alerting)

    async def step(self, kind: str, idle: Mapping[str, IdleSpell] | None = None) -> None:
        """Take a step, or all of them for a kind that is empty; `idle` is what it took from the history then."""
        if idle:
            self._watch.known = idle
        if kind in ("watch", ""):
            await self._watch.tick()
        if kind in ("diagnose", ""):
            await self._diagnosing.tick(lambda: self._notes)
        if kind in ("alert", ""):
            await self._alerting.tick(lambda: self._notes)


class _Notes:
    """The notes of a recording, as a store would hold them; what is written goes nowhere."""

    def __init__(self, notes: Mapping[str, str], picture: Snapshot) -> None:
        self._notes = notes
        self._picture = picture

    async def try_lease(self) -> bool:
        return True

    async def put_notes(self, notes: Mapping[str, str | None]) -> bool:  # noqa: ARG002 - the protocol's
        return True

    async def notes(self, begins: str) -> Mapping[str, str]:
        return {key: text for key, text in self._notes.items() if key.startswith(begins)}

    async def at(self, when: float) -> Snapshot | None:  # noqa: ARG002 - the protocol's
        return self._picture

    async def health(self) -> StoreHealth:
        return _KEPT
