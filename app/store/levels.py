"""How long things are kept and in what pieces: retention, windows, and the three levels of detail.

Pure figures; every part of the store agrees on them through this module.
"""

from __future__ import annotations

from app.domain.frozen import frozen

RAW, MINUTE, QUARTER = 0, 1, 2
"""Levels of detail as the `chunk` table numbers them: samples, spans of one minute, spans of fifteen."""
SPAN_S = {MINUTE: 60, QUARTER: 900}
"""Seconds one span of a level covers."""
DAY_S = 86400.0


@frozen
class Retention:
    """How long each level is kept, in seconds of the cluster's own time."""

    raw_s: float = DAY_S
    minute_s: float = 30 * DAY_S
    quarter_s: float = 365 * DAY_S

    @property
    def longest_s(self) -> float:
        """Past this nothing is kept at all."""
        return max(self.raw_s, self.minute_s, self.quarter_s)


@frozen
class Windows:
    """How much time one sealed chunk covers, in seconds; aligned to the epoch, each a multiple of the spans in it.

    Twenty minutes of raw samples (240 at 5 s) of up to sixteen tracks share a compressed stream. Longer windows
    compress 2 % better and answer no faster, shorter ones answer slower; the unsealed rest grows with them. Tests use
    small ones, so that sealing and rolling up happen all the time.
    """

    raw_s: int = 1200
    minute_s: int = 7200
    quarter_s: int = 86400

    def of(self, level: int) -> int:
        """Seconds a chunk of a level covers."""
        return (self.raw_s, self.minute_s, self.quarter_s)[level]
