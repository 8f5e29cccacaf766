"""Times and spans as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.times import parse_span, parse_time

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("6h", 21600), ("1h30m", 5400), ("30d", 2592000), ("1.5h", 5400), (" 2W ", 1209600)],
)
def test_span_is_read_in_seconds(text: str, seconds: float) -> None:
    """A span is a number with a unit, or several of them."""
    assert seconds == parse_span(text)


@pytest.mark.parametrize("text", ["", "5", "h", "5 minutes", "0s", "-5m", "5m6", "m5", "٣h", "1e3s"])
def test_span_that_is_none_is_refused_with_an_example(text: str) -> None:
    """What is not a span is refused, and the refusal shows how to write one."""
    with pytest.raises(ValueError, match="write 30s"):
        parse_span(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("14:32", datetime(2026, 11, 24, 14, 32, tzinfo=UTC)),
        ("14:32:08", datetime(2026, 11, 24, 14, 32, 8, tzinfo=UTC)),
        ("15:00", datetime(2026, 11, 24, 15, 0, tzinfo=UTC)),
        ("15:01", datetime(2026, 11, 23, 15, 1, tzinfo=UTC)),
        ("2026-11-20T08:00", datetime(2026, 11, 20, 8, 0, tzinfo=UTC)),
        ("2026-11-20 08:00:30", datetime(2026, 11, 20, 8, 0, 30, tzinfo=UTC)),
        ("2026-11-20T08:00+02:00", datetime(2026, 11, 20, 6, 0, tzinfo=UTC)),
        ("2026-11-20T08:00Z", datetime(2026, 11, 20, 8, 0, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("-10m", datetime(2026, 11, 24, 14, 50, tzinfo=UTC)),
        ("-1h30m", datetime(2026, 11, 24, 13, 30, tzinfo=UTC)),
        ("now", datetime(2026, 11, 24, 15, 0, tzinfo=UTC)),
        ("1764000000.5", datetime.fromtimestamp(1764000000.5, UTC)),
    ],
)
def test_time_is_read_in_each_form(text: str, moment: datetime) -> None:
    """ISO 8601, epoch seconds, a clock time and so long ago are all one moment."""
    assert moment.timestamp() == parse_time(text, NOW, UTC)


def test_clock_time_is_of_the_zone_given() -> None:
    """A clock time is read in the zone of the user."""
    tokyo = timezone(timedelta(hours=9))

    assert datetime(2026, 11, 24, 14, 32, tzinfo=UTC).timestamp() == parse_time("23:32", NOW, tokyo)


def test_clock_time_of_yesterday_survives_a_clock_change() -> None:
    """Yesterday's 14:32 is 14:32 on the wall, though the day between had 25 hours."""
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 10, 25, 10, 0, tzinfo=berlin).timestamp()

    assert datetime(2026, 10, 24, 14, 32, tzinfo=berlin).timestamp() == parse_time("14:32", now, berlin)


@pytest.mark.parametrize("text", ["", "24:00", "12:60", "yesterday", "14", "14.32", "--5m", "2026-13-01", "1" * 30])
def test_time_that_is_none_is_refused_for_a_person(text: str) -> None:
    """What is not a time is refused with a sentence, never a traceback of its own."""
    with pytest.raises(ValueError, match="is not a time"):
        parse_time(text, NOW, UTC)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    """Whatever is typed, the answer is a moment or a ValueError."""
    answer: float | str
    try:
        answer = parse_time(text, NOW, UTC)
    except ValueError as error:
        answer = str(error)

    assert answer or answer == 0.0


@given(st.floats(1e9, 4e9), st.integers(0, 86399))
def test_clock_time_is_within_the_last_day(now: float, second: int) -> None:
    """A bare clock time is never in the future, and never more than a day ago."""
    text = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"

    assert 0 <= now - parse_time(text, now, UTC) < 86400
