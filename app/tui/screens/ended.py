"""Jobs that are over: from Slurm's accounting where it is kept, else as this program saw them itself."""

from __future__ import annotations

from collections.abc import Mapping

from textual import on
from textual.app import ComposeResult

from app.domain.slurm import SlurmJob
from app.present.cells import Cell, cells, line
from app.present.queue import Item
from app.present.queue_rows import ENDED_COLUMNS, Sight, queue_rows, table_columns
from app.tui.actions import bindings
from app.tui.charting import span_title
from app.tui.feed import RefusedError, ask
from app.tui.job_desk import job_desk
from app.tui.moment import Moment
from app.tui.table_page import TablePage
from widgets.pane import Pane
from widgets.virtual_table import VirtualTable

LEAST_S = 86400.0
"""A shorter span than this holds few jobs that are over."""
MOST = 2000


class Ended(TablePage):
    """What ran."""

    ID = "ended"
    CSS_PATH = "ended.tcss"
    BINDINGS = bindings("ended")

    def __init__(self) -> None:
        super().__init__("jobs")
        self._pane = Pane(self._table, title="Ended jobs", glyphs=self.desk.glyphs, id="jobs-pane")
        self._jobs: Mapping[str, SlurmJob] = {}
        self._items: tuple[Item, ...] = ()
        self._asked: tuple[object, ...] = ()
        self._from = "asking"

    def body(self) -> ComposeResult:
        yield self._pane

    def show(self, moment: Moment) -> None:
        span = max(LEAST_S, self.desk.view.span_s)
        self._table.explain("No job is known to have ended in this time", ". asks for a longer span")
        sight = Sight(moment.look, moment.now, lambda _job: "")
        self._table.show(table_columns(ENDED_COLUMNS), queue_rows(self._items, ENDED_COLUMNS, sight))
        state = line(Cell(f"{span_title(span)}  ", "quiet"), *cells(self._from, "quiet"))
        self._pane.show("Ended jobs", state, (("enter", "open"), (", .", "span")))
        due = (span, moment.replay_at)
        if due != self._asked and moment.origin:
            self._asked = due
            reading = self._read(moment.now - span, moment.now)
            self.run_worker(reading, group="ended", exclusive=True, exit_on_error=False, description="ended jobs")

    async def _read(self, start: float, end: float) -> None:
        found, self._from = await self._known(start, end)
        ended = sorted((job for job in found if job.is_ended), key=lambda job: -(job.end_at or 0.0))[:MOST]
        self._jobs = {job.id: job for job in ended}
        self._items = tuple(Item(job.id, (job,)) for job in self._jobs.values())
        self.look_again()

    async def _known(self, start: float, end: float) -> tuple[tuple[SlurmJob, ...], str]:
        """The jobs, and whose word they are."""
        try:
            jobs = await job_desk(self.desk)
            return await ask(jobs.history(start, end)), "from Slurm's accounting"
        except RefusedError:
            pass  # no accounting, or no way to ask it: what was seen from here is the next best
        try:
            return tuple(await ask(self.desk.bridge.connected().jobs(start, end, MOST))), "as seen from here"
        except RefusedError as refusal:
            return (), str(refusal)

    def chosen_jobs(self) -> tuple[str, ...]:
        return (self._table.selected,) if self._table.selected is not None else ()

    @on(VirtualTable.RowChosen)
    def action_open(self) -> None:
        """Open the chosen job's page."""
        job = self._jobs.get(self._table.selected or "")
        if job is not None:
            self.desk.open_page("job", job.id, job)
