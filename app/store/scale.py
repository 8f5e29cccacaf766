"""Values as whole numbers of their metric's quantum, and back.

Everything stored is an integer: it compresses, it adds up exactly, and a value is the same before and after sealing.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import repeat
from operator import mul, truediv

from app.domain.frozen import frozen

ABSENT = -(1 << 63)
"""Stands in a stored column where a source said nothing; no value is ever this."""
LARGEST = (1 << 63) - 1
_MEAN_PARTS = 8
"""Parts of a quantum that a mean is kept to, where the quantum is 1: the mean of a few whole numbers says more."""


@frozen
class Scale:
    """One quantum, as two whole factors: a value is `count · over / times`."""

    times: float
    """1/quantum, for a quantum below 1."""
    over: float
    """The quantum, from 1 up."""
    mean_parts: int
    """A mean is kept in this many parts of a quantum."""

    def count(self, value: float) -> int | None:
        """The value in quanta, halves to even; None where it is not a number or does not fit 64 bits with its parts."""
        try:
            count = round(value * self.times / self.over)
        except (ValueError, OverflowError):
            return None
        return count if abs(count) <= LARGEST // self.mean_parts else None  # a mean of it must fit as well

    def value(self, count: int, parts: int = 1) -> float:
        """The exact multiple of the quantum (of a part of it, for means)."""
        return count / (self.times * parts) if self.over == 1 else count * (self.over / parts)

    def values(self, counts: Iterable[int], parts: int = 1) -> list[float]:
        """As `value`, for many."""
        if self.over == 1:
            return list(map(truediv, counts, repeat(self.times * parts)))
        return list(map(mul, counts, repeat(self.over / parts)))

    def recount(self, count: int, other: Scale) -> int:
        """A count of another scale in this one; for values stored before a metric's quantum was changed."""
        changed = self.count(other.value(count))
        return ABSENT if changed is None else changed


@cache
def scale_of(quantum: float) -> Scale:
    """The scale of a quantum (0.1, 1, 1024, …)."""
    if quantum < 1:
        return Scale(float(round(1 / quantum)), 1.0, 1)
    return Scale(1.0, float(quantum), _MEAN_PARTS if quantum == 1 else 1)
