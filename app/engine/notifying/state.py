"""What telling remembers from one look to the next: what each channel was told, what waits to be told together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from app.domain.frozen import frozen
from app.domain.notice import Notice, Phase
from app.domain.series import Severity

FORGET_S = 86400.0
"""What has been over for so long is new when it comes back."""


@frozen
class Told:
    """What one channel was told of one topic."""

    notice: Notice
    """The last one."""
    channel: str
    members: tuple[str, ...] = ()
    """Ids that were news then or before."""
    is_over: bool = False
    gone_at: float | None = None
    """Since when it is not there any more, while its end waits to be told."""
    is_gathered: bool = False
    """It was put down for a digest, not told at once."""

    @property
    def key(self) -> str:
        """What it is remembered by."""
        return told_key(self.channel, self.notice.topic)


def told_key(channel: str, topic: str) -> str:
    """What is remembered of a topic in a channel goes by this."""
    return f"{channel}|{topic}"


@frozen
class Line:
    """Something told in one line of a digest or a summary."""

    topic: str
    title: str
    severity: Severity
    at: float
    phase: Phase
    due_at: float = 0.0
    """Epoch seconds when a digest with it must go out."""
    count: int = 1
    """Things that it stands for."""


@frozen
class NotifyState:
    """All of it."""

    origin: str = ""
    """Of this history alone: what no other one's message ids begin with."""
    number: int = 0
    """Of the last message."""
    told: Mapping[str, Told] = field(default_factory=dict)
    seen: Mapping[str, float] = field(default_factory=dict)
    """Topic → since when it is there, for those that are not told yet."""
    sent: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Channel → when it was told something, as far back as its limit asks."""
    held: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)
    """Channel → what its limit held back."""
    summed: Mapping[str, float] = field(default_factory=dict)
    """Channel → when such were last told together."""
    gathered: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)
    """Channel → what waits for its digest."""
