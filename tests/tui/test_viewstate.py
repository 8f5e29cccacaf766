"""The view as the user left it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.tui.viewstate import METRICS, ViewState, load_view, save_view, stepped_metric, stepped_span

CHANGED = ViewState(
    theme="watchdog-light",
    zoom="heat",
    metric="gpu.power",
    span_s=900,
    sort="temp",
    descending=True,
    columns=("gpu", "util"),
    filter="util<10",
    history=("at 14:32",),
)


def test_view_comes_back_as_it_was_left(tmp_path: Path) -> None:
    """What is saved is read again, whole, and the folder is private."""
    file = tmp_path / "state" / "view.json"

    save_view(file, CHANGED)

    assert (CHANGED, "") == load_view(file)
    assert 0o700 == stat.S_IMODE(file.parent.stat().st_mode)


def test_first_start_needs_no_file(tmp_path: Path) -> None:
    """Without a file the view is the usual one, and nobody is told anything."""
    assert (ViewState(), "") == load_view(tmp_path / "view.json")


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00\xff", '"theme"', "null"])
def test_broken_file_is_ignored_and_said(tmp_path: Path, text: str) -> None:
    """A file that cannot be read gives the usual view and one sentence."""
    file = tmp_path / "view.json"
    file.write_text(text)

    view, note = load_view(file)

    assert ViewState() == view
    assert "starting afresh" in note


def test_senseless_fields_are_left_as_usual(tmp_path: Path) -> None:
    """Each field stands for itself: nonsense in one does not spoil the others."""
    file = tmp_path / "view.json"
    file.write_text(
        '{"zoom": "moon", "metric": "gpu.nothing", "span_s": -5, "columns": [1], "filter": 3, "sort": "temp"}'
    )

    assert (ViewState(sort="temp"), "") == load_view(file)


def test_spans_step_through_the_usual_ones_and_stop_at_the_ends() -> None:
    """From any span the next longer or shorter one; at the ends nothing changes."""
    assert [900, 300, 300] == [stepped_span(3600, -1), stepped_span(900, -1), stepped_span(300, -1)]
    assert [6 * 3600, 30 * 86400] == [stepped_span(5000, 1), stepped_span(30 * 86400, 1)]


def test_metrics_go_round() -> None:
    """The round of metrics has no end; a metric outside it leads to its first."""
    assert METRICS[0] == stepped_metric(METRICS[-1], 1)
    assert METRICS[-1] == stepped_metric(METRICS[0], -1)
    assert METRICS[0] == stepped_metric("gpu.fan", 1)
