"""The stream for attached screens: a snapshot, then every reading as it is applied, made once for all listeners.

Readings are packed into frames a few times a second, and every listener is sent the same bytes. One that cannot keep up
falls behind the frames that are kept, and begins anew from a snapshot; so does one that comes. These are shared too.
What has been found out (`app.api.verdicts`) is told among them, so that nobody has to ask for it.

Who has had everything and waits is handed the next frame at once (`app.api.hand`); only who does not take it is woken.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot
from app.services import wire
from app.services.board import Arrival, Board

BATCH_S = 0.2
"""What comes is passed on together so often: a screen paints four times a second, and fifty have to be written to."""
MOST_KEPT = 32 << 20
"""Bytes of frames that wait for the slowest listener."""
STALE_AFTER = 4 << 20
"""Bytes of events, before they are deflated, after which a snapshot is packed anew for who comes."""
CHUNK = 256 << 10
"""Bytes that one listener is sent at once; the next only when it has taken these."""
HEARTBEAT_S = 5.0
ALIVE = b": alive\n\n"
CURRENT = f": {wire.CURRENT}\n\n".encode()
OVER = b"retry: 500\n: the daemon ends or is replaced: come again\n\n"


Form = Callable[[bytes], bytes]
"""How events are sent."""
Give = Callable[[bytes], bool]
"""Gives a listener something at once, if it takes it; whether it did."""


def plain(events: bytes) -> bytes:
    """As they are."""
    return events


def deflated(events: bytes) -> bytes:
    """As one event that holds them: an eighth of the bytes, for every listener, for one deflating."""
    return _event(wire.DEFLATED, wire.deflate(events).decode("ascii"))


@frozen
class _Start:
    """A snapshot, and where the frames after it begin."""

    text: bytes
    next_frame: int
    sent: int
    """Bytes of all events before it."""


@dataclass(slots=True, eq=False)
class _Place:
    """Where one listener is among the frames."""

    next_frame: int
    give: Give | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it has to look for itself."""


class Fanout:
    """The frames of one board, and who listens to them."""

    def __init__(self, board: Board, form: Form = plain, *, batch_s: float = BATCH_S) -> None:
        self._board = board
        self._form = form
        self._batch_s = batch_s
        self._frames: deque[bytes] = deque()
        self._first = 0
        """Number of the oldest frame that is kept."""
        self._size = 0
        self._sent = 0
        self._pending: list[Arrival | bytes] = []
        """Readings, and events that are packed already."""
        self._timer: asyncio.TimerHandle | None = None
        self._packing = asyncio.Lock()
        self._start: _Start | None = None
        self._unlisten: Callable[[], None] = lambda: None
        self._beat: asyncio.TimerHandle | None = None
        self._beat_at = 0
        """The next frame there was at the last beat."""
        self._places: set[_Place] = set()
        """Of each listener that has its snapshot, and behind the one that is being packed."""
        self._waiting: set[_Place] = set()
        """Of those who have had every frame."""
        self._said: dict[str, str] = {}
        """What was told last, by its name."""
        self.listeners = 0
        self.attended = asyncio.Event()
        """Set while anybody listens."""
        self.is_over = False

    def close(self) -> None:
        """Let every listener go."""
        self.is_over = True
        self._wake()

    def tell(self, name: str, payload: str) -> None:
        """Tell all who listen, and all who will, unless it is what they were told last."""
        if self.listeners and self._said.get(name) != payload:
            self._said[name] = payload
            self._take(_event(name, payload))

    async def follow(self, give: Give | None = None) -> AsyncIterator[bytes]:
        """What one listener is sent, until it goes or the door closes; less what `give` has given it meanwhile."""
        self._join()
        mine, is_behind = _Place(-1, give), True
        try:
            while not self.is_over:
                if mine.next_frame < self._first:
                    start = await self._snapshot()
                    mine.next_frame, is_behind = start.next_frame, True
                    self._places.add(mine)
                    for chunk in _chunks(start.text):
                        yield chunk
                elif (at := mine.next_frame) < self._next:
                    frames = list(islice(self._frames, at - self._first, None))
                    for chunk in _chunks(b"".join(frames)):
                        yield chunk
                    mine.next_frame = at + len(frames)
                elif is_behind:
                    is_behind = False
                    yield CURRENT
                else:
                    await self._wait(mine)
            yield OVER
        finally:
            self._places.discard(mine)
            self._leave()

    async def _wait(self, mine: _Place) -> None:
        """Until there is something that a listener has not been given."""
        mine.news.clear()
        self._waiting.add(mine)
        try:
            await mine.news.wait()
        finally:
            self._waiting.discard(mine)

    @property
    def _next(self) -> int:
        return self._first + len(self._frames)

    def _join(self) -> None:
        self.listeners += 1
        if self.listeners == 1:
            self.attended.set()
            self._unlisten = self._board.listen(self._take, self._renew)
            self._still_alive()

    def _leave(self) -> None:
        self.listeners -= 1
        if self.listeners == 0:
            self.attended.clear()
            self._said.clear()
            self._unlisten()
            if self._beat is not None:
                self._beat.cancel()
            self._renew()

    def _take(self, one: Arrival | bytes) -> None:
        self._pending.append(one)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._batch_s, self._flush)

    def _flush(self) -> None:
        """Pack what has come into one frame, and wake who listens."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        events = b"".join(map(_packed, self._pending))
        self._pending.clear()
        self._sent += len(events)
        self._put(self._form(events))

    def _put(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._size += len(frame)
        for one in self._waiting:
            self._hand(one, frame)
        self._trim()

    def _hand(self, one: _Place, frame: bytes) -> None:
        """Give a frame to who has had all before it, or wake it."""
        is_next = one.next_frame == self._next - 1
        if is_next and one.give is not None and len(frame) <= CHUNK and one.give(frame):
            one.next_frame = self._next
        else:
            one.news.set()

    def _still_alive(self) -> None:
        """Tell all that the daemon lives where it said nothing for a while: one clock for everybody who listens."""
        if self._next == self._beat_at:
            self._put(ALIVE)
        self._beat_at = self._next
        self._beat = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._still_alive)

    def _trim(self) -> None:
        """Let go of frames that everybody has had, and of those that somebody is too slow for."""
        if self._start is not None and self._sent - self._start.sent > STALE_AFTER:
            self._start = None
        wanted = min((one.next_frame for one in self._places), default=self._next)
        if self._start is not None:
            wanted = min(wanted, self._start.next_frame)
        while self._frames and (self._first < wanted or self._size > MOST_KEPT):
            self._size -= len(self._frames.popleft())
            self._first += 1

    def _renew(self) -> None:
        """Readings no longer lead to the snapshot: everybody begins anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pending.clear()
        # One more than there were: a listener that has had every frame must begin anew as well.
        self._first = self._next + 1
        self._frames.clear()
        self._size = 0
        self._start = None
        self._wake()

    def _wake(self) -> None:
        for one in self._waiting:
            one.news.set()

    async def _snapshot(self) -> _Start:
        """The picture that the next frames lead on from; packed once for all who come at the same time."""
        async with self._packing:
            known = self._start
            if known is None or known.next_frame < self._first:
                self._flush()
                snapshot, follows, sent = self._board.snapshot, self._next, self._sent
                kept = _Place(follows)
                self._places.add(kept)  # what comes while it is being packed is kept
                try:
                    text = await asyncio.to_thread(self._begin_with, snapshot, dict(self._said))
                finally:
                    self._places.discard(kept)
                known = _Start(text, follows, sent)
                if follows >= self._first:
                    self._start = known
            return known

    def _begin_with(self, snapshot: Snapshot, said: Mapping[str, str]) -> bytes:
        """What a listener is sent first."""
        events = [_event("snapshot", wire.pack_snapshot(snapshot))]
        return self._form(b"".join([*events, *(_event(name, payload) for name, payload in said.items())]))


def _chunks(text: bytes) -> Iterator[bytes]:
    return (text[at : at + CHUNK] for at in range(0, len(text), CHUNK)) if len(text) > CHUNK else iter((text,))


def _packed(one: Arrival | bytes) -> bytes:
    return one if isinstance(one, bytes) else _event("arrival", wire.pack_arrival(one))


def _event(name: str, payload: str) -> bytes:
    return f"event: {name}\ndata: {payload}\n\n".encode()
