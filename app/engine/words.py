"""Small words that the engine's sentences share: spans, clock times, counts and lists of names. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from app.domain.naming import clean


def span(seconds: float) -> str:
    """`40 s`, `41 min`, `3 h 10`, `2 d 4 h`, as the screen writes ages; `no limit` for infinity."""
    if not math.isfinite(seconds):
        return "no limit"
    left = max(0.0, seconds)
    if left < 99.5:
        return f"{left:.0f} s"
    minutes = int(left / 60 + 0.5)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02}" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 100 else f"{days} d"


def clock(at: float, now: float, zone: tzinfo | None = None) -> str:
    """`14:00` of today, `Sat 14:00` within a week, else with the date; `zone` None: the system's."""
    try:
        moment = datetime.fromtimestamp(at, UTC).astimezone(zone)
        today = datetime.fromtimestamp(now, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return "a time out of range"
    if moment.date() == today.date():
        return f"{moment:%H:%M}"
    return f"{moment:%a %H:%M}" if abs(at - now) < 6 * 86400 else f"{moment:%Y-%m-%d %H:%M}"


def count(number: int, one: str, many: str = "") -> str:
    """`1 job`, `3 jobs`, `1,024 jobs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def names(some: Sequence[str], most: int = 3) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b and 7 more`; cleaned."""
    shown = [clean(one, 40) for one in some[:most]]
    if len(some) > most:
        shown = [*shown[: most - 1], f"{len(some) - most + 1:,} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def gpu_word(kind: str | None, number: int = 2) -> str:
    """What GPUs of a Slurm type are called: `H100` for `h100`, `GPU` or `GPUs` where untyped; long types stay."""
    if not kind:
        return "GPU" if number == 1 else "GPUs"
    return kind.upper() if kind.isascii() and kind.isalnum() and len(kind) <= 6 else clean(kind, 40)
