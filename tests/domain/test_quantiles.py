"""Quantiles out of histograms' growth, as Prometheus reckons them."""

from __future__ import annotations

from math import inf

import pytest

from app.domain.quantiles import Buckets, grown, quantile

COUNTS: Buckets = ((0.1, 10.0), (0.5, 70.0), (1.0, 95.0), (inf, 100.0))


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.05, 0.05), (0.5, 0.1 + 0.4 * 40 / 60), (0.95, 1.0), (0.99, 1.0), (0.0, 0.0)],
)
def test_a_quantile_is_linear_within_its_bucket(share: float, expected: float) -> None:
    """The first bucket begins at 0; what lies beyond the last bound is told as that bound."""
    assert expected == pytest.approx(quantile(COUNTS, share))


@pytest.mark.parametrize("counts", [(), ((inf, 5.0),), ((1.0, 0.0), (inf, 0.0)), ((1.0, 3.0), (2.0, 5.0))])
def test_without_observations_or_an_end_there_is_none(counts: Buckets) -> None:
    """No bucket, one alone, nothing counted, no infinite bucket: no quantile."""
    assert quantile(counts, 0.5) is None


def test_growth_is_what_came_between() -> None:
    """Each bucket less what it was."""
    assert ((1.0, 2.0), (inf, 5.0)) == grown(((1.0, 3.0), (inf, 10.0)), ((1.0, 5.0), (inf, 15.0)))


def test_a_restart_or_other_bounds_give_no_growth() -> None:
    """A fall is a restart; other bounds are another release."""
    before: Buckets = ((1.0, 3.0), (inf, 10.0))

    assert grown(before, ((1.0, 1.0), (inf, 2.0))) is None
    assert grown(before, ((2.0, 5.0), (inf, 15.0))) is None


def test_buckets_that_fall_within_a_page_do_no_harm() -> None:
    """A page read while it changed: the quantile stays within the bounds."""
    found = quantile(((1.0, 5.0), (2.0, 4.0), (4.0, 9.0), (inf, 10.0)), 0.6)

    assert found is not None
    assert 1.0 <= found <= 4.0
