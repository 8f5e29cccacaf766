"""Empty places explained, and the help."""

from __future__ import annotations

from textual.events import Resize
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from app.present.cells import Line
from app.present.help import HelpSection, help_lines
from app.present.notes import note_lines
from widgets.ink import Inked, Painted


class EmptyNote(Painted):
    """Why there is nothing here, and the one key or setting that changes it."""

    DEFAULT_CSS = """
    EmptyNote { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._said = ("", "")

    def show(self, why: str, hint: str = "") -> None:
        """Say two sentences."""
        if self._said != (why, hint):
            self._said = (why, hint)
            self.repaint()

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:
        """The sentences in the middle."""
        return note_lines(*self._said, width, height)


class HelpPanel(ScrollView, Inked, can_focus=True):
    """Sections of keys, scrolled where they do not fit."""

    DEFAULT_CSS = """
    HelpPanel {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._sections: tuple[HelpSection, ...] = ()
        self._lines: tuple[Line, ...] = ()
        self._laid_out = 0

    def show(self, sections: tuple[HelpSection, ...]) -> None:
        """Show sections."""
        if sections != self._sections:
            self._sections = sections
            self._lay_out()

    def on_resize(self, event: Resize) -> None:
        """Another width holds another number of columns."""
        event.stop()
        self._lay_out()

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        if self._laid_out != self.scrollable_content_region.width:
            self.call_later(self._lay_out)  # the scrollbar came or went; no resize tells of it
        at = y + self.scroll_offset.y
        return self.ink.strip(self._lines[at] if at < len(self._lines) else (), self.scrollable_content_region.width)

    def _lay_out(self) -> None:
        size = self.scrollable_content_region.size
        if not size:
            return
        self._laid_out = size.width
        self._lines = help_lines(self._sections, size.width)
        if self.virtual_size.height != len(self._lines):
            self.virtual_size = Size(0, len(self._lines))
        self.refresh()
