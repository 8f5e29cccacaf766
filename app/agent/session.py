"""The `ChatDesk`: one person's conversations, the answers that are being made, and the actions that wait for a key.

An answer is made by tasks of its own, which write into one queue: the brain tells what it says, the looker what it
looks at, and whoever follows reads both in order. It is kept at its beginning and as it grows, so that a kill costs at
most what came since; closing the iterator stops it at once and keeps what came.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from app.agent.brain import Asked, Brain, BrainError, Looker
from app.agent.brains import Brains
from app.agent.closing import closed
from app.agent.consent import Consent
from app.agent.desk import BrainStatus, Kept
from app.agent.door import inside
from app.agent.events import Ended, Event, Noted, TextWithdrawn
from app.agent.ground import Ground
from app.agent.growing import Growing
from app.domain.chat import AnswerState, Chip, Conversation, Exchange, Heading, Proposal
from app.domain.frozen import frozen
from app.transport.clock import Clock

KEEP_S = 0.5
"""An answer that grows is kept this often."""
STOP_S = 2.0
"""A brain that was told to stop has so long to let go."""
MOST_UNTOLD = 8
"""Events that may wait to be told before a brain that never pauses is made to."""
GRACE_S = 30.0
"""A brain keeps its own time; this much later it is ended."""
LONGEST_QUESTION = 20_000
LONGEST_TITLE = 200
MOST_CHIPS = 20
log = logging.getLogger("gpu_watchdog.agent")


class MakeLooker(Protocol):
    """Makes the looker of one answer."""

    def __call__(self, ground: Ground, tell: Callable[[Event], None], context_tokens: int | None, /) -> Looker:
        """`tell` takes what the looker tells."""


class Store(Kept, Protocol):
    """Where conversations are kept, which may be in trouble."""

    @property
    def trouble(self) -> str:
        """What is wrong with it, for a person; empty: nothing is."""


@frozen
class Parts:
    """What a session is made of."""

    ground: Ground
    """As it is now, for the person who asks."""
    kept: Store
    brains: Brains
    looker: MakeLooker
    consent: Consent
    clock: Clock


@frozen
class _Over:
    """The answer has ended, and why it failed, where it did."""

    problem: str = ""


@dataclass(slots=True, eq=False)
class _Live:
    """An answer that is being made."""

    key: str
    """Of its conversation."""
    asked: Asked
    ground: Ground
    growing: Growing
    queue: asyncio.Queue[Event | _Over] = field(default_factory=asyncio.Queue)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        """What brain and looker tell, in the order in which it comes."""
        for told in self.growing.take(event):
            self.queue.put_nowait(told)


class Session:
    """A `ChatDesk`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._begun = ""
        self._live: set[_Live] = set()
        """Answers that are being made."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_trouble = ""

    async def status(self, *, look_again: bool = False) -> BrainStatus:
        """Who will answer; asks the server once, or again."""
        return await self._parts.brains.status(look_again=look_again)

    async def headings(self, words: str = "", limit: int = 200) -> Sequence[Heading]:
        """Conversations, the newest first; with `words` those that hold all of them."""
        return await self._parts.kept.headings(inside(words, LONGEST_TITLE), limit)

    async def conversation(self, key: str) -> Conversation | None:
        """One conversation; an exchange that was cut off by the end of a program is told as `stopped`."""
        return await self._parts.kept.conversation(key)

    def begun(self) -> str:
        """Id of the conversation that the last question went to."""
        return self._begun

    def ask(
        self,
        question: str,
        chips: Sequence[Chip] = (),
        *,
        conversation: str = "",
        instead_of: str = "",
        at: float | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Ask, and follow the answer; closing the iterator stops it at once and keeps what came."""
        key = conversation or secrets.token_hex(6)
        self._begun = key
        clean = tuple(Chip(one.kind, inside(one.key, 200)) for one in chips[:MOST_CHIPS])
        return self._follow(key, Asked(inside(question, LONGEST_QUESTION), clean), instead_of, at)

    async def approve(self, conversation: str, proposal: Proposal) -> Proposal:
        """Do what was proposed, as a person pressed the key; gives it with its outcome. Never twice."""
        return self._decided(await self._parts.consent.approve(conversation, proposal))

    async def decline(self, conversation: str, proposal: Proposal) -> Proposal:
        """Leave it undone."""
        return self._decided(await self._parts.consent.decline(conversation, proposal))

    async def rename(self, conversation: str, title: str) -> None:
        """Give it a name."""
        await self._parts.kept.rename(conversation, " ".join(inside(title, LONGEST_TITLE).split()))

    async def delete(self, conversation: str) -> None:
        """Forget it."""
        await self._parts.kept.delete(conversation)

    async def close(self) -> None:
        """Stop what is being answered, and give back what is held."""
        await _stopped(*self._tasks)
        await self._parts.brains.close()
        await self._parts.kept.close()

    async def _place(self, key: str, instead_of: str) -> tuple[Exchange, ...]:
        """Where the question goes: what came before it, and nothing of what it takes the place of."""
        kept = self._parts.kept
        found = await kept.conversation(key)
        if found is None:
            now = self._parts.clock.now()
            await kept.begin(Conversation(key, began=now, changed=now, user=self._parts.ground.user))
            return ()
        ids = [one.id for one in found.exchanges]
        if instead_of not in ids:
            return found.exchanges
        await kept.cut(key, instead_of)
        return found.exchanges[: ids.index(instead_of)]

    async def _follow(self, key: str, asked: Asked, instead_of: str, at: float | None) -> AsyncGenerator[Event, None]:
        """The answer's events; however it ends, it is kept."""
        asked = replace(asked, before=await self._place(key, instead_of))
        begun = Exchange(secrets.token_hex(6), self._parts.clock.now(), asked.question, asked.chips)
        live = _Live(key, asked, replace(self._parts.ground, at=at), Growing(begun, self._parts.clock.monotonic))
        self._live.add(live)
        over: _Over | None = None
        is_kept = False
        try:
            live.tasks.append(self._start(self._answer(live), "answer"))
            live.tasks.append(self._start(self._keep_on(live), "keeping"))
            for trouble in self._trouble(live.growing):
                yield trouble
            while over is None:
                event = await live.queue.get()
                if isinstance(event, _Over):
                    over = event
                else:
                    yield event
            for event in (*live.growing.close(), *self._trouble(live.growing)):
                yield event
            await _stopped(*live.tasks)
            exchange = await self._end(live, "failed" if over.problem else "done", over.problem)
            is_kept = True
            yield Ended(exchange)
        finally:
            await _stopped(*live.tasks)
            if not is_kept:  # closed, or cancelled: what came is kept
                live.growing.close()
                await asyncio.shield(self._end(live, "stopped", ""))
            self._live.discard(live)

    async def _answer(self, live: _Live) -> None:
        """Let the brain answer, or the analyst where the model cannot be reached; says how it ended."""
        longest_s = self._parts.ground.settings.agent.answer_s + GRACE_S
        problem = "the answer was stopped before its end: ask again"
        try:
            async with asyncio.timeout(longest_s):
                problem = await self._ask_brain(live)
        except TimeoutError:
            problem = f"no end came within {longest_s:.0f} s: ask again, or ask for less"
        except Exception as error:
            log.exception("an answer failed")
            problem = f"the answer failed ({type(error).__name__}: {inside(str(error), 300)}): ask again"
        finally:
            live.queue.put_nowait(_Over(problem))

    async def _ask_brain(self, live: _Live) -> str:
        """Tell an answer; gives why there is none, empty where there is. Raises what nobody thought of."""
        brain, status = await self._parts.brains.pick()
        if status.state == "unreachable":
            live.tell(Noted(f"the offline analyst answers: {status.text}"))
        looker = self._parts.looker(live.ground, live.tell, status.context_tokens)
        try:
            await _tell_all(brain, looker, live)
        except BrainError as error:
            if not error.is_offline or live.growing.has_text:
                return inside(str(error), 500)
            self._parts.brains.lost(str(error))
            live.tell(TextWithdrawn())
            live.tell(Noted(f"the offline analyst answers: {error}"))
            await _tell_all(self._parts.brains.analyst(), looker, live)
        return ""

    async def _keep_on(self, live: _Live) -> None:
        """Keep the question at once, beside the model's first word, and the answer as it grows, until cancelled."""
        kept = -1
        while True:
            if live.growing.version != kept:
                kept = live.growing.version
                await self._keep(live)
            await self._parts.clock.sleep(KEEP_S)

    async def _end(self, live: _Live, state: AnswerState, problem: str) -> Exchange:
        """The whole exchange, checked and kept."""
        exchange = await closed(live.growing.exchange(state, problem), live.asked.before, live.ground)
        await self._parts.kept.keep(live.key, exchange, self._parts.clock.now())
        return exchange

    async def _keep(self, live: _Live) -> None:
        await self._parts.kept.keep(live.key, live.growing.exchange(), self._parts.clock.now())

    def _trouble(self, growing: Growing) -> Sequence[Event]:
        """What is wrong with the store, told once."""
        trouble = self._parts.kept.trouble
        if trouble == self._told_trouble:
            return ()
        self._told_trouble = trouble
        return growing.take(Noted(trouble)) if trouble else ()

    def _decided(self, proposal: Proposal) -> Proposal:
        for live in self._live:
            live.growing.decided(proposal)
        return proposal

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


@runtime_checkable
class _Counts(Protocol):
    """A brain that knows what an answer took."""

    @property
    def tokens(self) -> tuple[int, int]:
        """Into the model, and out of it."""


async def _tell_all(brain: Brain, looker: Looker, live: _Live) -> None:
    """Tell what a brain tells, until it ends or the answer is as long as one may be."""
    live.growing.model = brain.model
    events = brain.answer(live.asked, looker)
    try:
        async for event in events:
            live.tell(event)
            if live.queue.qsize() > MOST_UNTOLD:
                await asyncio.sleep(0)  # who follows, and who stops it, must have their turn
            if live.growing.is_full:
                live.tell(Noted("the answer is cut here: it is as long as one may be"))
                return
    finally:
        if isinstance(brain, _Counts):
            live.growing.used(*brain.tokens)
        close = getattr(events, "aclose", None)  # an iterator need not be one that can be closed
        if close is not None:
            await close()


async def _stopped(*tasks: asyncio.Task[None]) -> None:
    """Stop tasks, and wait until they have let go."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=STOP_S)
