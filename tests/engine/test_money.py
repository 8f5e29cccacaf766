"""What things cost: rates by whom, waste told apart, sums over time, and what they come to."""

from __future__ import annotations

from datetime import UTC

import pytest

from app.domain.series import FLEET, Point, Series
from app.engine.money import Rate, Spent, bounds, forecast, rates, spent
from tests.engine.slurm_builders import NOW, gpu, idle, node, picture, running, snapshot_with

PRICES = {"NVIDIA H100": 2.0}


def test_a_gpu_costs_whether_it_works_or_not_and_waste_is_told_apart() -> None:
    """Of four GPUs one works, one is held idle, and two are nobody's."""
    world = snapshot_with(
        picture([running(812, "n1", 2)], [node("n1", 4, 2)]),
        [gpu("n1", 0), idle("n1", 1), idle("n1", 2), idle("n1", 3)],
        prices=PRICES,
    )
    found = rates(world, NOW)
    assert (8.0, 6.0) == (found.total.per_hour, found.total.idle_per_hour)
    assert (4.0, 2.0) == (found.held.per_hour, found.held.idle_per_hour)
    assert 4.0 == found.unheld.per_hour
    assert {"ana": (4.0, 2.0)} == {key: (one.per_hour, one.idle_per_hour) for key, one in found.by_user.items()}


def test_a_job_has_cost_its_rate_since_it_began() -> None:
    """Two GPUs at $2 for three hours."""
    world = snapshot_with(
        picture([running(812, "n1", 2)], [node("n1", 2, 2)]), [gpu("n1", 0), gpu("n1", 1)], prices=PRICES
    )
    assert pytest.approx(12.0) == rates(world, NOW).by_job["812"].so_far


def test_what_has_no_price_is_counted_and_not_guessed() -> None:
    """No sum pretends to know."""
    found = rates(snapshot_with(None, [gpu("n1", 0)], prices={"A100": 1.0}), NOW)
    assert 0 == found.total.gpus
    assert {"NVIDIA H100 80GB HBM3": 1} == found.unpriced


def series(metric: str, *values: float | None, step_s: float = 3600.0) -> Series:
    """A series of the fleet."""
    points = tuple(Point(at * step_s, value) for at, value in enumerate(values))
    return Series(FLEET, metric, "", 0.0, len(values) * step_s, step_s, points)


def test_sums_over_time_leave_gaps_out_and_say_so() -> None:
    """Two hours at $8 and one that nobody saw."""
    found = spent(
        0.0,
        10800.0,
        series("cost", 8.0, None, 8.0),
        series("idle", 2.0, None, 0.0),
        series("power", 1000.0, None, 2000.0),
    )
    assert (16.0, 2.0, 3.0) == (found.cost, found.idle_cost, found.energy_kwh)
    assert pytest.approx(2 / 3) == found.covered


def test_the_forecast_carries_the_present_rate_on() -> None:
    """Six hours before midnight, $100 spent."""
    at = bounds(NOW, UTC)
    day = Spent(at.day, at.day_end - 6 * 3600, 100.0, None, None, 1.0)
    found = forecast(Rate(per_hour=10.0, gpus=5), day, None, at.day_end - 6 * 3600, UTC)
    assert (160.0, None, 240.0, 7300.0) == (found.today, found.month, found.day_rate, found.month_rate)


def test_a_month_ends_where_the_next_begins() -> None:
    """Whatever its length."""
    at = bounds(NOW, UTC)
    assert at.month < at.day <= NOW < at.day_end <= at.month_end
    assert 28 * 86400 <= at.month_end - at.month <= 31 * 86400
