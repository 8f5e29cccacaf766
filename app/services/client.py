"""The attached feed: a daemon's board, mirrored over its unix socket.

The daemon streams a snapshot and then every reading; this process applies the same readings to a board of its own, so
an attached screen and the daemon cannot disagree. What the daemon has found out comes the same way. When the daemon
goes, the last picture stays and ages, and the stream is tried again with growing pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis
from app.domain.naming import clean
from app.domain.series import Event, Series, Subject
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.services import wire
from app.services.board import Board
from app.store.history import StoreHealth
from app.transport import turns
from app.transport.clock import Clock
from app.transport.endpoint import Endpoint, parse_endpoint
from app.transport.failure import ScrapeError
from app.transport.scrape import ScrapeClient
from app.transport.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.domain.slurm import SlurmJob
    from app.services.alert_desk import RemoteDesk

T = TypeVar("T")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0
_ASK_S = 10.0
_QUIET_S = 15.0
"""The daemon says something at least every five seconds; three times that is silence."""
NOT_FOUND, REFUSED = 404, 400
_WATCHED_EVERY_S = 5.0
_ALERTS_EVERY_S = 2.0
_ALERTS_LEAST_S = 0.1
"""After a new diagnosis: the same round evaluates the alerts."""
_DEFLATED: Mapping[str, object] = {"form": "wire"}
"""How the stream is asked for."""
_AT_ONCE = 4
"""Readings applied, about a millisecond, until whoever else waits has a turn: a key, which needs some turns to be seen
and answered, above all."""
_LARGE = 100_000
"""Bytes from which on something is read in a thread: as much as takes some milliseconds."""
_LOOK_BACK_S = 60.0
"""The daemon steps through its history for a diagnosis of the past."""


class DaemonError(Exception):
    """The daemon cannot be asked, or refused; the message is for a person."""


class AttachedFeed:
    """A `Feed` over a daemon's socket. `run` must be running for `changes` to move."""

    def __init__(self, socket: Path, client: ScrapeClient, clock: Clock) -> None:
        self._socket = socket
        self._client = client
        self._clock = clock
        self._board = Board(Snapshot())
        self._watched = Watched()
        self._alerts = NO_ALERTS
        self._diagnosis = NO_DIAGNOSIS
        self._begun: AsyncGenerator[tuple[str, bytes], None] | None = None
        """The stream that `load` has begun, until `run` goes on with it."""
        self._is_told = False
        """Whether the stream brings what the daemon finds out; one of before this release has to be asked."""
        self.trouble = ""
        """Why the daemon is not followed just now, for a person; empty: it is."""

    @property
    def origin(self) -> str:
        """Where it is attached."""
        return f"attached to {self._socket}"

    def latest(self) -> Snapshot:
        """The newest snapshot; never waits."""
        return self._board.snapshot

    def now(self) -> float:
        """The clock ages are reckoned against: one machine, one clock."""
        return self._clock.now()

    def changes(self) -> AsyncIterator[Snapshot]:
        """Snapshots as they come, newest only."""
        return self._board.changes()

    def recent_events(self) -> Sequence[Event]:
        """Events since the attachment began."""
        return tuple(self._board.recent)

    def watched(self) -> Watched:
        """What the daemon had watched when it was last asked."""
        return self._watched

    def alerts(self) -> AlertsNow:
        """What the daemon's last evaluation had left when it was last asked."""
        return self._alerts

    def desk(self) -> RemoteDesk:
        """The daemon's desk."""
        from app.services.alert_desk import RemoteDesk  # noqa: PLC0415 - late: for wishes only

        return RemoteDesk(self._socket)

    def diagnosis(self) -> Diagnosis:
        """What the daemon's diagnosis was when it was last asked."""
        return self._diagnosis

    async def diagnosis_at(self, when: float, since_s: float = 1800.0) -> Diagnosis | None:
        """The daemon's diagnosis of a moment in the past."""
        asked: dict[str, object] = {"at": when, "since_s": since_s, "form": "wire"}
        try:
            return wire.unpack_diagnosis(await self._ask("/api/diagnosis", asked, _LOOK_BACK_S))
        except LookupError:
            return None

    async def _ask_alerts(self) -> None:
        """Ask for the alerts and the diagnosis once there is another diagnosis, or now and then, if nobody tells."""
        while True:
            if self._is_told:
                await self._clock.sleep(_ALERTS_EVERY_S)
                continue
            began, known = self._clock.monotonic(), self._diagnosis
            await self.load_diagnosis(_ALERTS_EVERY_S)
            is_new = self._diagnosis is not known
            await self._clock.sleep(_ALERTS_LEAST_S)
            await self.load_alerts()
            if is_new:
                self._board.replace(self._board.snapshot)  # whoever looks is woken
            else:  # an older daemon does not wait
                await self._clock.sleep(began + _ALERTS_EVERY_S - self._clock.monotonic())

    async def load_alerts(self) -> None:
        """Fetch the alerts; an older daemon has none to give."""
        with contextlib.suppress(DaemonError, LookupError, wire.WireError):
            self._alerts = wire.unpack_alerts(await self._ask("/api/alerts", {"form": "wire"}))

    async def load_diagnosis(self, wait_s: float = 0.0) -> bool:
        """Fetch the diagnosis, once it is another one or `wait_s` is over; says whether there was one to fetch."""
        with contextlib.suppress(DaemonError, LookupError, wire.WireError):
            asked: dict[str, object] = {"form": "wire", "than": wire.mark_of(self._diagnosis), "wait_s": wait_s}
            self._diagnosis = wire.unpack_diagnosis(await self._ask("/api/diagnosis", asked)) or self._diagnosis
            return True
        return False

    async def load(self) -> None:
        """Have the picture of now, the alerts, and what was watched; `run` follows from there. Raises DaemonError."""
        await self.load_alerts()
        await self._begin()
        if self._board.snapshot.slurm is not None:
            self._watched = wire.unpack_watched(await self._ask("/api/watched"))

    async def _begin(self) -> None:
        """Begin the stream, and take from it until the picture is that of now: it is large, and comes but once."""
        begun, self._begun = self._begun, None
        async with contextlib.AsyncExitStack() as stack:
            if begun is not None:
                await begun.aclose()
            events = await stack.enter_async_context(contextlib.aclosing(self._streamed(_DEFLATED)))
            try:
                async for name, payload in events:
                    await self._take(name, payload)
                    if name == wire.CURRENT:
                        self._begun = events
                        stack.pop_all()  # it stays open
                        return
            except ScrapeError as error:
                if error.status != REFUSED:
                    raise self._refusal(error) from error
                self._board.replace(wire.unpack_snapshot(await self._ask("/api/snapshot")))  # of before this release
                return
        raise DaemonError(f"the daemon at {self._socket} has ended the stream")

    async def run(self) -> None:
        """Follow the daemon until cancelled."""
        async with Tasks() as tasks:
            tasks.start(self._ask_watched(), "watched")
            tasks.start(self._ask_alerts(), "alerts")
            await tasks.start(self._follow(), "stream")

    async def _ask_watched(self) -> None:
        """Ask what is watched, where there is Slurm to watch."""
        while True:
            if self._board.snapshot.slurm is not None:
                with contextlib.suppress(DaemonError, LookupError, wire.WireError):
                    self._watched = wire.unpack_watched(await self._ask("/api/watched"))
            await self._clock.sleep(_WATCHED_EVERY_S)

    async def _follow(self) -> None:
        """Take what is streamed; begin anew with growing pauses where it ends."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                begun, self._begun = self._begun, None
                async with contextlib.aclosing(begun or self._events()) as events:
                    taken = 0
                    async for name, payload in events:
                        pause, taken = _FIRST_PAUSE_S, taken + 1
                        await self._take(name, payload)
                        self.trouble = ""
                        if taken % _AT_ONCE == 0:
                            await asyncio.sleep(0)
                self.trouble = "the daemon has ended the stream"
            except (ScrapeError, wire.WireError) as error:
                self.trouble = str(error)  # beside it the picture ages on screen by itself
            self._is_told = False
            await self._clock.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 2)

    async def _take(self, name: str, payload: bytes) -> None:
        if name == "snapshot":  # in a thread: of thousands of GPUs it takes long, and a key must not wait for it
            self._board.replace(await turns.in_pieces(wire.snapshot_pieces, payload))
        elif name == wire.CURRENT:
            self._is_told = True
        elif name == "alerts":
            self._alerts = await _read(wire.unpack_alerts, payload)
        elif name == "diagnosis":
            found = await _read(wire.unpack_diagnosis, payload)
            self._diagnosis = found or self._diagnosis
            self._board.replace(self._board.snapshot)  # whoever looks is woken
        elif name == "arrival":
            arrival = wire.unpack_arrival(payload)
            self._board.apply(arrival.spec, arrival.reading, arrival.missed_slots)
            self._board.drain()  # no store of its own

    async def _events(self) -> AsyncGenerator[tuple[str, bytes], None]:
        """What is streamed, as (name, data)."""
        try:
            async with contextlib.aclosing(self._streamed(_DEFLATED)) as events:
                async for one in events:
                    yield one
        except ScrapeError as error:
            if error.status != REFUSED:
                raise
            async with contextlib.aclosing(self._streamed({})) as events:  # a daemon of before this release
                async for one in events:
                    yield one

    async def _streamed(self, asked: Mapping[str, object]) -> AsyncGenerator[tuple[str, bytes], None]:
        """As `_events`, in one form."""
        endpoint, parts = self._endpoint("/api/stream", dict(asked)), wire.EventParts()
        async with contextlib.aclosing(self._client.lines(endpoint, _ASK_S, _QUIET_S)) as lines:
            async for line in lines:
                found = parts.of(line)
                for name, payload in found if len(line) < _LARGE else await turns.in_thread(list, found):
                    yield name, payload

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """As `History.series`."""
        asked = {"what": subject, "metric": metric, "since": start, "until": end, "step": step_s, "form": "wire"}
        return wire.unpack_series(await self._ask("/api/metrics/history", asked))

    async def at(self, when: float) -> Snapshot | None:
        """As `History.at`."""
        try:
            return wire.unpack_snapshot(await self._ask("/api/snapshot", {"at": when}))
        except LookupError:
            return None

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """As `History.moments`."""
        body = await self._ask("/api/moments", {"since": start, "until": end})
        return tuple(json.loads(body)["moments"])

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """As `History.events`."""
        asked: dict[str, object] = {"since": start, "until": end, "limit": limit, "form": "wire"}
        if subject is not None:
            asked["what"] = subject
        return wire.unpack_events(await self._ask("/api/events", asked))

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """As `History.jobs`."""
        asked: dict[str, object] = {"since": start, "until": end, "limit": limit, "form": "wire"}
        return wire.unpack_jobs(await self._ask("/api/jobs/history", asked))

    async def store_health(self) -> StoreHealth:
        """As `History.health`."""
        return wire.unpack_health(await self._ask("/api/store"))

    async def health(self) -> dict[str, object]:
        """Who answers on the socket. Raises DaemonError."""
        found = json.loads(await self._ask("/healthz"))
        return found if isinstance(found, dict) else {}

    async def ask_json(self, path: str, asked: dict[str, object] | None = None) -> object:
        """One route's JSON answer. Raises DaemonError or LookupError."""
        return json.loads(await self._ask(path, asked))

    def _endpoint(self, path: str, asked: dict[str, object] | None = None) -> Endpoint:
        return parse_endpoint(f"unix://{self._socket}:{path}" + (f"?{urlencode(asked)}" if asked else ""))

    async def _ask(self, path: str, asked: dict[str, object] | None = None, timeout_s: float = _ASK_S) -> bytes:
        """One route's answer. Raises LookupError where there is nothing such, DaemonError for all else."""
        try:
            return (await self._client.get(self._endpoint(path, asked), timeout_s)).body
        except ScrapeError as error:
            said = _sentence(error.said)
            if error.status == NOT_FOUND:
                raise LookupError(said or str(error)) from error
            raise self._refusal(error) from error

    def _refusal(self, error: ScrapeError) -> DaemonError:
        """Why the daemon cannot be asked, in its own words where it has some."""
        return DaemonError(_sentence(error.said) or f"the daemon at {self._socket} does not answer: {error}")


async def _read(unpack: Callable[[bytes], T], payload: bytes) -> T:
    """What an event holds: read at once where it is small, as it is while nothing is wrong."""
    return unpack(payload) if len(payload) < _LARGE else await turns.in_thread(unpack, payload)


def _sentence(body: bytes) -> str:
    """The daemon's own words for an error, made harmless; empty where it gave none."""
    try:
        said = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return ""
    return clean(said, 500) if isinstance(said, str) else ""
