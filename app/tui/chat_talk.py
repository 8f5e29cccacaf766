"""The talk: the conversation that is open, and the answer that is being made; it goes on while other pages are open.

One for the whole screen, kept by the bridge as the desk for jobs is: what is docked beside a page and the page of its
own show the same. It is loaded with the first question, and nothing of the agent before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from time import monotonic, thread_time
from typing import TYPE_CHECKING, TypeVar

from app.domain.chat import Chip, Conversation, Exchange, Proposal
from app.tui.chat_growing import told
from app.tui.feed import RefusedError, sentence
from app.tui.job_desk import job_desk

if TYPE_CHECKING:
    from app.agent.desk import BrainStatus, ChatDesk
    from app.agent.events import Event
    from app.services.feed import Feed
    from app.tui.desk import Desk

PACE_S = 0.05
"""Between two tellings of an answer that grows; with Textual's sixtieth of a second behind it, well below 0.1 s."""
SHARE, LONGEST_PACE_S = 12, 0.25
"""A telling may take one part in so many of the time between two, which is no longer than this."""
ASK_S = 10.0
"""Conversations that are kept may take this long to come."""
JOBS_S = 5.0
"""The way to Slurm is waited for this long before the first question; later questions have it when it is there."""
ACT_S = 120.0
"""A deed may take this long."""
log = logging.getLogger("gpu_watchdog.screen")
T = TypeVar("T")
EMPTY = Conversation("")


class Talk:
    """One person's talk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._chat: ChatDesk | None = None
        self._feed: Feed | None = None
        self._has_jobs = False
        self._begun_before = ""
        self._is_stopping = False
        self._opening = asyncio.Lock()
        self._answering: asyncio.Task[None] | None = None
        self._holding: asyncio.Task[None] | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._listeners: list[Callable[[], None]] = []
        self._told_at = self._told_s = 0.0
        self.status: BrainStatus | None = None
        """Who will answer; None until that is known."""
        self.conversation = EMPTY
        self.open: Exchange | None = None
        """The answer that is being made."""
        self.began_at = 0.0
        """When it was asked for, on the monotonic clock."""
        self.at_work: dict[str, float] = {}
        """Proposals that are being done, by id, and since when (monotonic)."""
        self.said: tuple[str, ...] = ()
        """What this program said by itself since the last question."""
        self.asked: list[str] = []
        """Questions of this session and of the conversation, the oldest first."""

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every question of the conversation with its answer, the one being made last."""
        return self.conversation.exchanges if self.open is None else (*self.conversation.exchanges, self.open)

    @property
    def is_answering(self) -> bool:
        """Whether an answer is being made."""
        return self._answering is not None

    # ── telling ──

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have somebody told of every change, at most some times a second; gives what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def tell(self) -> None:
        """Tell of a change now."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        # By the processor's time: where others have taken the core meanwhile, waiting longer would only add to that.
        self._told_at, began_s = monotonic(), thread_time()
        for listener in tuple(self._listeners):
            listener()
        self._told_s = thread_time() - began_s

    def _tell_soon(self) -> None:
        """Tell of an answer that grew, as soon as the last telling is long enough ago."""
        if self._telling is None:
            pace_s = max(PACE_S, min(LONGEST_PACE_S, SHARE * self._told_s))
            left_s = max(0.0, self._told_at + pace_s - monotonic())
            self._telling = asyncio.get_running_loop().call_later(left_s, self._tell_now)

    def _tell_now(self) -> None:
        self._telling = None
        self.tell()

    def say(self, *texts: str) -> None:
        """Say something below the conversation; the next question takes it away."""
        self.said = (*self.said, *texts)[-20:]
        self.tell()

    # ── reaching the desk ──

    async def desk(self) -> ChatDesk:
        """The desk, opened anew where the feed is another one. Raises RefusedError."""
        opens = self._desk.options.chat
        if opens is None:
            raise RefusedError("nobody answers from here: this screen was opened without its agent")
        feed = self._desk.bridge.connected()
        async with self._opening:
            if self._chat is not None and self._feed is feed and (self._has_jobs or self._desk.options.jobs is None):
                return self._chat
            jobs = None
            with contextlib.suppress(RefusedError, TimeoutError):
                async with asyncio.timeout(JOBS_S):
                    jobs = await job_desk(self._desk)
            if self._chat is not None and self._feed is feed and jobs is None:
                return self._chat
            if self._chat is not None:
                await _closed(self._chat)
            self._chat, self._feed, self._has_jobs = opens(feed, jobs), feed, jobs is not None
            if self._holding is None and self._desk.bridge.tasks is not None:
                self._holding = self._desk.bridge.tasks.create_task(self._hold(), name="chat held")
            return self._chat

    async def _hold(self) -> None:
        """Until the screen ends, which cancels this: then the desk is closed, and what it keeps is safe."""
        try:
            await asyncio.Event().wait()
        finally:
            if self._chat is not None:
                await _closed(self._chat)

    async def ask_desk(self, question: Callable[[ChatDesk], Awaitable[T]], within_s: float = ASK_S) -> T:
        """What the desk answers. Raises RefusedError, whatever went wrong below."""
        desk = await self.desk()
        try:
            async with asyncio.timeout(within_s):
                return await question(desk)
        except TimeoutError as error:
            raise RefusedError(f"no answer within {within_s:.0f} s") from error
        except RefusedError:
            raise
        except Exception as error:
            log.warning("the chat failed", exc_info=error)
            raise RefusedError(sentence(error)) from error

    async def look(self, *, again: bool = False) -> None:
        """Find out who will answer. Raises RefusedError."""
        self.status = await self.ask_desk(lambda desk: desk.status(look_again=again), 30.0)
        self.tell()

    # ── asking ──

    def ask(self, question: str, chips: Sequence[Chip], at: float | None, instead_of: str = "") -> None:
        """Ask; the answer comes by itself. Raises RefusedError."""
        tasks = self._desk.bridge.tasks
        if self.is_answering:
            raise RefusedError("an answer is being made: esc stops it")
        if tasks is None:
            raise RefusedError("not connected yet")
        kept = [one for one in self.conversation.exchanges if not instead_of]
        if instead_of:
            ids = [one.id for one in self.conversation.exchanges]
            kept = list(self.conversation.exchanges[: ids.index(instead_of)] if instead_of in ids else ())
        self.conversation = replace(self.conversation, exchanges=tuple(kept))
        self.asked = [*(one for one in self.asked if one != question), question]
        self.said = ()
        self.began_at, self._is_stopping = monotonic(), False
        self.open = Exchange("~", self._desk.bridge.now(), question, tuple(chips))
        self._answering = tasks.create_task(self._answer(question, tuple(chips), at, instead_of), name="answer")
        self.tell()

    def stop(self) -> bool:
        """Stop the answer at once; whether there was one."""
        if self._answering is None:
            return False
        self._is_stopping = True
        self._answering.cancel()
        return True

    async def _answer(self, question: str, chips: tuple[Chip, ...], at: float | None, instead_of: str) -> None:
        """Follow one answer to its end; whatever goes wrong becomes part of it."""
        problem, is_stopped = "", False
        try:
            desk = await self.desk()
            self._begun_before = desk.begun()
            events = desk.ask(question, chips, conversation=self.conversation.id, instead_of=instead_of, at=at)
            try:
                async for event in events:
                    self._take(event)
            finally:
                await _shut(events)
            problem = "" if self.open is None or self.open.state != "open" else "the answer broke off"
        except asyncio.CancelledError:
            if not self._is_stopping:  # the screen ends, and nobody is left to be told
                raise
            is_stopped = True
        except RefusedError as refusal:
            problem = str(refusal)
        except Exception as error:  # whatever it is, who asked is told in its place
            log.warning("an answer failed", exc_info=error)
            problem = sentence(error)
        self._settle(problem, is_stopped=is_stopped)
        with contextlib.suppress(RefusedError):
            await self.look()  # a model that went away, or came back, is said so

    def _take(self, event: Event) -> None:
        if self.open is None:
            return
        before, self.open = self.open, told(self.open, event)
        self._name(self.open.question)
        is_text_alone = self.open.tools is before.tools and self.open.proposals is before.proposals
        if is_text_alone and self.open.state == "open":  # taken back too: what takes its place comes right behind it
            self._tell_soon()
        else:
            self.tell()

    def _name(self, question: str) -> None:
        """A conversation that was begun by this question has an id from its first event on."""
        if self._chat is None or self.conversation.id or self._chat.begun() == self._begun_before:
            return
        self.conversation = replace(self.conversation, id=self._chat.begun(), title=_title(question))

    def _settle(self, problem: str, *, is_stopped: bool) -> None:
        """The answer is over, as it ended or as it was cut off."""
        self._answering = None
        if self.open is not None:
            ended = self.open
            self._name(ended.question)
            if ended.state == "open":
                usage = replace(ended.usage, took_s=monotonic() - self.began_at)
                ended = replace(ended, state="stopped" if is_stopped else "failed", problem=problem, usage=usage)
            self.conversation = replace(self.conversation, exchanges=(*self.conversation.exchanges, ended))
            self.open = None
            if ended.id == "~" and self.conversation.id and self._desk.bridge.tasks is not None:
                self._desk.bridge.tasks.create_task(self._reread(), name="reread")
        self.tell()

    async def _reread(self) -> None:
        """After an answer that was cut off: as it is kept, with what only the desk knows of it."""
        with contextlib.suppress(RefusedError):
            await self.resume(self.conversation.id)

    # ── conversations ──

    def new(self) -> None:
        """Begin a new conversation. Raises RefusedError while an answer is made."""
        if self.is_answering:
            raise RefusedError("an answer is being made: esc stops it")
        self.conversation, self.said = EMPTY, ()
        self.tell()

    async def resume(self, key: str) -> None:
        """Go on with a conversation. Raises RefusedError."""
        if self.is_answering:
            raise RefusedError("an answer is being made: esc stops it")
        found = await self.ask_desk(lambda desk: desk.conversation(key))
        if found is None:
            raise RefusedError("that conversation is gone")
        if self._answering is not None:  # somebody asked meanwhile
            return
        self.conversation = found
        earlier = [one.question for one in found.exchanges]
        self.asked = [*(one for one in self.asked if one not in earlier), *earlier]
        self.tell()

    async def settle(self, proposal: Proposal, *, is_wanted: bool) -> Proposal:
        """Do what was proposed, or leave it undone; never twice. Raises RefusedError."""
        key = self.conversation.id
        if proposal.state != "proposed" or proposal.id in self.at_work:
            raise RefusedError("that is settled already")
        self.at_work[proposal.id] = monotonic()
        self.tell()
        try:
            if is_wanted:
                found = await self.ask_desk(lambda desk: desk.approve(key, proposal), ACT_S)
            else:
                found = await self.ask_desk(lambda desk: desk.decline(key, proposal))
        finally:
            del self.at_work[proposal.id]
            self.tell()
        self._put(found)
        return found

    def _put(self, proposal: Proposal) -> None:
        """A proposal as it is now, wherever it stands."""

        def renewed(exchange: Exchange) -> Exchange:
            if all(one.id != proposal.id for one in exchange.proposals):
                return exchange
            every = tuple(proposal if one.id == proposal.id else one for one in exchange.proposals)
            return replace(exchange, proposals=every)

        self.conversation = replace(self.conversation, exchanges=tuple(map(renewed, self.conversation.exchanges)))
        self.open = renewed(self.open) if self.open is not None else None
        self.tell()


async def _shut(events: AsyncIterator[Event]) -> None:
    """Close an iterator, which stops the answer."""
    if isinstance(events, AsyncGenerator):
        await events.aclose()


async def _closed(desk: ChatDesk) -> None:
    try:
        async with asyncio.timeout(ASK_S):
            await desk.close()
    except Exception as error:  # it is gone, or as good as gone
        log.warning("the chat did not close", exc_info=error)


def _title(question: str) -> str:
    return " ".join(question.split())[:60]


def talk_of(desk: Desk) -> Talk:
    """The screen's talk."""
    if desk.bridge.talk is None:
        desk.bridge.talk = Talk(desk)
    return desk.bridge.talk
