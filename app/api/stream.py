"""The stream for attached screens: a snapshot, then every reading as it is applied, made once for all listeners.

Readings are packed into frames a few times a second, and every listener is sent the same bytes. One that cannot keep up
falls behind the frames that are kept, and begins anew from a snapshot; so does one that comes. These are shared too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from app.services import wire
from app.services.board import Arrival, Board

BATCH_S = 0.05
"""Readings are passed on together so often: a screen paints four times a second."""
MOST_KEPT = 32 << 20
"""Bytes of frames that wait for the slowest listener."""
STALE_AFTER = 4 << 20
"""Bytes of frames after which a snapshot is packed anew for who comes."""
CHUNK = 256 << 10
"""Bytes that one listener is sent at once; the next only when it has taken these."""
HEARTBEAT_S = 5.0
ALIVE = b": alive\n\n"
OVER = b"retry: 500\n: the daemon ends or is replaced: come again\n\n"


@dataclass(frozen=True, slots=True)
class _Start:
    """A snapshot, and where the frames after it begin."""

    text: bytes
    next_frame: int
    sent: int
    """Bytes of all frames before it."""


class Fanout:
    """The frames of one board, and who listens to them."""

    def __init__(self, board: Board, *, batch_s: float = BATCH_S) -> None:
        self._board = board
        self._batch_s = batch_s
        self._frames: deque[bytes] = deque()
        self._first = 0
        """Number of the oldest frame that is kept."""
        self._size = 0
        self._sent = 0
        self._pending: list[Arrival] = []
        self._timer: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()
        self._packing = asyncio.Lock()
        self._start: _Start | None = None
        self._unlisten: Callable[[], None] = lambda: None
        self._places: dict[object, int] = {}
        """The next frame of each listener that has its snapshot, and after the one that is being packed."""
        self.listeners = 0
        self.is_over = False

    def close(self) -> None:
        """Let every listener go."""
        self.is_over = True
        self._wake()

    async def follow(self) -> AsyncIterator[bytes]:
        """What one listener is sent, until it goes or the door closes."""
        self._join()
        mine, place = object(), -1
        try:
            while not self.is_over:
                if place < self._first:
                    start = await self._snapshot()
                    place = self._places[mine] = start.next_frame
                    for chunk in _chunks(start.text):
                        yield chunk
                elif place < self._next:
                    frames = list(islice(self._frames, place - self._first, None))
                    place += len(frames)
                    for chunk in _chunks(b"".join(frames)):
                        yield chunk
                    self._places[mine] = place
                elif not await self._news_came():
                    yield ALIVE
            yield OVER
        finally:
            self._places.pop(mine, None)
            self._leave()

    @property
    def _next(self) -> int:
        return self._first + len(self._frames)

    def _join(self) -> None:
        self.listeners += 1
        if self.listeners == 1:
            self._unlisten = self._board.listen(self._take, self._renew)

    def _leave(self) -> None:
        self.listeners -= 1
        if self.listeners == 0:
            self._unlisten()
            self._renew()

    def _take(self, arrival: Arrival) -> None:
        self._pending.append(arrival)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._batch_s, self._flush)

    def _flush(self) -> None:
        """Pack what has come into one frame, and wake who listens."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        frame = b"".join(_event("arrival", wire.pack_arrival(one)) for one in self._pending)
        self._pending.clear()
        self._frames.append(frame)
        self._size += len(frame)
        self._sent += len(frame)
        self._trim()
        self._wake()

    def _trim(self) -> None:
        """Let go of frames that everybody has had, and of those that somebody is too slow for."""
        if self._start is not None and self._sent - self._start.sent > STALE_AFTER:
            self._start = None
        wanted = min(self._places.values(), default=self._next)
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
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _news_came(self) -> bool:
        """Wait for news; False after a while without any: then a listener is told that the daemon lives."""
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _snapshot(self) -> _Start:
        """The picture that the next frames lead on from; packed once for all who come at the same time."""
        async with self._packing:
            known = self._start
            if known is None or known.next_frame < self._first:
                self._flush()
                snapshot, follows, sent = self._board.snapshot, self._next, self._sent
                self._places[self] = follows  # what comes while it is being packed is kept
                try:
                    text = await asyncio.to_thread(wire.pack_snapshot, snapshot)
                finally:
                    del self._places[self]
                known = _Start(_event("snapshot", text), follows, sent)
                if follows >= self._first:
                    self._start = known
            return known


def _chunks(text: bytes) -> Iterator[bytes]:
    return (text[at : at + CHUNK] for at in range(0, len(text), CHUNK)) if len(text) > CHUNK else iter((text,))


def _event(name: str, payload: str) -> bytes:
    return f"event: {name}\ndata: {payload}\n\n".encode()
