"""`history`: the questions it understands, and the forms of its answer."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from app.cli.plot import plot_lines, scale
from app.domain.metrics import by_key
from app.domain.series import FLEET, Point, Series
from tests.cli.conftest import PAST, Run, schema

UTILIZATION = by_key()["gpu.utilization"]


def test_json_has_a_pair_a_span_and_null_where_nothing_was_kept(run: Run, stored_past: Path) -> None:
    """Five minutes in steps of a minute, then a minute of nothing."""
    bounds = ["--since", str(PAST), "--until", str(PAST + 360), "--step", "1m", "--store-path", str(stored_past)]

    answer = run("history", "gpu:node-1/0", "utilization", "--json", *bounds)

    assert errors.OK == answer.code
    jsonschema.validate(answer.json, schema("history"))
    assert ("gpu:node-1/0", "gpu.utilization", "%") == tuple(answer.json[key] for key in ("what", "metric", "unit"))
    values = [value for _, value in answer.json["points"]]
    assert [42.5, 48.5, 54.5, 60.5, 66.5] == values[:5]
    assert values[5:] == [None]


def test_csv_has_extremes_and_leaves_gaps_empty(run: Run, stored_past: Path) -> None:
    """A spreadsheet gets times it understands; nothing is not zero."""
    bounds = ["--since", str(PAST), "--until", str(PAST + 360), "--step", "1m", "--store-path", str(stored_past)]

    rows = list(csv.DictReader(io.StringIO(run("history", "gpu:node-1/0", "utilization", "--csv", *bounds).out)))

    assert ["time", "at", "value", "lowest", "highest"] == list(rows[0])
    assert ("42.5", "40", "45") == (rows[0]["value"], rows[0]["lowest"], rows[0]["highest"])
    assert ("", "", "") == (rows[-1]["value"], rows[-1]["lowest"], rows[-1]["highest"])


def test_people_get_a_line_a_span(run: Run, stored_past: Path) -> None:
    """Values carry their unit; what was not kept is a dash."""
    bounds = ["--since", str(PAST), "--until", str(PAST + 360), "--step", "1m", "--store-path", str(stored_past)]

    lines = run("history", "gpu:node-1/0", "utilization", *bounds).out.splitlines()

    assert "42 %" in lines[2]
    assert "—" in lines[-1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["gpu:node-1/0", "utilisation"], errors.USAGE, "did you mean utilization?"),
        (["gpu:node-1/0", "temp"], errors.USAGE, "did you mean temperature?"),
        (["gpu-1", "utilization"], errors.USAGE, "is not fleet, node:NAME"),
        (["gpu:node-1/7", "utilization"], errors.UNAVAILABLE, "never seen"),
        (["fleet", "power", "--since", "soon"], errors.USAGE, "is not a time"),
        (["fleet", "power", "--since", "30d", "--step", "1s"], errors.USAGE, "more than 100,000 points"),
        (["fleet", "power", "--since", "1h", "--until", "1764000000", "--step", "fast"], errors.USAGE, "span of time"),
    ],
)
def test_what_cannot_be_answered_is_said(run: Run, stored_past: Path, words: list[str], code: int, said: str) -> None:
    """Wrong words are usage errors that help; subjects never seen are unavailable."""
    answer = run("history", *words, "--store-path", str(stored_past))

    assert (code, "") == (answer.code, answer.out)
    assert said in answer.err


def test_the_plot_keeps_its_scale_and_its_gaps() -> None:
    """0 to 100 % whatever the data; where nothing was kept, nothing is drawn."""
    values = [50.0] * 20 + [None] * 20 + [50.0] * 20
    points = tuple(Point(PAST + 60.0 * n, value) for n, value in enumerate(values))
    series = Series(FLEET, "gpu.utilization", "%", PAST, PAST + 3600, 60.0, points)

    lines = plot_lines(series, UTILIZATION, 80, 20)

    assert any("100 %" in line for line in lines)
    assert any("  0 %" in line for line in lines)
    drawn = next(line for line in lines if "⠤" in line or "⠒" in line or "⣀" in line or "⠉" in line)
    body = drawn.partition("┤")[2] or drawn.partition("│")[2]
    assert {" "} == set(body[len(body) // 2 - 5 : len(body) // 2 + 5])


def test_the_plot_can_do_without_unicode_and_colour() -> None:
    """A plain terminal gets plain characters."""
    points = tuple(Point(PAST + 60.0 * n, float(n)) for n in range(60))
    series = Series(FLEET, "gpu.utilization", "%", PAST, PAST + 3600, 60.0, points)

    assert "".join(plot_lines(series, UTILIZATION, 80, 20, ascii_only=True)).isascii()


def test_a_flat_curve_has_a_scale_all_the_same() -> None:
    """Zero everywhere is drawn at the bottom of a scale, not divided by it."""
    assert (0.0, 1.0) == scale(by_key()["gpu.power"], [0.0, 0.0])


def test_an_empty_plot_says_so() -> None:
    """No axis without data."""
    series = Series(FLEET, "gpu.utilization", "%", PAST, PAST + 60, 60.0, (Point(PAST, None),))

    assert "nothing was kept in this span of time" == plot_lines(series, UTILIZATION, 80, 20)[-1]
