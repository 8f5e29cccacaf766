"""The GPU grid: every GPU on view at one of three levels of zoom, and a cursor that names one of them.

It is shown a `FleetView`; which level and layout follow from its size. Only lines on screen are drawn, only lines that
changed are refreshed, and nothing is laid out while the same GPUs stay in the same place.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from app.domain.pieces import Pieces
from app.present.cells import Line
from app.present.fleet_view import FleetView
from app.present.grid import Plan, Zoom, farther, nearer, plan_for
from app.present.notes import note_lines
from app.present.places import Direction
from widgets.ink import Inked, refresh_changed

_LINES_AT_ONCE = 8
"""Lines painted in one piece: two milliseconds."""


class GpuGrid(ScrollView, Inked, can_focus=True):
    """All GPUs: cards, lines or a heat map."""

    DEFAULT_CSS = """
    GpuGrid {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step('left')", "left", show=False, id="grid.left"),
        Binding("right", "step('right')", "right", show=False, id="grid.right"),
        Binding("up", "step('up')", "up", show=False, id="grid.up"),
        Binding("down", "step('down')", "down", show=False, id="grid.down"),
        Binding("pageup", "leap(-1)", "page up", show=False, id="grid.pageup"),
        Binding("pagedown", "leap(1)", "page down", show=False, id="grid.pagedown"),
        Binding("home", "jump(0)", "first", show=False, id="grid.home"),
        Binding("end", "jump(-1)", "last", show=False, id="grid.end"),
        Binding("enter", "choose", "open", show=False, id="grid.choose"),
    ]

    class GpuHighlighted(Message):
        """The cursor came to another GPU."""

        def __init__(self, grid: GpuGrid, node: str, index: int) -> None:
            super().__init__()
            self.grid = grid
            self.node = node
            self.index = index

        def can_replace(self, message: Message) -> bool:
            """Only the newest place of the cursor matters."""
            return isinstance(message, GpuGrid.GpuHighlighted)

    class GpuChosen(Message):
        """Somebody wants to go into a GPU."""

        def __init__(self, grid: GpuGrid, node: str, index: int) -> None:
            super().__init__()
            self.grid = grid
            self.node = node
            self.index = index

    class ZoomChanged(Message):
        """Another level of zoom is on screen."""

        def __init__(self, grid: GpuGrid, zoom: Zoom, is_automatic: bool) -> None:
            super().__init__()
            self.grid = grid
            self.zoom = zoom
            self.is_automatic = is_automatic

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._view: FleetView | None = None
        self._plan: Plan | None = None
        self._planned: object = None
        self._forced: Zoom | None = None
        self._cursor: tuple[str, int] | None = None
        self._number: int | None = None
        self._drawn: tuple[Line, ...] | None = None
        self._top = 0
        self._empty = ("No GPU to show yet.", "")

    @property
    def zoom(self) -> Zoom:
        """The level on screen."""
        return self._plan.zoom if self._plan is not None else self._forced or "cards"

    @property
    def cursor(self) -> tuple[str, int] | None:
        """Node and index of the GPU under the cursor."""
        return self._cursor

    def show(self, view: FleetView) -> None:
        """Show another moment."""
        self._view = view
        self._follow_cursor()
        if not self._replan():
            self._redraw()

    def ahead(self, view: FleetView) -> Pieces[None]:
        """Do what takes long of showing another moment, in pieces; what is shown stays until `show` swaps it whole."""
        if self._plan is not None and self._view is not None and self._view.shape == view.shape:
            top, size = self.scroll_offset.y, self.scrollable_content_region.size
            lines = yield from self._plan.ahead(view, top, top + size.height, self._number)
            yield from self._paint_ahead(lines, size.width)

    def explain(self, empty: str, hint: str = "") -> None:
        """Say why there is no GPU, and the one key or setting that changes it."""
        if self._empty != (empty, hint):
            self._empty = (empty, hint)
            self._redraw()

    def zoom_to(self, zoom: Zoom | None) -> None:
        """Show a level whatever fits; None goes back to what fits best."""
        if zoom != self._forced:
            self._forced = zoom
            self._replan()

    def zoom_in(self) -> Zoom:
        """Go one level nearer."""
        self.zoom_to(nearer(self.zoom))
        return self.zoom

    def zoom_out(self) -> Zoom:
        """Go one level farther away."""
        self.zoom_to(farther(self.zoom))
        return self.zoom

    def move_to(self, node: str, index: int) -> bool:
        """Put the cursor on a GPU; False where it is not on view."""
        number = self._view.place(node, index) if self._view is not None else None
        if number is None:
            return False
        self._go(number)
        return True

    def action_step(self, direction: Direction) -> None:
        """Move the cursor to the neighbour in a direction."""
        if self._plan is not None and self._number is not None:
            self._go(self._plan.places.step(self._number, direction))

    def action_leap(self, pages: int) -> None:
        """Move the cursor a page up or down."""
        if self._plan is not None and self._number is not None:
            self._go(
                self._plan.places.leap(self._number, pages * max(1, self.scrollable_content_region.size.height - 1))
            )

    def action_jump(self, number: int) -> None:
        """Move the cursor to the first or the last GPU."""
        if self._view is not None and self._view.gpus:
            self._go(number % len(self._view.gpus))

    def action_choose(self) -> None:
        """Go into the GPU under the cursor."""
        if self._cursor is not None:
            self.post_message(self.GpuChosen(self, *self._cursor))

    def on_click(self, event: Click) -> None:
        """Move the cursor to what was clicked; a second click goes in."""
        if self._plan is None:
            return
        number = self._plan.places.at(event.x + self.scroll_offset.x, event.y + self.scroll_offset.y)
        if number is None:
            return
        if number == self._number and self.has_focus and event.chain != 1:
            self.action_choose()
        else:
            self._go(number)

    def on_resize(self, event: Resize) -> None:
        """Another size may mean another level."""
        event.stop()
        self._replan()

    def on_focus(self) -> None:
        """The cursor shines."""
        self._ink = None
        self.refresh()

    def on_blur(self) -> None:
        """The cursor dims."""
        self._ink = None
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn = None

    def render_line(self, y: int) -> Strip:
        """Paint one line of what is on screen."""
        if self._plan is not None and self._plan.width != self.scrollable_content_region.width:
            self.call_later(self._replan)  # the scrollbar came or went; no resize tells of it
        if self._drawn is None or self._top != self.scroll_offset.y or len(self._drawn) <= y:
            self._draw()
        drawn = self._drawn or ()
        return self.ink.strip(drawn[y] if y < len(drawn) else (), self.scrollable_content_region.width)

    def _paint_ahead(self, lines: list[Line], width: int) -> Pieces[None]:
        """Paint lines that are not on screen yet: the ink knows them then."""
        new = [line for line, shown in zip(lines, self._drawn or (), strict=False) if line is not shown]
        for count, line in enumerate(new, 1):
            self.ink.strip(line, width)
            if count % _LINES_AT_ONCE == 0:
                yield

    def _follow_cursor(self) -> None:
        """Keep the cursor on its GPU; where that left the view, on the one that took its place."""
        view = self._view
        if view is None or not view.gpus:
            self._number = None
            return
        number = view.place(*self._cursor) if self._cursor is not None else None
        if number is None:
            number = min(self._number or 0, len(view.gpus) - 1)
            self._set_cursor(number)
        self._number = number

    def _set_cursor(self, number: int) -> None:
        assert self._view is not None  # noqa: S101 - callers have one
        gpu = self._view.gpus[number]
        self._number = number
        if self._cursor != (gpu.node, gpu.index):
            self._cursor = (gpu.node, gpu.index)
            self.post_message(self.GpuHighlighted(self, gpu.node, gpu.index))

    def _go(self, number: int) -> None:
        self._set_cursor(number)
        self._scroll_to_cursor()
        self._redraw()

    def _scroll_to_cursor(self) -> None:
        if self._plan is not None and self._number is not None:
            box = self._plan.places.boxes[self._number]
            self.scroll_to_region(Region(box.x, box.y, box.width, box.height), animate=False, force=True)

    def _replan(self) -> bool:
        """Lay out again if the size, the shape or the wanted level changed; whether it did."""
        view, size = self._view, self.scrollable_content_region.size
        if view is None or not size:
            return False
        wanted = (view.shape, size, self._forced, view.look.glyphs.name, view.paint is None)
        if self._planned == wanted:
            return False
        before = self._plan.zoom if self._plan is not None else None
        self._planned = wanted
        self._plan = self._laid_out(view, size)
        if self.virtual_size != (size.width, self._plan.height):
            self.virtual_size = Size(size.width, self._plan.height)
        self._drawn = None
        self.refresh()
        self._scroll_to_cursor()
        if self._plan.zoom != before:
            self.post_message(self.ZoomChanged(self, self._plan.zoom, self._forced is None))
        return True

    def _laid_out(self, view: FleetView, size: Size) -> Plan:
        whole = view.paint is not None  # letters tell whose a cell is, and half a character holds none
        glyphs = view.look.glyphs
        return plan_for(view.shape, self._forced, size.width, size.height, glyphs, can_halve=not whole)

    def _draw(self) -> None:
        """Make the lines on screen."""
        size = self.scrollable_content_region.size
        self._top = self.scroll_offset.y
        plan, view = self._plan, self._view
        if view is None or not view.gpus:
            self._drawn = note_lines(*self._empty, size.width, size.height)
            return
        if plan is None:  # the first layout is painted before this widget is told of it: the numbers need not wait
            plan = self._laid_out(view, size)
        self._drawn = tuple(plan.lines(view, self._top, self._top + size.height, self._number))

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
