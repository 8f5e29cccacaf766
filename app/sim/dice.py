"""Seeded draws that give the same numbers on every Python: only `random()` itself is relied on."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A seeded source of numbers; the same name always throws the same ones."""

    def __init__(self, *name: object) -> None:
        self._source = random.Random("/".join(str(part) for part in name))
        self._random = self._source.random

    def fork(self) -> Dice:
        """Another source that will throw what this one would throw next."""
        twin = Dice()
        twin._source.setstate(self._source.getstate())
        return twin

    def between(self, low: float, high: float) -> float:
        """A number spread evenly from `low` to `high`."""
        return low + (high - low) * self._random()

    def chance(self, share: float) -> bool:
        """True in `share` (0-1) of all throws."""
        return self._random() < share

    def whole(self, below: int) -> int:
        """A whole number from 0 to `below` - 1."""
        return int(self._random() * below)

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices; repeat one to make it likelier."""
        return choices[self.whole(len(choices))]

    def gauss(self) -> float:
        """A standard normal number (Box and Muller)."""
        return math.sqrt(-2.0 * math.log(1.0 - self._random())) * math.cos(2.0 * math.pi * self._random())

    def waiting(self, mean: float) -> float:
        """An exponential waiting time."""
        return -mean * math.log(1.0 - self._random())

    def lasting(self, median: float, low: float, high: float) -> float:
        """A log-normal duration (sigma 0.9, as job lengths are skewed), kept within `low` … `high`."""
        return min(high, max(low, median * math.exp(0.9 * self.gauss())))
