"""Home's panes: the grid of GPUs, the past of the chosen one, queue and chat. Mounted after the first frame."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from textual import on
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from app.domain.metrics import by_key
from app.domain.pieces import Pieces
from app.domain.snapshot import Gpu
from app.present.cells import Cell, Line, cells, line
from app.present.fleet_view import fleet_view
from app.present.job_rows import JOB_COLUMNS, job_rows
from app.present.now_line import now_line
from app.present.queue_titles import why_no_jobs
from app.present.rows import NO_ROWS
from app.tui.actions import key_of
from app.tui.charting import ChartKeeper, gpu_wish, metric_title, span_title
from app.tui.desk import Desk
from app.tui.moment import Moment
from app.tui.painting import Painter
from app.tui.trending import Trending
from widgets.chart import HistoryChart
from widgets.gpu_grid import GpuGrid
from widgets.notes import EmptyNote
from widgets.pane import Pane
from widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from app.present.fleet_view import FleetView
    from app.tui.home_queue import HomeQueue

T = TypeVar("T")
NO_CHAT = "Questions in your own words"
CHART_KEYS = (("m", "metric"), (", .", "span"))
_WIDE = 160


class HomePanes(Container):
    """Everything at once, in the order in which the style sheet places it."""

    class Chose(Message):
        """Another GPU is under the cursor."""

    def __init__(self, desk: Desk, width: int) -> None:
        glyphs = desk.glyphs
        self._desk = desk
        self._grid = GpuGrid(id="grid")
        self._chart = HistoryChart(id="chart")
        self._chart_pane = Pane(self._chart, title="History", glyphs=glyphs, id="chart-pane")
        self._jobs = VirtualTable(glyphs=glyphs, id="jobs")
        self._queue_pane = Pane(self._jobs, title="Queue", glyphs=glyphs, id="queue-pane")
        self._chat = EmptyNote(id="chat-note")
        self._chat.show(NO_CHAT, ask_hint(desk))
        self._ask_pane = Pane(self._chat, title="Ask", glyphs=glyphs, id="ask-pane")
        self._trending = Trending(desk)
        self._keeper = ChartKeeper(self._chart, desk)
        self._painter = Painter()
        self._queue: HomeQueue | None = None
        self._moment: Moment | None = None
        self._zoom_shown: str | None = None
        super().__init__(*self._order(width), id="panes")

    @property
    def place(self) -> tuple[str, int] | None:
        """Node and index of the GPU under the cursor."""
        return self._grid.cursor

    @property
    def job(self) -> str | None:
        """The job under the cursor of the queue, while that has the keys."""
        has_jobs = self._moment is not None and self._moment.snapshot.slurm is not None
        return self._jobs.selected if has_jobs and self._jobs.has_focus else None

    @property
    def level(self) -> str:
        """The level of zoom on screen."""
        return self._grid.zoom

    @property
    def summary(self) -> Line:
        """The chosen GPU as it is, on one line; empty where none is chosen."""
        gpu = self._chosen_gpu()
        return now_line(gpu, self._moment.look) if gpu is not None and self._moment is not None else ()

    def move_to(self, node: str, index: int) -> bool:
        """Put the cursor on a GPU; whether it is there."""
        return self._grid.move_to(node, index)

    def take_focus(self) -> None:
        """The keys go to the grid."""
        self._grid.focus()

    def fit(self, width: int) -> None:
        """Settle the order for a width; from 160 columns queue and chat are a column at the right."""
        order = self._order(width)
        if self.is_mounted and tuple(self.children) != order:
            self.sort_children(key=order.index)

    def zoom(self, *, is_nearer: bool) -> str:
        """Show more of each GPU, or more GPUs; the level then shown."""
        self._zoom_shown = self._grid.zoom_in() if is_nearer else self._grid.zoom_out()
        return self._zoom_shown

    def show(self, moment: Moment) -> None:
        """Show a moment."""
        self._moment = moment
        view = self._desk.view
        if view.zoom != self._zoom_shown:
            self._zoom_shown = view.zoom
            self._grid.zoom_to(view.zoom or None)
        self._grid.explain(*moment.why_empty)
        if self._grid.zoom == "heat":
            self.call_later(self._show_many, moment)
        else:
            self._begin_trends(moment, is_due=self._trending.take(moment, view.metric))
            self._grid.show(self._view(moment))
            self._show_queue(moment)
        self.show_past()

    def show_past(self) -> None:
        """The past of the chosen GPU."""
        gpu, moment, view = self._chosen_gpu(), self._moment, self._desk.view
        if gpu is None or moment is None:
            self._keeper.want(None)
            self._chart_pane.show("History", "", CHART_KEYS)
            return
        title = line(*cells(gpu.id, "strong"), Cell(f" {metric_title(by_key()[view.metric])}", "head"))
        self._chart_pane.show(title, line(Cell(span_title(view.span_s), "quiet")), CHART_KEYS)
        is_live = moment.replay_at is None
        self._keeper.want(gpu_wish(gpu, view.metric, view.span_s, moment.now, is_live=is_live))

    def _begin_trends(self, moment: Moment, *, is_due: bool) -> None:
        """Fill the sparklines from the past where they begin."""
        if is_due:
            seeding = self._seed(moment)
            self.run_worker(seeding, group="trends", exclusive=True, exit_on_error=False, description="trends")

    async def _show_many(self, moment: Moment) -> None:
        """Show what may be thousands of GPUs, unless a newer moment has come; a key is answered between two steps."""
        self._show_queue(moment)
        await asyncio.sleep(0)
        is_due = await _bit_by_bit(self._trending.taking(moment, self._desk.view.metric))
        self._begin_trends(moment, is_due=is_due)
        view = self._view(moment)
        for _ in self._grid.ahead(view):
            await asyncio.sleep(0)
            if moment is not self._moment:
                return
        self._grid.show(view)

    def _view(self, moment: Moment) -> FleetView:
        metric = by_key()[self._desk.view.metric]
        trend = self._trending.trends.of
        paint = self._painter.of(moment, self._desk.view.colour)
        return fleet_view(moment.snapshot, moment.look, metric, trend, moment.keep, paint)

    def _show_queue(self, moment: Moment) -> None:
        """Slurm's queue; without Slurm jobs as far as exporters name them; where none does, why there is nothing."""
        picture = moment.snapshot.slurm
        self._jobs.explain(*(why_no_jobs(moment.snapshot) if moment.origin else moment.why_empty))
        if picture is None:
            rows = job_rows(moment.snapshot.gpus() if moment.keep is None else moment.gpus(), moment.look)
            self._jobs.show(JOB_COLUMNS, rows or NO_ROWS)
            state = f"{len(rows)} named by exporters, Slurm not connected" if rows else ""
            self._queue_pane.show("Queue", line(Cell(state, "quiet")))
            return
        if self._queue is None:
            from app.tui.home_queue import HomeQueue  # noqa: PLC0415 - late: for who has Slurm; GPUs need not wait

            self._queue = HomeQueue()
        self._jobs.show(*self._queue.table(moment, picture))
        self._queue_pane.show(*self._queue.title(moment, picture), (("enter", "open"), ("3", "queue")))

    def _chosen_gpu(self) -> Gpu | None:
        place = self._grid.cursor
        return self._moment.snapshot.gpu(*place) if self._moment is not None and place is not None else None

    async def _seed(self, moment: Moment) -> None:
        await self._trending.seed(moment)
        if self._moment is not None:
            self._grid.show(self._view(self._moment))

    def _order(self, width: int) -> tuple[Widget, ...]:
        if width >= _WIDE:
            return (self._grid, self._queue_pane, self._chart_pane, self._ask_pane)
        return (self._grid, self._chart_pane, self._queue_pane, self._ask_pane)

    @on(VirtualTable.RowChosen)
    def _job_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        if self._moment is None or self._moment.snapshot.slurm is None:
            self._desk.change(filter=f"job:{event.key}")
        else:
            from app.tui.queue_verbs import find_job  # noqa: PLC0415 - late: for who opens a job

            self._desk.open_page("job", find_job(self._desk, event.key).id)

    @on(GpuGrid.GpuChosen)
    def _gpu_chosen(self, event: GpuGrid.GpuChosen) -> None:
        event.stop()
        self._desk.open_page("gpu", event.node, event.index)

    @on(GpuGrid.GpuHighlighted)
    def _highlighted(self) -> None:
        self.show_past()
        self.post_message(self.Chose())


async def _bit_by_bit(pieces: Pieces[T]) -> T:
    """What the work makes; a key is answered between two pieces of it."""
    while True:
        await asyncio.sleep(0)
        try:
            next(pieces)
        except StopIteration as end:
            made: T = end.value
            return made


def ask_hint(desk: Desk) -> str:
    """The keys that ask."""
    about, whole = key_of("ask", desk.keymap), key_of("page.chat", desk.keymap)
    return f"{about} asks about what is chosen; {whole} is a page of its own"
