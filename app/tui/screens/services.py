"""The model servers: requests, KV cache, tokens, latencies; and every value of the chosen one."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from app.domain.metrics import by_key
from app.domain.series import Subject
from app.present.cells import Cell, cells, line
from app.present.detail_rows import value_rows
from app.present.rows import NO_ROWS
from app.present.service_rows import SERVICE_COLUMNS, service_rows
from app.tui.actions import bindings
from app.tui.charting import ChartKeeper, Wish, metric_title, span_title
from app.tui.moment import Moment
from app.tui.page import Page
from widgets.chart import HistoryChart
from widgets.pane import Pane
from widgets.value_list import ValueList
from widgets.virtual_table import VirtualTable

CHARTED = ("service.tokens_per_s", "service.requests_waiting")
NO_SERVICE = "No model server is among the sources"
SERVICE_HINT = "a [[target]] whose url is a vLLM's /metrics adds one"


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
        self._values = ValueList(glyphs=glyphs, id="values")
        self._values_pane = Pane(self._values, title="Values", glyphs=glyphs, id="values-pane")
        self._charts = tuple(HistoryChart(classes="chart") for _ in CHARTED)
        self._panes = tuple(
            Pane(chart, glyphs=glyphs, id=f"chart-{number}", classes="chart-pane")
            for number, chart in enumerate(self._charts)
        )
        self._keepers = tuple(ChartKeeper(chart, self.desk) for chart in self._charts)
        self._moment: Moment | None = None

    def body(self) -> ComposeResult:
        yield self._table_pane
        yield from self._panes
        yield self._values_pane

    def show(self, moment: Moment) -> None:
        self._moment = moment
        services = moment.snapshot.services
        why = (NO_SERVICE, SERVICE_HINT) if moment.origin else moment.why_empty
        self._table.explain(*why)
        self._table.show(SERVICE_COLUMNS, service_rows(moment.snapshot, moment.look))
        self._table_pane.show("Services", line(Cell(f"{len(services)}" if services else "", "quiet")))
        self._show_chosen(moment)

    def point(self, key: str) -> bool:
        return self._table.select(key)

    def _show_chosen(self, moment: Moment) -> None:
        service = moment.snapshot.services.get(self._table.selected or "")
        self._values.explain("No service is chosen", "")
        self._values.show_values(value_rows(service, moment.look) if service is not None else NO_ROWS)
        self._values_pane.show("Values", line(*cells(service.model if service is not None else "", "quiet")))
        span_s, is_live = self.desk.view.span_s, moment.replay_at is None
        for key, pane, keeper in zip(CHARTED, self._panes, self._keepers, strict=True):
            pane.show(metric_title(by_key()[key]), line(Cell(span_title(span_s), "quiet")), ((", .", "span"),))
            wish = None
            if service is not None:
                wish = Wish(Subject("service", key=service.id), key, span_s, moment.now, is_live)
            keeper.want(wish)

    @on(VirtualTable.RowHighlighted)
    def _highlighted(self) -> None:
        if self._moment is not None:
            self._show_chosen(self._moment)
