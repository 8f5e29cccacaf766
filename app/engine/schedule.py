"""When a source is looked at: slots aligned to its interval, offset by its name, and fewer of them while it fails.

Pure: time comes in, times go out. A source's slots are the moments `offset + k × interval` of the epoch, so they stay
where they are over a restart, and a thousand sources do not start together; those of a large fleet start a few at a
time. One look at a time: a slot that passes while the last look is still under way is counted and left out, never made
up for.
"""

from __future__ import annotations

import math
from zlib import crc32

from app.domain.frozen import frozen

LONGEST_PAUSE_S = 30.0
"""A failing source is still tried this often (or at every interval, where that is longer)."""
BEAT_S = 0.1
"""Offsets are multiples of this: of a thousand sources those twenty that are due next are woken once, together.

Woken one by one each costs the process a tenth of a millisecond more, as much as fetching its page.
"""
_EARLIEST = 0.5
"""Part of an interval that lies at least between the beginnings of two looks: rates want time to pass."""


@frozen
class Plan:
    """What comes after a look."""

    at: float
    """Epoch seconds of the next look."""
    missed: int
    """Slots that passed while the look was under way."""


def offset(name: str, interval_s: float) -> float:
    """Seconds after a multiple of the interval at which a source's slots lie; the same for a name in every process."""
    beats = max(1, round(interval_s / BEAT_S))
    return crc32(name.encode("utf-8", "surrogatepass")) * beats // 2**32 * interval_s / beats


def slot_after(name: str, interval_s: float, when: float) -> float:
    """The source's first slot later than `when`, in epoch seconds."""
    shift = offset(name, interval_s)
    slot = (math.floor((when - shift) / interval_s) + 1) * interval_s + shift
    # A slot may come out as `when` itself, by the last bit of a float; it would be looked at twice.
    return slot if slot > when else slot + interval_s


def after_look(name: str, interval_s: float, began: float, now: float, failures: int = 0) -> Plan:
    """When to look next, after a look that began at `began` and is over at `now`, both in epoch seconds.

    After the first failure that is the next slot as always; with each more in a row the pause doubles, up to
    `LONGEST_PAUSE_S`. A clock that was set back in between costs no more than one interval.
    """
    began = min(began, now)
    due = slot_after(name, interval_s, began + _EARLIEST * interval_s)
    missed = 0
    if due <= now:
        missed = 1 + math.floor((now - due) / interval_s)
        due = slot_after(name, interval_s, now)
    return Plan(due + (_slots(interval_s, failures) - 1) * interval_s, missed)


def _slots(interval_s: float, failures: int) -> int:
    """How many slots ahead the next look is."""
    most = max(1, math.floor(LONGEST_PAUSE_S / interval_s))
    doubled: int = 1 << min(30, max(0, failures - 1))
    return min(most, doubled)
