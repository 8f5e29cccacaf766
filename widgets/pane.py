"""A pane: a thin frame round one widget, with a title, a state, and the keys of what has the focus.

The frame is drawn by hand, not by Textual's border, because a border has one title on each edge and repaints its
whole inside when that changes; here a changed state costs one line.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.events import DescendantBlur, DescendantFocus
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from app.present.cells import Cell, Line, Tone, cells
from app.present.frames import frame_bottom, frame_top, keys_line
from app.present.glyphs import UNICODE, Glyphs
from widgets.ink import Inked


class Pane(Inked):
    """A frame round one widget."""

    DEFAULT_CSS = """
    Pane { layout: vertical; width: 1fr; height: 1fr; }
    Pane > * { margin: 1 1; }
    """

    def __init__(
        self,
        body: Widget,
        *,
        title: str = "",
        glyphs: Glyphs = UNICODE,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.body = body
        self._glyphs = glyphs
        self._title: Line = cells(title, "strong")
        self._state: Line = ()
        self._keys: tuple[tuple[str, str], ...] = ()
        self._is_lit = False

    def compose(self) -> ComposeResult:
        yield self.body

    def show(self, title: Line | str, state: Line | str = "", keys: tuple[tuple[str, str], ...] = ()) -> None:
        """Show a title at the left, a state at the right; the keys appear below while the focus is inside."""
        new = (
            cells(title, "strong") if isinstance(title, str) else title,
            cells(state, "quiet") if isinstance(state, str) else state,
        )
        if new != (self._title, self._state):
            self._title, self._state = new
            self._refresh_line(0)
        if keys != self._keys:
            self._keys = keys
            self._refresh_line(self.size.height - 1)

    def on_descendant_focus(self, event: DescendantFocus) -> None:  # noqa: ARG002 - Textual passes it
        """The frame shines, the keys appear."""
        self._light()

    def on_descendant_blur(self, event: DescendantBlur) -> None:  # noqa: ARG002 - Textual passes it
        """The frame dims."""
        self._light()

    def _light(self) -> None:
        is_lit = self.has_focus_within
        if is_lit != self._is_lit:
            self._is_lit = is_lit
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Paint the edges; the body covers the rest."""
        width, height = self.size
        tone: Tone = "focus" if self._is_lit else "frame"
        if y == 0:
            drawn = frame_top(self._title, self._state, width, self._glyphs, tone)
        elif y == height - 1:
            drawn = frame_bottom(keys_line(self._keys, self._glyphs) if self._is_lit else (), width, self._glyphs, tone)
        else:
            edge = Cell(self._glyphs.box.down, tone)
            drawn = (edge, Cell(" " * max(0, width - 2)), edge)
        return self.ink.strip(drawn, width)

    def _refresh_line(self, y: int) -> None:
        if self.is_mounted:
            self.refresh(Region(0, y, self.size.width, 1))
