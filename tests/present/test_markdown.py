"""Markdown as lines: blocks, words, tables, wide characters, text that grows, text that is hostile."""

from __future__ import annotations

from collections.abc import Sequence
from time import thread_time

import pytest

from app.present.cells import line_text, line_width
from app.present.markdown_growing import Growing, code_of
from app.present.markdown_inline import Sign
from app.present.markdown_table import _row
from app.present.markdown_wrap import Sheet, Told
from tests.tui.fake_chat import ANSWER, HOSTILE


def told(text: str, width: int = 40, *marks: Sign) -> Sequence[Told]:
    """A text laid out."""
    growing = Growing()
    growing.show(text, Sheet(width, marks=marks, prefix="0/"))
    return (*growing.settled, *growing.last)


def texts(text: str, width: int = 40) -> list[str]:
    """A text laid out, without tones."""
    return [line_text(one.line).rstrip() for one in told(text, width)]


def tone_of(text: str, words: str, width: int = 60) -> str:
    """The tone of some words."""
    cells = [cell for one in told(text, width) for cell in one.line]
    return next(cell.tone for cell in cells if words in cell.text)


def test_blocks_stand_apart_and_items_together() -> None:
    """Blocks have an empty line between them; items, and what follows a heading, have none."""
    text = "# Title\nsome words\n\nFindings:\n- one\n- two\n  - three\n1. four\n\n> said\n"

    assert ["Title", "some words", "", "Findings:", "• one", "• two", "  • three", "1. four", "", "│ said"] == texts(
        text
    )


def test_words_are_wrapped_below_their_item() -> None:
    """An item's further lines stand below its first word; a word too long for a line is cut, and nothing is lost."""
    assert ["• a b", "  cccccc", "  cccc d"] == texts("- a b cccccccccc d", 8)


@pytest.mark.parametrize(
    ("text", "words", "tone"),
    [
        ("a **bold** b", "bold", "strong"),
        ("a *slant* b", "slant", "head"),
        ("a `code` b", "code", "curve"),
        ("a __bold__ b", "bold", "strong"),
        ("snake_case_name stays", "snake_case_name", "plain"),
        ("2 * 3 * 4", "2 * 3 * 4", "plain"),
        ("a **bold *both* b**", "both", "strong"),
        (r"\*not", "*", "plain"),
        ("# head", "head", "strong"),
    ],
)
def test_signs_become_tones(text: str, words: str, tone: str) -> None:
    """Bold, italic and code are told by tone; names with underlines and sums are left alone."""
    assert tone == tone_of(text, words)


def test_link_is_shown_with_its_address() -> None:
    """No address hides behind a word."""
    assert ["see docs (http://evil/x) now"] == texts("see [docs](http://evil/x) now", 60)
    assert ["(http://a/b)"] == texts("[](http://a/b)", 60)


def test_table_fits_wraps_and_aligns() -> None:
    """Columns are as wide as they need, the widest gives way, numbers stand at the right."""
    text = "| GPU | util | note |\n|---|--:|---|\n| gpu-01/3 | 97 % | waits for its siblings all day |\n| g | 0 | x |\n"
    found = texts(text, 36)

    assert ["GPU       util  note", "─" * 36, "gpu-01/3  97 %  waits for its"] == found[:3]
    assert "                siblings all day" == found[3]
    assert "g            0  x" == found[4]


def test_table_too_narrow_becomes_a_list() -> None:
    """Where columns do not fit, each row is told as head and value."""
    text = "| first | second | third | fourth |\n|---|---|---|---|\n| aaaaaaaa | bbbbbbbb | cccccccc | dddddddd |\n"

    assert "second  bbbbbbbb" in texts(text, 24)
    assert all(len(one) <= 24 for one in texts(text, 24))


@pytest.mark.parametrize("width", [8, 13, 20, 37, 80])
@pytest.mark.parametrize(
    "text",
    [ANSWER, HOSTILE, "日本語のテキスト " * 20, "| 表 | 日本語 |\n|-|-|\n| 日本 | x |", "w" * 300],
    ids=["answer", "hostile", "wide", "wide-table", "long-word"],
)
def test_no_line_is_wider_than_the_width(text: str, width: int) -> None:
    """Whatever the text, and with characters of two columns."""
    assert [] == [line_text(one.line) for one in told(text, width) if line_width(one.line) > width]


@pytest.mark.parametrize(
    "text",
    [ANSWER, HOSTILE, ANSWER * 3, "```\n" + "x = 1\n" * 130 + "```\nafter"],
    ids=["answer", "hostile", "long", "code"],
)
@pytest.mark.parametrize("step", [1, 7, 61])
def test_growing_text_ends_as_if_it_had_come_at_once(text: str, step: int) -> None:
    """Only the last block is laid out anew, and nothing differs in the end."""
    growing = Growing()
    for end in range(0, len(text) + step, step):
        growing.show(text[:end], Sheet(44, prefix="0/"), is_growing=True)
    growing.show(text, Sheet(44, prefix="0/"))

    assert list(told(text, 44)) == [*growing.settled, *growing.last]


def test_settled_lines_are_not_made_again() -> None:
    """While text is added, lines above the last block stay the very same objects."""
    growing = Growing()
    growing.show("one\n\ntwo\n\nthree", Sheet(40), is_growing=True)
    before = list(growing.settled)
    growing.show("one\n\ntwo\n\nthree and more", Sheet(40), is_growing=True)

    assert all(now is was for now, was in zip(growing.settled, before, strict=True))


def test_marks_of_a_long_text_come_a_part_at_a_time() -> None:
    """They come with its end, the newest first; in the end all is as if it had come at once."""
    text = "".join(f"GPU gpu-01/{n} draws 98 W, see `nvidia-smi`.\n\n```\nls {n}\n```\n" for n in range(90))
    starts = [at for at in range(len(text)) if text.startswith("gpu-01/", at)]
    marks = tuple(Sign(at, at + 8, "accent", f"0/m{number}", "▲") for number, at in enumerate(starts))
    growing, sheet = Growing(), Sheet(30, marks=marks, prefix="0/")
    growing.show(text[:-9], Sheet(30, prefix="0/"), is_growing=True)

    counts = []
    growing.show(text, sheet)
    while growing.is_behind:
        counts.append(len({spot.key for one in growing.settled for spot in one.spots if "m" in spot.key}))
        growing.show(text, sheet)

    assert list(told(text, 30, *marks)) == [*growing.settled, *growing.last]
    assert len(counts) > 3
    assert sorted(counts) == counts


def test_text_that_ends_otherwise_is_laid_out_anew() -> None:
    """Where the end is not what grew, or the width is another, nothing of before is left."""
    growing = Growing()
    growing.show("one two three\n\nfour", Sheet(40), is_growing=True)
    growing.show("one\n\nfour", Sheet(40, marks=(Sign(0, 3, "accent", "m0"),)))

    assert [*told("one\n\nfour", 40, Sign(0, 3, "accent", "m0"))] == [*growing.settled, *growing.last]
    growing.show("one\n\nfour", Sheet(8))
    assert [*told("one\n\nfour", 8)] == [*growing.settled, *growing.last]


def test_rows_of_a_table_are_laid_out_once() -> None:
    """A row that comes leaves those before it as they were, unless a column has become wider."""
    rows = "| GPU | note |\n|---|---|\n" + "".join(f"| gpu-01/{n} | row of many {n} |\n" for n in range(10, 90))
    told(rows, 60)
    before = _row.cache_info().misses
    told(rows + "| gpu-01/90 | row of many 90 |\n", 60)

    assert before + 1 == _row.cache_info().misses


def test_open_signs_do_not_flicker_while_text_grows() -> None:
    """A word that will be bold is bold from its first letter; a table is one from its first line."""
    growing = Growing()
    growing.show("it is **very ba", Sheet(40), is_growing=True)
    assert "it is very ba" == line_text(growing.last[0].line)
    growing.show("| a | b", Sheet(40), is_growing=True)

    assert "a  b" == line_text(growing.last[0].line).rstrip()


def test_marks_become_places() -> None:
    """A mark keeps its words through bold, wrapping and tables; what nothing supports carries a sign."""
    text = "The **GPU gpu-01/3 is idle** now [2].\n\n| a |\n|---|\n| x 412 |\n"
    at, cite, number = text.index("gpu-01/3"), text.index("[2]"), text.index("412")
    signs = (
        Sign(at, at + 8, "accent", "0/m0"),
        Sign(cite, cite + 3, "info", "0/m1"),
        Sign(number, number + 3, "look", "0/m2", "▲"),
    )
    lines = told(text, 60, *signs)
    found = {spot.key: line_text(one.line)[spot.start : spot.end] for one in lines for spot in one.spots}

    assert {"0/m0": "gpu-01/3", "0/m1": "[2]", "0/m2": "▲412"} == found


def test_hostile_text_is_harmless() -> None:
    """No control, direction or private character comes through, and markup is only letters."""
    shown = "".join(texts(HOSTILE, 60))

    assert [] == [char for char in shown if ord(char) < 32 or char in "\x7f\x9b\u202e\u2066\u2069"]
    assert "[bold red]not markup[/]" in shown
    assert "[@click=app.quit]y[/]" in shown


def test_code_is_given_back_as_it_was() -> None:
    """Every piece of code in order, the long ones whole."""
    long = "\n".join(f"line {number}" for number in range(100))

    assert ("a\nb", long) == code_of(f"x\n```sh\na\nb\n```\ny\n```\n{long}\n```\n")


@pytest.mark.parametrize("char", ["*", "`", "_", "[", "|", "~", "> ", "- "])
def test_hostile_signs_cost_little(char: str) -> None:
    """Thousands of open signs are laid out in a moment (a bound that only a square of the length would miss)."""
    began = thread_time()
    told(char * 20_000, 60)

    assert thread_time() - began < 5
