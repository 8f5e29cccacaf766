"""Sixteen colours mean what the themes mean."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from app.present.palettes import PALETTES
from app.tui.few_colours import FewColours


def numbers(text: str) -> tuple[int | None, int | None]:
    """Letters and ground of a style, as two of the sixteen."""
    ((_, style, _),) = FewColours().apply([Segment("x", Style.parse(text))], Color(0, 0, 0))
    assert style is not None
    fore = style.color.number if style.color else None
    return fore, style.bgcolor.number if style.bgcolor else None


@pytest.mark.parametrize(
    ("colour", "number"),
    [
        ("#e5a84b", 11),
        ("#ff6b68", 9),
        ("#7fb4ff", 12),
        ("#8fd694", 10),
        ("#ffffff", 15),
        ("#8a929c", 8),
        ("#c8d0dc", 7),
    ],
)
def test_a_tone_keeps_its_hue(colour: str, number: int) -> None:
    """Amber is yellow, red is red, and greys stay apart."""
    assert number == numbers(colour)[0]


def test_a_chosen_row_keeps_a_ground_of_its_own() -> None:
    """The night is black; a row that is chosen is not."""
    assert 0 == numbers("#ffffff on #0d1014")[1]
    assert 0 != numbers("#ffffff on #2b2345")[1]


def test_no_letter_is_black_on_the_night() -> None:
    """What is drawn faintly is grey."""
    assert (8, 0) == numbers("#15181c on #0d1014")


def test_default_colours_stay_the_terminals_own() -> None:
    """What says nothing of colour says nothing."""
    assert (None, None) == numbers("bold")
    assert "default" == FewColours().apply([Segment("x", Style.parse("default"))], Color(0, 0, 0))[0].style.color.name  # type: ignore[union-attr]


@pytest.mark.parametrize("palette", PALETTES, ids=lambda one: one.name)
def test_grave_and_less_grave_stay_apart(palette: object) -> None:
    """In every theme with colours red and amber are two of the sixteen."""
    variables = dict(palette.variables)  # type: ignore[attr-defined]  # a Palette
    bad, look = variables["tone-bad"], variables["tone-look"]
    if bad != look and "mono" not in palette.name:  # type: ignore[attr-defined]  # as above
        assert numbers(bad)[0] != numbers(look)[0]
