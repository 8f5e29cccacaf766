"""Events as they happen (server-sent events), which a client can go on with where it left off, after a restart too.

The id of an event says what its reader has had: a moment, how many events of that very moment, and marks of later ones.
Whoever comes back with it is given what the history holds since then and is not among these, then what happens. Nothing
of it is kept here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import AsyncIterator, Iterable

from app.api.row import RefusedError
from app.api.stream import ALIVE, HEARTBEAT_S, OVER, Fanout
from app.domain.series import Event, Subject
from app.services import queries
from app.services.board import Board
from app.services.feed import Feed

LOOK_S = 0.2
"""What happened is looked for so often, by each listener: waking it with every reading would cost more."""
LATE_S = 60.0
"""An event may be told so long after its own time, and a client that comes back is still given it."""
MOST_MARKS = 64
MOST_MISSED = 5000
"""Events that are made up for at once; of more the newest."""


class Reader:
    """What one listener has had: all of before a moment, so many of that moment, and some of after it."""

    def __init__(self, after: float, had: int = 0, marks: Iterable[str] = ()) -> None:
        """`after` in epoch seconds; `had` events of that very moment, the first that were kept."""
        self.since = after
        self._had = self._skip = had
        self._later: dict[str, float | None] = dict.fromkeys(marks)
        """Marks of later events with their times; None until the event is seen again."""
        self._newest = after

    @classmethod
    def of(cls, key: str) -> Reader:
        """What the id of an event says. Raises RefusedError for what is none of ours."""
        try:
            since, had, marks = key[: 20 * MOST_MARKS].split("~")
            reader = cls(float.fromhex(since), int(had), filter(None, marks.split(".")))
        except (ValueError, OverflowError):
            reader = cls(-1.0)
        if not 0 <= reader.since < 1e11 or not 0 <= reader._had < 1e6:
            raise RefusedError(400, "that Last-Event-ID is none of ours: leave it out, and say since when with `since`")
        return reader

    @property
    def key(self) -> str:
        """The id to come back with."""
        return f"{self.since.hex()}~{self._had}~{'.'.join(self._later)}"

    def takes(self, event: Event) -> bool:
        """Whether this one is new to it; it has had it then."""
        if event.at < self.since:
            return False
        if event.at == self.since:
            is_had = self._skip > 0
            self._skip -= is_had
            self._had += not is_had
            return not is_had
        mark = mark_of(event)
        is_new = mark not in self._later
        self._later[mark] = event.at
        self._newest = max(self._newest, event.at)
        self._shorten()
        return is_new

    def settle(self) -> None:
        """Once all that was missed has been seen: what was not seen again is in no history any more."""
        self._skip = 0
        self._later = {mark: at for mark, at in self._later.items() if at is not None}

    def _shorten(self) -> None:
        """Move on past what is long over, so that the id stays short."""
        while True:
            oldest = min((at for at in self._later.values() if at is not None), default=self._newest)
            if len(self._later) <= MOST_MARKS and oldest >= self._newest - LATE_S:
                return
            gone = [mark for mark, at in self._later.items() if at == oldest]
            if not gone:
                return
            for mark in gone:
                del self._later[mark]
            self.since, self._had, self._skip = oldest, len(gone), 0


def mark_of(event: Event) -> str:
    """A short word that stands for an event."""
    told = f"{event.at!r}\0{event.kind}\0{event.subject}\0{event.text}"
    return urlsafe_b64encode(hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=6).digest()).decode()


class Happenings:
    """The event streams of one daemon."""

    def __init__(self, feed: Feed, board: Board, fanout: Fanout, *, look_s: float = LOOK_S) -> None:
        self._feed = feed
        self._board = board
        self._fanout = fanout
        self._look_s = look_s

    async def follow(self, reader: Reader | None, subject: Subject | None, kind: str) -> AsyncIterator[bytes]:
        """What was missed, then what happens: of a subject, and of a kind or a family of kinds (`gpu`).

        Without a reader only what happens from now on.
        """
        mine = reader or Reader(self._feed.now() - LATE_S)
        lines, last = await self._begun(mine)
        if reader is None:
            lines = []
        mine.settle()
        quiet_s = 0.0
        yield b"retry: 1000\n\n"
        while not self._fanout.is_over:
            wanted = b"".join(line for one, line in lines if _is_wanted(one, subject, kind))
            quiet_s += self._look_s
            if wanted or quiet_s >= HEARTBEAT_S:
                quiet_s = 0.0
                yield wanted or f"id: {mine.key}\n".encode() + ALIVE
            await asyncio.sleep(self._look_s)
            found, last = _new(self._board.recent, last)
            # What is noted late, with a time of long ago, is told too; only who comes back is not given it again.
            lines = [(one, _told(mine, one)) for one in found if mine.takes(one) or one.at < mine.since]
        yield OVER

    async def _begun(self, mine: Reader) -> tuple[list[tuple[Event, bytes]], Event | None]:
        """What a reader has not had yet, each as it is told; and the newest event that was looked at."""
        kept = await self._feed.events(mine.since, self._feed.now() + LATE_S, None, MOST_MISSED)
        found, last = _new(self._board.recent, None)
        all_of = {mark_of(one): one for one in (*kept, *found)}
        in_order = sorted(all_of.values(), key=lambda one: one.at)
        return [(one, _told(mine, one)) for one in in_order if mine.takes(one)], last


def _new(recent: deque[Event], last: Event | None) -> tuple[list[Event], Event | None]:
    """What was noted since an event, and the newest one; all of it where that is not among them any more."""
    if not recent or recent[-1] is last:
        return [], last
    found: list[Event] = []
    for one in reversed(recent):
        if one is last:
            break
        found.append(one)
    return found[::-1], recent[-1]


def _is_wanted(event: Event, subject: Subject | None, kind: str) -> bool:
    if kind and event.kind != kind and not event.kind.startswith(f"{kind}."):
        return False
    if subject is None or subject.kind == "fleet":
        return True
    if subject.kind == "node":
        return event.subject.node == subject.node
    return event.subject == subject


def _told(reader: Reader, event: Event) -> bytes:
    data = json.dumps(queries.event_list([event])[0], separators=(",", ":"))
    return f"id: {reader.key}\nevent: {event.kind}\ndata: {data}\n\n".encode()
