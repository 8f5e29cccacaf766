"""The strip of a dry run: sum, bars on a time axis, how often and how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC

import pytest

from app.domain.alert import Labels, labels_of
from app.present.cells import line_text, line_width
from app.present.dry_run_strip import strip_lines, summary
from app.present.glyphs import ASCII
from app.present.look import Look

END = 1_764_028_800.0
LOOK = Look(END, tz=UTC)
HOUR = 3600.0


@dataclass(frozen=True)
class Once:
    """One alert."""

    labels: Labels
    active_at: float
    fired_at: float
    ended_at: float | None
    worst: float | None = None


@dataclass(frozen=True)
class Day:
    """A day that was tried."""

    episodes: tuple[Once, ...] = ()
    start: float = END - 24 * HOUR
    end: float = END
    step_s: float = 60.0
    series: int = 16
    left_out: int = 0


def gpu(number: int) -> Labels:
    """The labels of a GPU."""
    return labels_of({"node": "gpu-01", "gpu": str(number)})


def test_day_without_an_alert_says_so_on_an_empty_axis() -> None:
    """Good news is a whole picture too."""
    head, strip, axis = strip_lines(Day(), "warning", 80, 8, LOOK)

    assert "● would not have fired in the last day · 16 series in steps of 60 s" == line_text(head)
    assert {"·"} == set(line_text(strip))
    assert "12:00" in line_text(axis)


def test_sum_says_how_often_on_how_many_and_how_long() -> None:
    """Twice on one of two GPUs, the longer one half an hour; one that lasts is said to."""
    episodes = (
        Once(gpu(1), END - 5 * HOUR, END - 5 * HOUR, END - 4.5 * HOUR),
        Once(gpu(1), END - 600, END - 300, None),
    )

    assert "would have fired twice on 1 of 2 · longest 30 min · 1 still · in steps of 60 s" == line_text(
        summary(Day(episodes, series=2), LOOK)
    )
    assert "120 more not read" in line_text(summary(Day(series=9, left_out=120), LOOK))


def test_bars_stand_at_their_times_and_waiting_is_thinner() -> None:
    """A fire in the second quarter of the day, after a wait in the first."""
    day = Day((Once(gpu(1), END - 20 * HOUR, END - 18 * HOUR, END - 12 * HOUR),))
    text = line_text(strip_lines(day, "critical", 100, 8, LOOK)[1])
    strip = text[len("gpu-01/1  ") : -15]

    assert text.startswith("gpu-01/1  ")
    assert text.endswith("     1   6 h 00")
    assert strip[: len(strip) // 8].strip("·") == ""
    assert {"━"} == set(strip[len(strip) // 4 + 1 : len(strip) // 2 - 1])
    assert "─" in strip[len(strip) // 8 : len(strip) // 4]


def test_all_stands_above_each_and_those_that_do_not_fit_are_counted() -> None:
    """The longest first, by name where they are alike; gpu-01/2 before gpu-01/10."""
    day = Day(tuple(Once(gpu(at), END - 9 * HOUR, END - 9 * HOUR, END - 8 * HOUR) for at in (10, 2, 1, 3)))
    labels = [line_text(one).split(" ")[0] for one in strip_lines(day, "info", 80, 6, LOOK)]

    assert ["would", "all", "gpu-01/1", "gpu-01/2", "", ""] == labels
    assert "and 2 more" in line_text(strip_lines(day, "info", 80, 6, LOOK)[4])
    assert 7 == len(strip_lines(day, "info", 80, 20, LOOK))


@pytest.mark.parametrize("width", [20, 41, 79, 200])
def test_lines_keep_to_their_width(width: int) -> None:
    """Where there is no room for a strip the sum stands alone."""
    day = Day(tuple(Once(gpu(at), END - 9 * HOUR, END - 9 * HOUR, None) for at in range(4)))
    lines = strip_lines(day, "info", width, 9, LOOK)

    assert all(line_width(one) <= width for one in lines[1:])
    assert (len(lines) == 1) is (width < 40)


def test_colourless_and_plain_it_reads_the_same() -> None:
    """In ASCII waiting and firing differ by their signs."""
    day = Day((Once(gpu(1), END - 20 * HOUR, END - 18 * HOUR, END - 12 * HOUR),))
    text = line_text(strip_lines(day, "info", 100, 8, Look(END, ASCII, UTC))[1])

    assert text.isascii()
    assert "--=" in text
