"""An answer on a terminal: words as they come, wrapped, lightly styled, harmless."""

from __future__ import annotations

import io
import re

from hypothesis import given
from hypothesis import strategies as st

from app.agent.events import Event, Noted, ReasoningAdded, TextAdded, TextWithdrawn, ToolEnded
from app.cli.ask_text import AnswerText
from app.cli.ask_told import Text
from app.cli.output import Output
from app.present.cells import text_width
from tests.cli.asking import TEXT, USE, ended


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """It is."""
        return True


def output_of(columns: int = 40) -> tuple[Terminal, Output]:
    """What a person at a terminal of that width sees."""
    out = Terminal()
    return out, Output(out, Terminal(), {"TERM": "xterm", "COLUMNS": str(columns), "NO_COLOR": "1"})


def test_an_answer_streams_as_plain_words() -> None:
    """Piece by piece: marks are not shown, lines are wrapped between words, items hang beneath themselves."""
    out, output = output_of(32)
    text = AnswerText(output)

    for (
        char
    ) in "# What is *it*\n\nGPU **node-1/1** fell off the bus [1] at `97 %` today.\n\n- a long item that is wrapped\n":
        text.add(char)
    text.end()

    assert (
        "What is *it*\n\nGPU node-1/1 fell off the bus\n[1] at 97 % today.\n\n• a long item that is wrapped\n"
        == out.getvalue().replace("\n  wrapped", " wrapped")
    )
    assert max(map(len, out.getvalue().splitlines())) <= 32


def test_styles_are_few_and_only_where_colours_are_allowed() -> None:
    """Emphasis is bold, code and citations have a colour; a marker that is never closed ends with its line."""
    out = Terminal()
    text = AnswerText(Output(out, Terminal(), {"TERM": "xterm", "COLUMNS": "80"}))

    text.add("a **b c** `d` [12]\n**open\nplain\n")
    text.end()

    assert (
        "a \x1b[1mb\x1b[0m \x1b[1mc\x1b[0m \x1b[36md\x1b[0m \x1b[34m[12]\x1b[0m\n\x1b[1mopen\x1b[0m\nplain\n"
        == out.getvalue()
    )


def test_code_and_tables_stay_as_they_are() -> None:
    """Neither wrapped nor styled: a command must be copied whole."""
    out, output = output_of(30)
    text = AnswerText(output)
    said = "```\nscontrol  update nodename=gpu-[1-4] state=drain **x**\n```\n| a | b |\n|---|---|\n| 1 | `2` |\n"

    text.add(said)
    text.end()

    assert said == out.getvalue()


def test_nothing_of_an_answer_steers_the_terminal() -> None:
    """Escapes, bells and direction marks are gone, even where a piece ends within them."""
    out, output = output_of(80)
    text = AnswerText(output)

    for piece in ("a\x1b", "[2J\x07b \u202e", "c\r\nd\x9b1m"):
        text.add(piece)
    text.end()

    assert "a[2Jb c\nd1m\n" == out.getvalue()


PIECES = (
    "word ",
    "**",
    "`",
    "```",
    "\n",
    "# ",
    "- ",
    "1. ",
    "| a ",
    "[2]",
    "  ",
    "\x1b[31m",
    "\u202e",
    "é漢",
    "x" * 30,
    "\t",
    "\r\n",
)


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.integers(1, 7), st.integers(24, 60))
def test_however_an_answer_is_cut_the_same_is_printed(pieces: list[str], size: int, columns: int) -> None:
    """Where its pieces end changes nothing; no line of prose is wider than the terminal; nothing steers it."""
    said = "".join(pieces)
    (whole, one), (cut, other) = output_of(columns), output_of(columns)
    at_once, by_pieces = AnswerText(one), AnswerText(other)

    at_once.add(said)
    for start in range(0, len(said), size):
        by_pieces.add(said[start : start + size])
    at_once.end()
    by_pieces.end()

    assert whole.getvalue() == cut.getvalue()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", whole.getvalue())
    if "```" not in said and "|" not in said:
        long = max((text_width(word) for word in said.split()), default=0)
        assert max(map(text_width, whole.getvalue().split("\n"))) <= max(columns, long + 4 + said.count("  ") * 2)


def test_what_is_withdrawn_is_said_to_be_none() -> None:
    """A terminal cannot take back what it shows: the person is told, and the next try begins anew."""
    out, output = output_of(60)
    text = AnswerText(output)

    text.add("```\nnot an ans")
    text.withdraw()
    text.add("the **answer**")
    text.end()

    assert "```\nnot an\n(that was no answer and is taken back)\nthe answer\n" == out.getvalue()


def test_on_a_terminal_looks_are_told_beside_the_answer() -> None:
    """Each look as it ends, on stderr; the answer on stdout is not printed twice; who answered is told last."""
    out, err = Terminal(), Terminal()
    shown = Text(Output(out, err, {"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}))
    told: list[Event] = [
        ReasoningAdded("hm"),
        ReasoningAdded("hm"),
        ToolEnded(USE),
        TextAdded(TEXT),
        Noted("once more"),
        TextWithdrawn(),
    ]

    for event in (*told, TextAdded(TEXT)):
        assert shown.event(event) is None
    exchange = shown.event(ended())
    assert exchange is not None
    shown.end(exchange, "c-1")

    assert 2 == out.getvalue().count("fell off the bus [1]")
    thinking, look, once, who = err.getvalue().splitlines()
    assert ("thinking …", "once more") == (thinking, once)
    assert look.startswith("[1] diagnose about=node-1: 1 finding, critical, at ")
    assert look.endswith(" (0.1 s)")
    assert (
        "answered by nemotron, 2.5 s, first word after 0.4 s, 1,200 tokens read, 80 written; "
        "go on with: gpu-watchdog ask --chat c-1 …" == who
    )
