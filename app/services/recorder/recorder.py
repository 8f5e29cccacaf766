"""The recorder: hears what sources are told, what became of it, and when it was judged; writes that down, in order.

It costs the loop a list entry a look; every few seconds what was heard is cleaned of secrets, deflated and written in a
thread. Every few minutes a segment begins with the picture, the notes of whoever judges, and the last answers of each
source, so that the oldest of a ring can be dropped and a seek need not begin at the beginning.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from app.domain.codec import encode
from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot
from app.services.board import Arrival, Board
from app.services.recorder.happenings import Begin, Gone, Happening, Heard, Look, Tick, TickKind
from app.services.recorder.held import HeldClock
from app.services.watch import Watch
from app.sources.told import Told, size_of
from app.transport import turns
from app.transport.clock import Clock

if TYPE_CHECKING:
    from app.services.recorder.scribe import Scribe

SEGMENT_S = 300.0
FLIGHT_WRITE_S = 5.0
"""Between two writes of the flight recorder: each costs a turn in a thread, however little was heard."""
MOST_WAITING = 256 * 1024 * 1024
"""Bytes of answers that wait to be written; where a disk is so slow that there are more, a new segment begins."""
NOTES = ("diagnosis.", "alert")
"""Beginnings of the notes that a judge goes on from."""
_log = logging.getLogger(__name__)

Step = Callable[[], Awaitable[None]]


class Sink(Protocol):
    """Where a recording goes; its methods run in a thread."""

    @property
    def wants_segment(self) -> bool:
        """Whether a new segment should begin before its time."""

    def write(self, blocks: bytes, *, begins: bool, at: float) -> None:
        """Keep blocks; `begins`: they begin a segment. Raises OSError."""

    def close(self) -> None:
        """Nothing more comes."""


class NotesOf(Protocol):
    """The part of `History` that the recorder asks."""

    async def try_lease(self) -> bool:
        """As `History.try_lease`."""

    async def notes(self, begins: str) -> Mapping[str, str]:
        """As `History.notes`."""


@frozen
class About:
    """What a recording says of itself."""

    cluster: str
    interval_s: float
    program: Callable[[], str] = str
    """Tells the program's version; asked when a segment begins."""
    rules: tuple[tuple[str, str], ...] = ()
    """Path and text of each rule file that was in force."""
    is_judged: bool = True
    """Whether this process diagnoses; else whoever replays it does so at every interval."""
    write_s: float = 0.0
    """Seconds between two writes, where that is longer than the interval and this process diagnoses."""

    def head(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "cluster": self.cluster,
            "interval_s": self.interval_s,
            "program": self.program(),
            "rules": [list(one) for one in self.rules],
        }


@dataclass(slots=True)
class _Waiting:
    """What waits to be written."""

    happenings: list[Happening] = field(default_factory=list)
    saying: dict[str, list[Heard]] = field(default_factory=dict)
    """By source: the answers of the look that is under way."""
    size: int = 0


class Recorder:
    """Records one board and its sources, until it is closed."""

    def __init__(self, board: Board, clock: Clock, about: About, sink: Sink, scribe: Callable[[], Scribe]) -> None:
        """`scribe` is made with the first write, in its thread."""
        self.clock = HeldClock(clock)
        """For whoever judges: it stands still during a step, so that a replay can take the same step."""
        self._board = board
        self._about = about
        self._sink = sink
        self._make_scribe = scribe
        self._scribe: Scribe | None = None
        self._heard = _Waiting()
        self._known: set[str] = set()
        """Names of the sources that looks came from."""
        self._begin: Snapshot | None = board.snapshot
        """The picture that the next segment begins with, where it must begin anew."""
        self._began_at = 0.0
        self._watch: Watch | None = None
        self._is_ours = True
        self._has_begun = False
        self._writing = asyncio.Lock()
        self.trouble = ""
        """Why nothing can be written, for a person; empty while it can."""
        self._stop = board.listen(self._arrived, self._renewed)

    def tap(self, source: str, part: str, at: float, told: Told) -> None:
        """Hear an answer (`app.sources.registry.Tap`)."""
        self._heard.saying.setdefault(source, []).append(Heard(part, at, told))

    def stepped(self, kind: TickKind, step: Step, last_at: Callable[[], float]) -> Step:
        """A step of a judge, recorded; `last_at` tells the time of the last step that was taken."""

        async def recorded() -> None:
            with self.clock.held() as now:
                tick = Tick(kind, now)
                self._heard.happenings.append(tick)
                try:
                    await step()
                finally:
                    tick.is_over, tick.is_taken = True, last_at() == now

        return recorded

    def watched(self, watch: Watch) -> Step:
        """The step of who watches, recorded; with what it took up of the history, which no recording holds."""
        self._watch = watch
        step = self.stepped("watch", watch.tick, lambda: watch.watched.at)

        async def recorded() -> None:
            was_recalled = watch.is_recalled
            await step()
            if watch.is_recalled and not was_recalled:
                tick = next(one for one in reversed(self._heard.happenings) if isinstance(one, Tick))
                tick.idle = watch.watched.idle

        return recorded

    async def run(self, store: NotesOf | None = None) -> None:
        """Write every few seconds until cancelled; with a store, only while this process writes there."""
        interval_s = self._about.interval_s
        every_s = max(interval_s, self._about.write_s) if self._about.is_judged else interval_s
        while True:
            await self.clock.sleep(every_s)
            if not self._about.is_judged:
                now = self.clock.now()
                self._heard.happenings += [Tick(kind, now, True, True) for kind in ("watch", "diagnose", "alert")]
            if store is not None and not await store.try_lease():
                self._heard, self._is_ours = _Waiting(), False
                continue
            if not self._is_ours:
                self._is_ours = True
                self._begin_anew()
            self._has_begun = True
            await self.flush(store)

    async def flush(self, store: NotesOf | None = None) -> None:
        """Write what was heard until now; of several at once, one after the other."""
        async with self._writing:
            await self._flush(store)

    async def _flush(self, store: NotesOf | None) -> None:
        now = self.clock.now()
        happenings, begin = self._taken(now), self._begin
        self._begin = None
        is_due = begin is None and (now - self._began_at >= SEGMENT_S or self._sink.wants_segment)
        picture = self._board.snapshot
        notes = await _notes(store) if begin is not None or is_due else {}
        idle = self._watch.watched.idle if self._watch is not None else {}
        heads = {**self._about.head(), "notes": notes, "idle": encode(idle)}
        if begin is not None:
            self._began_at = now
            await self._write([Begin(begin, _first(happenings, now), heads, is_new=True), *happenings], now)
        elif is_due:
            self._began_at = now
            await self._write([*happenings, Begin(picture, now, heads)], now)
        else:
            await self._write(happenings, now)

    async def end(self) -> None:
        """Hear nothing more; what was heard is written."""
        self._stop()
        try:
            if self._is_ours and self._has_begun:
                await self.flush()
        finally:
            self._sink.close()

    def _taken(self, now: float) -> list[Happening]:
        """What happened, as far as it is over; a step that is being taken waits, and all behind it."""
        gone = self._known - self._board.snapshot.sources.keys()
        self._known -= gone
        all_heard = self._heard.happenings
        all_heard += [Gone(name, now) for name in sorted(gone)]
        most = next((at for at, one in enumerate(all_heard) if isinstance(one, Tick) and not one.is_over), None)
        taken = all_heard[:most]
        self._heard.happenings = [] if most is None else all_heard[most:]
        self._heard.size = 0
        return [one for one in taken if not isinstance(one, Tick) or one.is_taken]

    async def _write(self, happenings: list[Happening], now: float) -> None:
        try:
            await turns.in_thread(self._put, happenings, now)
        except OSError as error:
            if not self.trouble:
                _log.warning("the recording cannot be written: %s", error)
            self.trouble = error.strerror or str(error)
            self._begin_anew()
        else:
            self.trouble = ""

    def _put(self, happenings: list[Happening], now: float) -> None:
        if self._scribe is None:
            self._scribe = self._make_scribe()
        for begins, packed in self._scribe.packed(happenings, now):
            self._sink.write(packed, begins=begins, at=now)

    def _arrived(self, arrival: Arrival) -> None:
        name = arrival.spec.name
        self._known.add(name)
        answers = tuple(self._heard.saying.pop(name, ()))
        self._heard.happenings.append(Look(arrival, self.clock.real_now(), answers))
        self._heard.size += sum(size_of(one.told) for one in answers)
        if self._heard.size > MOST_WAITING:
            _log.warning("the recording falls behind: what waited to be written is left out")
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Leave out what was heard, and go on from the picture as it is."""
        self._heard, self._begin = _Waiting(), self._board.snapshot

    def _renewed(self) -> None:
        """What came until now does not lead to the picture any more; it is primed with, and else left out."""
        self._heard.happenings = [
            Look(one.arrival, one.at, one.answers, is_primer=True)
            for one in self._heard.happenings
            if isinstance(one, Look) and one.answers
        ]
        self._begin = self._board.snapshot


def _first(happenings: list[Happening], now: float) -> float:
    return min((one.at for one in happenings), default=now)


async def _notes(store: NotesOf | None) -> dict[str, str]:
    if store is None:
        return {}
    return {key: text for begins in NOTES for key, text in (await store.notes(begins)).items()}
