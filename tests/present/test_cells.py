"""Cells: widths in terminal columns, cutting, and text from outside made harmless."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from app.present.cells import Cell, cells, fit, fit_line, line, line_text, line_width, spread, text_width, tidy, wrap

HOSTILE = [
    "[b]x[/b]",
    "\x1b[31mred\x1b[0m",
    "日本語のノード",
    "عربى",
    "a" + "\u0301" * 40,
    "😀👩\u200d👩",
    "\u202eevil",
    "a\tb\nc",
    "❤\ufe0f",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("width", [0, 1, 2, 5, 9, 40])
@pytest.mark.parametrize("align", ["left", "right", "center"])
def test_hostile_text_takes_exactly_its_columns(text: str, width: int, align: str) -> None:
    """Whatever a name holds, its field has the width it was given, and no control character."""
    shown = fit(tidy(text), width, align)  # type: ignore[arg-type]  # parametrized

    assert width == cell_len(shown)
    assert all(char.isprintable() for char in shown)


@given(st.text(max_size=40), st.integers(0, 30))
def test_any_text_takes_exactly_its_columns(text: str, width: int) -> None:
    """The same for whatever text there is."""
    assert width == cell_len(fit(tidy(text), width))


def test_markup_stays_text() -> None:
    """Brackets of a job's name are letters like others."""
    assert "[b]x[/b]" == line_text(cells("[b]x[/b]"))


def test_marks_are_stacked_no_higher_than_real_scripts_do() -> None:
    """A letter keeps two combining marks at most."""
    assert 3 == len(tidy("q" + "\u0301" * 40))


def test_a_cut_is_shown() -> None:
    """A text that does not fit ends in a sign; one that just fits does not."""
    assert "abcd…" == fit("abcdefg", 5)
    assert "abcde" == fit("abcde", 5)


def test_a_line_is_cut_across_its_cells() -> None:
    """The sign stands where the cut is, and what lies behind it is gone."""
    of = line("abc", Cell("def", "bad"), "ghi")

    assert "abcde…" == line_text(fit_line(of, 6))
    assert "abcdef…" == line_text(fit_line(of, 7))
    assert "abcdefghi" == line_text(fit_line(of, 9))


@given(st.lists(st.text(max_size=8), max_size=6), st.integers(0, 40))
def test_any_line_takes_exactly_its_columns(texts: list[str], width: int) -> None:
    """Cells that are cut or padded together have the width asked for."""
    assert width == line_width(fit_line(line(*(cells(text) for text in texts)), width))


@given(st.text(max_size=20), st.text(max_size=20), st.integers(1, 40))
def test_left_and_right_share_the_width(left: str, right: str, width: int) -> None:
    """Spread keeps to the width, and the right end stays as long as it fits."""
    shown = spread(cells(left), cells(right), width)

    assert width == line_width(shown)
    if 0 < text_width(tidy(right)) < width:
        assert line_text(shown).endswith(tidy(right))


def test_padding_does_not_take_the_text_style() -> None:
    """Blanks after a red word are not red: a reversed or underlined tone would show them."""
    assert (Cell("no", "bad"), Cell("   ")) == fit_line((Cell("no", "bad"),), 5)


@given(st.text(max_size=60), st.integers(1, 20))
@example("日本", 1)
def test_wrapped_prose_keeps_its_letters(text: str, width: int) -> None:
    """No line is wider than asked (a wide character alone may be), and no letter is lost, however narrow it gets."""
    tidied = tidy(text)
    lines = wrap(tidied, width)

    assert all(text_width(one) <= max(width, 2) for one in lines)
    assert "".join(tidied.split()) == "".join("".join(lines).split())
