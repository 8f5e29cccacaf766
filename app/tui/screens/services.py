"""The model servers: requests, KV cache, tokens, latencies; the chosen one against its GPUs, its past, every value."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from app.domain.metrics import by_key
from app.domain.series import Subject
from app.domain.service_place import place_of
from app.domain.snapshot import Service
from app.present.cells import Cell, cells, line
from app.present.detail_rows import value_rows
from app.present.rows import NO_ROWS
from app.present.service_rows import SERVICE_COLUMNS, service_rows
from app.present.service_view import service_lines
from app.tui.actions import bindings
from app.tui.charting import ChartKeeper, Wish, metric_title, span_title
from app.tui.moment import Moment
from app.tui.page import Page
from app.tui.sections import Sections
from widgets.chart import HistoryChart
from widgets.pane import Pane
from widgets.text_lines import TextLines
from widgets.value_list import ValueList
from widgets.virtual_table import VirtualTable

CHARTED = (
    "service.tokens_per_s",
    "service.requests_waiting",
    "service.kv_cache_usage",
    "service.ttft_p95",
)
NO_SERVICE = "No model server is among the sources"
SERVICE_HINT = "a [[target]] whose url is a vLLM's /metrics adds one"
_PART = (("space", "next part"),)


class Services(Page):
    """Every model server."""

    ID = "services"
    CSS_PATH = "services.tcss"
    BINDINGS = bindings("services")

    def __init__(self) -> None:
        super().__init__()
        glyphs = self.desk.glyphs
        self._table = VirtualTable(glyphs=glyphs, id="services")
        self._table_pane = Pane(self._table, title="Services", glyphs=glyphs, id="services-pane")
        self._facts = TextLines(glyphs=glyphs, id="facts")
        self._values = ValueList(glyphs=glyphs, id="values")
        charts = tuple(HistoryChart(classes="chart") for _ in CHARTED)
        self._charts = tuple(
            Pane(chart, glyphs=glyphs, id=f"chart-{number}", classes="chart-pane")
            for number, chart in enumerate(charts)
        )
        self._keepers = tuple(ChartKeeper(chart, self.desk) for chart in charts)
        self._panes = {
            "facts": Pane(self._facts, glyphs=glyphs, id="facts-pane"),
            **{pane.id or "": pane for pane in self._charts},
            "values": Pane(self._values, title="Values", glyphs=glyphs, id="values-pane"),
        }
        self._sections = Sections(self, self._panes)
        self._moment: Moment | None = None

    def body(self) -> ComposeResult:
        yield self._table_pane
        with Container(id="lower"):
            yield self._panes["facts"]
            with Container(id="charts"):
                yield from self._charts
            yield self._panes["values"]

    def show(self, moment: Moment) -> None:
        self._moment = moment
        services = moment.snapshot.services
        why = (NO_SERVICE, SERVICE_HINT) if moment.origin else moment.why_empty
        self._table.explain(*why)
        self._table.show(SERVICE_COLUMNS, service_rows(moment.snapshot, moment.look))
        self._table_pane.show(
            "Services", line(Cell(f"{len(services)}" if services else "", "quiet")), (("l", "its log"),)
        )
        self._show_chosen(moment)

    def point(self, key: str) -> bool:
        return self._table.select(key)

    def chosen(self) -> tuple[str, int] | None:
        service = self._chosen(self._moment)
        if service is None or self._moment is None:
            return None
        gpus = place_of(service, self._moment.snapshot, self._moment.now).gpus
        return (gpus[0].node, gpus[0].index) if gpus else None

    def action_section(self, by: int) -> None:
        """Show the next part of the chosen server, where not all fit."""
        self._sections.step(by)
        self.call_after_refresh(self.look_again)  # a chart asks for as many columns as it has

    def action_to_log(self) -> None:
        """Open the log of the chosen server."""
        service = self._chosen(self._moment)
        if service is not None:
            self.desk.open_page("log", service.id)

    def action_to_job(self) -> None:
        """Open the job that the chosen server runs in."""
        service = self._chosen(self._moment)
        if service is None or self._moment is None:
            return
        jobs = place_of(service, self._moment.snapshot, self._moment.now).jobs
        if jobs:
            self.desk.open_page("job", jobs[0])
        else:
            self.note("no Slurm job is known to serve it", "look")

    @on(VirtualTable.RowChosen, "#services")
    def action_open(self) -> None:
        """Open the first of its GPUs."""
        place = self.chosen()
        if place is not None:
            self.desk.open_page("gpu", *place)
        else:
            self.note("its GPUs are not known", "look")

    def action_to_node(self) -> None:
        """Open the node of the chosen server."""
        place = self.chosen()
        if place is not None:
            self.desk.open_page("node", place[0])

    def _chosen(self, moment: Moment | None) -> Service | None:
        return moment.snapshot.services.get(self._table.selected or "") if moment is not None else None

    def _show_chosen(self, moment: Moment) -> None:
        service = self._chosen(moment)
        width = self._facts.scrollable_content_region.width or 60
        self._facts.explain("No service is chosen", "")
        self._facts.show_lines(service_lines(service, moment.snapshot, moment.look, width) if service else ())
        model = service.model if service is not None else ""
        self._panes["facts"].show(line(*cells(model or "Service", "strong")), "", _PART)
        self._values.explain("No service is chosen", "")
        self._values.show_values(value_rows(service, moment.look) if service is not None else NO_ROWS)
        self._panes["values"].show("Values", line(*cells(model, "quiet")), _PART)
        self._show_past(service, moment)

    def _show_past(self, service: Service | None, moment: Moment) -> None:
        span_s, is_live = self.desk.view.span_s, moment.replay_at is None
        for key, pane, keeper in zip(CHARTED, self._charts, self._keepers, strict=True):
            pane.show(metric_title(by_key()[key]), line(Cell(span_title(span_s), "quiet")), ((", .", "span"), *_PART))
            wish = None
            if service is not None:
                wish = Wish(Subject("service", key=service.id), key, span_s, moment.now, is_live)
            keeper.want(wish)

    @on(VirtualTable.RowHighlighted)
    def _highlighted(self) -> None:
        if self._moment is not None:
            self._show_chosen(self._moment)
