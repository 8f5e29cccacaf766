"""A table of any length: only the rows on screen are formatted, only those that changed are painted.

It is shown columns and rows; sorting and filtering happen outside. The cursor is on a key, not on a number, and
follows it. A click on a head asks for a sort; what comes of it arrives with the next `show`.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from app.present.cells import Cell, Line, fit_line, line
from app.present.glyphs import UNICODE, Glyphs
from app.present.notes import note_lines
from app.present.rows import GAP_WIDTH, NO_ROWS, Column, Rows, lay_out
from widgets.ink import Inked, refresh_changed

Fitted = tuple[tuple[int, Column, int], ...]


class VirtualTable(ScrollView, Inked, can_focus=True):
    """Rows under heads, with a cursor."""

    DEFAULT_CSS = """
    VirtualTable {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "up", show=False, id="table.up"),
        Binding("down", "step(1)", "down", show=False, id="table.down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="table.pageup"),
        Binding("pagedown", "page(1)", "page down", show=False, id="table.pagedown"),
        Binding("home", "jump(0)", "first", show=False, id="table.home"),
        Binding("end", "jump(-1)", "last", show=False, id="table.end"),
        Binding("enter", "choose", "open", show=False, id="table.choose"),
    ]

    class RowHighlighted(Message):
        """The cursor came to another key."""

        def __init__(self, table: VirtualTable, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> VirtualTable:
            """The table, for `@on(..., "#id")`."""
            return self.table

        def can_replace(self, message: Message) -> bool:
            """Only the newest place of the cursor matters."""
            return isinstance(message, VirtualTable.RowHighlighted) and message.table is self.table

    class RowChosen(Message):
        """Enter, or a click on the row under the cursor."""

        def __init__(self, table: VirtualTable, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> VirtualTable:
            """The table, for `@on(..., "#id")`."""
            return self.table

    class SortRequested(Message):
        """A click on a head."""

        def __init__(self, table: VirtualTable, column: str) -> None:
            super().__init__()
            self.table = table
            self.column = column

        @property
        def control(self) -> VirtualTable:
            """The table, for `@on(..., "#id")`."""
            return self.table

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        header: bool = True,
        cursor: bool = True,
        shy: bool = False,
        empty: str = "",
        hint: str = "",
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        """A shy cursor shows itself only while the table has the keys: for texts, where it marks nothing chosen."""
        super().__init__(id=id, classes=classes)
        self._glyphs = glyphs
        self._head = 1 if header else 0
        self._has_cursor = cursor
        self._is_shy = shy
        self._empty = (empty, hint)
        self._columns: tuple[Column, ...] = ()
        self._rows: Rows = NO_ROWS
        self._sort: tuple[str, bool] | None = None
        self._fitted: Fitted = ()
        self._fitted_for: object = None
        self._key: str | None = None
        self._number = 0
        self._drawn: tuple[Line, ...] | None = None
        self._drawn_size = Size(0, 0)
        self._top = 0

    @property
    def selected(self) -> str | None:
        """The key under the cursor; None where there is no row or no cursor."""
        return self._key if self._has_cursor else None

    @property
    def shown_rows(self) -> Rows:
        """The rows as last shown."""
        return self._rows

    def show(self, columns: tuple[Column, ...], rows: Rows, sort: tuple[str, bool] | None = None) -> None:
        """Show rows; `sort` (column key, descending) only draws the arrow."""
        grown = len(rows) != len(self._rows)
        self._columns, self._rows, self._sort = columns, rows, sort
        self._follow_key()
        if grown:
            self._set_extent()
        self._redraw()

    def explain(self, empty: str, hint: str = "") -> None:
        """Say why there is no row, and the one key or setting that changes it."""
        if self._empty != (empty, hint):
            self._empty = (empty, hint)
            self._redraw()

    def select(self, key: str) -> bool:
        """Put the cursor on a key; False where there is no such row."""
        number = self._rows.index_of(key)
        if number is None:
            return False
        self._go(number)
        return True

    def action_step(self, rows: int) -> None:
        """Move the cursor, or scroll where there is none."""
        if self._has_cursor:
            self._go(self._number + rows)
        else:
            self.scroll_relative(y=rows, animate=False)

    def action_page(self, pages: int) -> None:
        """Move by a screenful less one line."""
        self.action_step(pages * max(1, self.scrollable_content_region.size.height - self._head - 1))

    def action_jump(self, number: int) -> None:
        """Move to the first or the last row."""
        if self._has_cursor:
            self._go(number % len(self._rows) if self._rows else 0)
        else:
            self.scroll_to(y=0 if number == 0 else self.max_scroll_y, animate=False)

    def action_choose(self) -> None:
        """Choose the row under the cursor."""
        if self.selected is not None:
            self.post_message(self.RowChosen(self, self.selected))

    def on_click(self, event: Click) -> None:
        """A head asks for a sort; a row takes the cursor, and is chosen when it has it."""
        if event.y < self._head:
            self._click_head(event.x)
            return
        number = self.scroll_offset.y + event.y - self._head
        if not self._has_cursor or not 0 <= number < len(self._rows):
            return
        if number == self._number and event.chain > 1:
            self.action_choose()
        else:
            self._go(number)

    def on_resize(self, event: Resize) -> None:
        """Another width may leave out other columns."""
        event.stop()
        self._drawn = None
        self._set_extent()

    def on_focus(self) -> None:
        """The cursor shines."""
        self._ink = self._drawn = None
        self.refresh()

    def on_blur(self) -> None:
        """The cursor dims."""
        self._ink = self._drawn = None
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn = None

    def render_line(self, y: int) -> Strip:
        """Paint one line of what is on screen; the heads do not scroll."""
        size = self.scrollable_content_region.size  # the scrollbar comes and goes without a resize
        if self._drawn is None or self._top != self.scroll_offset.y or self._drawn_size != size:
            self._draw()
        drawn = self._drawn or ()
        return self.ink.strip(drawn[y] if y < len(drawn) else (), self.scrollable_content_region.width)

    def _follow_key(self) -> None:
        """Keep the cursor on its key; where that is gone, on the row that took its place."""
        if not self._rows:
            self._key, self._number = None, 0
            return
        number = self._rows.index_of(self._key) if self._key is not None else None
        if number is not None:
            self._number = number
            return
        self._number = min(self._number, len(self._rows) - 1)
        self._set_key(self._rows.keys[self._number])

    def _set_key(self, key: str) -> None:
        if key != self._key:
            self._key = key
            if self._has_cursor:
                self.post_message(self.RowHighlighted(self, key))

    def _go(self, number: int) -> None:
        if not self._rows:
            return
        self._number = max(0, min(len(self._rows) - 1, number))
        self._set_key(self._rows.keys[self._number])
        height = max(1, self.scrollable_content_region.size.height - self._head)
        top = self.scroll_offset.y
        if self._number < top:
            self.scroll_to(y=self._number, animate=False, force=True)
        elif self._number >= top + height:
            self.scroll_to(y=self._number - height + 1, animate=False, force=True)
        self._redraw()

    def _set_extent(self) -> None:
        """Tell the scrollbar; the heads take a line of every screenful."""
        wanted = Size(0, len(self._rows) + self._head if self._rows else 0)
        if self.virtual_size != wanted:
            # Assigned, it would have the whole screen laid out anew, which a table's height has nothing to do with.
            # A scrollbar that comes or goes still does. Textual's own private name; it is pinned exactly.
            self.set_reactive(VirtualTable.virtual_size, wanted)
            self._scroll_update(wanted)

    def _click_head(self, x: int) -> None:
        left = 0
        for _, column, width in self._fitted:
            if left <= x < left + width + GAP_WIDTH:
                if column.sortable:
                    self.post_message(self.SortRequested(self, column.key))
                return
            left += width + GAP_WIDTH

    def _draw(self) -> None:
        """Make the lines on screen."""
        size = self.scrollable_content_region.size
        self._top = self.scroll_offset.y
        self._drawn_size = size
        if not self._rows:
            self._drawn = note_lines(*self._empty, size.width, size.height)
            return
        wanted = (self._columns, size.width)
        if self._fitted_for != wanted:
            self._fitted_for = wanted
            self._fitted = lay_out(self._columns, size.width)
        lines = [self._head_line(size.width)] if self._head else []
        last = min(len(self._rows), self._top + size.height - self._head)
        lines += [self._row_line(number, size.width) for number in range(self._top, last)]
        blank: Line = (Cell(" " * size.width),)
        lines += [blank] * (size.height - len(lines))
        self._drawn = tuple(lines)

    def _row_line(self, number: int, whole: int) -> Line:
        shown = self._rows[number].cells
        parts: list[Cell | str | Line] = []
        for at, column, width in self._fitted:
            text = shown[at] if at < len(shown) else ()
            parts += [" " * GAP_WIDTH if parts else "", fit_line(text, width, column.align, self._glyphs.more)]
        made = fit_line(line(*parts), whole)
        if self._has_cursor and number == self._number and (self.has_focus or not self._is_shy):
            return tuple(cell._replace(back=cell.back or "chosen") for cell in made)
        return made

    def _head_line(self, whole: int) -> Line:
        parts: list[Cell | str | Line] = []
        for _, column, width in self._fitted:
            title = Cell(column.title, "head")
            if self._sort is not None and self._sort[0] == column.key:
                arrow = self._glyphs.down if self._sort[1] else self._glyphs.up
                told = line(Cell(column.title, "accent"), Cell(arrow, "accent"))
            else:
                told = line(title)
            parts += [" " * GAP_WIDTH if parts else "", fit_line(told, width, column.align, self._glyphs.more)]
        return fit_line(line(*parts), whole)

    def _redraw(self) -> None:
        """Make the lines on screen anew and refresh those that differ."""
        if not self.is_mounted or not self.scrollable_content_region.size:
            self._drawn = None
            return
        before, top = self._drawn, self._top
        self._draw()
        if self._drawn is not None:
            refresh_changed(
                self, before if top == self._top else None, self._drawn, self.scrollable_content_region.size
            )
