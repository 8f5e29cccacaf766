"""Time travel: which kept moment comes next, and the picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.diagnosis import Diagnosis
from app.domain.series import Event
from app.domain.snapshot import Snapshot

WINDOWS_S: tuple[float, ...] = (120, 3600, 86400, 366 * 86400)
"""How far to look for the next kept moment, one after the other: near ones are found at once, far ones are found."""
EVENTS_S = 6 * 3600
"""Events shown beside a past moment are of this long before it."""
_SAME_S = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """A moment of the past."""

    at: float
    """Epoch seconds."""
    snapshot: Snapshot
    events: Sequence[Event] = ()
    """Oldest first, none after the moment."""
    event_at: float | None = None
    """When the event happened that the user travelled to; None where it was no event."""
    diagnosis: Diagnosis | None = None
    """What was wrong then; None while that is worked out."""


def before(moments: Sequence[float], here: float) -> float | None:
    """The last of the moments that is earlier than `here`."""
    return max((one for one in moments if one < here - _SAME_S), default=None)


def after(moments: Sequence[float], here: float) -> float | None:
    """The first of the moments that is later than `here`."""
    return min((one for one in moments if one > here + _SAME_S), default=None)
