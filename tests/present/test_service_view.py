"""A model server in words and numbers, and the start and lines of its log."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from app.domain.log_text import TextLine
from app.domain.model_start import ModelStart, Phase
from app.present.cells import line_text
from app.present.glyphs import ASCII
from app.present.log_lines import LogLines, pattern_of
from app.present.look import Look
from app.present.service_rows import SERVICE_COLUMNS, service_rows
from app.present.service_view import service_lines
from app.present.start_rows import phase_lines, start_title, strip_line, trouble_lines
from tests.present.fleets import NOW
from tests.tui.servers import serving

LOOK = Look(NOW)


def shown(source: str) -> list[str]:
    """The lines of a server."""
    board = serving()
    service = next(one for one in board.services.values() if one.source == source)
    return [line_text(one).rstrip() for one in service_lines(service, board, LOOK, 70)]


def test_a_server_tells_load_latencies_caches_and_its_gpus() -> None:
    """Everything the page promises, each on its own line."""
    lines = shown("vllm-02")

    assert "requests  14 running  3 waiting  (3 for room)" in lines
    assert "tokens/s  1,843 out  9,120 in  2.1/s requests" in lines
    assert "TTFT         181 ms   420 ms   910 ms   214 ms" in lines
    assert "ITL           11 ms    22 ms    41 ms    12 ms" in lines
    assert "cache     44 % prefix hits  0.0/s preemptions  12 in all" in lines
    assert "ended     81,204 finished  2 failed  31 aborted" in lines
    assert "job       816" in lines
    assert 2 == sum(one.strip().startswith("gpu-02/") for one in lines)


def test_what_does_not_go_together_stands_first() -> None:
    """Right under the state, before any number."""
    assert "its GPUs idle" in " ".join(shown("vllm-03")[1:3])


def test_a_server_that_is_down_says_why_and_claims_nothing() -> None:
    """Its error, and dashes instead of old numbers."""
    lines = shown("vllm-09")

    assert "state     down  connection refused by gpu-09" == lines[0]
    assert any(one.startswith("TTFT") and one.count("—") == 4 for one in lines)


def test_the_table_names_gpus_and_jobs() -> None:
    """GPUs by node and index, a dash where they are not known."""
    at = {column.key: number for number, column in enumerate(SERVICE_COLUMNS)}
    rows = {row.text[0]: row.text for row in service_rows(serving(), LOOK)}

    assert ["gpu-02/0,1", "gpu-03/4", "—"] == [row[at["gpus"]] for row in rows.values()]
    assert ["816", "815", ""] == [row[at["job"]] for row in rows.values()]
    assert ["serving", "serving", "down"] == [row[at["state"]] for row in rows.values()]


STARTING = ModelStart(
    "starting",
    (Phase("start", NOW - 60, NOW - 50), Phase("weights", NOW - 50, None, 4, 13)),
    moved_at=NOW - 2,
    model="a/b",
    version="0.33.0",
    attempts=2,
)


def test_a_start_is_told_by_phases() -> None:
    """Done, going on with its progress, and to come."""
    lines = [line_text(one).rstrip() for one in phase_lines(STARTING, LOOK)]

    assert "✓ start            10 s" == lines[0]
    assert lines[1].startswith("▸ weights          50 s")
    assert lines[1].endswith("4/13")
    assert ["· compile", "· KV cache", "· CUDA graphs", "· warm-up", "· ready"] == lines[2:]


def test_a_title_tells_the_phase_and_the_number_of_the_start() -> None:
    """The second start is told as such."""
    assert "starting · weights 4/13 · 60 s · start 2  a/b  vLLM 0.33.0" == line_text(start_title(STARTING, LOOK))


def test_one_line_tells_all_phases() -> None:
    """For small screens, in ASCII too."""
    assert "✓ start 10 s  ▸ weights 50 s 4/13" == line_text(strip_line(STARTING, LOOK)).rstrip()
    assert line_text(strip_line(STARTING, Look(NOW, ASCII))).isascii()


def test_a_stuck_phase_is_named_with_its_causes() -> None:
    """No progress for so long, then what such a phase is stuck at typically; nothing while all goes on."""
    stuck = replace(STARTING, moved_at=NOW - 900)
    lines = [line_text(one).strip() for one in trouble_lines(stuck, LOOK, 80)]

    assert "▲ weights: no progress for 15 min" == lines[0]
    assert 3 == len(lines[1:])
    assert () == trouble_lines(STARTING, LOOK, 80)


def test_a_failed_start_says_of_what() -> None:
    """In the server's own words."""
    failed = replace(STARTING, standing="failed", why="ValueError: No available memory for the cache blocks.")

    assert "No available memory" in line_text(trouble_lines(failed, LOOK, 120)[0])


LINES = (
    TextLine(0, "one", "info"),
    TextLine(1, "a warning of [bold]some[/bold] kind", "warning"),
    TextLine(2, "two words and then very many more of them", "info"),
    TextLine(3, "an error", "error"),
)


def test_levels_keep_what_is_grave_enough() -> None:
    """Warnings and errors; markup stays text."""
    kept = LogLines(LINES, "warning")

    assert ["a warning of [bold]some[/bold] kind", "an error"] == [line_text(one) for one in kept]
    assert (2, 1, 3) == (kept.kept, kept.first, kept.last)


def test_wrapped_lines_lose_nothing_and_are_found_where_they_begin() -> None:
    """Pieces in the width; a match is at its line's first piece."""
    wrapped = LogLines(LINES, search=pattern_of("many"), width=20)

    assert ["two words and then", "very many more of", "them"] == [line_text(one) for one in wrapped[4:7]]
    assert [4] == wrapped.found()
    assert 4 == wrapped.before(2)


@pytest.mark.parametrize(("text", "finds"), [("an? e", [3]), ("A W", []), ("ONE", []), ("one", [0]), ("(", [])])
def test_a_search_is_a_pattern_or_a_text(text: str, finds: list[int]) -> None:
    """Small letters find large ones; a text that is no pattern is looked for as it is."""
    assert finds == LogLines(LINES, search=pattern_of(text)).found()


def test_what_is_found_stands_out() -> None:
    """The match has its own cell, and the text stays whole."""
    made = LogLines(LINES, search=re.compile("wor"))[2]

    assert ("wor", "accent") == (made[1].text, made[1].tone)
    assert LINES[2].text == line_text(made)
