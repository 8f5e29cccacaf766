"""What the headers say of limits is read, whatever they say, and becomes pauses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sources.runpod.limits import Limits, Window, parse_limits, parse_retry_after
from app.sources.runpod.pace import BURST, EVERY_S, Pace

HEADERS = {
    "ratelimit": '"minute";r=12;t=33, "hour";r=2900;t=1800, "day";r=49000;t=40000',
    "ratelimit-policy": '"minute";q=60;w=60, "hour";q=3000;w=3600, "day";q=50000;w=86400',
}
DAY = Window("day", 49000, 40100.0, 50000)


def test_every_window_is_read_with_its_quota() -> None:
    """Three windows, each with what is left of how many and when it ends."""
    assert Limits((Window("minute", 12, 133.0, 60), Window("hour", 2900, 1900.0, 3000), DAY)) == (
        parse_limits(HEADERS, 100.0)
    )


def test_headers_without_limits_say_nothing() -> None:
    """An account that is exempt has none; then the last ones known are kept."""
    for headers in ({}, {"ratelimit": ""}, {"ratelimit": "minute 60"}, {"ratelimit": '"minute";r=5'}):
        assert None is parse_limits(headers, 0.0)


def test_only_what_is_used_up_must_be_waited_for() -> None:
    """One request left is one request; none left is a wait until the window ends, the longest of several."""
    assert (0.0, "") == Limits((Window("minute", 1, 30.0, 60),)).must_wait(0.0)
    assert (90.0, "hour") == Limits((Window("minute", 0, 30.0), Window("hour", 0, 90.0))).must_wait(0.0)
    assert (0.0, "") == Limits((Window("minute", 0, 30.0, 60),)).must_wait(31.0)


def test_last_quarter_is_spent_slowly() -> None:
    """From a quarter on, what is left is spread over what remains of the window."""
    assert 0.0 == Limits((Window("minute", 15, 30.0, 60),)).should_wait(0.0)
    assert 2.0 == Limits((Window("minute", 14, 30.0, 60),)).should_wait(0.0)
    assert 30.0 == Limits((Window("minute", 0, 30.0, 60),)).should_wait(0.0)
    assert 0.0 == Limits((Window("minute", 14, 30.0, 60),)).should_wait(30.0)


@pytest.mark.parametrize(("told", "seconds"), [("17", 17.0), (" 3 ", 3.0), ("", None), ("soon", None), ("1e9", None)])
def test_retry_after_is_seconds(told: str, seconds: float | None) -> None:
    """A date or a word is not what RunPod sends."""
    assert seconds == parse_retry_after({"retry-after": told})


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_header_is_borne(limit: str, policy: str) -> None:
    """A header that makes no sense delays nothing and breaks nothing."""
    limits = parse_limits({"ratelimit": limit, "ratelimit-policy": policy}, 0.0) or Limits()

    assert 0.0 <= limits.must_wait(0.0)[0]
    assert 0.0 <= limits.should_wait(0.0)


def test_lists_come_in_bursts_and_then_in_step() -> None:
    """The first ones wait for nothing; after them one comes every five seconds; a rest fills the bucket again."""
    pace, now = Pace(), 0.0
    waits = []
    for _ in range(BURST + 3):
        waits.append(pace.wait(now, Limits()))
        now += waits[-1]

    assert [0.0] * BURST + [EVERY_S] * 3 == waits
    assert [0.0] * BURST == [pace.wait(now + 3600, Limits()) for _ in range(BURST)]
