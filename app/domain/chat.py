"""A conversation about the cluster as values: what was asked, what was looked at, what was answered and proposed.

Frozen, and kept as they are. Texts are redacted before they become part of one (`app.agent.door`): what stands here may
be shown, written to disk and sent to a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from app.domain.frozen import frozen

if TYPE_CHECKING:  # the codec finds it by name
    from app.domain.job_actions import Plan

AnswerState = Literal["open", "done", "stopped", "failed"]
"""`open`: being written, or cut off by the end of the program; `stopped`: by the person."""
ProposalState = Literal["proposed", "done", "failed", "declined"]
MarkKind = Literal["citation", "unsupported", "gpu", "node", "job", "incident"]
ChipKind = Literal["gpu", "node", "job", "alert", "incident", "time"]


@frozen
class Chip:
    """What the person had before them when they asked: the chosen GPU, job or alert, or the moment on screen."""

    kind: ChipKind
    key: str
    """`gpu-01/3`, `gpu-01`, a job's or an alert's id, `i-17`, epoch seconds."""


@frozen
class ToolUse:
    """One look at the cluster that an answer rests on."""

    number: int
    """As the answer cites it: `[2]`; counted from 1 within one answer."""
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """As they were checked and used."""
    at: float = 0.0
    """Epoch seconds of what it tells, where a citation moves the screen; 0: of no moment."""
    began: float = 0.0
    """Epoch seconds of the call."""
    took_s: float = 0.0
    result: str = ""
    """JSON, exactly as the model was given it."""
    summary: str = ""
    """One line for a person: `2 findings, the worst critical`."""
    error: str = ""
    """Why there is no result; empty: there is one."""


@frozen
class Proposal:
    """An action that was proposed: nothing is done until a person presses a key."""

    id: str
    plan: Plan
    why: str = ""
    """In the words of who proposed it: text from outside, shown as such."""
    state: ProposalState = "proposed"
    outcome: str = ""
    """What came of it."""


@frozen
class Mark:
    """A piece of an answer that leads somewhere, or that nothing supports."""

    start: int
    """Offset in the answer's text, in characters."""
    end: int
    kind: MarkKind
    target: str = ""
    """Number of the tool use, `node/index`, a node, a job's or an incident's id; why a number is unsupported."""


@frozen
class Usage:
    """What an answer took."""

    first_s: float | None = None
    """Seconds until its first word; None where none came."""
    took_s: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    """As the server counts them; 0 where it does not say."""


@frozen
class Exchange:
    """One question with its answer."""

    id: str
    asked_at: float
    """Epoch seconds."""
    question: str
    chips: tuple[Chip, ...] = ()
    answer: str = ""
    """Markdown, as far as it came."""
    reasoning: str = ""
    """What a model thought aloud; kept apart, shown folded."""
    tools: tuple[ToolUse, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    marks: tuple[Mark, ...] = ()
    """By offset, never overlapping."""
    blind: tuple[str, ...] = ()
    """What could not be looked at, written by code."""
    notes: tuple[str, ...] = ()
    """What happened on the way: the context was compacted, a call was refused."""
    model: str | None = None
    """None: the offline analyst answered."""
    state: AnswerState = "open"
    problem: str = ""
    """Why it failed, for a person, and what to do."""
    usage: Usage = Usage()


@frozen
class Conversation:
    """Questions and answers, the oldest first."""

    id: str
    title: str = ""
    """As the person named it, else the first question, shortened."""
    began: float = 0.0
    """Epoch seconds."""
    changed: float = 0.0
    user: str = ""
    exchanges: tuple[Exchange, ...] = ()


@frozen
class Heading:
    """A conversation as a list shows it."""

    id: str
    title: str
    changed: float
    """Epoch seconds."""
    exchanges: int
    model: str | None = None
    """Of its last answer."""
    found: str = ""
    """The piece of it that fits the words that were searched."""
