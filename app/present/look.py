"""What a presenter needs besides the values: the moment, the signs to draw with, and the time zone of clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from app.domain.frozen import frozen
from app.present.glyphs import UNICODE, Glyphs

if TYPE_CHECKING:  # a cluster without Slurm does not pay for its classes
    from app.domain.allocation import Held
    from app.domain.snapshot import Gpu


@frozen
class Look:
    """How things look at one moment."""

    now: float
    """Epoch seconds; ages are reckoned against it."""
    glyphs: Glyphs = UNICODE
    tz: tzinfo | None = None
    """None: the machine's own."""
    held: Callable[[Gpu], Held] | None = None
    """Who holds a GPU, as Slurm tells; None where there is no Slurm."""
    idle_s: Callable[[Gpu], float | None] | None = None
    """For how long a held GPU has done nothing, as far as it was watched; None of one that works."""

    def moment(self, at: float) -> datetime:
        """A moment in the look's time zone; the beginning of time where `at` is absurd."""
        try:
            return datetime.fromtimestamp(at, UTC).astimezone(self.tz)
        except (OverflowError, ValueError, OSError):
            return datetime.fromtimestamp(0, UTC)

    def clock(self, at: float, *, seconds: bool = True) -> str:
        """A moment as people say it: `14:32:08` within a day, else `11-23 14:32`."""
        when = self.moment(at)
        if abs(self.now - at) < timedelta(hours=20).total_seconds() or when.date() == self.moment(self.now).date():
            return f"{when:%H:%M:%S}" if seconds else f"{when:%H:%M}"
        return f"{when:%m-%d %H:%M}"
