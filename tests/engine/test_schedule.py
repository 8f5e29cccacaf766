"""Looks keep their places in the interval, never pile up, and thin out while a source fails."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.schedule import BEAT_S, LONGEST_PAUSE_S, after_look, offset, slot_after

NOW = 1_764_000_000.0
INTERVALS = st.sampled_from([0.2, 1.0, 5.0, 15.0, 60.0, 3600.0])
NAMES = st.text(max_size=30)
TIMES = st.floats(1.7e9, 1.9e9)


@given(NAMES, INTERVALS, TIMES)
def test_the_next_slot_is_ahead_within_an_interval(name: str, interval_s: float, when: float) -> None:
    """The slot after a moment is later than it, by no more than an interval, and on the source's grid."""
    slot = slot_after(name, interval_s, when)

    assert when < slot <= when + interval_s * 1.000001
    off_grid = (slot - offset(name, interval_s)) % interval_s
    assert min(off_grid, interval_s - off_grid) < 1e-5


def test_slots_keep_their_places() -> None:
    """A name has the same offset in every process and after every restart."""
    assert [0.2, 2.7] == [pytest.approx(offset(name, 5.0)) for name in ("node-1:9400", "node-2:9400")]


def test_a_thousand_sources_spread_over_the_interval() -> None:
    """Each tenth of the interval holds about a tenth of the sources."""
    tenths = [int(offset(f"node-{number}:9400", 10.0)) for number in range(1000)]

    assert all(70 < tenths.count(tenth) < 130 for tenth in range(10))


def test_a_large_fleet_is_woken_for_a_few_sources_at_a_time() -> None:
    """A thousand sources share fifty moments of five seconds, about twenty each; a few have one of their own."""
    beats = Counter(offset(f"node-{number}:9400", 5.0) for number in range(1000))
    few = {offset(f"node-{number}:9400", 5.0) for number in range(8)}

    assert 50 == len(beats)
    assert 40 > max(beats.values())
    assert 8 == len(few)


@given(NAMES, INTERVALS)
def test_an_offset_is_a_beat_within_the_interval(name: str, interval_s: float) -> None:
    """Every offset is a whole number of beats, and less than the interval."""
    beats = offset(name, interval_s) / BEAT_S

    assert round(beats) == pytest.approx(beats)
    assert 0 <= offset(name, interval_s) < interval_s


@given(NAMES, INTERVALS, TIMES, st.floats(0.0, 0.4))
def test_a_quick_look_is_followed_by_the_next_slot(name: str, interval_s: float, began: float, share: float) -> None:
    """After a look within its time, the next begins half to one and a half intervals after this one did."""
    plan = after_look(name, interval_s, began, began + share * interval_s)

    assert 0 == plan.missed
    assert 0.499 * interval_s <= plan.at - began <= 1.501 * interval_s


@pytest.mark.parametrize(("took_s", "slots_on", "missed"), [(4.5, 1, 0), (5.1, 2, 1), (14.9, 3, 2), (15.1, 4, 3)])
def test_slots_that_pass_meanwhile_are_counted_and_left_out(took_s: float, slots_on: int, missed: int) -> None:
    """A look that outlasts its interval misses slots; they are counted, and the next one ahead is taken."""
    began = slot_after("node-1", 5.0, NOW)
    plan = after_look("node-1", 5.0, began, began + took_s)

    assert missed == plan.missed
    assert began + 5.0 * slots_on == pytest.approx(plan.at)


@pytest.mark.parametrize(
    ("interval_s", "pauses"),
    [
        (5.0, [5, 5, 10, 20, 30, 30]),
        (1.0, [1, 1, 2, 4, 8, 16, 30, 30]),
        (30.0, [30, 30, 30]),
        (60.0, [60, 60, 60, 60]),
    ],
)
def test_a_failing_source_is_tried_less_and_less_often(interval_s: float, pauses: list[float]) -> None:
    """The first failure costs nothing; then the pause doubles, to 30 s at most, or the interval where it is longer."""
    began = slot_after("node-1", interval_s, NOW)
    plans = [after_look("node-1", interval_s, began, began + 0.1, failures) for failures in range(len(pauses))]

    assert pauses == [pytest.approx(plan.at - began) for plan in plans]


@given(INTERVALS, st.integers(0, 10**9))
def test_no_number_of_failures_stops_a_source(interval_s: float, failures: int) -> None:
    """However long it has failed, a source is tried again within half a minute, or its interval and a half."""
    plan = after_look("node-1", interval_s, NOW, NOW, failures)

    assert NOW < plan.at <= NOW + max(LONGEST_PAUSE_S + interval_s, 1.501 * interval_s)


def test_a_clock_set_back_costs_no_more_than_an_interval() -> None:
    """When the clock is set back an hour during a look, the next is not an hour away."""
    plan = after_look("node-1", 5.0, NOW, NOW - 3600)

    assert 0 == plan.missed
    assert NOW - 3600 < plan.at <= NOW - 3600 + 7.5


def test_a_clock_set_forward_makes_up_for_nothing() -> None:
    """Slots of an hour that never was are counted, not looked at."""
    began = slot_after("node-1", 5.0, NOW)
    plan = after_look("node-1", 5.0, began, began + 3600.1)

    assert 720 == plan.missed
    assert pytest.approx(began + 3605.0) == plan.at
