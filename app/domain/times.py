"""Times and spans as people type them. Pure: the clock and the zone are arguments.

A TIME is ISO 8601 (`2026-11-24T14:32`, with or without a zone), epoch seconds, local `HH:MM[:SS]`, or so long ago
(`-10m`, `-1h30m`). A span is a number and a unit, `30s` … `2w`, or several of them.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

UNITS_S: dict[str, float] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
"""Seconds of each unit of a span."""
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([smhdw])", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_EPOCH = re.compile(r"\d{9,11}(?:\.\d{1,9})?", re.ASCII)
_FORMS = "write 14:32, 2026-11-24T14:32, epoch seconds or -10m"


def parse_span(text: str) -> float:
    """Read a span of time in seconds: `90s`, `5m`, `6h`, `1h30m`, `30d`.

    Raises ValueError with a sentence for a person.
    """
    wanted = text.strip().lower()
    parts = _PART.findall(wanted)
    if not parts or "".join(number + unit for number, unit in parts) != wanted:
        raise ValueError(f"{text!r} is not a span of time; write 30s, 5m, 6h, 1h30m or 7d")
    seconds = sum(float(number) * UNITS_S[unit] for number, unit in parts)
    if seconds <= 0:
        raise ValueError(f"{text!r} is no time at all; write 30s, 5m, 6h or 7d")
    return seconds


def format_span(seconds: float) -> str:
    """A span as `parse_span` reads it, to the second: `1h30m`."""
    left, parts = round(seconds), []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, int(UNITS_S[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_time(text: str, now: float, tz: tzinfo | None = None) -> float:
    """Read a TIME as epoch seconds; `tz` is the zone of times that name none, None for the system's.

    A bare clock time is the latest that is not later than `now`: at 10:00, `14:32` is yesterday's. What a clock change
    leaves out or doubles is read as Python's `fold=0` does. Raises ValueError with a sentence for a person.
    """
    wanted = text.strip()
    if wanted.lower() == "now":
        return now
    if wanted[:1] == "-" and wanted[1:2].isdigit():
        return now - parse_span(wanted[1:])
    if _EPOCH.fullmatch(wanted):
        return float(wanted)
    clock = _CLOCK.fullmatch(wanted)
    if clock:
        return _latest(clock, text, now, tz)
    if wanted[4:5] != "-":  # ISO's compact form would take any long number for a date
        raise ValueError(f"{text!r} is not a time; {_FORMS}")
    try:
        moment = datetime.fromisoformat(wanted)
        return (moment if moment.tzinfo else moment.replace(tzinfo=tz)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text!r} is not a time; {_FORMS}") from None


def _latest(clock: re.Match[str], text: str, now: float, tz: tzinfo | None) -> float:
    """The latest moment not after `now` at which a clock showed that time."""
    hour, minute, second = (int(part or 0) for part in clock.groups())
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{text!r} is not a time of day; {_FORMS}")
    today = datetime.fromtimestamp(now, tz).replace(hour=hour, minute=minute, second=second, microsecond=0)
    moment = today.timestamp()
    return moment if moment <= now else (today - timedelta(days=1)).timestamp()
