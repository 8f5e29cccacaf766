"""Home: everything at once - the GPUs, the past of the chosen one, queue and chat, the newest event."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize

from app.domain.metrics import by_key
from app.domain.series import Event
from app.domain.snapshot import Gpu
from app.present.cells import Cell, cells, line
from app.present.fleet_view import fleet_view
from app.present.job_rows import JOB_COLUMNS, job_rows
from app.present.now_line import now_line
from app.present.rows import NO_ROWS
from app.tui.actions import bindings
from app.tui.charting import ChartKeeper, gpu_wish, metric_title, span_title
from app.tui.moment import Moment
from app.tui.page import Page
from app.tui.trending import Trending
from widgets.chart import HistoryChart
from widgets.gpu_grid import GpuGrid
from widgets.notes import EmptyNote
from widgets.pane import Pane
from widgets.ribbon import EventStrip, Ribbon
from widgets.virtual_table import VirtualTable

NO_QUEUE = "Not connected: this version does not read Slurm yet"
QUEUE_HINT = "[slurm] in the configuration will connect it"
NO_CHAT = "Not connected: this version has no agent yet"
CHAT_HINT = "[agent] base_url will connect it"
_WIDE = 160


class Home(Page):
    """Everything at once, sized to the terminal."""

    ID = "home"
    BINDINGS = bindings("home")

    def __init__(self) -> None:
        super().__init__()
        glyphs = self.desk.glyphs
        self._grid = GpuGrid(id="grid")
        self._chart = HistoryChart(id="chart")
        self._chart_pane = Pane(self._chart, glyphs=glyphs, id="chart-pane")
        self._jobs = VirtualTable(glyphs=glyphs, id="jobs")
        self._queue_pane = Pane(self._jobs, title="Queue", glyphs=glyphs, id="queue-pane")
        self._note = EmptyNote(id="chat-note")
        self._ask_pane = Pane(self._note, title="Ask", glyphs=glyphs, id="ask-pane")
        self._panes = Container(self._grid, self._chart_pane, self._queue_pane, self._ask_pane, id="panes")
        self._trending = Trending(self.desk)
        self._keeper = ChartKeeper(self._chart, self.desk)
        self._moment: Moment | None = None
        self._zoom_shown: str | None = None

    def body(self) -> ComposeResult:
        yield self._panes
        yield Ribbon(id="selected")
        yield Ribbon(id="others")
        yield EventStrip(id="events")

    def show(self, moment: Moment) -> None:
        self._moment = moment
        view = self.desk.view
        if view.zoom != self._zoom_shown:
            self._zoom_shown = view.zoom
            self._grid.zoom_to(view.zoom or None)
        if self._trending.take(moment, view.metric):
            self.run_worker(
                self._seed(moment), group="trends", exclusive=True, exit_on_error=False, description="trends"
            )
        self._grid.explain(*moment.why_empty)
        self._show_grid(moment)
        self._show_chosen(moment)
        self._show_queue(moment)
        self.query_one(EventStrip).show(moment.events, moment.look, hint="d details")

    def chosen(self) -> tuple[str, int] | None:
        return self._grid.cursor

    def choose(self, node: str, index: int) -> None:
        self._grid.move_to(node, index)

    def _show_grid(self, moment: Moment) -> None:
        metric = by_key()[self.desk.view.metric]
        trend = self._trending.trends.of
        self._grid.show(fleet_view(moment.snapshot, moment.look, metric, trend, moment.keep))

    def _chosen_gpu(self) -> Gpu | None:
        place = self._grid.cursor
        return self._moment.snapshot.gpu(*place) if self._moment is not None and place is not None else None

    def _show_chosen(self, moment: Moment) -> None:
        """The chosen GPU: its line, and the past of the metric."""
        gpu, view = self._chosen_gpu(), self.desk.view
        metric = by_key()[view.metric]
        keys = (("m", "metric"), (", .", "span"))
        if gpu is None:
            self._keeper.want(None)
            self._chart_pane.show("History", "", keys)
            self.query_one("#selected", Ribbon).show(())
            return
        title = line(*cells(gpu.id, "strong"), Cell(f" {metric_title(metric)}", "head"))
        self._chart_pane.show(title, line(Cell(span_title(view.span_s), "quiet")), keys)
        self.query_one("#selected", Ribbon).show(line(Cell(" "), now_line(gpu, moment.look)))
        is_live = moment.replay_at is None
        self._keeper.want(gpu_wish(gpu, view.metric, view.span_s, moment.now, is_live=is_live))

    def _show_queue(self, moment: Moment) -> None:
        """Jobs as far as exporters name them; where none does, why there is nothing."""
        rows = job_rows(moment.gpus(), moment.look)
        self._jobs.explain(NO_QUEUE, QUEUE_HINT)
        self._jobs.show(JOB_COLUMNS, rows or NO_ROWS)
        state = f"{len(rows)} named by exporters, Slurm not connected" if rows else ""
        self._queue_pane.show("Queue", line(Cell(state, "quiet")))
        self._note.show(NO_CHAT, CHAT_HINT)
        self._ask_pane.show("Ask")
        said = line(
            Cell(" queue ", "head"),
            Cell("not connected", "quiet"),
            Cell("   ask ", "head"),
            Cell("not connected", "quiet"),
        )
        self.query_one("#others", Ribbon).show(said)

    async def _seed(self, moment: Moment) -> None:
        await self._trending.seed(moment)
        if self._moment is not None:
            self._show_grid(self._moment)

    def on_resize(self, event: Resize) -> None:
        """Settle what fits; from 160 columns queue and chat are a column at the right."""
        super().on_resize(event)
        pair = (self._chart_pane, self._queue_pane)
        order = (self._grid, *(reversed(pair) if event.size.width >= _WIDE else pair), self._ask_pane)
        if self._panes.is_mounted and tuple(self._panes.children) != order:
            self._panes.sort_children(key=order.index)

    @on(GpuGrid.GpuHighlighted)
    def _highlighted(self) -> None:
        if self._moment is not None:
            self._show_chosen(self._moment)

    @on(GpuGrid.GpuChosen)
    def _gpu_chosen(self, event: GpuGrid.GpuChosen) -> None:
        self.desk.open_page("gpu", event.node, event.index)

    @on(VirtualTable.RowChosen)
    def _job_chosen(self, event: VirtualTable.RowChosen) -> None:
        self.desk.change(filter=f"job:{event.key}")

    @on(EventStrip.Chosen)
    def _event_chosen(self, event: EventStrip.Chosen) -> None:
        self._open_subject(event.event)

    def action_open(self) -> None:
        place = self._grid.cursor
        if place is not None:
            self.desk.open_page("gpu", *place)

    def action_to_node(self) -> None:
        place = self._grid.cursor
        if place is not None:
            self.desk.open_page("node", place[0])

    def action_open_event(self) -> None:
        events = self._moment.events if self._moment is not None else ()
        if events:
            self._open_subject(events[-1])
        else:
            self.note("no event yet")

    def action_zoom_in(self) -> None:
        self._remember_zoom(self._grid.zoom_in())

    def action_zoom_out(self) -> None:
        self._remember_zoom(self._grid.zoom_out())

    def _remember_zoom(self, zoom: str) -> None:
        self._zoom_shown = zoom
        self.desk.change(zoom=zoom)

    def _open_subject(self, event: Event) -> None:
        """The page of what an event is about."""
        about = event.subject
        if about.kind in ("gpu", "mig") and about.index is not None:
            self.desk.open_page("gpu", about.node, about.index)
        elif about.kind == "node":
            self.desk.open_page("node", about.node)
        else:
            self.desk.open_page("sources")
