"""Charts: fixed scales, gaps, marks, axes; empty ones say why."""

from __future__ import annotations

from datetime import UTC

from app.domain.metrics import by_key
from app.domain.series import Event, Point, Series, Subject
from app.present.cells import line_text, line_width
from app.present.chart_columns import extents
from app.present.charts import Chart, chart_lines, chart_of, mark_of, scale_of
from app.present.glyphs import ASCII
from app.present.look import Look
from app.present.time_axis import axis_labels

LOOK = Look(7200.0, tz=UTC)
GPU = Subject("gpu", node="n", index=0)


def series(*values: float | None, metric: str = "gpu.utilization", step_s: float = 60.0) -> Series:
    points = tuple(Point(3600.0 + at * (step_s or 60.0), value) for at, value in enumerate(values))
    return Series(GPU, metric, "%", 3600.0, 7200.0, step_s, points)


def chart(*values: float | None, metric: str = "gpu.utilization", limit: float | None = None) -> Chart:
    return chart_of(series(*values, metric=metric), by_key()[metric], limit=limit)


def test_the_scale_is_the_catalogues_whatever_the_data() -> None:
    """Utilization is drawn from 0 to 100 even when it never leaves 97."""
    assert (0.0, 100.0) == scale_of(chart(97.0, 98.0))


def test_a_limit_tops_the_scale_and_a_round_number_without_one() -> None:
    """Power goes up to its limit; without a limit to a round number above all values."""
    assert (0.0, 700.0) == scale_of(chart(612.0, metric="gpu.power", limit=700.0))
    assert (0.0, 1000.0) == scale_of(chart(612.0, metric="gpu.power"))


def test_a_picture_has_exactly_its_size() -> None:
    """Every line has the width asked for, at any size and in both sets of signs."""
    for look in (LOOK, Look(7200.0, ASCII, UTC)):
        for width, height in ((80, 20), (40, 8), (20, 4), (9, 3), (3, 1)):
            lines = chart_lines(chart(10.0, None, 90.0), width, height, look)
            assert (height, {width}) == (len(lines), {line_width(one) for one in lines})


def test_axes_name_the_scale_and_the_time() -> None:
    """Top and bottom of the scale stand at the left, round moments below."""
    text = [line_text(one) for one in chart_lines(chart(*[50.0] * 60), 80, 12, LOOK)]

    assert text[0].startswith("100 %")
    assert text[9].startswith("  0 %")
    assert "01:30" in text[-1]


def test_a_gap_in_the_data_is_a_gap_in_the_picture() -> None:
    """Spans without a value leave their columns empty."""
    columns = extents(series(*[1.0] * 20, *[None] * 20, *[1.0] * 20).points, 60.0, 3600.0, 7200.0, 60)

    assert [True] * 20 + [False] * 20 + [True] * 20 == [one is not None for one in columns]


def test_raw_samples_hold_until_the_next_but_not_over_a_gap() -> None:
    """A sample stands for the time to the next one, unless that is far off."""
    points = (Point(0.0, 1.0), Point(10.0, 1.0), Point(20.0, 2.0), Point(90.0, 3.0))

    columns = extents(points, 0.0, 0.0, 100.0, 10)

    assert [(1, 1), (1, 1), (2, 2), None, None, None, None, None, None, (3, 3)] == columns


def test_extremes_of_a_span_are_kept() -> None:
    """A spike inside a span is drawn even where its mean is low."""
    point = Point(0.0, 10.0, 0.0, 100.0)

    assert [(0.0, 100.0)] == extents((point,), 10.0, 0.0, 10.0, 1)


def test_events_are_marks_on_the_axis_and_the_gravest_shows() -> None:
    """Two events in one column leave the graver sign."""
    events = [Event(5400.0, "gpu.xid", "info", GPU, "a"), Event(5401.0, "gpu.lost", "critical", GPU, "b")]
    drawn = chart_of(series(50.0), by_key()["gpu.utilization"], marks=tuple(mark_of(one) for one in events))

    axis = chart_lines(drawn, 60, 10, LOOK)[-2]

    assert ["bad"] == [cell.tone for cell in axis if "▼" in cell.text]


def test_an_empty_chart_says_why() -> None:
    """Without a value there are words instead of axes."""
    empty = chart_of(series(None, None), by_key()["gpu.utilization"], empty="Nothing was stored then.", hint="press ]")

    text = "\n".join(line_text(one) for one in chart_lines(empty, 50, 9, LOOK))

    assert "Nothing was stored then." in text
    assert "press ]" in text


def test_time_labels_do_not_touch_and_stand_where_they_belong() -> None:
    """Round moments under their own columns."""
    text = axis_labels(0.0, 3600.0, 61, LOOK)

    assert 61 == len(text)
    assert 28 == text.index("00:30")
