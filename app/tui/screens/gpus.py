"""The list of GPUs: every one in one table; columns, order and filter are the user's."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from app.present.cells import Cell, line
from app.present.gpu_rows import gpu_columns, gpu_rows, sort_gpus
from app.present.now_line import now_line
from app.tui.actions import bindings
from app.tui.moment import Moment
from app.tui.page import GpuChooser
from app.tui.sorting import GPUS
from app.tui.table_page import TablePage
from widgets.ribbon import Ribbon
from widgets.virtual_table import VirtualTable


class Gpus(TablePage, GpuChooser):
    """Every GPU in one table."""

    ID = "gpus"
    CSS_PATH = "gpus.tcss"
    BINDINGS = bindings("gpus")
    SORTED = GPUS

    def __init__(self) -> None:
        super().__init__("gpus")
        self._order: tuple[str, ...] = ()

    def body(self) -> ComposeResult:
        yield self._table
        yield Ribbon(id="selected")

    def show(self, moment: Moment) -> None:
        view = self.desk.view
        gpus = moment.gpus()
        if view.sort or view.descending:
            # The order before steadies the new one: rows that are about equal do not change places.
            gpus = sort_gpus(gpus, view.sort or "gpu", moment.look, descending=view.descending, before=self._order)
        self._order = tuple(gpu.id for gpu in gpus)
        keys = view.columns or None
        self._table.explain(*moment.why_empty)
        self._table.show(gpu_columns(keys, gpus), gpu_rows(gpus, moment.look, keys), GPUS.of(view))
        self.show_chosen(moment)

    def chosen(self) -> tuple[str, int] | None:
        node, slash, index = (self._table.selected or "").rpartition("/")
        return (node, int(index)) if slash else None

    def select(self, node: str, index: int) -> bool:
        return self._table.select(f"{node}/{index}")

    def show_chosen(self, moment: Moment) -> None:
        place = self.chosen()
        gpu = moment.snapshot.gpu(*place) if place is not None else None
        said = line(Cell(" "), now_line(gpu, moment.look)) if gpu is not None else ()
        self.query_one("#selected", Ribbon).show(said)

    @on(VirtualTable.RowChosen)
    def _gpu_chosen(self) -> None:
        self.action_open()
