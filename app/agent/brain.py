"""Who answers: a model, or the offline analyst. Both look through the same `Looker` and tell the same events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from app.agent.events import Event
from app.agent.ground import Ground
from app.domain.chat import Chip, Exchange, ToolUse
from app.domain.frozen import frozen


@frozen
class Asked:
    """One question, and what came before it."""

    question: str
    chips: tuple[Chip, ...] = ()
    before: tuple[Exchange, ...] = ()
    """The conversation so far, the oldest first."""


class Looker(Protocol):
    """Runs tools for one answer: checks arguments, numbers uses, keeps to budgets, refuses repeats, keeps the audit.

    What it brings back is redacted and cut to size: exactly what a model may be given.
    """

    @property
    def ground(self) -> Ground:
        """What is looked at."""

    @property
    def uses(self) -> tuple[ToolUse, ...]:
        """Every look so far, in order."""

    async def look(self, tool: str, arguments: Mapping[str, Any]) -> ToolUse:
        """One look. Never raises for what went wrong in it: `error` says so. Looks may run at the same time."""

    def schemas(self) -> list[dict[str, Any]]:
        """The tools as the API of OpenAI takes them, strict."""


class Brain(Protocol):
    """Answers one question."""

    @property
    def model(self) -> str | None:
        """The model's name; None: the offline analyst."""

    def answer(self, asked: Asked, looker: Looker) -> AsyncIterator[Event]:
        """Tell the answer as it is made.

        Not `Ended`, which the session adds, nor `ToolBegan`, `ToolEnded` and `Proposed`, which the looker tells.
        Raises BrainError when no answer can be had; what was told until then stays. Closing the iterator stops it at
        once.
        """


class BrainError(Exception):
    """No answer can be had; the message says why, for a person, and what to do."""

    def __init__(self, text: str, *, is_offline: bool = False) -> None:
        """`is_offline`: the model cannot be reached at all, so that the analyst may answer instead."""
        super().__init__(text)
        self.is_offline = is_offline
