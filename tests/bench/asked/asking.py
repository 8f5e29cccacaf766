"""Asks the analyst a question of the bank over its scene, and says what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from app.agent.analyst import Analyst
from app.agent.brain import Asked
from app.agent.events import Event, Proposed, TextAdded
from app.agent.ground import Ground
from app.agent.grounding import marks
from app.agent.looking import ToolLooker
from app.domain.chat import Exchange, Mark, Proposal
from tests.bench.asked.question import Question


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one question was answered."""

    question: Question
    exchange: Exchange
    unsupported: tuple[Mark, ...]
    """Numbers of the answer that no look supports."""

    @property
    def found(self) -> tuple[bool, ...]:
        """Which of the facts the answer holds."""
        return self.question.found(self.exchange.answer)

    @property
    def wrong(self) -> tuple[str, ...]:
        """What it says or proposes that it must not."""
        proposed = tuple(one.plan.verb for one in self.exchange.proposals)
        wanted = (self.question.proposes,) if self.question.proposes else ()
        return (*self.question.wrong(self.exchange.answer), *(() if proposed == wanted else (f"proposes {proposed}",)))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The unsupported numbers as they stand in the answer."""
        return tuple(self.exchange.answer[one.start : one.end] for one in self.unsupported)


async def exchanged(ground: Ground, question: str, before: tuple[Exchange, ...] = ()) -> Exchange:
    """One question with the analyst's answer."""
    told: list[Event] = []
    looker = ToolLooker(ground, told.append)
    text = [
        event.text
        async for event in Analyst().answer(Asked(question, before=before), looker)
        if isinstance(event, TextAdded)
    ]
    proposals: tuple[Proposal, ...] = tuple(event.proposal for event in told if isinstance(event, Proposed))
    key = f"e-{len(before)}"
    return Exchange(key, ground.now(), question, answer="".join(text), tools=looker.uses, proposals=proposals)


async def ask(ground: Ground, question: Question) -> Outcome:
    """Ask a question of the bank, after those that go before it."""
    before: tuple[Exchange, ...] = ()
    for one in question.after:
        before = (*before, await exchanged(ground, one, before))
    exchange = await exchanged(ground, question.asked, before)
    found = marks(exchange, before)
    return Outcome(question, exchange, tuple(one for one in found if one.kind == "unsupported"))
