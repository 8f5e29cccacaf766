"""One GPU: every value with unit, source and age, its past, processes, slices, links and errors."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from app.domain.metrics import by_key
from app.domain.snapshot import Gpu
from app.present.cells import Cell, Line, cells, line
from app.present.detail_rows import MIG_COLUMNS, PROCESS_COLUMNS, mig_rows, process_rows, value_rows
from app.present.incident_told import touching
from app.present.rows import Column, Rows
from app.present.titles import facts_line, gpu_title
from app.present.trouble_rows import ERROR_COLUMNS, LINK_COLUMNS, error_rows, link_rows
from app.present.units import format_age
from app.tui.actions import bindings
from app.tui.charting import ChartKeeper, gpu_wish, metric_title, span_title
from app.tui.incident_line import IncidentLine
from app.tui.moment import Moment
from app.tui.page import Page
from app.tui.sections import NEEDLESS, Sections
from app.tui.viewstate import METRICS
from widgets.chart import HistoryChart
from widgets.pane import Pane
from widgets.ribbon import Ribbon
from widgets.value_list import ValueList
from widgets.virtual_table import VirtualTable

CHARTS = 4
"""The chosen metric large, and three more where there is room."""


class GpuPage(Page):
    """Everything known of one GPU."""

    ID = "gpu"
    CSS_PATH = "gpu.tcss"
    BINDINGS = bindings("gpu")

    def __init__(self, node: str, index: int) -> None:
        super().__init__()
        glyphs = self.desk.glyphs
        self._place = (node, index)
        self._charts = tuple(HistoryChart(classes="chart") for _ in range(CHARTS))
        self._keepers = tuple(ChartKeeper(chart, self.desk) for chart in self._charts)
        self._chart_panes = tuple(
            Pane(chart, glyphs=glyphs, id=f"chart-{number}", classes="chart-pane")
            for number, chart in enumerate(self._charts)
        )
        self._values = ValueList(glyphs=glyphs, id="values")
        self._processes = VirtualTable(glyphs=glyphs, id="processes")
        self._errors = VirtualTable(glyphs=glyphs, id="errors")
        self._links = VirtualTable(glyphs=glyphs, id="links")
        self._slices = VirtualTable(glyphs=glyphs, id="slices")
        self._panes = {
            name: Pane(body, title=name.capitalize(), glyphs=glyphs, id=f"{name}-pane")
            for name, body in (
                ("values", self._values),
                ("processes", self._processes),
                ("errors", self._errors),
                ("links", self._links),
                ("slices", self._slices),
            )
        }
        self._sections = Sections(self, self._panes)
        self._incident = IncidentLine(self.desk)

    def body(self) -> ComposeResult:
        yield Ribbon(id="title")
        yield self._incident
        values, *others = self._panes.values()
        with Container(id="panes"):
            yield values
            with Container(id="right"):
                with Container(id="charts"):
                    yield from self._chart_panes
                yield from others

    def chosen(self) -> tuple[str, int] | None:
        return self._place

    def chosen_process(self) -> int | None:
        pid = self._processes.selected
        return int(pid) if pid is not None else None

    def show(self, moment: Moment) -> None:
        gpu = moment.snapshot.gpu(*self._place)
        node, index = self._place
        held = moment.look.held(gpu).job_ids if gpu is not None and moment.look.held is not None else ()
        self._incident.tell(touching(moment.diagnosis, node=node, gpu=index, jobs=held), moment.look)
        if gpu is None:
            self._show_nothing(moment)
            return
        self.query_one("#title", Ribbon).show(
            line(Cell(" "), gpu_title(gpu, moment.look)), line(Cell(" "), facts_line(gpu, moment.look))
        )
        self._show_charts(gpu, moment)
        self._show_tables(gpu, moment)

    def _show_nothing(self, moment: Moment) -> None:
        node, index = self._place
        why = moment.why_empty[0] if moment.problem or not moment.origin else "unknown at this moment"
        self.query_one("#title", Ribbon).show(
            line(Cell(" "), *cells(f"{node}/{index}", "strong"), Cell(" "), *cells(why, "quiet"))
        )
        for keeper in self._keepers:
            keeper.want(None)

    def _show_charts(self, gpu: Gpu, moment: Moment) -> None:
        """The chosen metric first, then those of the round that are left."""
        view = self.desk.view
        others = [key for key in METRICS if key != view.metric]
        is_live = moment.replay_at is None
        for number, key in enumerate((view.metric, *others[: CHARTS - 1])):
            title = line(Cell(metric_title(by_key()[key]), "head"))
            keys = (("m", "metric"), (", .", "span")) if number == 0 else ()
            self._chart_panes[number].show(title, line(Cell(span_title(view.span_s), "quiet")), keys)
            self._keepers[number].want(gpu_wish(gpu, key, view.span_s, moment.now, is_live=is_live))

    def _show_tables(self, gpu: Gpu, moment: Moment) -> None:
        look = moment.look
        values = value_rows(gpu, look)
        self._values.explain("No value is known", gpu.note or "")
        self._values.show_values(values)
        self._frame("values", f"{len(values)}")
        age = f"{format_age(look.now - gpu.processes_at)} old" if gpu.processes_at else ""
        why = (
            "No process is on it"
            if gpu.processes is not None
            else "No source of it lists processes; the pod exporter and nvml: do"
        )
        self._table("processes", self._processes, PROCESS_COLUMNS, process_rows(gpu, look), why, age)
        self._table("errors", self._errors, ERROR_COLUMNS, error_rows(gpu, look), "No error is known")
        self._table("links", self._links, LINK_COLUMNS, link_rows(gpu, look), "No source of it speaks of links")
        self._table("slices", self._slices, MIG_COLUMNS, mig_rows(gpu, look), "Not sliced: MIG is off or nobody says")
        self._panes["slices"].set_class(not gpu.mig, NEEDLESS)

    def _table(
        self, name: str, table: VirtualTable, columns: tuple[Column, ...], rows: Rows, empty: str, state: str = ""
    ) -> None:
        table.explain(empty, "")
        table.show(columns, rows)
        self._frame(name, state or (f"{len(rows)}" if rows else ""))

    def _frame(self, name: str, state: str) -> None:
        shown: Line = line(Cell(state, "quiet"))
        self._panes[name].show(line(Cell(name.capitalize(), "strong")), shown, (("space", "next part"),))

    def action_to_incident(self) -> None:
        """Open the incident that touches it."""
        self._incident.follow()

    def action_section(self, by: int) -> None:
        """Show the next part."""
        self._sections.step(by)

    def action_sibling(self, by: int) -> None:
        """Go to the GPU before or after, in the order of places, round the ends."""
        places = [(gpu.node, gpu.index) for gpu in self.desk.moment.gpus()] or [self._place]
        here = places.index(self._place) if self._place in places else 0
        self.desk.open_page("gpu", *places[(here + by) % len(places)])

    def action_to_node(self) -> None:
        self.desk.open_page("node", self._place[0])
