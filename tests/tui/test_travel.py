"""Which kept moment comes next, and how often the screen looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tui.feed import pace
from app.tui.travel import after, before

MOMENTS = st.lists(st.integers(0, 1000).map(float), max_size=30)


@given(MOMENTS, st.integers(0, 1000).map(float))
def test_neighbours_are_the_nearest_on_their_side(moments: list[float], here: float) -> None:
    """Nothing kept lies between a moment and the one before or after it."""
    assert max((one for one in moments if one < here), default=None) == before(moments, here)
    assert min((one for one in moments if one > here), default=None) == after(moments, here)


def test_moment_itself_is_not_its_neighbour() -> None:
    """A moment that differs by less than a clock can tell is the same."""
    assert before([10.0], 10.005) is None
    assert after([10.0], 9.995) is None


@pytest.mark.parametrize(("look_s", "pause_s"), [(0.0, 0.25), (0.002, 0.25), (0.0125, 0.5), (0.025, 1.0), (3.0, 1.0)])
def test_dear_looks_come_less_often(look_s: float, pause_s: float) -> None:
    """Four looks a second where they are cheap, one where a fleet makes them dear, never fewer."""
    assert pause_s == pace(look_s)
