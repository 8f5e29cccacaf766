"""Themes: the palettes as Textual knows them, and which one fits this terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.theme import Theme

from app.present.palettes import MONO, PALETTES, Palette

SHORT: Mapping[str, str] = {
    "dark": "watchdog-dark",
    "light": "watchdog-light",
    "colourblind": "watchdog-cividis",
    "colorblind": "watchdog-cividis",
    "cividis": "watchdog-cividis",
    "colourblind-light": "watchdog-cividis-light",
    "mono": "watchdog-mono",
}
"""Words people type, beside the themes' own names."""


def theme_named(text: str) -> str | None:
    """The theme's name for a word or a name of it; None for none of ours."""
    wanted = text.strip().lower()
    names = {palette.name for palette in PALETTES}
    return SHORT.get(wanted) or (wanted if wanted in names else None)


def first_theme(option: str, saved: str, environ: Mapping[str, str]) -> str:
    """The theme to begin with: NO_COLOR beats the option, the option what was saved; dark where nothing is said."""
    if environ.get("NO_COLOR"):
        return MONO.name
    return theme_named(option) or theme_named(saved) or PALETTES[0].name


def _theme(palette: Palette) -> Theme:
    base: dict[str, Any] = dict(palette.base)
    return Theme(name=palette.name, dark=palette.is_dark, variables=dict(palette.variables), **base)


THEMES: tuple[Theme, ...] = tuple(_theme(palette) for palette in PALETTES)
"""Every palette as a theme."""
NAMES: tuple[str, ...] = tuple(theme.name for theme in THEMES)
"""Their names, in the order in which one key steps through them."""
