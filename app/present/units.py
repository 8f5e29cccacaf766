"""Numbers for people: one form for each unit, of steady width, so that columns never move.

Every number on the screen passes through here. Memory is in GiB (written G), rates and energies take SI prefixes,
durations take the two largest units that say something.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from app.present.cells import Cell, Line, Tone, fit

if TYPE_CHECKING:
    from app.domain.metric import Metric

MISSING = "—"
_SI = ("", "k", "M", "G", "T", "P", "E")


class Quantity(NamedTuple):
    """A number and its unit, apart: units are quiet."""

    number: str
    unit: str

    @property
    def text(self) -> str:
        """Both, with a space between unless the unit is a degree sign."""
        return f"{self.number}{_space(self.unit)}{self.unit}"


_WIDTHS: dict[str, tuple[int, int]] = {
    "%": (3, 1),
    "MiB": (5, 1),
    "°C": (3, 1),
    "W": (5, 2),
    "MHz": (4, 3),
    "B/s": (4, 4),
    "B": (4, 2),
    "J": (4, 2),
    "s": (6, 3),
    "rpm": (5, 3),
    "tok/s": (6, 5),
    "/s": (6, 2),
    "$/h": (8, 2),
    "": (7, 0),
}
"""Columns of number and unit, by the metric's unit."""


def quantity(metric: Metric, value: float | None) -> Quantity:
    """A value of a metric, in the form of its unit; `—` without a unit where there is none."""
    if value is None or not math.isfinite(value):
        return Quantity(MISSING, "")
    if metric.unit == "":
        return Quantity(_plain(metric, value), "")
    if metric.key == "node.boot_time":
        return Quantity(_moment(value), "")
    form = _FORMS.get(metric.unit)
    if form is not None:
        return form(value)
    return Quantity(f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}", metric.unit)


def format_value(metric: Metric, value: float | None) -> str:
    """`97 %`, `71.0 G`, `63°`, `612 W`, `1.21 GB/s`; `—` for none."""
    return quantity(metric, value).text


def value_width(metric: Metric) -> int:
    """Columns that `value_line` takes for a metric."""
    number, unit = _WIDTHS.get(metric.unit, (6, len(metric.unit)))
    return number + unit + (0 if metric.unit == "°C" or not unit else 1)


def value_line(metric: Metric, value: float | None, *, stale: bool = False) -> Line:
    """The value right-aligned in steady width, its unit quiet; all of it grey when old."""
    number_width, unit_width = _WIDTHS.get(metric.unit, (6, len(metric.unit)))
    shown = quantity(metric, value)
    number = fit(shown.number, number_width, "right")
    tone: Tone = "old" if stale or value is None else "plain"
    if not unit_width:
        return (Cell(number, tone),)
    unit = ("" if metric.unit == "°C" else " ") + fit(shown.unit, unit_width)
    return (Cell(number, tone), Cell(unit, "old" if stale else "unit"))


def format_age(seconds: float | None) -> str:
    """`1.2 s`, `41 s`, `41 min`, `3 h 10`, `2 d 4 h`; `—` for none."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    age = max(0.0, seconds)
    if age < 9.95:
        return f"{age:.1f} s"
    if age < 99.5:
        return f"{age:.0f} s"
    minutes = int(age / 60 + 0.5)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02}"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days < 100 else f"{days} d"


def format_elapsed(seconds: float | None) -> str:
    """A running time as Slurm writes it: `41:07`, `3:12:00`, `2-04:00`; `—` for none."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}-{hour:02}:{minute:02}"
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def format_money(per_hour: float | None) -> str:
    """`$23.84/h`; `—` for none."""
    return MISSING if per_hour is None else f"${per_hour:,.2f}/h"


def format_power(watts: float | None) -> str:
    """`612 W`, `8.4 kW`, `153 kW`, `1.94 MW`; `—` for none: no more figures than stay put from second to second."""
    if watts is None or not math.isfinite(watts):
        return MISSING
    if abs(watts) < 999.5:
        return f"{watts:.0f} W"
    if abs(watts) < 99_950:
        return f"{watts / 1000:.1f} kW"
    number, prefix = _si(watts)
    return f"{number} {prefix}W"


def format_size(mib: float | None) -> str:
    """`71.0 G` from MiB; `—` for none."""
    return MISSING if mib is None or not math.isfinite(mib) else _memory(mib).text


def format_rate(bytes_per_s: float | None) -> str:
    """`1.21 GB/s`; `—` for none."""
    if bytes_per_s is None or not math.isfinite(bytes_per_s):
        return MISSING
    number, prefix = _si(bytes_per_s)
    return f"{number} {prefix}B/s"


def format_count(number: float | None) -> str:
    """`1,024`, then `1.05 M`; `—` for none."""
    if number is None or not math.isfinite(number):
        return MISSING
    if abs(number) < 1e6:
        return f"{number:,.0f}"
    figures, prefix = _si(number)
    return f"{figures} {prefix}"


def _space(unit: str) -> str:
    return "" if not unit or unit == "°" or unit.startswith("/") else " "


def _memory(mib: float) -> Quantity:
    gib = mib / 1024
    if abs(gib) < 999.95:
        return Quantity(f"{gib:.1f}", "G")
    return Quantity(f"{gib / 1024:.2f}", "T")


def _watts(watts: float) -> Quantity:
    if abs(watts) < 9999.5:
        return Quantity(f"{watts:.0f}", "W")
    return Quantity(f"{watts / 1000:.1f}", "kW")


def _seconds(seconds: float) -> Quantity:
    if abs(seconds) < 0.9995:
        return Quantity(f"{seconds * 1000:.0f}", "ms")
    if abs(seconds) < 99.95:
        return Quantity(f"{seconds:.1f}", "s")
    if abs(seconds) < 6000:
        return Quantity(f"{seconds / 60:.0f}", "min")
    if abs(seconds) < 172_800:
        return Quantity(f"{seconds / 3600:.1f}", "h")
    return Quantity(f"{seconds / 86400:.1f}", "d")


def _moment(epoch: float) -> str:
    try:
        return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return MISSING


def _plain(metric: Metric, value: float) -> str:
    if metric.key == "gpu.clock_event_reasons":
        return f"0x{int(value):x}" if 0 <= value < 2**63 else MISSING
    if value != int(value) and metric.quantum < 1:
        return f"{value:.2f}"
    return format_count(value)


def _si(value: float) -> tuple[str, str]:
    """Three figures and an SI prefix: 1234567 → ("1.23", "M")."""
    size = abs(value)
    step = 0
    while size >= 999.5 and step < len(_SI) - 1:
        size /= 1000
        step += 1
    number = size if value >= 0 else -size
    if not step:
        return f"{number:.0f}", ""
    figures = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{number:.{figures}f}", _SI[step]


def _prefixed(unit: str) -> Callable[[float], Quantity]:
    def form(value: float) -> Quantity:
        number, prefix = _si(value)
        return Quantity(number, prefix + unit)

    return form


def _whole(unit: str) -> Callable[[float], Quantity]:
    return lambda value: Quantity(f"{value:.0f}", unit)


_FORMS: dict[str, Callable[[float], Quantity]] = {
    "%": _whole("%"),
    "°C": _whole("°"),
    "MHz": _whole("MHz"),
    "rpm": _whole("rpm"),
    "MiB": _memory,
    "W": _watts,
    "B/s": _prefixed("B/s"),
    "B": _prefixed("B"),
    "J": _prefixed("J"),
    "s": _seconds,
    "$/h": lambda value: Quantity(f"${value:,.2f}", "/h"),
}
"""How a value of each unit is written; other units take the plain form."""
