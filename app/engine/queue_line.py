"""The line before a partition: who waits for room, by priority, and who is before whom. Pure."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import NamedTuple

from app.domain.frozen import frozen


class Place(NamedTuple):
    """A job in line; the smallest order is the first."""

    order: float
    job: str
    gpus: int


@frozen
class Ahead:
    """Those before a job in line."""

    jobs: int
    first: str = ""
    gpus: int = 0
    """All that they ask for."""

    def __bool__(self) -> bool:
        return self.jobs > 0


NOBODY = Ahead(0)


class Line:
    """Those who wait for room in a partition, by priority."""

    __slots__ = ("_gpus", "places")

    def __init__(self, places: list[Place]) -> None:
        self.places = places
        self._gpus = list(accumulate((place.gpus for place in places), initial=0))

    def before(self, priority: int) -> Ahead:
        """Those of higher priority."""
        number = bisect_left(self.places, (-priority,))
        return Ahead(number, self.places[0].job, self._gpus[number]) if number else NOBODY
