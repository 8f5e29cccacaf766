"""Notices as values: what a person or a machine is told of an incident or of alerts, and how far telling it has come.

A notice stands alone: whoever reads only this one knows the cause, whom it hits and what to do.
"""

from __future__ import annotations

from typing import Literal

from app.domain.affects import NO_AFFECTS, Affects
from app.domain.alert import Labels
from app.domain.finding import Advice
from app.domain.frozen import frozen
from app.domain.series import Severity

NoticeKind = Literal["incident", "alerts", "digest", "summary", "test"]
"""`digest`: what was not urgent, gathered; `summary`: what a channel's limit held back."""
Phase = Literal["began", "worse", "more", "again", "still", "over"]
"""`more`: it has grown; `again`: it was over and is back; `still`: a reminder."""
DeliveryState = Literal["waiting", "sending", "failed"]
"""`sending`: an attempt has begun, and how it ended is not written down yet; `failed`: given up."""


@frozen
class Notice:
    """One message about one topic."""

    topic: str
    """`incident:i-17`, `rule:GpuHot`, `digest`, …: the same from the first message to the last."""
    kind: NoticeKind
    phase: Phase
    severity: Severity
    title: str
    """One line: what is wrong, and where."""
    at: float
    """Epoch seconds when it was decided."""
    began: float
    """Epoch seconds since when it is so."""
    cluster: str = ""
    root: str = ""
    """The cause, in a sentence; empty where none is known."""
    lines: tuple[str, ...] = ()
    """What follows from it, or the alerts, one a line."""
    left_out: int = 0
    """Lines that there would be more."""
    affects: Affects = NO_AFFECTS
    users: tuple[str, ...] = ()
    actions: tuple[Advice, ...] = ()
    labels: Labels = ()
    """What machines sort it by; of several values the first."""
    ended: float | None = None
    """Epoch seconds when it was over."""
    joined: str = ""
    """The topic that it turned out to be a part of."""


@frozen
class Delivery:
    """One notice on its way to one channel: written down before it is sent, struck out once it has arrived."""

    id: str
    """Never used twice; the receiver may know a repeated message by it."""
    channel: str
    notice: Notice
    made_at: float
    due_at: float
    """Epoch seconds of the next attempt."""
    state: DeliveryState = "waiting"
    attempts: int = 0
    error: str = ""
    """Why the last attempt failed, for a person; holds no secret."""


@frozen
class Outcome:
    """How an attempt ended."""

    ok: bool
    error: str = ""
    may_pass: bool = True
    """A later attempt may do better; False: the receiver will never take it."""
    retry_after_s: float | None = None
    """What the receiver asked for."""


DONE = Outcome(ok=True)


@frozen
class ChannelHealth:
    """How a channel is doing."""

    name: str
    ok_at: float | None = None
    """Epoch seconds when it last took something."""
    failed_at: float | None = None
    error: str = ""

    @property
    def is_failing(self) -> bool:
        """Its last attempt failed."""
        return self.failed_at is not None and (self.ok_at is None or self.failed_at > self.ok_at)
