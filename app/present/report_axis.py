"""The time axis that the pictures of a report share: moments as shares of its width, and round labels. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from app.domain.frozen import frozen

_STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
MOST_TICKS = 5
_EDGE = 3.0
"""Percent from an edge within which a label would be cut: it leans inwards."""


@frozen
class Axis:
    """A span of time."""

    start: float
    end: float
    zone: tzinfo | None = None

    def share(self, at: float) -> float:
        """Percent of the width at which a moment stands; those outside stand at the edge."""
        span = max(1.0, self.end - self.start)
        return round(100.0 * min(1.0, max(0.0, (at - self.start) / span)), 3)

    def holds(self, at: float) -> bool:
        """Whether a moment lies on it."""
        return self.start <= at <= self.end

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """(percent, label) of round moments of the local clock."""
        span = max(1.0, self.end - self.start)
        step = next((one for one in _STEPS_S if span / one <= MOST_TICKS), _STEPS_S[-1])
        form = "%H:%M:%S" if step < 60 else "%H:%M" if span <= 36 * 3600 else "%m-%d %H:%M"
        offset = (self._moment(self.start).utcoffset() or timedelta()).total_seconds()
        first = -(-(self.start + offset) // step) * step - offset
        moments = [first + step * number for number in range(MOST_TICKS + 1) if first + step * number <= self.end]
        return tuple((self.share(at), f"{self._moment(at):{form}}") for at in moments)

    def _moment(self, at: float) -> datetime:
        try:
            return datetime.fromtimestamp(at, UTC).astimezone(self.zone)
        except (OverflowError, ValueError, OSError):
            return datetime.fromtimestamp(0, UTC)


def anchor(share: float) -> str:
    """How a label at a share of the width is set, so that it is not cut at the edge."""
    return "start" if share < _EDGE else "end" if share > 100 - _EDGE else "middle"
