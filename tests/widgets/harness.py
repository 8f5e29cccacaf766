"""A small app around one widget or a few, with frozen values, in any of our themes; and pictures of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from textual import on
from textual.app import App, ComposeResult
from textual.message import Message
from textual.theme import Theme
from textual.widget import Widget

from app.present.palettes import PALETTES, Palette, default_variables
from widgets.gpu_grid import GpuGrid
from widgets.ribbon import EventStrip, KeyBar
from widgets.virtual_table import VirtualTable


def theme_of(palette: Palette) -> Theme:
    """Textual's theme of a palette."""
    base: dict[str, Any] = dict(palette.base)
    return Theme(name=palette.name, dark=palette.is_dark, variables=dict(palette.variables), **base)


class Harness(App[None]):
    """Shows the widgets it is given, one under the other."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { layout: vertical; overflow: hidden; }"

    def __init__(self, make: Callable[[], Iterable[Widget]], theme: str = "watchdog-dark", css: str = "") -> None:
        super().__init__()
        self._make = make
        self._wanted_theme = theme
        self.told: list[Message] = []
        """Messages of our widgets, in order."""
        if css:
            self.stylesheet.add_source(css, read_from=("harness", ""))

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return default_variables(dark=True)

    def compose(self) -> ComposeResult:
        yield from self._make()

    def on_mount(self) -> None:
        for palette in PALETTES:
            self.register_theme(theme_of(palette))
        self.theme = self._wanted_theme

    @on(GpuGrid.GpuHighlighted)
    @on(GpuGrid.GpuChosen)
    @on(GpuGrid.ZoomChanged)
    @on(VirtualTable.RowHighlighted)
    @on(VirtualTable.RowChosen)
    @on(VirtualTable.SortRequested)
    @on(KeyBar.Pressed)
    @on(EventStrip.Chosen)
    def hear(self, message: Message) -> None:
        """Keep what a widget told."""
        self.told.append(message)


def screen_text(app: App[None]) -> str:
    """The screen as plain text, one line a row."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


def picture(app: App[None], path: Path) -> None:
    """Write what is on screen as a PNG (needs rsvg-convert)."""
    svg = path.with_suffix(".svg")
    svg.write_text(_redrawn(app.export_screenshot()), encoding="utf-8")
    subprocess.run(["rsvg-convert", "-o", str(path), str(svg)], check=True)


_COLUMN = 12.2
"""Width of a terminal column in Textual's pictures."""
_TEXT = re.compile(r'<text class="([^"]*-r\d+)" x="([\d.]+)"([^>]*)>((?:&#160;)*)([^<]*)</text>')


def _redrawn(svg: str) -> str:
    """The picture for rsvg-convert: a font that is there, at the size of the columns, and no leading spaces."""

    def shifted(match: re.Match[str]) -> str:
        style, x, rest, spaces, text = match.groups()
        at = float(x) + _COLUMN * spaces.count("&#160;")
        if not any("\u2800" <= char <= "\u28ff" for char in text):
            return f'<text class="{style}" x="{at:.1f}"{rest}>{text}</text>'
        # Braille comes from another font, with another advance: each sign is put in its own place.
        rest = re.sub(r' textLength="[^"]*"', "", rest)
        signs = text.replace("&#160;", " ")
        return "".join(
            f'<text class="{style}" x="{at + _COLUMN * place:.1f}"{rest}>{sign}</text>'
            for place, sign in enumerate(signs)
            if sign != " "
        )

    fitted = svg.replace("Fira Code", "DejaVu Sans Mono").replace("font-size: 20px", "font-size: 20.26px")
    return _TEXT.sub(shifted, fitted)
