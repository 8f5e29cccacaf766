"""Quantiles of what came in an interval, from the growth of a histogram's buckets, as Prometheus reckons them. Pure.

Source: Prometheus' `histogram_quantile`: linear within a bucket whose lower bound is the bound before, 0 for the first;
what lies beyond the last finite bound is told as that bound, which is then the least it can be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

Buckets = tuple[tuple[float, float], ...]
"""(upper bound, how many were at most that), by bound; the last bound is infinite."""


def grown(before: Buckets, after: Buckets) -> Buckets | None:
    """What came between two looks; None where the bounds differ or anything was counted anew since."""
    if [bound for bound, _ in before] != [bound for bound, _ in after]:
        return None
    found = tuple((bound, now - was) for (bound, now), (_, was) in zip(after, before, strict=True))
    return None if any(count < 0 for _, count in found) else found


def quantile(counts: Buckets, share: float) -> float | None:
    """The value that `share` (0 to 1) of the observations do not exceed; None where there was none."""
    if len(counts) < 2 or not math.isinf(counts[-1][0]) or counts[-1][1] <= 0:
        return None
    rank = share * counts[-1][1]
    below, low = 0.0, 0.0
    for bound, count in counts:
        if count >= rank:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (rank - below) / (count - below) if count > below else bound
        # Buckets of a page read while it changed may fall; the highest so far is what is true of both.
        below, low = max(below, count), bound
    return low


def quantiles(
    before: Mapping[str, Buckets], after: Mapping[str, Buckets], share: float, names: tuple[str, ...]
) -> float | None:
    """The quantile of the first of some histograms that both looks have; None where nothing came, or none is there."""
    for name in names:
        if name in before and name in after:
            growth = grown(before[name], after[name])
            return quantile(growth, share) if growth is not None else None
    return None
