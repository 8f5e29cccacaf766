"""Time, as it is passed down: one protocol, the machine's own clock behind it, and how long a look may take."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

TIMEOUT_SHARE = 0.9
"""Most of an interval that one look may take: the next one must find the last one over."""
LONGEST_LOOK_S = 10.0
"""Most seconds a look may take where nothing is configured, however long the interval is."""


class Clock(Protocol):
    """What the program knows of time; tests bring one of their own."""

    def now(self) -> float:
        """Epoch seconds; may jump when the machine's clock is set."""

    def monotonic(self) -> float:
        """Seconds that never jump, for durations."""

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds; at once for 0 or less."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def look_timeout(interval_s: float, wanted_s: float = 0.0) -> float:
    """Seconds one look at a source may take: what is wanted (0: 10), and never nine tenths of the interval or more."""
    return min(wanted_s if wanted_s > 0 else LONGEST_LOOK_S, TIMEOUT_SHARE * interval_s)
