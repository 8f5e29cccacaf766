"""An exchange while it is answered: takes what brain and looker tell, in order, and says what a front end is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.agent.door import inside
from app.agent.events import (
    Event,
    Noted,
    Proposed,
    ReasoningAdded,
    TextAdded,
    TextWithdrawn,
    ToolBegan,
    ToolEnded,
)
from app.agent.spoken import Spoken, Told
from app.domain.chat import AnswerState, Exchange, Proposal, ToolUse, Usage

MOST_PROPOSALS = 20
LONGEST_NOTE = 500
MOST_NOTES = 50


class Growing:
    """One exchange, until it ends."""

    def __init__(self, begun: Exchange, monotonic: Callable[[], float]) -> None:
        """`begun` holds the question; `monotonic` gives seconds that never jump."""
        self.version = 0
        """Grows with every change."""
        self.model: str | None = None
        self._begun = begun
        self._monotonic = monotonic
        self._started = monotonic()
        self._first_s: float | None = None
        self._answer = Spoken()
        self._reasoning = Spoken()
        self._tools: dict[int, ToolUse] = {}
        self._proposals: dict[str, Proposal] = {}
        self._notes: list[str] = []
        self._tokens = (0, 0)

    @property
    def has_text(self) -> bool:
        """Something of an answer was told."""
        return bool(self._answer.text.strip())

    @property
    def is_full(self) -> bool:
        """The answer is as long as it may be."""
        return self._answer.is_full

    def take(self, event: Event) -> Sequence[Event]:
        """Take what was told, and give what to tell on."""
        self.version += 1
        match event:
            case TextAdded(text):
                return self._said(self._answer.add(text))
            case TextWithdrawn():
                self._answer.withdraw()
                return (event,)
            case ReasoningAdded(text):
                return _thought(self._reasoning.add(text))
            case ToolBegan(use) | ToolEnded(use):
                self._tools[use.number] = use
                return (event,)
            case Proposed(proposal):
                return self._proposed(proposal)
            case Noted(text):
                return self._noted(text)
            case _:
                return ()  # only the session says that it has ended

    def close(self) -> Sequence[Event]:
        """What was held back until its end was known."""
        self.version += 1
        return (*_thought(self._reasoning.end()), *self._said(self._answer.end()))

    def decided(self, proposal: Proposal) -> None:
        """Somebody has decided on one of its proposals."""
        if proposal.id in self._proposals:
            self._proposals[proposal.id] = proposal
            self.version += 1

    def used(self, tokens_in: int, tokens_out: int) -> None:
        """What the server counted."""
        self._tokens = (tokens_in, tokens_out)

    def exchange(self, state: AnswerState = "open", problem: str = "") -> Exchange:
        """The exchange as far as it came."""
        used = Usage(self._first_s, round(self._monotonic() - self._started, 3), *self._tokens)
        return replace(
            self._begun,
            answer=self._answer.text,
            reasoning=self._reasoning.text,
            tools=tuple(self._tools[number] for number in sorted(self._tools)),
            proposals=tuple(self._proposals.values()),
            notes=tuple(self._notes),
            model=self.model,
            state=state,
            problem=problem,
            usage=used,
        )

    def _said(self, told: Told) -> Sequence[Event]:
        events: list[Event] = [TextWithdrawn()] if told.is_anew else []
        if told.text:
            if self._first_s is None:
                self._first_s = round(self._monotonic() - self._started, 3)
            events.append(TextAdded(told.text))
        return events

    def _proposed(self, proposal: Proposal) -> Sequence[Event]:
        """One more action that waits; its id is made one of a kind in the whole conversation."""
        if len(self._proposals) >= MOST_PROPOSALS:
            return self._noted(f"more than {MOST_PROPOSALS} actions were proposed: the rest is left out")
        own = replace(proposal, id=f"{self._begun.id}.{len(self._proposals) + 1}", state="proposed", outcome="")
        self._proposals[own.id] = own
        return (Proposed(own),)

    def _noted(self, text: str) -> Sequence[Event]:
        told = inside(text, LONGEST_NOTE)
        if not told or told in self._notes or len(self._notes) >= MOST_NOTES:
            return ()
        self._notes.append(told)
        return (Noted(told),)


def _thought(told: Told) -> Sequence[Event]:
    """Reasoning cannot be taken back; what was found to be a secret only later is gone from what is kept."""
    return (ReasoningAdded(told.text),) if told.text and not told.is_anew else ()
