"""Ranks that fall behind: each GPU of a job against the median of its own job's GPUs. Pure.

A rank that stopped shows no use beside busy siblings; one that is slow shows the same use with a lower clock or power,
for the others wait inside their collectives (fault D7 of the diagnosis).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from app.domain.snapshot import Gpu

LEAST = 3
"""GPUs from which a median means something."""
BUSY_MEDIAN = 50.0
"""Percent of use from which a job counts as at work."""
STOPPED_SHARE = 0.5
"""Below this share of the median's use a rank has stopped."""
SLOW_SHARE = 0.85
"""Below this share of the median's clock, at the same use, a rank is slow."""
WEAK_SHARE = 0.6
"""Below this share of the median's power, at the same use, a rank only waits; power differs more than clocks do."""
_SAME_USE = 15.0
"""Points of use within which two ranks do the same."""


def stragglers(gpus: Sequence[Gpu], now: float) -> Mapping[str, str]:
    """`node/index` of each rank that falls behind → why, in a few words."""
    uses = _known(gpus, "gpu.utilization", now)
    if len(uses) < LEAST:
        return {}
    usual = median(uses.values())
    if usual < BUSY_MEDIAN:
        return {}
    found = {key: f"{use:.0f} % beside {usual:.0f} %" for key, use in uses.items() if use < STOPPED_SHARE * usual}
    peers = [key for key, use in uses.items() if abs(use - usual) <= _SAME_USE]
    for metric, share, word, unit in (
        ("gpu.sm_clock", SLOW_SHARE, "clock", "MHz"), ("gpu.power", WEAK_SHARE, "power", "W"),
    ):  # fmt: skip
        known = _known(gpus, metric, now)
        shown = [known[key] for key in peers if key in known]
        if len(shown) < LEAST:
            continue
        middle = median(shown)
        for key in peers:
            value = known.get(key)
            if value is not None and value < share * middle and key not in found:
                found[key] = f"{word} {value:.0f} beside {middle:.0f} {unit}"
    return found


def _known(gpus: Sequence[Gpu], key: str, now: float) -> dict[str, float]:
    return {gpu.id: value for gpu in gpus if (value := gpu.value(key, now)) is not None}
