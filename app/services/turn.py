"""Whose turn it is to evaluate: only who holds the store's lease does, so that a cluster is judged once.

Where nobody can write in the store, or there is none, each process judges for itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from app.domain.snapshot import Snapshot
from app.store.history import StoreHealth
from app.transport.clock import Clock

SETTLE_INTERVALS = 3
"""After a start sources are waited for so long, so that what has not been heard yet is not taken for gone."""
LARGE_NODES, LARGE_JOBS = 32, 500


class Notes(Protocol):
    """What is written at once: the part of `History` that whoever evaluates needs."""

    async def try_lease(self) -> bool:
        """As `History.try_lease`."""

    async def put_notes(self, notes: Mapping[str, str | None]) -> bool:
        """As `History.put_notes`."""

    async def notes(self, begins: str) -> Mapping[str, str]:
        """As `History.notes`."""

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`."""

    async def health(self) -> StoreHealth:
        """As `History.health`."""


class Turn:
    """The lease, as one evaluating part of a process sees it.

    `take_up` goes on from what notes hold, `give_up` forgets everything: another process judges now.
    """

    def __init__(
        self,
        clock: Clock,
        interval_s: float,
        take_up: Callable[[Notes], Awaitable[None]],
        give_up: Callable[[], None],
        *,
        waits_for_store: bool,
    ) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._take_up = take_up
        self._give_up = give_up
        self._waits = waits_for_store
        self._began_at = clock.now()
        self.notes: Notes | None = None

    async def keep(self, notes: Notes) -> None:
        """Take the store, once it is open, and go on from what it holds."""
        if await notes.try_lease():
            await self._take_up(notes)
            self._waits = False
        self.notes = notes

    async def is_ours(self, snapshot: Snapshot) -> bool:
        """Whether to evaluate now."""
        if self.notes is None:
            return not self._waits and self._has_settled(snapshot)
        if not await self.notes.try_lease():
            if (await self.notes.health()).state == "failed":  # nobody can write there: judged all the same
                return self._has_settled(snapshot)
            self._give_up()
            self._waits = True
            return False
        if self._waits:  # the lease came over from another process: what it knew with it
            await self._take_up(self.notes)
            self._waits = False
        return self._has_settled(snapshot)

    def _has_settled(self, snapshot: Snapshot) -> bool:
        if self._clock.now() - self._began_at >= SETTLE_INTERVALS * self._interval_s:
            return True
        return bool(snapshot.sources) and all(state.tried_at for state in snapshot.sources.values())


def is_large(snapshot: Snapshot) -> bool:
    """Whether evaluating this takes more than some milliseconds: then in a thread, for a key must not wait for it."""
    jobs = snapshot.slurm.jobs if snapshot.slurm is not None else None
    return len(snapshot.nodes) > LARGE_NODES or len(jobs or ()) > LARGE_JOBS
