"""What an answer tells while it is being made, in order; the last one is always `Ended`."""

from __future__ import annotations

from app.domain.chat import Exchange, Proposal, ToolUse
from app.domain.frozen import frozen


@frozen
class TextAdded:
    """A piece of the answer, markdown."""

    text: str


@frozen
class TextWithdrawn:
    """The answer so far was none (a tool call in disguise, a try that is made again): what was shown is taken back."""


@frozen
class ReasoningAdded:
    """A piece of what the model thinks aloud."""

    text: str


@frozen
class ToolBegan:
    """A look at the cluster has begun; its `result` is still empty."""

    use: ToolUse


@frozen
class ToolEnded:
    """The same look, with what it brought."""

    use: ToolUse


@frozen
class Proposed:
    """An action waits for the person's key."""

    proposal: Proposal


@frozen
class Noted:
    """Something the person should know: a retry, a compacted context, a refused repeat."""

    text: str


@frozen
class Ended:
    """The whole exchange, as it is to be kept."""

    exchange: Exchange


Event = TextAdded | TextWithdrawn | ReasoningAdded | ToolBegan | ToolEnded | Proposed | Noted | Ended
