"""What a model's reply brings, piece by piece: small frozen values, the same for every server and dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from app.domain.frozen import frozen

Dialect = Literal["native", "content", "none"]
"""How the model calls tools: through the server's parser, written into its text, or not at all."""


@frozen
class ToolCall:
    """A tool that the model wants used."""

    name: str
    arguments: Mapping[str, Any] | None
    """As they were read; None where they cannot be: `problem` says why."""
    id: str = ""
    raw: str = ""
    """The arguments as they came."""
    problem: str = ""
    """For the model, so that it can do better."""


@frozen
class Text:
    """A piece of the reply's text."""

    text: str


@frozen
class Reasoning:
    """A piece of what the model thinks aloud."""

    text: str


@frozen
class Withdrawn:
    """The text of this reply so far was none: thought, or a call in disguise; it follows as what it is."""


@frozen
class Called:
    """A tool call, whole."""

    call: ToolCall


@frozen
class Waiting:
    """The server cannot answer now; it will be asked again by itself."""

    text: str


@frozen
class Finished:
    """The reply is over; always the last."""

    reason: str
    """As the server says: `stop`, `tool_calls`, `length`, `content_filter`, …."""
    tokens_in: int = 0
    tokens_out: int = 0
    """0 where the server does not say."""
    is_whole: bool = False
    """The reply came at once: the server does not stream."""

    @property
    def is_cut(self) -> bool:
        """The limit of tokens ended it."""
        return self.reason in ("length", "max_tokens")


Delta = Text | Reasoning | Withdrawn | Called | Waiting | Finished
