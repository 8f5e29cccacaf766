"""How tools tell things: nothing that is not known, units in names, moments in ISO 8601 and epoch seconds. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from app.domain.metric import Metric

_UNITS: Mapping[str, str] = {
    "%": "percent", "MiB": "mib", "°C": "c", "W": "w", "MHz": "mhz", "B/s": "bytes_per_s", "B": "bytes", "s": "s",
    "J": "joules", "tok/s": "per_s", "/s": "per_s", "$/h": "dollars_per_hour", "rpm": "rpm", "mV": "mv",
}  # fmt: skip


def lean(told: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not known: a key that is missing says so. Numbers, zero too, and false stay."""
    return {key: value for key, value in told.items() if value is not None and value not in ("", [], (), {})}


def iso(at: float | None) -> str | None:
    """A moment in the zone of this machine, `2026-11-24T14:32:10+01:00`; None for one that is not known."""
    if at is None or not math.isfinite(at) or at <= 0:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).astimezone().isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return None


def moment(at: float | None, name: str = "at") -> dict[str, Any]:
    """A moment by both its names: `at` (epoch seconds) and `at_iso`."""
    return {} if iso(at) is None or at is None else {name: round(at, 1), f"{name}_iso": iso(at)}


def number(value: float | None, digits: int = 5) -> float | int | None:
    """A number of so many digits that count; whole ones stay whole."""
    if value is None or not math.isfinite(value):
        return None
    if value == int(value) and abs(value) < 2**53:
        return int(value)
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if abs(rounded) >= 10**digits and rounded == int(rounded) else rounded


def unit_name(metric: Metric) -> str:
    """What a metric is called in an answer: the last part of its key, with its unit (`temperature_c`)."""
    suffix = _UNITS.get(metric.unit, "")
    short = metric.short
    if not suffix or short == suffix or short.endswith(f"_{suffix}"):
        return short
    return f"{short}_{suffix}"


def counted(texts: Iterable[str]) -> dict[str, int]:
    """How often each is there, the most frequent first."""
    found: dict[str, int] = {}
    for text in texts:
        found[text] = found.get(text, 0) + 1
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def plural(many: int, one: str, more: str = "") -> str:
    """`1 job`, `3 jobs`, `no job`."""
    if not many:
        return f"no {one}"
    return f"{many:,} {one if many == 1 else more or one + 's'}"
