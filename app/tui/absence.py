"""Who was away: who had no screen open for an hour or more, or touched no key of the one that was. Pure."""

from __future__ import annotations

AWAY_S = 3600.0
LONGEST_S = 14 * 86400.0
"""No absence is told of for longer."""


class Absence:
    """Knows when somebody who has just come back had left."""

    def __init__(self, last: float | None) -> None:
        """`last`: when they closed the screen before; None where they never did."""
        self._last = last
        self._began: float | None = None
        self._quiet_s = 0.0
        self._at = 0.0
        self.since: float | None = None
        """Beginning of the last absence; None: there was none."""

    def ended(self, now: float, quiet_s: float) -> float | None:
        """When the absence began that has just ended, of somebody who typed `quiet_s` ago; None: they were here."""
        if self._began is None:
            self._began = self._at = now
            return self._told(self._last, now)
        quiet_s = min(quiet_s, now - self._began)  # before the screen was there, nobody could type
        left = self._at - self._quiet_s
        is_back = self._quiet_s >= AWAY_S and quiet_s < self._quiet_s
        self._quiet_s, self._at = quiet_s, now
        return self._told(left, now) if is_back else None

    def _told(self, since: float | None, now: float) -> float | None:
        if since is None or now - since < AWAY_S:
            return None
        self.since = max(since, now - LONGEST_S)
        return self.since
