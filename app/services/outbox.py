"""The outbox: what is to be sent is written down before it is sent, and struck out once it has arrived.

So a kill at any moment loses no message. One whose attempt had begun is sent again under the same id: receivers that
know ids take it once, others may get it twice (docs/notify.md names them). Where the store cannot be written, messages
are sent all the same: a page that comes twice after a crash is better than one that never came.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Protocol, TypeVar
from uuid import uuid4

from app.domain.codec import decode, encode
from app.domain.frozen import frozen
from app.domain.notice import ChannelHealth, Delivery, Outcome
from app.engine.notifying import outbox
from app.engine.notifying.state import NotifyState, Told

PREFIX = "notify."
STATE, TOLD, OUT, HEALTH = f"{PREFIX}state", f"{PREFIX}told.", f"{PREFIX}out.", f"{PREFIX}health."
T = TypeVar("T")


class Writes(Protocol):
    """The part of a store that the outbox writes to."""

    async def put_notes(self, notes: Mapping[str, str | None]) -> bool:
        """As `History.put_notes`."""


@frozen
class Kept:
    """What notes held."""

    state: NotifyState = field(default_factory=NotifyState)
    queue: Mapping[str, Delivery] = field(default_factory=dict)
    health: Mapping[str, ChannelHealth] = field(default_factory=dict)


def read(notes: Mapping[str, str]) -> Kept:
    """What notes hold; each stands alone, and one that cannot be read costs itself."""
    base = next(_values(NotifyState, notes, STATE), NotifyState())
    told = {one.key: one for one in _values(Told, notes, TOLD)}
    queue = sorted(_values(Delivery, notes, OUT), key=lambda one: (one.made_at, _number(one.id)))
    # A state that was lost must not give numbers away a second time.
    number = max((base.number, *(_number(one.id) for one in queue)))
    return Kept(
        replace(base, told=told, number=number),
        {one.id: one for one in queue},
        {one.name: one for one in _values(ChannelHealth, notes, HEALTH)},
    )


def _number(key: str) -> int:
    tail = key.rpartition("-")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else 0


def _values(kind: type[T], notes: Mapping[str, str], begins: str) -> Iterator[T]:
    for key, text in notes.items():
        if key.startswith(begins):
            try:
                yield decode(kind, json.loads(text))
            except (KeyError, TypeError, ValueError, IndexError, AttributeError):
                continue


def _dump(value: object) -> str:
    return json.dumps(encode(value), separators=(",", ":"))


class Outbox:
    """State, queue and channels' health of one process, and the notes they are kept in."""

    def __init__(self) -> None:
        self.notes: Writes | None = None
        """None: nothing is kept over a restart."""
        self.state = NotifyState(origin=new_origin())
        self.queue: Mapping[str, Delivery] = {}
        self.health: Mapping[str, ChannelHealth] = {}

    def take_up(self, kept: Kept, notes: Writes) -> None:
        """Go on from what was kept."""
        self.notes = notes
        self.state = kept.state if kept.state.origin else replace(kept.state, origin=new_origin())
        self.queue, self.health = kept.queue, kept.health

    def give_up(self) -> None:
        """Forget everything: another process tells now."""
        self.notes = None
        self.state, self.queue, self.health = NotifyState(origin=new_origin()), {}, {}

    async def decided(self, after: NotifyState, fresh: Sequence[Delivery], needless: Collection[str] = ()) -> None:
        """Write down what was decided, in one transaction; then, and not before, may it be sent."""
        before = self.state
        dropped = set(self.queue) - set(outbox.enqueued(self.queue, fresh))
        dropped |= set(needless)
        changes: dict[str, str | None] = {f"{OUT}{key}": None for key in dropped}
        changes |= {f"{OUT}{one.id}": _dump(one) for one in fresh}
        changes |= {f"{TOLD}{key}": None for key in before.told if key not in after.told}
        changes |= {f"{TOLD}{key}": _dump(one) for key, one in after.told.items() if before.told.get(key) != one}
        if changes or replace(before, told={}) != replace(after, told={}):
            changes[STATE] = _dump(replace(after, told={}))
            await self._put(changes)
        self.state = after
        queue = outbox.enqueued(self.queue, fresh)
        self.queue = {key: one for key, one in queue.items() if key not in dropped}

    async def begun(self, one: Delivery) -> Delivery:
        """Write down that an attempt begins."""
        begun = outbox.began(one)
        self.queue = {**self.queue, one.id: begun}
        await self._put({f"{OUT}{one.id}": _dump(begun)})
        return begun

    async def ended(self, one: Delivery, outcome: Outcome, now: float, give_up_s: float) -> Delivery | None:
        """Write down how an attempt ended; what is left of the delivery."""
        after = outbox.tried(one, outcome, now, give_up_s)
        if one.id not in self.queue:  # it gave way to a newer one meanwhile
            after = None
        queue = {key: other for key, other in self.queue.items() if key != one.id}
        self.queue = queue if after is None else {**queue, one.id: after}
        health = self.health.get(one.channel, ChannelHealth(one.channel))
        health = (
            replace(health, ok_at=now, error=outcome.error)
            if outcome.ok
            else replace(health, failed_at=now, error=outcome.error)
        )
        self.health = {**self.health, one.channel: health}
        await self._put(
            {
                f"{OUT}{one.id}": None if after is None else _dump(after),
                f"{HEALTH}{one.channel}": _dump(health),
            }
        )
        return after

    async def _put(self, changes: Mapping[str, str | None]) -> None:
        if self.notes is not None:
            await self.notes.put_notes(changes)


def new_origin() -> str:
    """What the ids of a new history begin with."""
    return uuid4().hex[:12]
