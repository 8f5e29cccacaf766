"""Themes: every colour is there, text can be read, ramps go one way."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.present.cells import LEVELS, TONES
from app.present.palettes import PALETTES, STYLED, VARIABLES, Palette, default_variables


def lightness(colour: str) -> float:
    """Relative luminance (WCAG), 0 to 1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio."""
    high, low = sorted((lightness(one), lightness(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.name)
def test_every_palette_has_every_variable(palette: Palette) -> None:
    """A theme that misses one would stop the program when it is chosen."""
    assert set(VARIABLES) == set(palette.variables)
    named = {tone for tone in TONES if tone not in {"plain", "cursor", "chosen", *LEVELS}}
    assert {f"tone-{tone}" for tone in named} <= set(VARIABLES)
    assert {f"tone-{tone}-style" for tone in STYLED} <= set(VARIABLES)


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.name)
def test_text_can_be_read(palette: Palette) -> None:
    """Plain text has a contrast of 7, signals 4.5, quiet text 3; old text may fade to 2.3."""
    page = palette.base["background"]
    floors = {
        "strong": 7.0,
        "look": 4.5,
        "bad": 4.5,
        "accent": 4.5,
        "info": 4.5,
        "quiet": 3.0,
        "old": 2.3,
        "curve": 4.5,
    }

    assert contrast(palette.base["foreground"], page) >= 7
    for tone, floor in floors.items():
        assert contrast(palette.variables[f"tone-{tone}"], page) >= floor, tone


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.name)
def test_ramps_go_one_way_from_the_page(palette: Palette) -> None:
    """More use is further from the page, in every theme, in steps that can be told apart."""
    page = palette.base["background"]
    ramp = [contrast(palette.variables[f"level-{at}"], page) for at in range(10)]

    assert all(after > before for before, after in pairwise(ramp))
    assert ramp[9] / ramp[0] >= 2.5


def test_themes_of_others_get_our_variables() -> None:
    """A dark and a light set stand in for themes that are not ours."""
    assert set(VARIABLES) == set(default_variables(dark=True)) == set(default_variables(dark=False))
