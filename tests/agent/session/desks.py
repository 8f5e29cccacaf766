"""Desks for tests of sessions: a scripted brain, the real looker over a frozen cluster, the real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.agent.audit import AgentAudit
from app.agent.brain import Asked, Brain, BrainError, Looker
from app.agent.brains import Brains
from app.agent.consent import Consent
from app.agent.desk import BrainStatus
from app.agent.events import Ended, Event, TextAdded
from app.agent.ground import Ground
from app.agent.looking import ToolLooker
from app.agent.session import Parts, Session
from app.config.settings import Agent, Settings
from app.domain.chat import Exchange
from app.store.chats import FILE, Chats
from app.transport.clock import Clock, SystemClock
from tests.agent.tools.grounds import ground
from tests.present.slurm_fleet import slurm_fleet

Play = Callable[[Asked, Looker], AsyncGenerator[Event, None]]
"""What a scripted brain does with a question."""


class Scripted:
    """A brain that plays what a test wrote."""

    def __init__(self, play: Play, model: str | None = "scripted") -> None:
        self._play = play
        self.model = model
        self.asked: list[Asked] = []
        self.closed = 0
        """Answers that were left before their end."""

    async def answer(self, asked: Asked, looker: Looker) -> AsyncIterator[Event]:
        self.asked.append(asked)
        is_over = False
        try:
            async for event in self._play(asked, looker):
                yield event
            is_over = True
        finally:
            self.closed += not is_over


def says(*pieces: str) -> Play:
    """Tells pieces of text."""

    async def play(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
        for piece in pieces:
            yield TextAdded(piece)

    return play


def stalls(*pieces: str) -> Play:
    """Tells pieces of text, and then nothing for ever."""

    async def play(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
        for piece in pieces:
            yield TextAdded(piece)
        await asyncio.Event().wait()

    return play


def fails(error: Exception, *pieces: str) -> Play:
    """Tells pieces of text, and then raises."""

    async def play(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
        for piece in pieces:
            yield TextAdded(piece)
        raise error

    return play


@dataclass
class FakeModel:
    """A server that is there or not."""

    mind: Brain
    is_there: bool = True
    probes: int = 0
    is_closed: bool = field(default=False)

    async def probe(self) -> BrainStatus:
        self.probes += 1
        if self.is_there:
            return BrainStatus("ready", "scripted", "native calls", 32768)
        return BrainStatus("unreachable", None, "nobody listens on 127.0.0.1:8000: is vLLM running?")

    def brain(self, status: BrainStatus) -> Brain:
        return self.mind

    async def close(self) -> None:
        self.is_closed = True


@dataclass
class Desk:
    """A session and what it is made of."""

    session: Session
    chats: Chats
    ground: Ground
    folder: Path


@asynccontextmanager
async def desk(
    folder: Path,
    brain: Brain,
    *,
    model: FakeModel | None = None,
    over: Ground | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Desk]:
    """A desk whose analyst is `brain`; with `model` a server is configured as well."""
    agent = Agent(base_url="http://127.0.0.1:8000/v1") if model is not None else Agent()
    one = over or ground(slurm_fleet(), settings=Settings(agent=agent))
    time = clock or SystemClock()
    audit = AgentAudit(folder, "ana")
    chats = Chats(folder / FILE, time.now)

    def looker(asked: Ground, tell: Callable[[Event], None], context_tokens: int | None) -> Looker:
        return ToolLooker(asked, tell, context_tokens=context_tokens, audit=audit)

    async def server() -> FakeModel:
        assert model is not None
        return model

    brains = Brains(agent, lambda: brain, server, time.monotonic)
    session = Session(Parts(one, chats, brains, looker, Consent(one, chats, audit), time))
    try:
        yield Desk(session, chats, one, folder)
    finally:
        await session.close()


async def followed(events: AsyncIterator[Event]) -> list[Event]:
    """Every event of an answer."""
    return [event async for event in events]


async def answered(session: Session, question: str, **more: object) -> Exchange:
    """The exchange that a question ends in."""
    events = await followed(session.ask(question, **more))  # type: ignore[arg-type]  # whatever a test gives
    last = events[-1]
    assert isinstance(last, Ended)
    return last.exchange


def offline(text: str = "connection refused") -> BrainError:
    """The model cannot be reached at all."""
    return BrainError(text, is_offline=True)


def texts(events: Sequence[Event]) -> str:
    """The text of the answer as it was told."""
    told = ""
    for event in events:
        told = told + event.text if isinstance(event, TextAdded) else told
    return told


async def until(claim: Callable[[], Awaitable[object]]) -> None:
    """Wait until something that is done by other tasks is so."""
    async with asyncio.timeout(60.0):
        while not await claim():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.01)
