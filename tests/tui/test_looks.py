"""Themes and plain characters."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from app.tui.plain import plain
from app.tui.themes import THEMES, first_theme, theme_named
from app.tui.viewstate import load_view
from tests.tui.driving import driving


@pytest.mark.parametrize(
    ("option", "saved", "environ", "theme"),
    [
        ("", "", {}, "watchdog-dark"),
        ("", "watchdog-light", {}, "watchdog-light"),
        ("colourblind", "watchdog-light", {}, "watchdog-cividis"),
        ("light", "", {"NO_COLOR": "1"}, "watchdog-mono"),
        ("pink", "gone", {}, "watchdog-dark"),
    ],
)
def test_theme_to_begin_with(option: str, saved: str, environ: dict[str, str], theme: str) -> None:
    """NO_COLOR beats the setting, the setting what was saved; what is not known is dark."""
    assert theme == first_theme(option, saved, environ)


async def test_theme_is_chosen_and_remembered(tmp_path: Path) -> None:
    """`:theme` takes a short word; the next start has the theme."""
    async with driving(tmp_path) as drive:
        await drive.type(":theme light")
        await drive.until(lambda: "watchdog-light" == drive.app.theme)

    assert "watchdog-light" == load_view(tmp_path / "view.json")[0].theme


async def test_every_theme_paints(tmp_path: Path) -> None:
    """T goes round all themes, and each shows the same text."""
    async with driving(tmp_path) as drive:
        seen = set()
        for _ in THEMES:
            await drive.press("T")
            seen.add(drive.app.theme)
            assert "gpu-01" in drive.text

    assert {theme.name for theme in THEMES} == seen
    assert all(theme_named(name) == name for name in seen)


@given(st.text(max_size=40))
def test_plain_characters_keep_their_width(text: str) -> None:
    """Whatever comes, what goes out is ASCII and takes as many columns."""
    shown = plain(text)

    assert shown.isascii()
    assert sum(1 if char.isascii() else cell_len(char) for char in text) == len(shown)
