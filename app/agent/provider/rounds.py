"""One answer: the model is asked, looks are made for it, and it is asked again, until it has answered.

All that ends a round badly is here: calls that cannot be read, a reply without an answer, a talk that is too long, a
server that dies. Whatever was shown stays, and what went wrong is said.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from app.agent import prompt
from app.agent.brain import Asked, BrainError, Looker
from app.agent.events import Event, Noted, ReasoningAdded, TextAdded, TextWithdrawn
from app.agent.provider import looks
from app.agent.provider.delta import Called, Delta, Finished, Reasoning, Text, ToolCall, Waiting, Withdrawn
from app.agent.provider.server import Provider
from app.agent.provider.talk import Rendering, Round, Talk, size
from app.agent.provider.trouble import ProviderError
from app.config.settings import Agent
from app.domain.naming import clean
from app.transport.clock import Clock

MOST_FRUITLESS = 3
"""Rounds in a row that bring nothing (refused repeats, unreadable calls) before the model must answer."""
LONGEST_THOUGHT = 8000
"""Characters of a thought that the model is shown again."""
TIME_FOR_ANSWER = 0.25
"""Of the time there is for an answer: when no more is left, no more looks are made."""


@dataclass
class _Reply:
    """One reply of the model on its way."""

    text: str = ""
    thought: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    finished: Finished | None = None


class Rounds:
    """The rounds of one answer."""

    def __init__(
        self, provider: Provider, settings: Agent, looker: Looker, talk: Talk, *, rendering: Rendering, clock: Clock
    ) -> None:
        """The time that `settings` give an answer begins to run now."""
        self._provider = provider
        self._settings = settings
        self._looker = looker
        self._talk = talk
        self._rendering = rendering
        self._clock = clock
        self._until = clock.monotonic() + settings.answer_s
        self._schemas = looker.schemas() if rendering != "plain" else []
        self._told = ""
        """The answer's text of the rounds before."""
        self._fruitless = 0
        self._unread = 0
        self._was_empty = self._was_cut_off = False
        self._scale = 1.0
        """Tokens as the server counts them, by tokens as we guess them."""
        self.tokens = (0, 0)
        """As the server counted them, into the model and out of it."""

    async def events(self, asked: Asked) -> AsyncGenerator[Event, None]:
        """The whole answer. Raises BrainError and ProviderError; what was told until then stays."""
        if self._rendering == "plain":
            self._talk.evidence = await looks.ahead(self._looker, asked)
        asks = 0
        while True:
            asks += 1
            why = self._why_to_end(asks)
            if why and self._schemas:
                yield Noted(why)
                self._end_looking()
            reply = _Reply()
            async with aclosing(self._ask(reply)) as events:
                async for event in events:
                    yield event
            if reply.calls and self._schemas:
                for note in await self._use(reply):
                    yield Noted(note)
            elif reply.text.strip():
                for note in _notes_of_the_end(reply.finished):
                    yield Noted(note)
                return
            else:
                yield Noted(self._again_without_answer(reply))

    async def _ask(self, reply: _Reply) -> AsyncGenerator[Event, None]:
        """One reply; asked for again where that is safe, and with less where it was too much."""
        while True:
            for given_up in self._fit():
                yield Noted(given_up)
            try:
                async with aclosing(self._told_as_it_comes(reply)) as events:
                    async for event in events:
                        yield event
            except ProviderError as error:
                note = self._way_on(error, reply)
                if note is None:
                    raise
                yield Noted(note)
                reply.calls.clear()
                reply.thought = ""
            else:
                return

    async def _told_as_it_comes(self, reply: _Reply) -> AsyncGenerator[Event, None]:
        messages = self._talk.messages(self._rendering, self._schemas)
        tools = self._schemas if self._rendering == "native" else []
        async with aclosing(self._provider.stream(messages, tools, until=self._until)) as deltas:
            async for delta in deltas:
                for event in self._take(delta, reply):
                    yield event
        if reply.finished is not None:
            self._count(reply.finished, size(messages, tools))

    def _take(self, delta: Delta, reply: _Reply) -> Sequence[Event]:
        """What a piece of the reply means to who follows the answer."""
        match delta:
            case Text(text):
                apart = "\n\n" if self._told and not reply.text else ""
                reply.text += text
                return (TextAdded(apart + text),)
            case Reasoning(text):
                reply.thought += text
                return (ReasoningAdded(text),)
            case Withdrawn():
                reply.text = ""
                return (TextWithdrawn(), TextAdded(self._told)) if self._told else (TextWithdrawn(),)
            case Called(call):
                reply.calls.append(call)
            case Waiting(text):
                return (Noted(text),)
            case Finished():
                reply.finished = delta
        return ()

    def _way_on(self, error: ProviderError, reply: _Reply) -> str | None:
        """How to go on after an error, with a sentence for the person; None: there is no way."""
        if error.kind == "context":
            given_up = self._talk.shrink()
            self._scale *= 1.2  # we guessed too low
            return None if given_up is None else self._too_long(given_up)
        if error.kind == "broken" and not reply.text and not self._was_cut_off:
            self._was_cut_off = True
            return f"{error}; nothing of it was shown yet, so it was asked again"
        return None

    def _fit(self) -> list[str]:
        """Give up what does not fit the context, before the server has to refuse it; says what."""
        context = self._provider.context_tokens
        if context is None:
            return []
        room = context - min(self._settings.max_tokens, context // 4)
        notes: list[str] = []
        while True:
            messages = self._talk.messages(self._rendering, self._schemas)
            tools = self._schemas if self._rendering == "native" else []
            if size(messages, tools) * self._scale <= room:
                return notes
            given_up = self._talk.shrink()
            if given_up is None:
                return notes
            notes = [*dict.fromkeys([*notes, self._too_long(given_up)])]

    def _too_long(self, given_up: str) -> str:
        context = self._provider.context_tokens
        size_of_it = f" of {context:,} tokens" if context else ""
        return f"the talk outgrew the model's context{size_of_it}: {given_up}"

    def _count(self, finished: Finished, guessed: int) -> None:
        self.tokens = (self.tokens[0] + finished.tokens_in, self.tokens[1] + finished.tokens_out)
        if finished.tokens_in and guessed:
            self._scale = max(0.3, min(2.0, finished.tokens_in / guessed))

    async def _use(self, reply: _Reply) -> list[str]:
        """Make the looks that a reply asks for; says what a person should know of them."""
        made = await looks.make(self._looker, reply.calls)
        keeps = self._provider.takes_thoughts and len(reply.thought) <= LONGEST_THOUGHT
        self._talk.add(Round(reply.text, made.looks, reply.thought if keeps else ""))
        self._told += ("\n\n" if self._told and reply.text else "") + reply.text
        self._fruitless = 0 if made.has_news else self._fruitless + 1
        self._unread += len(made.unread)
        return [f"a call of {clean(one.name, 60)} was not made: {one.problem}" for one in made.unread[:1]]

    def _why_to_end(self, asks: int) -> str:
        """Why the model must answer without another look; empty: it may look on."""
        if asks > self._settings.rounds:
            return f"the model asked for looks {self._settings.rounds} times: it was told to answer from what it has"
        if self._fruitless >= MOST_FRUITLESS or self._unread > 1:
            return "the model's calls brought nothing new: it was told to answer from what it has"
        if self._until - self._clock.monotonic() < TIME_FOR_ANSWER * self._settings.answer_s:
            return "time runs out: the model was told to answer from what it has"
        return ""

    def _end_looking(self) -> None:
        self._schemas = []
        self._talk.nudges.append(prompt.ANSWER_NOW)

    def _again_without_answer(self, reply: _Reply) -> str:
        """Ask once more for an answer. Raises BrainError the second time."""
        if self._was_empty:
            raise BrainError("the model gave no answer, twice: ask again, or in other words")
        self._was_empty = True
        self._end_looking()
        self._talk.nudges[-1] = prompt.ANSWER_SHORTLY
        is_cut = reply.finished is not None and reply.finished.is_cut
        why = "thought until its tokens were used up" if is_cut else "gave no answer"
        return f"the model {why}: it was asked again, for a short one"


def _notes_of_the_end(finished: Finished | None) -> tuple[str, ...]:
    """What a person should know of why an answer ended."""
    if finished is not None and finished.is_cut:
        return ("the answer was cut off by the limit on its length; see settings: agent.max_tokens",)
    if finished is not None and finished.reason == "content_filter":
        return ("the server held back the rest of the answer (content filter)",)
    if finished is not None and finished.reason == "repetition":
        return ("the server ended the answer, as the model began to repeat itself",)
    return ()
