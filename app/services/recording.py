"""Keeping what comes: once an interval everything that arrived goes to the store, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.domain.apply import Change
from app.domain.fleet import fleet_values
from app.domain.series import FLEET
from app.domain.snapshot import Layer
from app.services.board import Board
from app.store.history import History, Tick
from app.transport.clock import Clock

FOLD = "fold"
"""Name of the source of the fleet's own series."""


@dataclass
class Keeper:
    """Writes the board's changes to the store, one tick an interval, until it is cancelled."""

    board: Board
    history: History
    clock: Clock
    interval_s: float
    _seen: int = field(default=-1, init=False)
    _is_over: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Tick at every interval; a slow write delays the next tick, nothing is queued twice."""
        while True:
            now = self.clock.now()
            await self.clock.sleep(self.interval_s - now % self.interval_s)
            await self.tick()

    async def tick(self) -> None:
        """Write what arrived since the last tick; nothing when nothing did."""
        if not self._is_over and (due := self._due()) is not None:
            await self.history.write(due)

    async def end(self) -> None:
        """Write what has arrived until now, and nothing that comes later."""
        due, self._is_over = self._due(), True
        if due is not None:
            await self.history.write(due)

    def _due(self) -> Tick | None:
        now, snapshot = self.clock.now(), self.board.snapshot
        changes, events = self.board.drain()
        if not changes and not events and snapshot.version == self._seen:
            return None
        self._seen = snapshot.version
        folds = fleet_values(snapshot, now) if changes else {}
        if folds:
            changes = (*changes, Change(FLEET, Layer(FOLD, now, self.interval_s, folds)))
        return Tick(now, changes, events, snapshot)
