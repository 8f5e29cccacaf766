"""What questions are answered from: the feed, live or at a past moment, and Slurm where it can be asked for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.config.settings import Settings
from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis
from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot

if TYPE_CHECKING:
    from app.services.feed import Feed
    from app.services.jobs import Jobs


@frozen
class Ground:
    """The cluster as one question sees it."""

    feed: Feed
    settings: Settings
    jobs: Jobs | None = None
    """Asks Slurm for details and does what a person approved, as the invoking user; None: there is no way to Slurm."""
    user: str = ""
    """Who asks."""
    at: float | None = None
    """Epoch seconds of the past moment that is asked about; None: now."""

    def now(self) -> float:
        """The moment that is asked about, epoch seconds."""
        return self.feed.now() if self.at is None else self.at

    async def snapshot(self) -> Snapshot:
        """The cluster at that moment. Raises NothingKeptError for a past that the history does not hold."""
        if self.at is None:
            return self.feed.latest()
        found = await self.feed.at(self.at)
        if found is None:
            raise NothingKeptError(self.at)
        return found

    async def diagnosis(self) -> Diagnosis:
        """What was wrong at that moment, as far as it was found out by then."""
        if self.at is None:
            return self.feed.diagnosis()
        return await self.feed.diagnosis_at(self.at) or NO_DIAGNOSIS


class NothingKeptError(Exception):
    """The history holds nothing of a moment."""

    def __init__(self, at: float) -> None:
        super().__init__("nothing was kept of that moment")
        self.at = at
