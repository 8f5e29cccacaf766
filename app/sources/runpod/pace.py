"""How often the list of pods is asked for: seldom for long, quickly for a few. Pure; time is an argument."""

from __future__ import annotations

from app.sources.runpod.limits import Limits

EVERY_S = 5.0
"""Seconds between two lists, in the long run: a fifth of the documented 60 requests a minute."""
BURST = 12
"""Lists that may be asked for at once after a while without: a deployment's steps, a proof's looks."""


class Pace:
    """A bucket of lists that fills by one every five seconds."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at: float | None = None

    def wait(self, now: float, limits: Limits) -> float:
        """Take one list and return the seconds to wait before it is asked for."""
        since = 0.0 if self._at is None else max(0.0, now - self._at)
        self._left = min(float(BURST), self._left + since / EVERY_S) - 1.0
        spread = 0.0 if self._at is None else limits.should_wait(now) - since
        pause = max(0.0, -self._left * EVERY_S, spread)
        self._at = now
        return pause
