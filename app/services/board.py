"""The board: holds the newest snapshot, applies readings, tells who listens.

One writer (the monitor), many lookers. A subscriber is woken with the newest snapshot and never queued behind older
ones; only the store sees every change, through a bounded list whose overflow is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import replace

from app.domain.apply import Applied, Change, Own, apply, forget
from app.domain.frozen import frozen
from app.domain.reading import Reading, SourceSpec
from app.domain.series import Event
from app.domain.snapshot import Snapshot

PENDING_LIMIT = 200_000
"""Changes kept for a store that cannot keep up; beyond it the oldest go, counted."""
EVENTS_KEPT = 500


@frozen
class Arrival:
    """A reading as it was applied: what a daemon passes on to those attached."""

    spec: SourceSpec
    reading: Reading
    missed_slots: int = 0


class Board:
    """The newest snapshot and its listeners."""

    def __init__(self, empty: Snapshot) -> None:
        self._snapshot = empty
        self._own = Own()
        """What nobody has seen of the snapshot."""
        self._configured = frozenset(empty.prices)
        """Models whose prices the configuration says."""
        self._waiting: set[asyncio.Event] = set()
        self._pending: deque[Change] = deque(maxlen=PENDING_LIMIT)
        self._pending_events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._taps: list[tuple[Callable[[Arrival], None], Callable[[], None]]] = []
        self.recent: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.dropped = 0

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        self._own = Own()
        return self._snapshot

    def apply(self, spec: SourceSpec, reading: Reading, missed_slots: int = 0) -> None:
        """Apply one reading and wake the listeners."""
        reading = _slim(self._snapshot, spec, reading)
        applied = apply(self._snapshot, spec, reading, missed_slots, self._own)
        overflow = len(self._pending) + len(applied.changes) - PENDING_LIMIT
        self.dropped += max(0, overflow)
        self._pending.extend(applied.changes)
        self._note(applied.events)
        self._set(applied.snapshot)
        if self._taps:
            arrival = Arrival(spec, reading, missed_slots)
            for tap, _ in self._taps:
                tap(arrival)

    def forget(self, source: str) -> None:
        """Drop a source that is no longer configured."""
        self._set(forget(self._snapshot, source))

    def price(self, prices: Mapping[str, float]) -> None:
        """Take over what GPUs cost, where it is not known yet: what is configured stays."""
        now = self._snapshot
        known = {**prices, **now.prices}
        if known == now.prices:
            return
        self._set(replace(now, version=now.version + 1, prices=known))
        for _, renewed in self._taps:
            renewed()

    def rename(self, cluster: str, prices: Mapping[str, float]) -> None:
        """Take over what the configuration calls the cluster, and says that its GPUs cost; it beats what was found."""
        now = self._snapshot
        found = {model: price for model, price in now.prices.items() if model not in self._configured}
        self._configured = frozenset(prices)
        if (now.cluster, now.prices) == (cluster, {**found, **prices}):
            return
        self._set(replace(now, version=now.version + 1, cluster=cluster, prices={**found, **prices}))
        for _, renewed in self._taps:
            renewed()

    def replace(self, snapshot: Snapshot) -> None:
        """Take a whole snapshot over (a daemon's, at the start of an attachment)."""
        self._set(snapshot)
        for _, renewed in self._taps:
            renewed()

    def restore(self, applied: Applied) -> None:
        """Take over the past with all that was applied since the start on top of it, before anything is drained.

        Its changes and events stand for those told so far.
        """
        self._pending.clear()
        self._pending.extend(applied.changes)
        self._pending_events.clear()
        self.recent.clear()
        self._note(applied.events)
        now, after = self._snapshot, applied.snapshot
        sources = {name: after.sources.get(name, state) for name, state in now.sources.items()}
        self._set(replace(after, version=max(after.version, now.version + 1), sources=sources))
        for _, renewed in self._taps:
            renewed()

    def note(self, event: Event) -> None:
        """Keep an event that no reading brought."""
        self._note((event,))
        self._wake()

    def drain(self) -> tuple[tuple[Change, ...], tuple[Event, ...]]:
        """Everything that came since the last drain, for the store."""
        changes, events = tuple(self._pending), tuple(self._pending_events)
        self._pending.clear()
        self._pending_events.clear()
        return changes, events

    def listen(self, tap: Callable[[Arrival], None], renewed: Callable[[], None] = lambda: None) -> Callable[[], None]:
        """Call `tap` with every arrival, at once and on this loop; the returned function ends it.

        `renewed` is called when arrivals no longer lead to the snapshot: who follows them must begin anew from it.
        """
        mine = (tap, renewed)
        self._taps.append(mine)
        return lambda: self._taps.remove(mine)

    async def changes(self) -> AsyncIterator[Snapshot]:
        """Snapshots as they come, newest only."""
        async with contextlib.aclosing(self.moves()) as moves:
            async for _ in moves:
                yield self.snapshot

    async def moves(self) -> AsyncGenerator[None, None]:
        """As `changes`, for who only needs to know that something came: a snapshot that is looked at costs a copy."""
        woken = asyncio.Event()
        self._waiting.add(woken)
        seen = -1
        try:
            while True:
                if self._snapshot.version == seen:
                    await woken.wait()
                woken.clear()
                seen = self._snapshot.version
                yield
        finally:
            self._waiting.discard(woken)

    def _note(self, events: tuple[Event, ...]) -> None:
        self.recent.extend(events)
        self._pending_events.extend(events)

    def _set(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._wake()

    def _wake(self) -> None:
        for woken in self._waiting:
            woken.set()


def _slim(before: Snapshot, spec: SourceSpec, reading: Reading) -> Reading:
    """The reading as it need be applied and passed on: of thousands of jobs only those that changed."""
    if reading.slurm is None or before.slurm is None or before.slurm.source != spec.name:
        return reading
    from app.domain.apply_slurm import changes_of  # noqa: PLC0415 - only a cluster with Slurm pays for it

    return replace(reading, slurm=changes_of(before.slurm, reading.slurm))
