"""The brain with a model: rounds of looks that the model asks for, then an answer that rests on them.

It never touches the cluster: all it knows comes from the looker. The session's tasks own it; closing the iterator, or
cancelling who reads it, ends the request to the server at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Protocol

from app.agent import prompt
from app.agent.brain import Asked, BrainError, Looker
from app.agent.events import Event
from app.agent.ground import NothingKeptError
from app.agent.provider import Provider
from app.agent.provider.rounds import Rounds
from app.agent.provider.talk import Rendering, Talk, size
from app.agent.provider.trouble import ProviderError
from app.config.settings import Agent
from app.domain.diagnosis import Diagnosis
from app.transport.clock import Clock, SystemClock

MOST_SHARE_OF_TOOLS = 0.6
"""Of the context: where the tools alone take more, the model is asked without them."""


class Runbooks(Protocol):
    """Offers what people wrote down to do."""

    def __call__(self, diagnosis: Diagnosis, /) -> Sequence[str]:
        """Texts (markdown) that fit what was found, the best first."""


def no_runbooks(_diagnosis: Diagnosis) -> Sequence[str]:
    """There are none."""
    return ()


class ModelBrain:
    """A `Brain`: one model; may answer several questions at once, but counts the tokens of the last one only."""

    def __init__(
        self,
        provider: Provider,
        settings: Agent,
        runbooks: Runbooks = no_runbooks,
        clock: Clock | None = None,
    ) -> None:
        """`provider` stays its owner's, who closes it."""
        self._provider = provider
        self._settings = settings
        self._runbooks = runbooks
        self._clock = clock or SystemClock()
        self._rounds: Rounds | None = None

    @property
    def model(self) -> str | None:
        """The model's name."""
        return self._provider.model

    @property
    def tokens(self) -> tuple[int, int]:
        """What the server counted for the last answer: into the model, and out of it; 0 where it does not say."""
        return self._rounds.tokens if self._rounds is not None else (0, 0)

    def answer(self, asked: Asked, looker: Looker) -> AsyncIterator[Event]:
        """Tell the answer as it is made; raises BrainError when none can be had. Closing it stops it at once."""
        return self._answer(asked, looker)

    async def _answer(self, asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
        try:
            await self._provider.ready()
            rounds = await self._begun(asked, looker)
            self._rounds = rounds
            async with aclosing(rounds.events(asked)) as events:
                async for event in events:
                    yield event
        except ProviderError as error:
            raise BrainError(str(error), is_offline=error.is_offline) from error

    async def _begun(self, asked: Asked, looker: Looker) -> Rounds:
        """The talk as it begins, in the dialect that the model showed and its context has room for."""
        schemas = looker.schemas()
        rendering: Rendering = "plain"
        if self._provider.dialect != "none":
            rendering = "native" if self._provider.takes_tools else "written"
        talk = await self._talk(asked, looker, rendering)
        context = self._provider.context_tokens
        if rendering != "plain" and context is not None:
            # Earlier questions are not counted: they can be left out.
            bare = Talk(talk.system, talk.question).messages(rendering, schemas)
            needed = size(bare, schemas if rendering == "native" else ())
            if needed > MOST_SHARE_OF_TOOLS * context:
                rendering = "plain"
                talk = await self._talk(asked, looker, rendering)
        return Rounds(self._provider, self._settings, looker, talk, rendering=rendering, clock=self._clock)

    async def _talk(self, asked: Asked, looker: Looker, rendering: Rendering) -> Talk:
        ground = looker.ground
        try:
            runbooks = self._runbooks(await ground.diagnosis())
        except NothingKeptError:
            runbooks = ()
        has_tools = rendering != "plain"
        system = prompt.system(ground.now(), is_past=ground.at is not None, runbooks=runbooks, has_tools=has_tools)
        mask = self._settings.mask_emails
        question = prompt.question(asked, mask_emails=mask)
        return Talk(system, question, prompt.past(asked.before, mask_emails=mask))
