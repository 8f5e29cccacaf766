"""Diagnosing: steps the diagnosis on the evaluation clock, keeps what must survive a kill, and tells of incidents.

Only who holds the store's lease diagnoses (`app.services.turn`). State is written before anybody is told: after a kill
at any moment incidents are the same ones, have lasted as long, and are not told again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from app.domain.diagnosis import GRAVITY, Blind, Diagnosis, Incident
from app.domain.frozen import frozen
from app.domain.series import FLEET, Event
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.engine.diagnosis.blind import blind
from app.engine.diagnosis.fault_table import fault_table
from app.engine.diagnosis.memory import HOLD_S
from app.engine.diagnosis.observers import OBSERVERS
from app.engine.diagnosis.sign import Look, Sign
from app.engine.diagnosis.state import DiagnosisState, Observer, Seen
from app.engine.diagnosis.step import step, stepping
from app.services import diagnosis_notes
from app.services.board import Board
from app.services.diagnosis_notes import Kept, Told
from app.services.log_marks import LogMarks
from app.services.shards import WHOLE, Share
from app.services.turn import Notes, Turn, is_large
from app.services.watch import subject_of
from app.transport import turns
from app.transport.clock import Clock

REFRESH_S = 60.0
"""The state is written down this often even where no incident changed."""
LINGER_S = 60.0
"""An incident that is gone for longer than this is told to be over; one that comes back sooner never was."""
_log = logging.getLogger(__name__)


@frozen
class News:
    """What is told of an incident."""

    at: float
    """Epoch seconds."""
    kind: Literal["began", "worse", "ended"]
    incident: Incident
    into: str = ""
    """Of one that ended: the incident it turned out to be a part of; empty: it is over."""


Listener = Callable[[Sequence[News], Diagnosis], None]


@dataclass(slots=True)
class _Last:
    """What the last step looked at."""

    snapshot: Snapshot | None = None
    at: float = 0.0


@dataclass(slots=True)
class _Written:
    """What stands in the store."""

    at: float = 0.0
    shape: object = field(default_factory=object)


class Diagnosing:
    """The diagnosis of one process that collects; log lines that were said before `oldest` count for nothing.

    Where several daemons share a cluster each diagnoses its `share`.
    """

    def __init__(
        self,
        board: Board,
        clock: Clock,
        interval_s: float,
        watched: Callable[[], Watched] = Watched,
        *,
        waits_for_store: bool = False,
        oldest: float = 0.0,
        share: Share = WHOLE,
    ) -> None:
        self._board = board
        self._clock = clock
        self._interval_s = interval_s
        self._watched = watched
        self._observers = OBSERVERS if share.is_whole else tuple(partial(_of_share, share, one) for one in OBSERVERS)
        self._turn = Turn(clock, interval_s, self._take_up, self._give_up, waits_for_store=waits_for_store)
        self._state = DiagnosisState()
        self._logs = LogMarks(oldest=oldest)
        self._last = _Last()
        self._told: Mapping[str, Told] = {}
        self._written = _Written()
        self._trouble = ""
        self.listeners: list[Listener] = []
        """Told of news once they are written down, and of the diagnosis at every step; for whoever notifies."""

    def now(self) -> Diagnosis:
        """What the last step left."""
        return self._state.diagnosis

    @property
    def is_running(self) -> bool:
        """This process diagnoses."""
        return self._last.at > 0.0

    async def keep(self, notes: Notes) -> None:
        """Take the store, once it is open, and go on from what it holds."""
        await self._turn.keep(notes)

    async def tick(self, store: Callable[[], Notes | None] = lambda: None) -> None:
        """Step once, if it is this process's turn; `store` is taken up once it is there."""
        if self._turn.notes is None and (notes := store()) is not None:
            await self.keep(notes)
        if await self._turn.is_ours(self._board.snapshot):
            await self.step(self._board.snapshot, self._clock.now())

    async def step(self, snapshot: Snapshot, now: float) -> None:
        """Take a snapshot in; write down what changed, then tell. A mistake of ours is told as a blind spot."""
        try:
            await self._step(snapshot, now)
        except Exception as error:  # noqa: BLE001 - a wrong fault entry must cost the diagnosis, not alarms and screen
            self._fail(error)
            return
        self._trouble = ""
        self._last = _Last(snapshot, now)
        news, self._told = _news(self._told, self._state.diagnosis, now)
        await self._write(snapshot, now)
        for one in news:
            self._board.note(_event(one, self._state.diagnosis))
        for tell in self.listeners:
            tell(news, self._state.diagnosis)

    async def _step(self, snapshot: Snapshot, now: float) -> None:
        seen = Seen(
            snapshot,
            self._last.snapshot,
            self._last.at,
            self._logs.take(snapshot),
            self._watched().findings,
            self._interval_s,
        )
        asked = (self._state, seen, now, fault_table(), self._observers, blind)
        self._state = await turns.in_pieces(stepping, *asked) if is_large(snapshot) else step(*asked)

    def _fail(self, error: Exception) -> None:
        if repr(error) != self._trouble:
            self._trouble = repr(error)
            _log.exception("the diagnosis made a mistake")
        here = Blind("the diagnosis itself", f"a mistake of this program, please report it: {error!r}")
        others = tuple(one for one in self._state.diagnosis.blind if one.what != here.what)
        self._state = replace(self._state, diagnosis=replace(self._state.diagnosis, blind=(*others, here)))

    def go_on(self, state: DiagnosisState, logs: LogMarks, snapshot: Snapshot | None, at: float) -> None:
        """Go on from what was found out about the past: state, logs taken in, and the last picture of it."""
        self._state, self._last = state, _Last(snapshot, at if snapshot is not None else 0.0)
        self._logs.set(logs.marks)

    async def _take_up(self, notes: Notes) -> None:
        kept = diagnosis_notes.read(await notes.notes(diagnosis_notes.PREFIX))
        for problem in kept.problems:
            _log.warning("%s", problem)
        now, at = self._clock.now(), kept.state.diagnosis.at
        if at > now:  # the clock was put back: times of then mean nothing now
            _log.warning("the diagnosis in the store is of a later time and is dropped")
            return
        self._state, self._told = _aged(kept.state, now), kept.told
        self._logs.set(kept.marks)
        before = await notes.at(at) if at and now - at <= HOLD_S else None
        self._last = _Last(before, at if before is not None else 0.0)

    def _give_up(self) -> None:
        self._state, self._last, self._told = DiagnosisState(), _Last(), {}

    async def _write(self, snapshot: Snapshot, now: float) -> None:
        """The state where an incident changed, and now and then: clocks of what has no finding yet are in it too."""
        if self._turn.notes is None:
            return
        shape = _shape(self._state.diagnosis)
        if shape == self._written.shape and now - self._written.at < REFRESH_S:
            return
        marks = {name: one for name, one in self._logs.marks.items() if name in snapshot.sources}
        notes = await turns.in_thread(diagnosis_notes.pack, Kept(self._state, marks, self._told))
        if await self._turn.notes.put_notes(notes):
            self._written = _Written(now, shape)


def _of_share(share: Share, observer: Observer, look: Look) -> Iterator[Sign]:
    """What an observer sees of a daemon's own share: what Slurm shows to all is told by one."""
    return (one for one in observer(look) if share.finds(one.subject, look.snapshot))


def _shape(diagnosis: Diagnosis) -> object:
    """What must differ for an incident to have changed."""
    return tuple((one.id, one.severity, one.findings) for one in diagnosis.incidents)


def _aged(state: DiagnosisState, now: float) -> DiagnosisState:
    """The state after a pause: what held on when it was seen last, but too long ago, begins anew."""
    memory = state.memory
    held = {key: one for key, one in memory.held.items() if one.sign.is_event or now - one.last <= HOLD_S}
    return replace(state, memory=replace(memory, held=held))


def _news(told: Mapping[str, Told], diagnosis: Diagnosis, now: float) -> tuple[tuple[News, ...], Mapping[str, Told]]:
    """What people are told, and what they know then. Information is nobody's alarm."""
    after: dict[str, Told] = {}
    news: list[News] = []
    for one in diagnosis.incidents:
        known = told.get(one.id)
        if known is None and one.severity == "info":
            continue
        graver = known is None or GRAVITY[one.severity] > GRAVITY[known.incident.severity]
        if graver:
            news.append(News(now, "began" if known is None else "worse", one))
        gravest = one.severity if known is None or graver else known.incident.severity
        after[one.id] = Told(replace(one, severity=gravest), now)
    news += _endings(told, diagnosis, now, after)
    return tuple(news), after


def _endings(told: Mapping[str, Told], diagnosis: Diagnosis, now: float, after: dict[str, Told]) -> Iterator[News]:
    """Of incidents that are not there: over, part of another one by now, or perhaps back in a moment."""
    home = {one.id: one.incident for one in diagnosis.findings}
    for key, known in told.items():
        if key in after:
            continue
        into = next((home[one] for one in known.incident.findings if one in home), "")
        if into or now - known.seen_at > LINGER_S:
            over = diagnosis.incident(key) or known.incident
            yield News(now, "ended", replace(over, ended=over.ended or known.seen_at), into)
        else:
            after[key] = known


def _event(one: News, diagnosis: Diagnosis) -> Event:
    """The news as an event, about whom its root is."""
    root = diagnosis.finding(one.incident.root)
    more = len(one.incident.findings) - 1
    follows = f" ({more} {'consequence' if more == 1 else 'consequences'})" if more else ""
    words = {"began": "", "worse": "graver: ", "ended": f"part of {one.into}: " if one.into else "over: "}
    severity = "info" if one.kind == "ended" else one.incident.severity
    text = f"{words[one.kind]}{one.incident.title}{follows if one.kind != 'ended' else ''}"
    return Event(one.at, f"incident.{one.kind}", severity, FLEET if root is None else subject_of(root.subject), text)
