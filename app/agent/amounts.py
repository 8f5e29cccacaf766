"""Numbers in text with what they measure: `71 GB`, `97 %`, `3 h 10`, `14:32`, `$23.84/h`, `two GPUs`. Pure.

Each is read in every way it can be meant (`71 GB` is 71,000 MiB for some, 69.3 GiB for others), in one base unit a
kind, with the width that its last digit leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from app.domain.frozen import frozen

Kind = Literal[
    "plain",
    "percent",
    "memory",
    "time",
    "power",
    "energy",
    "temperature",
    "frequency",
    "money",
    "rate",
    "clock",
    "date",
]
MIB = 1048576.0
_DAY_S = 86400.0


@frozen
class Reading:
    """One way to read a number."""

    kind: Kind
    low: float
    """In the base unit of its kind: bytes, percent, seconds, watts, joules, °C, Hz, dollars, bytes or pieces a second,
    seconds of a day, days since the epoch."""
    high: float

    def fits(self, value: float) -> bool:
        """Whether a value of this kind may have been written so."""
        slack = 1e-9 * max(abs(self.low), abs(self.high), 1.0)
        return self.low - slack <= value <= self.high + slack


@frozen
class Amount:
    """One number in a text."""

    start: int
    end: int
    text: str
    readings: tuple[Reading, ...]
    is_word: bool = False
    """`two`, not `2`."""

    @property
    def kinds(self) -> frozenset[str]:
        """What it may measure."""
        return frozenset(one.kind for one in self.readings)


_UNITS: Mapping[str, tuple[tuple[Kind, float], ...]] = {
    **dict.fromkeys(("%", "percent", "per cent", "pp", "percentage points", "percentage point"), (("percent", 1.0),)),
    **dict.fromkeys(("b", "byte", "bytes"), (("memory", 1.0),)),
    **dict.fromkeys(("kb", "kib"), (("memory", 1e3), ("memory", 1024.0))),
    **dict.fromkeys(("mb", "mib"), (("memory", MIB), ("memory", 1e6))),
    "gib": (("memory", 1024 * MIB),),
    **dict.fromkeys(("gb", "g", "gigabytes"), (("memory", 1024 * MIB), ("memory", 1000 * MIB), ("memory", 1e9))),
    "tib": (("memory", 1024 * 1024 * MIB),),
    **dict.fromkeys(("tb",), (("memory", 1024 * 1024 * MIB), ("memory", 1e6 * MIB), ("memory", 1e12))),
    **dict.fromkeys(("b/s",), (("rate", 1.0),)),
    **dict.fromkeys(("kb/s", "kib/s"), (("rate", 1e3), ("rate", 1024.0))),
    **dict.fromkeys(("mb/s", "mib/s"), (("rate", 1e6), ("rate", MIB))),
    **dict.fromkeys(("gb/s", "gib/s"), (("rate", 1e9), ("rate", 1024 * MIB))),
    **dict.fromkeys(("tb/s",), (("rate", 1e12),)),
    **dict.fromkeys(("gbit/s", "gbps"), (("rate", 1.25e8), ("plain", 1.0))),
    **dict.fromkeys(
        ("tok/s", "tokens/s", "token/s", "tokens per second", "req/s", "requests/s", "requests per second", "/s"),
        (("rate", 1.0), ("plain", 1.0)),
    ),
    **dict.fromkeys(
        ("°c", "° c", "°", "c", "degrees", "degrees c", "celsius", "degrees celsius"), (("temperature", 1.0),)
    ),
    "mw": (("power", 1e6), ("power", 1e-3)),
    **dict.fromkeys(("w", "watt", "watts"), (("power", 1.0),)),
    **dict.fromkeys(("kw", "kilowatt", "kilowatts"), (("power", 1e3),)),
    **dict.fromkeys(("j", "joule", "joules"), (("energy", 1.0),)),
    "kj": (("energy", 1e3),),
    "mj": (("energy", 1e6),),
    "wh": (("energy", 3600.0),),
    "kwh": (("energy", 3.6e6),),
    "mwh": (("energy", 3.6e9),),
    "hz": (("frequency", 1.0),),
    "mhz": (("frequency", 1e6),),
    "ghz": (("frequency", 1e9),),
    **dict.fromkeys(("ns",), (("time", 1e-9),)),
    **dict.fromkeys(("us", "µs", "μs"), (("time", 1e-6),)),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), (("time", 1e-3),)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (("time", 1.0),)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), (("time", 60.0),)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), (("time", 3600.0),)),
    **dict.fromkeys(("d", "day", "days"), (("time", _DAY_S),)),
    **dict.fromkeys(("week", "weeks"), (("time", 7 * _DAY_S),)),
    **dict.fromkeys(("usd", "dollar", "dollars", "$", "usd/h", "$/h", "dollars per hour"), (("money", 1.0),)),
    **dict.fromkeys(("k", "thousand"), (("plain", 1e3),)),
    **dict.fromkeys(("million",), (("plain", 1e6),)),
}
"""By the unit as it is written, in one case: every kind it may mean with the size of one."""
_MEGA: tuple[tuple[Kind, float], ...] = (("plain", 1e6),)
WORDS: Mapping[str, int] = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12,
}  # fmt: skip
_NUMBER = r"(?:\d{1,3}(?:[,\u202f]\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d{1,2})?"
_UNIT = "|".join(re.escape(one) for one in sorted(_UNITS, key=len, reverse=True))
_TIME = r"(?:d(?:ays?)?|h(?:(?:ou)?rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)"
_SPAN = re.compile(
    rf"(?<![\w.])(?P<first>\d+)\s?(?P<of>{_TIME})(?:\s?|\sand\s)(?P<second>\d+)\s?(?P<of2>{_TIME})"
    rf"(?:(?:\s?|\sand\s)(?P<third>\d+)\s?(?P<of3>{_TIME}))?(?![\w/%])"
)
_HOURS = re.compile(r"(?<![\w.])(?P<hours>\d+) h (?P<minutes>[0-5]\d)(?![\w/%:]|\.\d|\s(?:%|[kMGT]?i?[BW]\b|°|s\b))")
_CLOCK = re.compile(
    r"(?<![\w.:])(?:(?P<days>\d{1,3})-)?(?P<a>\d{1,4}):(?P<b>[0-5]\d)(?::(?P<c>[0-5]\d)(?:\.\d+)?)?(?![\w:])"
)
_DATE = re.compile(r"(?<![\w.])(?P<y>20\d\d)-(?P<m>[01]\d)-(?P<d>[0-3]\d)\b")
_PLAIN = re.compile(
    rf"(?<![\w.\u202f])(?P<dollar>\$\s?)?(?P<sign>[-−+](?=\d))?(?P<number>{_NUMBER})"
    rf"(?:(?P<gap>[\s\u00a0\u202f-]?)(?P<unit>{_UNIT}|M)(?![\w%°]))?(?:\s?(?:/|per )\s?h(?:our|r)?\b)?(?!\d|\.\d|_\d)",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"\b[A-Za-z_][\w.]*(?:-[\w.]+)+(?:/\d+)?|\b[A-Za-z]+\d+/\d+|\b0x[0-9a-fA-F]+\b"
    r"|\b[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-7])?\b|\b[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]\b"
    r"|\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{9,27}\b"
)
"""Names, buses, flags and ids, whose digits count nothing."""
_ISO = re.compile(r"(?<=\d)T(?P<time>\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|[+-]\d\d:?\d\d)?")
_WORD = re.compile(rf"\b({'|'.join(WORDS)})\b", re.IGNORECASE)


def read(text: str) -> Iterator[Amount]:
    """Every number of a text, from left to right; a part of a longer one is not told again."""
    text = _NAME.sub(lambda match: "x" * len(match[0]), _ISO.sub(_apart, text))
    taken: list[tuple[int, int]] = []
    found: list[Amount] = []
    for amounts in (_dates(text), _clocks(text), _spans(text), _plain(text), _words(text)):
        for one in amounts:
            if all(one.end <= start or one.start >= end for start, end in taken):
                found.append(one)
                taken.append((one.start, one.end))
    return iter(sorted(found, key=lambda one: one.start))


def _apart(match: re.Match[str]) -> str:
    """An ISO time of day as one that stands alone, at its place, without its zone."""
    return f" {match['time']}".ljust(len(match[0]))


def _dates(text: str) -> Iterator[Amount]:
    for match in _DATE.finditer(text):
        number = day_number(int(match["y"]), int(match["m"]), int(match["d"]))
        if number is not None:
            yield Amount(match.start(), match.end(), match[0], (Reading("date", number, number),))


def day_number(year: int, month: int, day: int) -> int | None:
    """Days since the epoch; None for a day that no calendar has."""
    from datetime import date  # noqa: PLC0415 - for dates only

    try:
        return date(year, month, day).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return None


def _clocks(text: str) -> Iterator[Amount]:
    """`14:32` and `14:32:05` as a time of day and as a time that something took."""
    for match in _CLOCK.finditer(text):
        first, second, third = int(match["a"]), int(match["b"]), int(match["c"] or 0)
        days = int(match["days"] or 0)
        readings = []
        if match["c"] is not None:
            took = days * _DAY_S + first * 3600.0 + second * 60.0 + third
            readings.append(Reading("time", took - 0.5, took + 0.999))
        else:
            for took, width in ((first * 60.0 + second, 1.0), (days * _DAY_S + first * 3600.0 + second * 60.0, 60.0)):
                readings.append(_passed(took, width))
        if first < 24 and not days:
            of_day = first * 3600.0 + second * 60.0 + third
            readings.append(Reading("clock", of_day - 0.5, of_day + (0.999 if match["c"] is not None else 59.999)))
        yield Amount(match.start(), match.end(), match[0], tuple(readings))


def _spans(text: str) -> Iterator[Amount]:
    """`1 h 30 min`, `2 d 4 h`, `1h30m`, and `3 h 10`."""
    for match in _SPAN.finditer(text):
        sizes = [_size(one) for one in (match["of"], match["of2"], match["of3"]) if one]
        if sizes != sorted(set(sizes), reverse=True):
            continue
        numbers = (match["first"], match["second"], match["third"])
        total = sum(int(number) * size for number, size in zip(numbers, sizes, strict=False))
        yield Amount(match.start(), match.end(), match[0], (_passed(total, sizes[-1]),))
    for match in _HOURS.finditer(text):
        total = int(match["hours"]) * 3600.0 + int(match["minutes"]) * 60.0
        yield Amount(match.start(), match.end(), match[0], (_passed(total, 60.0),))


def _passed(total: float, width: float) -> Reading:
    """A time that has begun to run is told in whole units that have passed as often as to the nearest."""
    return Reading("time", total - width / 2, total + 0.999 * width)


def _size(unit: str) -> float:
    return {"d": _DAY_S, "h": 3600.0, "m": 60.0, "s": 1.0}[unit[0].lower()]


def _plain(text: str) -> Iterator[Amount]:
    for match in _PLAIN.finditer(text):
        digits = match["number"].replace(",", "").replace("\u202f", "")
        value, width = float(digits), _width(digits)
        if match["sign"] in ("-", "−"):
            value = -value
        unit = _unit(match)
        sizes = _dollars(unit) if match["dollar"] else _sizes(unit)
        readings = tuple(_reading(kind, value * size, width * size) for kind, size in sizes)
        end = match.end() if unit or (match["dollar"] and not match["unit"]) else match.end("number")
        yield Amount(match.start(), end, text[match.start() : end], readings)


def _unit(match: re.Match[str]) -> str:
    """The unit as the table has it; none where a letter after a space is likelier a word (`3 m`, `a C`)."""
    unit = match["unit"]
    if unit is None:
        return ""
    if unit == "M":
        return "M"
    if match["gap"] == "-" and len(unit) < 3:
        return ""
    return unit if unit in {"C", "G", "W", "MW", "mW"} else unit.lower()


def _dollars(unit: str) -> tuple[tuple[Kind, float], ...]:
    """`$46.1k` and `$1.2 million` are thousands and millions of dollars; other units behind dollars say no size."""
    return tuple(("money", size) for kind, size in _sizes(unit) if kind == "plain") or (("money", 1.0),)


def _sizes(unit: str) -> tuple[tuple[Kind, float], ...]:
    if unit == "M":
        return _MEGA
    if unit == "MW":
        return (("power", 1e6),)
    return _UNITS.get(unit.lower(), (("plain", 1.0),)) if unit else (("plain", 1.0),)


def _reading(kind: Kind, value: float, width: float) -> Reading:
    return _passed(value, width) if kind == "time" else Reading(kind, value - width / 2, value + width / 2)


def _width(digits: str) -> float:
    """What the last digit leaves open: 1 for `71`, 0.1 for `71.0`."""
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(10.0 ** (int(exponent or 0) - decimals))


def _words(text: str) -> Iterator[Amount]:
    for match in _WORD.finditer(text):
        value = float(WORDS[match[1].lower()])
        yield Amount(match.start(), match.end(), match[0], (Reading("plain", value, value),), is_word=True)
