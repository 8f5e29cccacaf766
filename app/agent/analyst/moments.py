"""Times as people say them: `last night`, `at 03:10`, `in the last 2 hours`, `between 02:00 and 04:00`. Pure.

Clock times are the latest that are not in the future; the zone is an argument, None for the system's.
"""
# ruff: noqa: E501 - a pattern reads best on one line

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from app.domain.frozen import frozen
from app.domain.times import UNITS_S

HOUR_S, DAY_S = 3600.0, 86400.0
AROUND_S = 900.0
"""How far before and after a named minute is looked."""
Shape = Literal["moment", "since", "between"]


@frozen
class Span:
    """A time that a question names."""

    start: float
    end: float
    """Epoch seconds."""
    shape: Shape
    words: str
    """As it was said."""

    @property
    def at(self) -> float:
        """Its moment; the middle of a span."""
        return (self.start + self.end) / 2


@frozen
class Clock:
    """When it is asked."""

    now: float
    zone: tzinfo | None = None

    def local(self) -> datetime:
        """Now, as the wall's clock shows it."""
        return datetime.fromtimestamp(self.now, self.zone)

    def day(self, days_ago: int = 0) -> datetime:
        """The midnight before now, or one some days before that."""
        midnight = self.local().replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=days_ago)


_NUMBERS = {"a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0,
            "ten": 10.0, "twelve": 12.0, "half an": 0.5, "couple of": 2.0, "a couple of": 2.0, "few": 3.0}  # fmt: skip
_COUNT = r"(?P<count>\d{1,5}(?:\.\d+)?|half an|an?(?: couple of)?|couple of|few|one|two|three|four|five|six|ten|twelve)"
_UNIT = r"(?P<unit>seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})(?::(?P<second>\d{2}))?)?\s?(?P<half>[ap]\.?m\b\.?)?"
_WHEN = r"(?:(?P<day>yesterday|today|last night|" + "|".join(_DAYS) + r")\s+)?(?:at\s+|around\s+|about\s+)?"
_ISO = r"\d{4}-\d{2}-\d{2}(?:[tT ]\d{2}:\d{2}(?::\d{2})?(?:[zZ]|[+-]\d{2}:?\d{2})?)?"


def _seconds(found: re.Match[str]) -> float:
    said = found.group("count")
    count = float(said) if said[0].isdigit() else _NUMBERS[said]
    return count * UNITS_S[found.group("unit")[0]]


def _past(found: re.Match[str], clock: Clock) -> Span:
    return Span(clock.now - _seconds(found), clock.now, "since", found.group())


def _one_past(found: re.Match[str], clock: Clock) -> Span:
    return Span(clock.now - UNITS_S[found.group("unit")[0]], clock.now, "since", found.group())


def _ago(found: re.Match[str], clock: Clock) -> Span | None:
    at = clock.now - _seconds(found)
    if found.group("since"):
        return Span(at, clock.now, "since", found.group())
    around = min(AROUND_S, _seconds(found) / 2)
    return Span(at - around, at + around, "moment", found.group())


def _hour(found: re.Match[str], clock: Clock, prefix: str = "") -> float | None:
    """The moment that a clock time means; None for what is no time of day."""
    hour, half = int(found.group(f"{prefix}hour")), (found.group(f"{prefix}half") or "").replace(".", "")
    minute, second = int(found.group(f"{prefix}minute") or 0), int(found.group(f"{prefix}second") or 0)
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    at = clock.day().replace(hour=hour, minute=minute, second=second)
    return (at if at.timestamp() <= clock.now else at - timedelta(days=1)).timestamp()


def _at(found: re.Match[str], clock: Clock) -> Span | None:
    if not (found.group("minute") or found.group("half")):
        return None
    at = _hour(found, clock)
    if at is None:
        return None
    if (day := found.group("day")) and day not in ("today", "last night"):
        wanted = _named_day(day, clock)
        moment = datetime.fromtimestamp(at, clock.zone)
        at = wanted.replace(hour=moment.hour, minute=moment.minute, second=moment.second).timestamp()
    if found.group("since"):
        return Span(at, clock.now, "since", found.group())
    return Span(at - AROUND_S, min(at + AROUND_S, max(clock.now, at)), "moment", found.group())


def _named_day(day: str, clock: Clock) -> datetime:
    if day == "yesterday":
        return clock.day(1)
    ago = (clock.local().weekday() - _DAYS.index(day)) % 7
    return clock.day(ago or 7)


def _between(found: re.Match[str], clock: Clock) -> Span | None:
    start, end = _hour(found, clock, "a"), _hour(found, clock, "b")
    if start is None or end is None:
        return None
    if start > end:
        start -= DAY_S
    return Span(start, end, "between", found.group())


def _night(found: re.Match[str], clock: Clock) -> Span:
    """From 20:00 of the evening to 08:00, or to now."""
    today = clock.day()
    start = (today - timedelta(days=1) if clock.local().hour < 20 else today).replace(hour=20)
    if found.group().endswith("overnight") or clock.local().hour < 20:
        return Span(start.timestamp(), min(clock.now, today.replace(hour=8).timestamp()), "between", found.group())
    return Span(start.timestamp() - DAY_S, today.replace(hour=8).timestamp(), "between", found.group())


def _part_of_today(first: int, last: int) -> Callable[[re.Match[str], Clock], Span]:
    def made(found: re.Match[str], clock: Clock) -> Span:
        start, end = clock.day().replace(hour=first), clock.day() + timedelta(hours=last)
        if start.timestamp() > clock.now:
            start, end = start - timedelta(days=1), end - timedelta(days=1)
        return Span(start.timestamp(), min(clock.now, end.timestamp()), "between", found.group())

    return made


def _day(found: re.Match[str], clock: Clock) -> Span:
    day = found.group("day")
    start = clock.day() if day == "today" else _named_day(day, clock)
    if day == "today" or found.group("since"):
        return Span(start.timestamp(), clock.now, "since", found.group())
    return Span(start.timestamp(), (start + timedelta(days=1)).timestamp(), "between", found.group())


def _date(found: re.Match[str], clock: Clock) -> Span | None:
    text = found.group("date")
    try:
        moment = datetime.fromisoformat(text.upper().replace(" ", "T"))
    except ValueError:
        return None
    at = (moment if moment.tzinfo else moment.replace(tzinfo=clock.zone)).timestamp()
    if found.group("since"):
        return Span(at, clock.now, "since", found.group())
    if len(text) == len("2026-11-28"):
        return Span(at, min(clock.now, at + DAY_S), "between", found.group())
    return Span(at - AROUND_S, min(at + AROUND_S, max(at, clock.now)), "moment", found.group())


def _week(found: re.Match[str], clock: Clock) -> Span:
    unit = found.group("week")
    return Span(clock.now - (7 if unit == "week" else 30) * DAY_S, clock.now, "since", found.group())


def _named(prefix: str) -> str:
    return re.sub(r"\(\?P<", f"(?P<{prefix}", _CLOCK)


_SINCE = r"(?:(?P<since>since|after)\s+)?"
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Clock], Span | None]], ...] = tuple(
    (re.compile(rf"(?<![\w/.-]){pattern}(?![\w/])"), made)
    for pattern, made in (
        (rf"{_SINCE}(?:(?:at|on|around)\s+)?(?P<date>{_ISO})", _date),
        (rf"(?:between|from)\s+{_named('a')}\s+(?:and|to|until|till)\s+{_named('b')}", _between),
        (rf"(?:(?:in|over|during|for|within)\s+)?(?:the\s+)?(?:last|past|previous)\s+{_COUNT}\s?{_UNIT}", _past),
        (r"(?:(?:in|over|during|for|within)\s+)?(?:the\s+)?(?:last|past|previous)\s+(?P<unit>minute|hour|day)", _one_past),
        (rf"{_SINCE}(?:about\s+|around\s+)?{_COUNT}\s?{_UNIT} (?:ago|back)", _ago),
        (rf"{_SINCE}{_WHEN}{_CLOCK}", _at),
        (r"(?:during |since )?(?:the |last |over )night|overnight|tonight", _night),
        (r"(?:since )?this morning|in the morning", _part_of_today(5, 12)),
        (r"this afternoon", _part_of_today(12, 18)),
        (r"this evening", _part_of_today(18, 24)),
        (rf"{_SINCE}(?:on\s+)?(?:last\s+)?(?P<day>yesterday|today|{'|'.join(_DAYS)})", _day),
        (r"(?:(?:in|over|during)\s+)?(?:since\s+)?(?:the\s+)?(?:last|this|past)\s+(?P<week>week|month)", _week),
    )
)  # fmt: skip
_LENGTH = re.compile(rf"\bfor\s+(?:the\s+next\s+)?{_COUNT}\s?{_UNIT}\b")


def find_span(text: str, clock: Clock) -> tuple[Span | None, str]:
    """The time that a text names, and the text with `<TIME>` in its place."""
    for pattern, made in _FORMS:
        for found in pattern.finditer(text):
            span = made(found, clock)
            if span is not None:
                return span, f"{text[: found.start()]}<TIME>{text[found.end() :]}"
    return None, text


def find_length(text: str) -> tuple[float | None, str]:
    """How long something shall last (`for 2 hours`), seconds, and the text with `<LENGTH>` in its place."""
    found = _LENGTH.search(text)
    if found is None:
        return None, text
    return _seconds(found), f"{text[: found.start()]}<LENGTH>{text[found.end() :]}"
