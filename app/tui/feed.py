"""The bridge from a feed to the screen: connects, keeps trying, tells the app when there is something new to look at.

Tells at most four times a second whatever arrives (a fleet of thousands once), and once a second when nothing does, so
that ages grow on screen though no data comes. What is told carries nothing: whoever is told looks at the newest, so a
slow screen skips.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING, TypeVar

from textual.message import Message

from app.domain.diagnosis import NO_DIAGNOSIS
from app.domain.fleet import cluster_facts, look_over
from app.domain.naming import clean
from app.domain.pieces import Pieces
from app.domain.snapshot import Snapshot
from app.present.glyphs import Glyphs
from app.present.look import Look
from app.transport import turns
from app.tui.moment import Moment, moment_of
from app.tui.options import Connect, ScreenOptions

if TYPE_CHECKING:
    from app.domain.filtering import Filter
    from app.services.feed import Feed
    from app.tui.chat_talk import Talk
    from app.tui.infra_desk import InfraDesk
    from app.tui.job_desk import JobLink
    from app.tui.log_desk import LogLink
    from app.tui.travel import Replay

LEAST_S = 0.25
"""Between two tellings of new data."""
TICK_S = 1.0
"""Between two tellings where nothing is new."""
SHARE = 40
"""A look may take one part in so many of the time between two."""
ASK_S = 10.0
"""A question to the history may take this long."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 10.0

log = logging.getLogger("gpu_watchdog.screen")
T = TypeVar("T")


def pace(look_s: float) -> float:
    """Seconds between two looks that take `look_s` each: a fortieth of a core, within what eyes still call live."""
    return min(TICK_S, max(LEAST_S, SHARE * look_s))


class Fresh(Message):
    """There is something new to look at."""

    def can_replace(self, message: Message) -> bool:
        """Any number of them is one."""
        return isinstance(message, Fresh)


def _joining(snapshot: Snapshot, now: float) -> Pieces[None]:
    """Work out what every page needs of a picture of Slurm, and is remembered for it."""
    from app.domain.allocation import allocations, claims_of  # noqa: PLC0415 - only a cluster with Slurm pays for it
    from app.domain.fleet_slurm import slurm_counts  # noqa: PLC0415 - likewise
    from app.engine.supply import supplying  # noqa: PLC0415 - likewise

    if snapshot.slurm is None:
        return
    claims_of(snapshot.slurm)
    yield
    slurm_counts(snapshot.slurm, now)
    yield
    allocations(snapshot, now)
    yield
    yield from supplying(snapshot.slurm)
    cluster_facts(snapshot, now)


class RefusedError(Exception):
    """Something the user asked for cannot be had; the message is one line for them."""


async def ask(question: Awaitable[T]) -> T:
    """The answer to a question to a feed. Raises RefusedError, whatever went wrong below."""
    try:
        async with asyncio.timeout(ASK_S):
            return await question
    except TimeoutError as error:
        raise RefusedError(f"the history did not answer within {ASK_S:.0f} s") from error
    except (LookupError, ConnectionError) as error:
        raise RefusedError(sentence(error)) from error
    except Exception as error:
        log.warning("a question to the feed failed", exc_info=error)
        raise RefusedError(sentence(error)) from error


def sentence(error: BaseException) -> str:
    """An error as one harmless line; its type where it says nothing itself."""
    said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return clean(" ".join(said.split()), 300) or type(error).__name__


def _origin(feed: Feed) -> str:
    """Where a feed comes from, and what is wrong on the way."""
    trouble = getattr(feed, "trouble", "")  # a feed of our own has none
    return f"{feed.origin} ({clean(trouble, 200)})" if trouble else feed.origin


class Bridge:
    """Holds the feed, or the reason why there is none, and the moment the user travelled to."""

    def __init__(self, connect: Connect, options: ScreenOptions, tell: Callable[[], object]) -> None:
        self._connect = connect
        self._options = options
        self._tell = tell
        self._due_at = 0.0
        self.pace_s = LEAST_S
        """Seconds between two tellings of new data; the app sets it by what a look costs it."""
        self._nothing = Snapshot(cluster=options.cluster)
        self._joined = self._nothing
        """The newest snapshot whose Slurm is ready to be looked at."""
        self.feed: Feed | None = None
        self.problem = ""
        self.replay: Replay | None = None
        self.tasks: asyncio.TaskGroup | None = None
        """Owns what is kept open as long as the screen is; None before the feed is followed and after."""
        self.jobs: JobLink | None = None
        """Made by who first asks for jobs (`app.tui.job_desk`)."""
        self.talk: Talk | None = None
        """Made with the first question (`app.tui.chat_talk`)."""
        self.logs: LogLink | None = None
        """Made by who first asks for a model server's log (`app.tui.log_desk`)."""
        self.infra: InfraDesk | None = None
        """Made when the Infra page is first opened (`app.tui.infra_desk`)."""

    async def run(self) -> None:
        """Connect and follow until cancelled; what pages keep open beside the feed ends with it."""
        try:
            async with asyncio.TaskGroup() as self.tasks:
                await self._keep_connected()
        finally:
            self.tasks = None

    async def _keep_connected(self) -> None:
        """After a failure say why, wait, try again."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                async with self._connect() as feed:
                    self.feed, self.problem = feed, ""
                    pause = _FIRST_PAUSE_S
                    await self._follow(feed)
                self.problem = "the feed has ended"
            except Exception as error:  # whatever it is, the screen says so and tries again
                log.warning("the feed failed", exc_info=error)
                self.problem = sentence(error)
            self.tell()
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 2)

    async def _follow(self, feed: Feed) -> None:
        self.tell()
        async for snapshot in feed.changes():
            if snapshot.slurm is not None and snapshot.slurm is not self._joined.slurm:
                # In a thread: of ten thousand jobs it takes a tenth of a second, and a key must not wait for it.
                await turns.in_pieces(_joining, snapshot, feed.now())
            await turns.pause()
            ready_s = await self._prepare(snapshot, feed.now())
            self._joined = snapshot
            if self.replay is None:
                self.tell()
            if snapshot.sources:  # the first numbers wait for nothing
                await asyncio.sleep(min(TICK_S, self.pace_s + SHARE * ready_s))

    async def _prepare(self, snapshot: Snapshot, now: float) -> float:
        """Reckon in pieces what a look would reckon in one go, which of thousands takes long; the seconds it took."""
        took_s, began = 0.0, monotonic()
        for _ in look_over(snapshot, now):
            took_s += monotonic() - began
            await asyncio.sleep(0)  # a key is answered between two pieces
            began = monotonic()
        return took_s

    async def tick(self) -> None:
        """Tell if nobody did for a second; called once a second."""
        await turns.pause()
        if self.replay is None and monotonic() > self._due_at:
            self.tell(again_s=0.9 * TICK_S)

    def tell(self, again_s: float = 1.1 * TICK_S) -> None:
        """Something is new. What comes every second, a little more or less, must not be told twice a second."""
        self._due_at = monotonic() + again_s
        self._tell()

    def connected(self) -> Feed:
        """The feed. Raises RefusedError where there is none."""
        if self.feed is None:
            raise RefusedError(self.problem or "not connected yet")
        return self.feed

    def now(self) -> float:
        """The clock of what is shown, epoch seconds: the feed's, or the moment travelled to."""
        if self.replay is not None:
            return self.replay.at
        return time() if self.feed is None else self.feed.now()

    def moment(self, glyphs: Glyphs, wanted: Filter | None = None) -> Moment:
        """The picture as it is now, or as it was."""
        look = Look(self.now(), glyphs, self._options.tz)
        feed, replay = self.feed, self.replay
        if feed is None:
            return moment_of(self._nothing, look, problem=self.problem)
        if replay is not None:
            past = moment_of(
                replay.snapshot, look, events=replay.events, wanted=wanted, replay_at=replay.at, origin=_origin(feed)
            )
            found = replay.diagnosis
            return replace(past, diagnosis=found or NO_DIAGNOSIS, is_diagnosed=found is not None)
        latest = feed.latest()
        present = moment_of(
            latest if latest.slurm is self._joined.slurm else self._joined,
            look,
            events=feed.recent_events(),
            wanted=wanted,
            problem=self.problem,
            origin=_origin(feed),
            watched=feed.watched(),
        )
        if latest.mode == "replay":  # of a recording that is played: how
            says = getattr(getattr(feed, "playback", None), "says", "")
            present = replace(present, badge=replace(present.badge, text=f"{present.badge.text} {says}".rstrip()))
        return replace(present, diagnosis=feed.diagnosis(), alerts=feed.alerts())
