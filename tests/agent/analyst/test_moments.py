"""Times as people say them become spans, by the clock of who asks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.agent.analyst.moments import Clock, find_length, find_span

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
"""A Wednesday."""
CLOCK = Clock(NOW.timestamp(), UTC)


def _span(text: str) -> tuple[str, str, str] | None:
    span, _ = find_span(text, CLOCK)
    if span is None:
        return None
    start, end = (datetime.fromtimestamp(at, UTC).strftime("%d %H:%M") for at in (span.start, span.end))
    return start, end, span.shape


@pytest.mark.parametrize(
    ("text", "start", "end", "shape"),
    [
        ("what happened at 03:10", "25 02:55", "25 03:25", "moment"),
        ("what happened at 23:10", "24 22:55", "24 23:25", "moment"),
        ("what happened at 3am", "25 02:45", "25 03:15", "moment"),
        ("what happened yesterday at 14:00", "24 13:45", "24 14:15", "moment"),
        ("what happened at 3:10 pm", "24 14:55", "24 15:25", "moment"),
        ("what happened last night", "24 20:00", "25 08:00", "between"),
        ("what happened this morning", "25 05:00", "25 10:30", "between"),
        ("what happened yesterday", "24 00:00", "25 00:00", "between"),
        ("what happened today", "25 00:00", "25 10:30", "since"),
        ("what happened on monday", "23 00:00", "24 00:00", "between"),
        ("what happened in the last hour", "25 09:30", "25 10:30", "since"),
        ("over the past 30 minutes", "25 10:00", "25 10:30", "since"),
        ("in the last 2h", "25 08:30", "25 10:30", "since"),
        ("in the last couple of hours", "25 08:30", "25 10:30", "since"),
        ("what changed since 09:00", "25 09:00", "25 10:30", "since"),
        ("what changed since yesterday", "24 00:00", "25 10:30", "since"),
        ("20 minutes ago", "25 10:00", "25 10:20", "moment"),
        ("since 2 hours ago", "25 08:30", "25 10:30", "since"),
        ("between 02:00 and 04:00", "25 02:00", "25 04:00", "between"),
        ("from 23:00 to 01:00", "24 23:00", "25 01:00", "between"),
        ("at 2026-11-24T03:10", "24 02:55", "24 03:25", "moment"),
        ("on 2026-11-23", "23 00:00", "24 00:00", "between"),
        ("this week", "18 10:30", "25 10:30", "since"),
    ],
)
def test_a_time_is_read(text: str, start: str, end: str, shape: str) -> None:
    """The latest that is not in the future, with some minutes around a moment."""
    assert (start, end, shape) == _span(text)


@pytest.mark.parametrize("text", ["top 5 gpus", "job 812", "gpu-01/3", "at 25:99", "4 gpus", "xid 79"])
def test_other_numbers_are_no_times(text: str) -> None:
    """Nothing is read into counts, ids and impossible clocks."""
    assert _span(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("for 1h", 3600.0), ("for 30 minutes", 1800.0), ("for the next 2 days", 172_800.0)]
)
def test_how_long_is_read(text: str, seconds: float) -> None:
    """The length of a silence."""
    assert seconds == find_length(f"silence it {text}")[0]
