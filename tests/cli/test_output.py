"""The one writer of stdout: colours where they are wanted, JSON that is safe to look at, pipes that close."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

from app.cli.output import Output
from app.present.cells import Cell


class Terminal(io.StringIO):
    """A terminal that remembers."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(environ: Mapping[str, str], expected: bool) -> None:
    """NO_COLOR counts when it is not empty; a dumb terminal gets none."""
    assert expected == Output(Terminal(), io.StringIO(), environ).has_colour


def test_a_pipe_gets_no_colour() -> None:
    """Whatever TERM says."""
    output = Output(io.StringIO(), io.StringIO(), {"TERM": "xterm"})

    assert "down" == output.render((Cell("down", "bad"), Cell("   ")))


def test_a_line_loses_its_trailing_blanks_and_nothing_else() -> None:
    """Tones become the terminal's own colours; plain text stays plain."""
    output = Output(Terminal(), io.StringIO(), {"TERM": "xterm"})

    assert "a \x1b[1;31mb\x1b[0m" == output.render((Cell("a "), Cell("b  ", "bad"), Cell("  ")))


def test_json_is_ascii_and_one_line_for_a_pipe() -> None:
    """Nothing that a terminal could obey, and a line a program can read."""
    out = io.StringIO()

    Output(out, io.StringIO(), {}).json({"name": "node\x1b]0;x\x07\u202eé"})

    assert out.getvalue().isascii()
    assert 1 == out.getvalue().count("\n")
    assert {"name": "node\x1b]0;x\x07\u202eé"} == json.loads(out.getvalue())


def test_a_redrawn_picture_never_scrolls() -> None:
    """More lines than the terminal has are cut, and it says how many are missing."""
    out = Terminal()
    output = Output(out, io.StringIO(), {"TERM": "xterm", "LINES": "10", "COLUMNS": "80"})

    output.redraw([f"line {number}" for number in range(40)])

    assert out.getvalue().count("\n") == 9
    assert "… 32 more lines" in out.getvalue()


def test_a_reader_that_has_enough_is_no_error() -> None:
    """`… | head -1` ends quietly, without a traceback of the interpreter's last flush."""
    words = f"{sys.executable} -m app demo --list | head -1"
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, check=False)

    assert (1, "") == (len(done.stdout.splitlines()), done.stderr)


def test_an_output_that_lacks_a_character_gets_a_question_mark(tmp_path: object) -> None:
    """A Latin-1 terminal is no reason to crash."""
    words = [sys.executable, "-c", "from app.cli.output import standard_output as s; s({}).line('71 — ▁')"]
    done = subprocess.run(words, capture_output=True, check=True, env={"PYTHONIOENCODING": "latin-1", "PATH": ""})

    assert b"71 ? ?\n" == done.stdout
