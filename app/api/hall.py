"""What the routes of one daemon stand on: its feed, its board, and what is shared by all who ask."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from app.api.audit import ApiAudit
from app.api.caller import Caller
from app.api.chat_desks import ChatDesks
from app.api.counters import Counters
from app.api.happenings import Happenings
from app.api.packed import Packed
from app.api.row import RefusedError, Reply
from app.api.stream import Fanout
from app.services.feed import Feed

if TYPE_CHECKING:
    from app.domain.snapshot import Snapshot
    from app.runtime.serving import Served

T = TypeVar("T")
MOST_STREAMS, MOST_STREAMS_OF_ONE = 1024, 256
_AT_ONCE = 2
"""Large answers that are made at the same time: a machine that collects has other things to do."""


@dataclass(slots=True)
class Hall:
    """The daemon, as its routes see it."""

    served: Served
    fanout: Fanout
    """For screens of releases before this one, which know no other form."""
    deflated: Fanout
    happenings: Happenings
    chats: ChatDesks
    audit: ApiAudit
    counters: Counters
    packed: Packed = field(default_factory=Packed)
    listeners: Counter[str] = field(default_factory=Counter)
    """Streams, by who follows them."""
    _document: str = ""
    heavy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    @property
    def feed(self) -> Feed:
        """What is answered from."""
        return self.served.feed

    def check_room(self, caller: Caller) -> None:
        """Raises RefusedError where no further stream can be followed."""
        if self.listeners.total() >= MOST_STREAMS or self.listeners[caller.key] >= MOST_STREAMS_OF_ONE:
            raise RefusedError(503, "too many streams are followed already: end some, or ask again later")

    @contextlib.contextmanager
    def listening(self, caller: Caller) -> Iterator[None]:
        """While a caller follows a stream."""
        self.listeners[caller.key] += 1
        try:
            yield
        finally:
            self.listeners[caller.key] -= 1
            self.listeners += Counter()  # forgets those that follow none

    async def made(self, make: Callable[[], T]) -> T:
        """What takes a while to make, in a thread beside the collecting."""
        async with self.heavy:
            return await asyncio.to_thread(make)

    async def json(self, make: Callable[[], object]) -> Reply:
        """A large answer: made and written as JSON in a thread."""
        return Reply(await self.made(lambda: json.dumps(make(), separators=(",", ":"))))

    async def document(self) -> str:
        """The OpenAPI document, made when it is first asked for."""
        if not self._document:
            from app.api.openapi import document  # noqa: PLC0415 - late: for who asks for it
            from app.api.table import ROWS  # noqa: PLC0415 - late: the table's rows stand on this

            self._document = await self.made(lambda: json.dumps(document(ROWS), separators=(",", ":")))
        return self._document

    async def seen(self, when: float | None) -> tuple[Snapshot, float]:
        """The picture of now, or of a moment of the past; and that moment. Raises LookupError."""
        if when is None:
            return self.feed.latest(), self.feed.now()
        found = await self.feed.at(when)
        if found is None:
            raise LookupError("nothing was kept near that time")
        return found, when
