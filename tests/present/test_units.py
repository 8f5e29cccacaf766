"""Numbers for people."""

from __future__ import annotations

import math

import pytest

from app.domain.metrics import METRICS, by_key
from app.present.cells import line_width
from app.present.units import (
    format_age,
    format_count,
    format_elapsed,
    format_money,
    format_power,
    format_rate,
    format_size,
    format_value,
    quantity,
    value_line,
    value_width,
)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("gpu.utilization", 97.0, "97 %"),
        ("gpu.memory_used", 72_700.0, "71.0 G"),
        ("node.memory_total", 2_097_152.0, "2.00 T"),
        ("gpu.temperature", 63.0, "63°"),
        ("gpu.power", 612.4, "612 W"),
        ("gpu.sm_clock", 1980.0, "1980 MHz"),
        ("gpu.pcie_rx", 1_214_000_000.0, "1.21 GB/s"),
        ("gpu.pcie_rx", 999.6, "1.00 kB/s"),
        ("service.ttft", 0.212, "212 ms"),
        ("service.ttft", 1.25, "1.2 s"),
        ("gpu.clock_event_reasons", 68.0, "0x44"),
        ("gpu.ecc_dbe_volatile", 3.0, "3"),
        ("node.load_1m", 1.25, "1.25"),
        ("gpu.energy", 1.4e9, "1.40 GJ"),
        ("fleet.cost_per_hour", 23.84, "$23.84/h"),
        ("node.boot_time", 1_764_000_000.0, "2025-11-24 16:00 UTC"),
        ("gpu.utilization", None, "—"),
        ("gpu.utilization", math.nan, "—"),
    ],
)
def test_a_value_has_the_form_of_its_unit(key: str, value: float | None, text: str) -> None:
    """Each unit has one form; no value and no number are a dash."""
    assert text == format_value(by_key()[key], value)


@pytest.mark.parametrize("value", [None, 0.0, 1.0, 12.3, 99.99, 100.0, 999.5, 9999.0])
def test_every_metric_keeps_its_width(value: float | None) -> None:
    """Every row of the catalogue has a form, and everyday values never change its width."""
    for metric in METRICS:
        assert quantity(metric, value).number
        assert value_width(metric) == line_width(value_line(metric, value)), metric.key


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.23, "1.2 s"),
        (41.0, "41 s"),
        (99.4, "99 s"),
        (2460.0, "41 min"),
        (11_400.0, "3 h 10"),
        (187_200.0, "2 d 4 h"),
        (None, "—"),
        (-3.0, "0.0 s"),
    ],
)
def test_ages(seconds: float | None, text: str) -> None:
    """An age has its two largest units at most."""
    assert text == format_age(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(41.0, "0:41"), (2467.0, "41:07"), (11_520.0, "3:12:00"), (187_200.0, "2-04:00"), (None, "—")],
)
def test_elapsed(seconds: float | None, text: str) -> None:
    """A running time reads as Slurm writes it."""
    assert text == format_elapsed(seconds)


def test_single_numbers() -> None:
    """Money, power, sizes, rates and counts."""
    assert ("$23.84/h", "—") == (format_money(23.84), format_money(None))
    assert ("612 W", "8.4 kW", "1.24 MW") == (format_power(612), format_power(8400), format_power(1_240_000))
    assert ("71.0 G", "1.21 GB/s") == (format_size(72_700), format_rate(1.21e9))
    assert ("1,024", "1.05 M") == (format_count(1024), format_count(1_048_576))
