"""Where front ends ask: one person's conversations, live answers, and the actions that wait for their key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from app.agent.events import Event
from app.domain.chat import Chip, Conversation, Exchange, Heading, Proposal
from app.domain.frozen import frozen

BrainState = Literal["offline", "connecting", "ready", "unreachable"]
"""`offline`: no model is configured, the analyst answers; `unreachable`: it answers because the model does not."""


@frozen
class BrainStatus:
    """Who will answer the next question."""

    state: BrainState
    model: str | None = None
    text: str = ""
    """One line for a person: how the model calls tools, its context, or why it cannot be reached and what to do."""
    context_tokens: int | None = None


class ChatDesk(Protocol):
    """One person's conversations. Texts it gives are redacted and free of control characters, never of markup."""

    async def status(self, *, look_again: bool = False) -> BrainStatus:
        """Who will answer; asks the server once, or again."""

    async def headings(self, words: str = "", limit: int = 200) -> Sequence[Heading]:
        """Conversations, the newest first; with `words` those that hold all of them."""

    async def conversation(self, key: str) -> Conversation | None:
        """One conversation; an exchange that was cut off by the end of a program is told as `stopped`."""

    def ask(
        self,
        question: str,
        chips: Sequence[Chip] = (),
        *,
        conversation: str = "",
        instead_of: str = "",
        at: float | None = None,
    ) -> AsyncIterator[Event]:
        """Ask, and follow the answer; closing the iterator stops it at once and keeps what came.

        `conversation`: go on with that one, else a new one is begun; `instead_of`: the exchange whose question was
        edited, which goes with all that followed it; `at`: the past moment on screen.
        """

    def begun(self) -> str:
        """Id of the conversation that the last question went to."""

    async def approve(self, conversation: str, proposal: Proposal) -> Proposal:
        """Do what was proposed, as a person pressed the key; gives it with its outcome. Never twice."""

    async def decline(self, conversation: str, proposal: Proposal) -> Proposal:
        """Leave it undone."""

    async def rename(self, conversation: str, title: str) -> None:
        """Give it a name."""

    async def delete(self, conversation: str) -> None:
        """Forget it."""

    async def close(self) -> None:
        """Give back what it holds."""


class Exporter(Protocol):
    """Turns a conversation into a file's text."""

    def __call__(self, conversation: Conversation) -> str:
        """Markdown, with what each answer rests on."""


class Kept(Protocol):
    """Where conversations are kept (`app.store.chats`)."""

    async def headings(self, words: str = "", limit: int = 200) -> Sequence[Heading]:
        """As `ChatDesk.headings`."""

    async def conversation(self, key: str) -> Conversation | None:
        """One conversation as it was kept."""

    async def begin(self, conversation: Conversation) -> None:
        """Keep a new one, without exchanges."""

    async def keep(self, conversation: str, exchange: Exchange, at: float) -> None:
        """Keep one exchange, new or further on."""

    async def cut(self, conversation: str, exchange: str) -> None:
        """Forget an exchange and all that followed it."""

    async def rename(self, conversation: str, title: str) -> None:
        """Give it a name."""

    async def delete(self, conversation: str) -> None:
        """Forget it."""

    async def close(self) -> None:
        """Close the file."""
