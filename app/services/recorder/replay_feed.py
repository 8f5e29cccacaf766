"""The feed of a recording: a board that is played, its judges, and its past once somebody asks for that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.domain.diagnosis import Diagnosis
from app.domain.series import Event, Series, Subject
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.embedded import EmbeddedFeed
from app.store.history import History, StoreHealth
from app.transport.clock import Clock

if TYPE_CHECKING:
    from app.domain.slurm import SlurmJob
    from app.services.recorder.playback import Playback
    from app.services.recorder.player import Player

CURRENT_INTERVALS = 3
"""A diagnosis that is older than this is made anew."""


class ReplayFeed(EmbeddedFeed):
    """A `Feed` over a player. Nobody acts on the past: it has no desk."""

    def __init__(self, player: Player, board: Board, clock: Clock) -> None:
        super().__init__(board, None, clock)
        self._player = player
        self._others: list[Player] = []
        self._shown = self._seen = board.snapshot
        self._remembering = asyncio.Lock()
        self._remembered_at: float | None = None
        self.playback: Playback | None = None
        """Who plays it, where it goes on by itself."""

    @property
    def origin(self) -> str:  # type: ignore[override]  # the base's is a constant
        """Which recording."""
        simulated = " (simulated)" if self._board.snapshot.mode == "simulated" else ""
        return f"recording {self._player.path.name}{simulated}"

    def latest(self) -> Snapshot:
        """The picture of the moment that is played, marked as a replay."""
        newest = self._board.snapshot
        if newest is not self._seen:
            self._seen, self._shown = newest, replace(newest, mode="replay")
        return self._shown

    async def changes(self) -> AsyncIterator[Snapshot]:
        """As `Feed.changes`."""
        async for _ in self._board.changes():
            yield self.latest()

    def desk(self) -> None:
        """Nobody's."""

    async def load_diagnosis(self, wait_s: float = 0.0) -> bool:  # noqa: ARG002 - as `AttachedFeed`
        """Have a diagnosis of the moment: as it was recorded, else made now."""
        if self.now() - self.diagnosis().at > CURRENT_INTERVALS * self._player.begun.interval_s:
            await self._player.judge()
        return self.diagnosis().at > 0.0

    def owns(self, other: Player) -> None:
        """Close another player with this feed."""
        self._others.append(other)

    async def close(self) -> None:
        """Give back what was opened for the past."""
        others, self._others = self._others, []
        for one in others:
            await one.close()

    async def _past(self) -> History:
        """The history up to this moment."""
        async with self._remembering:
            if self.playback is not None:  # it keeps what it plays
                await self._player.kept()
            elif self._history is None or self._remembered_at != self.now():
                await self.close()
                self.keep(await self._player.remember())
                self._remembered_at = self.now()
        if self._history is None:
            raise LookupError("the recording is being opened")
        return self._history

    async def diagnosis_at(self, when: float, since_s: float = 1800.0) -> Diagnosis | None:
        """As `Feed.diagnosis_at`."""
        await self._past()
        return await super().diagnosis_at(when, since_s)

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """As `History.series`."""
        return await (await self._past()).series(subject, metric, start, min(end, self.now()), step_s)

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`."""
        found = await (await self._past()).at(when)
        return None if found is None else replace(found, mode="replay")

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """As `History.moments`."""
        return await (await self._past()).moments(start, end)

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """As `History.events`."""
        return await (await self._past()).events(start, end, subject, limit)

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """As `History.jobs`."""
        return await (await self._past()).jobs(start, end, limit)

    async def store_health(self) -> StoreHealth:
        """As `History.health`."""
        return await (await self._past()).health()
