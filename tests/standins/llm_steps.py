"""What a scripted reply is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Say:
    """Text of the answer."""

    text: str
    size: int = 0
    """Characters a delta; 0: a word."""
    pace_s: float = 0.0
    """Seconds before each delta."""


@dataclass(frozen=True, slots=True)
class Think:
    """Reasoning, in a field of its own."""

    text: str
    field: str = "reasoning"
    """`reasoning` (vLLM since 0.12) or `reasoning_content` (older ones, and others)."""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; streamed in pieces, or written into the text where the server parses none."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    """A text is sent as it is, valid JSON or not."""
    size: int = 4
    """Characters of the arguments a delta."""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing until the client goes."""


@dataclass(frozen=True, slots=True)
class Die:
    """The connection ends: `reset`, `eof` in the middle of the body, or `end`: a whole body that lacks its end."""

    how: Literal["reset", "eof", "end"] = "reset"


@dataclass(frozen=True, slots=True)
class Finish:
    """Why the reply ends, as the server says it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fail:
    """An HTTP error; only as the first step. In a stream that has begun it is sent as an event."""

    status: int
    message: str = "scripted"
    kind: str = "BadRequestError"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Instead of JSON in vLLM's shape."""


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes of the stream, as they are."""

    raw: bytes


Step = Say | Think | Call | Pause | Stall | Die | Finish | Fail | Send
Reply = tuple[Step, ...]
Script = Sequence[Reply | Callable[[Mapping[str, Any]], Reply]]
