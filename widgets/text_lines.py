"""Text of any length, a line each: scripts, environments, logs that grow. It follows the end while one stands there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Resize

from app.present.cells import Cell, Line, line_text
from app.present.glyphs import UNICODE, Glyphs
from app.present.rows import Column, Row, Rows
from widgets.virtual_table import VirtualTable

_COLUMNS = (Column("text", "", 1, grow=1, sortable=False),)
_STEP = 16
"""Columns that one key moves sideways."""


class TextLines(VirtualTable):
    """Plain lines, scrolled both ways; nothing in them is markup."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "sideways(-1)", "left", show=False, id="lines.left"),
        Binding("right", "sideways(1)", "right", show=False, id="lines.right"),
    ]

    def __init__(self, *, glyphs: Glyphs = UNICODE, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(glyphs=glyphs, header=False, cursor=False, id=id)
        self._lines: Sequence[Line] = ()
        self._left = 0

    def show_lines(self, lines: Sequence[Line], *, follow: bool = False) -> None:
        """Show lines; with `follow` go on showing the last ones where the last ones are shown now."""
        if lines is self._lines:
            return
        was_at_end = not self._lines or self.scroll_offset.y >= self.max_scroll_y
        self._lines = lines
        self._show_from()
        if follow and was_at_end and self.is_mounted:
            self.call_after_refresh(self.action_jump, -1)

    def action_sideways(self, steps: int) -> None:
        """Show what stands further right or left."""
        self._left = max(0, self._left + steps * _STEP)
        self._show_from()

    def _show_from(self) -> None:
        lines, left = self._lines, self._left
        self.show(
            _COLUMNS, Rows([str(at) for at in range(len(lines))], lambda at: Row(str(at), (_cut(lines[at], left),)))
        )


class FittedLines(TextLines):
    """Lines made for the room there is: laid out anew whenever that changes, the first time it is known included."""

    def __init__(self, *, glyphs: Glyphs = UNICODE, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(glyphs=glyphs, id=id)
        self._made: Callable[[int], Sequence[Line]] | None = None
        self._width = 0

    def lay_out(self, make: Callable[[int], Sequence[Line]]) -> None:
        """Show what is made for so many columns."""
        self._made = make
        self._lay_out()

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002 - a hook of Textual's
        """Lay out again where the room has changed."""
        if self._made is not None and self._width != self.scrollable_content_region.width:
            self._lay_out()

    def _lay_out(self) -> None:
        self._width = self.scrollable_content_region.width
        if self._made is not None and self._width:
            self.show_lines(self._made(self._width))


def _cut(of: Line, left: int) -> Line:
    """The line without its first columns."""
    if not left or not of:
        return of
    return (Cell(line_text(of)[left:], of[0].tone),)
