"""Waves: value, integral and lag of a periodic table agree with each other."""

from __future__ import annotations

import math

import pytest

from app.sim.dice import Dice
from app.sim.waves import HUM_S, LAG_S, Wave, arrivals, hum, notebook, training

WAVES = {
    "training": training(Dice(1)),
    "notebook": notebook(Dice(1)),
    "arrivals": arrivals(Dice(1)),
    "hum": hum(Dice(1)),
}


@pytest.mark.parametrize("name", WAVES)
def test_area_is_the_sum_of_the_values_between_two_moments(name: str) -> None:
    """The integral over any span equals the values added up second by second, across periods and before zero."""
    wave = WAVES[name]
    for since, until in ((-700, 350), (0, 1), (100, 9000)):
        added = math.fsum(wave.value(second) for second in range(since, until))
        assert wave.area(until) - wave.area(since) == pytest.approx(added, abs=1e-6)


def test_area_grows_within_a_second() -> None:
    """Half a second adds half of that second's value."""
    wave = Wave.of((2.0, 4.0))

    assert 4.0 == wave.area(1.5)


def test_lag_follows_a_step_with_its_time_constant() -> None:
    """A value that jumps is followed by 63 % after one time constant."""
    wave = Wave.of([0.0] * 2000 + [1.0] * 2000)

    assert wave.lag(2000 + LAG_S) == pytest.approx(1 - math.exp(-1), abs=0.02)


def test_lag_of_a_period_closes_on_itself() -> None:
    """At the end of a period the lag is where it began, so nothing jumps from one to the next."""
    for wave in (WAVES["training"], WAVES["notebook"]):
        gain = 1 - math.exp(-1 / LAG_S)
        closed = wave.lagged[-1] + gain * (wave.values[-1] - wave.lagged[-1])
        assert closed == pytest.approx(wave.lagged[0], abs=1e-3)


def test_hum_adds_up_to_nothing() -> None:
    """Noise leaves no trace in an integral over a whole turn, and never leaps."""
    wave = WAVES["hum"]

    assert HUM_S == len(wave.values)
    assert wave.sums[-1] == pytest.approx(0.0, abs=1e-9)
    assert max(abs(value) for value in wave.values) < 2.6


def test_training_is_a_plateau_with_a_checkpoint_dip() -> None:
    """Each period ends in 12 to 28 s of near idleness; all else is above 0.9."""
    for seed in range(20):
        values = training(Dice(seed)).values
        low = [value for value in values if value < 0.9]
        assert 12 <= len(low) <= 28
        assert 180 <= len(values) <= 480
        assert all(value < 0.9 for value in values[-len(low) :])


def test_dice_throw_the_same_numbers_for_the_same_name() -> None:
    """A seed and a name decide everything."""
    assert [Dice(7, "a").gauss() for _ in range(3)] == [Dice(7, "a").gauss() for _ in range(3)]
    assert Dice(7, "a").between(0, 1) != Dice(7, "b").between(0, 1)
