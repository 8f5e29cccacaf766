"""Values in whole quanta."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.metrics import METRICS
from app.store.scale import LARGEST, scale_of

QUANTA = sorted({metric.quantum for metric in METRICS})


@given(st.sampled_from(QUANTA), st.integers(-(10**12), 10**12))
def test_a_multiple_of_the_quantum_is_exact(quantum: float, count: int) -> None:
    """What was decoded encodes to the same number again, so that storing twice changes nothing."""
    scale = scale_of(quantum)

    assert count == scale.count(scale.value(count))


@given(st.sampled_from(QUANTA), st.floats(-1e14, 1e14))
def test_a_value_is_off_by_half_a_quantum_at_most(quantum: float, value: float) -> None:
    """Rounding is to the nearest multiple."""
    scale = scale_of(quantum)
    count = scale.count(value)

    assert count is not None
    assert abs(scale.value(count) - value) <= quantum / 2 + abs(value) * 1e-15


@pytest.mark.parametrize(("value", "count"), [(0.25, 2), (0.35, 4), (0.3, 3), (-0.25, -2)])
def test_halves_go_to_even(value: float, count: int) -> None:
    """A tenth of a percent: 0.25 is two of them, 0.35 four."""
    assert count == scale_of(0.1).count(value)


def test_decimals_read_as_people_write_them() -> None:
    """Three tenths are 0.3, not 0.30000000000000004."""
    assert [0.1, 0.2, 0.3] == scale_of(0.1).values([1, 2, 3])


def test_huge_counters_keep_every_byte() -> None:
    """A counter of 2^53 B is exact to its quantum of 1 kiB, and one of 2^60 fits."""
    scale = scale_of(1024)

    assert 2**43 + 1 == scale.count(2**53 + 1024.0)
    assert 2.0**60 == scale.value(scale.count(2.0**60) or 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_what_is_no_number_of_64_bits_is_absent(value: float) -> None:
    """Such a value is not kept; it is never kept as another one."""
    assert scale_of(1.0).count(value) is None


def test_the_largest_number_fits() -> None:
    """The bound itself is kept, and leaves room for the parts that a mean is kept in."""
    assert LARGEST >= 8 * (scale_of(1.0).count(1.15e18) or 0) > 0
    assert LARGEST >= (scale_of(0.1).count(9.2e17) or 0) > 0


def test_a_number_whose_mean_would_not_fit_is_absent() -> None:
    """An exporter that says 9·10¹⁸ costs its own value, and not the roll-ups of everybody."""
    assert scale_of(1.0).count(9.19e18) is None
