"""The heat map: the whole fleet in one picture, its legend, and the worst twelve beside it."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from app.domain.metrics import by_key
from app.present.cells import Cell, line
from app.present.fleet_view import fleet_view
from app.present.heat_cells import legend
from app.present.now_line import now_line
from app.present.worst import WORST_COLUMNS, worst_rows
from app.tui.actions import bindings
from app.tui.charting import metric_title
from app.tui.moment import Moment
from app.tui.page import GpuChooser
from app.tui.painting import Painter
from widgets.gpu_grid import GpuGrid
from widgets.pane import Pane
from widgets.ribbon import Ribbon
from widgets.virtual_table import VirtualTable


class Heat(GpuChooser):
    """The whole fleet in one picture."""

    ID = "heat"
    CSS_PATH = "heat.tcss"
    BINDINGS = bindings("heat")

    def __init__(self) -> None:
        super().__init__()
        glyphs = self.desk.glyphs
        self._grid = GpuGrid(id="grid")
        self._map = Pane(self._grid, title="Heat map", glyphs=glyphs, id="map-pane")
        self._worst = VirtualTable(glyphs=glyphs, id="worst")
        self._worst_pane = Pane(self._worst, title="Worst twelve", glyphs=glyphs, id="worst-pane")
        self._painter = Painter()
        self._moment: Moment | None = None

    def body(self) -> ComposeResult:
        with Horizontal(id="panes"):
            yield self._map
            yield self._worst_pane
        yield Ribbon(id="legend")
        yield Ribbon(id="selected")

    def on_mount(self) -> None:
        self._grid.zoom_to("heat")
        super().on_mount()

    def show(self, moment: Moment) -> None:
        self._moment = moment
        metric = by_key()[self.desk.view.metric]
        colour = self.desk.view.colour
        paint = self._painter.of(moment, colour)
        view = fleet_view(moment.snapshot, moment.look, metric, keep=moment.keep, paint=paint)
        self._grid.explain(*moment.why_empty)
        self._grid.show(view)
        told = metric_title(metric) if paint is None else f"by {colour}"
        title = line(Cell("Heat map", "strong"), Cell(f" {told}", "head"))
        self._map.show(title, line(Cell(f"{len(view.gpus)} GPUs", "quiet")), (("m", "metric"), ("enter", "open")))
        self._worst.explain("Nothing is wrong", "")
        self._worst.show(WORST_COLUMNS, worst_rows(view))
        self._worst_pane.show("Worst twelve", "", (("enter", "open"),))
        self.query_one("#legend", Ribbon).show(line(Cell(" "), legend(view, max(1, self.size.width - 2))))
        self._show_chosen(moment)

    def chosen(self) -> tuple[str, int] | None:
        if self._worst.has_focus:
            return self._worst_place()
        return self._grid.cursor

    def select(self, node: str, index: int) -> bool:
        return self._grid.move_to(node, index)

    def _worst_place(self) -> tuple[str, int] | None:
        node, slash, index = (self._worst.selected or "").rpartition("/")
        return (node, int(index)) if slash else None

    def _show_chosen(self, moment: Moment) -> None:
        place = self.chosen()
        gpu = moment.snapshot.gpu(*place) if place is not None else None
        said = line(Cell(" "), now_line(gpu, moment.look)) if gpu is not None else ()
        self.query_one("#selected", Ribbon).show(said)

    @on(GpuGrid.GpuHighlighted)
    @on(VirtualTable.RowHighlighted)
    def _highlighted(self) -> None:
        if self._moment is not None:
            self._show_chosen(self._moment)

    @on(GpuGrid.GpuChosen)
    @on(VirtualTable.RowChosen)
    def _gpu_chosen(self) -> None:
        self.action_open()
