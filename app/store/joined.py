"""One `History` of two: this program's own store, and the Prometheus server behind it.

The local store answers where it covers the time asked for: it is nearer, and knows jobs, events and what was decided.
What begins before the store does is the server's to answer, as a whole, so that no chart changes its source midway.
What only one of them knows, that one answers. Everything that is written is written locally.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.domain.series import Event, Series, Subject
from app.domain.snapshot import Snapshot
from app.store.history import History, StoreHealth, Tick

if TYPE_CHECKING:
    from app.domain.slurm import SlurmJob

SLACK_S = 60.0
"""A question that begins so little before the store does is still the store's."""
REMEMBER_S = 60.0
"""When the store begins is asked anew after this."""
MOST_MOMENTS = 300


class JoinedHistory:
    """The local store first where it covers the span, else the server."""

    def __init__(self, local: History, server: History, now: Callable[[], float]) -> None:
        self._local = local
        self._server = server
        self._now = now
        self._began: tuple[float, float | None] | None = None
        """When this was looked up, and when the store's first moment is."""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """As `History.series`: of the store where it covers the time, else of the server, else of who knows."""
        first, second = (self._local, self._server) if await self._covers(start) else (self._server, self._local)
        try:
            return await first.series(subject, metric, start, end, step_s)
        except LookupError as error:
            try:
                return await second.series(subject, metric, start, end, step_s)
            except LookupError:
                raise error from None

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`: the store's picture, which holds jobs too, else the server's."""
        return await self._local.at(when) or await self._server.at(when)

    async def last(self, since: float) -> Snapshot | None:
        """As `History.last`, of the store."""
        return await self._local.last(since)

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """As `History.moments`: the store's, and the server's from before it began."""
        own = await self._local.moments(start, end)
        if await self._covers(start):
            return own
        older = await self._server.moments(start, min(end, own[0] - SLACK_S) if own else end)
        both = (*older, *own)
        return both if len(both) <= MOST_MOMENTS else both[:: -(-len(both) // MOST_MOMENTS)]

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """As `History.events`: the store's, and the server's alerts from before it began."""
        own = await self._local.events(start, end, subject, limit)
        began = await self._store_began()
        if began is not None and began - SLACK_S <= start:
            return own
        until = end if began is None else min(end, began)
        older = await self._server.events(start, until, subject, limit) if until > start else ()
        return [*older, *own][-limit:]

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """As `History.jobs`, of the store: the server knows none."""
        return await self._local.jobs(start, end, limit)

    async def write(self, tick: Tick) -> None:
        """As `History.write`, into the store."""
        await self._local.write(tick)

    async def try_lease(self) -> bool:
        """As `History.try_lease`, of the store."""
        return await self._local.try_lease()

    async def put_notes(self, notes: Mapping[str, str | None]) -> bool:
        """As `History.put_notes`, into the store."""
        return await self._local.put_notes(notes)

    async def notes(self, begins: str) -> Mapping[str, str]:
        """As `History.notes`, of the store."""
        return await self._local.notes(begins)

    async def health(self) -> StoreHealth:
        """The store's, with a word on the server where that one has nothing to say."""
        own, other = await self._local.health(), await self._server.health()
        return own if other.state != "failed" else replace(own, text=f"{own.text}; {other.text}")

    async def close(self) -> None:
        """Close both."""
        await self._local.close()
        await self._server.close()

    async def _covers(self, start: float) -> bool:
        began = await self._store_began()
        return began is not None and began - SLACK_S <= start

    async def _store_began(self) -> float | None:
        """When the store's first moment is, its roll-ups included."""
        now = self._now()
        if self._began is None or now - self._began[0] > REMEMBER_S:
            moments = await self._local.moments(0.0, now)
            self._began = (now, min(moments) if moments else None)
        return self._began[1]
