"""The queue: every job in one table, filtered, sorted, marked and acted on; why the chosen one waits, in full."""

from __future__ import annotations

from asyncio import sleep
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult

from app.domain.job_filtering import EVERY_JOB, JobFilter
from app.domain.slurm import SlurmJob, SlurmPicture
from app.present.cells import Cell, Line, cells, line
from app.present.job_view import cost_of, summary_lines, use_of, why_lines
from app.present.queue import Item, Queue, Wanted
from app.present.queue_rows import NARROW, QUEUE_COLUMNS, Sight, order_of, queue_rows, table_columns
from app.present.queue_titles import as_of, picture_note, queue_state, why_no_jobs
from app.present.rows import NO_ROWS
from app.tui.actions import bindings
from app.tui.explaining import Explainer
from app.tui.moment import Moment
from app.tui.page import ROOMY, frame_keys
from app.tui.sorting import JOBS
from app.tui.table_page import FilteredPage
from widgets.pane import Pane
from widgets.ribbon import Ribbon
from widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = ("open", "job.mark", "job.cancel", "job.hold", "job.release", "job.requeue", "job.extend")
"""Deeds whose keys stand below the table."""

MANY = 1000
"""Jobs that are not worked out in one go."""
TRIAL = "trial"
"""The worker that tries a filter."""


class QueuePage(FilteredPage[JobFilter]):
    """Every job."""

    ID = "queue"
    CSS_PATH = "queue.tcss"
    BINDINGS = bindings("queue")
    FILTERS = "jobs"
    KEPT_IN = "job_filter"
    SORTED = JOBS

    def __init__(self) -> None:
        super().__init__("jobs", EVERY_JOB)
        glyphs = self.desk.glyphs
        self._pane = Pane(self._table, title="Queue", glyphs=glyphs, id="jobs-pane")
        self._about = Ribbon(id="about")
        self._about_pane = Pane(self._about, glyphs=glyphs, id="about-pane")
        self._queue = Queue()
        self._shown: tuple[Item, ...] | None = None
        """What the table's rows are of."""
        self._ready: SlurmPicture | None = None
        """Of thousands of jobs, the picture that is worked out."""
        self._coming: SlurmPicture | None = None
        """The one that is worked out now, or was last."""
        self._explainer = Explainer()
        self._opened: frozenset[str] = frozenset()
        self._marked: frozenset[str] = frozenset()

    def body(self) -> ComposeResult:
        yield self._pane
        yield self._about_pane

    def show(self, moment: Moment) -> None:
        picture = moment.snapshot.slurm
        self._table.explain(*self._why_empty(moment))
        if picture is None or picture.jobs is None:
            self._table.show((), NO_ROWS)
            self._shown = None
        elif not self._is_ready(picture, picture.jobs, moment):
            return  # until it is, a moment from now, its rows stay as they were
        else:
            self._show_jobs(picture, picture.jobs, moment)
        self._pane.show(self._title(), self._state(picture, moment), frame_keys(self.desk, SHOWN))
        self.show_chosen(moment)

    def _show_jobs(self, picture: SlurmPicture, jobs: Mapping[str, SlurmJob], moment: Moment) -> None:
        now = moment.now
        items = self._items(jobs, now)
        look = moment.look
        sight = Sight(look, as_of(picture, now), self._explainer.of(picture, look), self._marked)
        columns = NARROW if self.size.width < ROOMY[0] else QUEUE_COLUMNS
        self._explainer.prepare(picture, jobs, look)
        like = self._table.shown_rows if items is self._shown else None
        rows = queue_rows(items, columns, sight, is_old=picture.is_expired(now), like=like)
        self._shown = items
        self._table.show(table_columns(columns), rows, JOBS.of(self.desk.view))

    def _items(self, jobs: Mapping[str, SlurmJob], now: float) -> tuple[Item, ...]:
        return self._queue.items(jobs, self._wanted_rows(self.wanted()), now)

    def _wanted_rows(self, kept: JobFilter) -> Wanted:
        view = self.desk.view
        return Wanted(kept, order_of(view.job_sort), view.job_descending, self._opened)

    def _is_ready(self, picture: SlurmPicture, jobs: Mapping[str, SlurmJob], moment: Moment) -> bool:
        """Whether a picture can be shown at once; of thousands of jobs it is made ready for it in pieces."""
        if picture is self._ready or picture is self._coming:
            return picture is self._ready
        # Where the one before did not become ready in all its time, what is shown must not grow old over it.
        is_late = self._coming is not self._ready
        self._coming = picture
        if is_late or self._shown is None or len(jobs) < MANY:
            self._ready = picture
            return True
        ready = self._make_ready(self._wanted_rows(self.wanted()), picture, moment)
        self.run_worker(ready, group="picture", exclusive=True, exit_on_error=False, description="queue")
        return False

    async def _make_ready(self, wanted: Wanted, picture: SlurmPicture, moment: Moment) -> None:
        await self._reckon(wanted, picture, moment)
        if picture is self._coming:
            self._ready = picture
            self.look_again()

    async def _reckon(self, wanted: Wanted, picture: SlurmPicture, moment: Moment) -> None:
        """Work out what is going to be on screen, piece by piece: a key is answered between two of them."""
        jobs = picture.jobs or {}
        for _ in self._queue.reckoning(jobs, wanted, moment.now):
            await sleep(0)
        first = self._table.scroll_offset.y
        for item in self._queue.items(jobs, wanted, moment.now)[first : first + self._table.size.height]:
            if item.first.is_pending:
                self._explainer.whole(item.first, picture, moment.look)
                await sleep(0)

    def show_trial(self, wanted: JobFilter) -> None:
        """Of thousands of jobs in pieces, between which the next letter is answered, and ends this trial."""
        moment = self._moment
        picture = moment.snapshot.slurm if moment is not None else None
        if moment is None or picture is None or len(picture.jobs or ()) < MANY:
            super().show_trial(wanted)
            return
        trial = self._try_in_pieces(wanted, picture, moment)
        self.run_worker(trial, group=TRIAL, exclusive=True, exit_on_error=False, description="filter")

    async def _try_in_pieces(self, wanted: JobFilter, picture: SlurmPicture, moment: Moment) -> None:
        await self._reckon(self._wanted_rows(wanted), picture, moment)
        super().show_trial(wanted)

    def end_trial(self) -> None:
        self.workers.cancel_group(self, TRIAL)
        super().end_trial()

    def read_filter(self, text: str) -> JobFilter | str:
        from app.tui import deeds  # noqa: PLC0415 - a page without a filter needs no language for it

        return deeds.try_job_filter(text)

    def _title(self) -> Line:
        marked = Cell(f"  {len(self._marked)} marked", "accent") if self._marked else ""
        return line(Cell("Queue", "strong"), self.kept_words(self._queue.kept), marked)

    def _state(self, picture: SlurmPicture | None, moment: Moment) -> Line:
        note = picture_note(picture, moment.now) if picture is not None else ()
        return line(note, "  " if note else "", queue_state(moment.facts, moment.look))

    def _why_empty(self, moment: Moment) -> tuple[str, str]:
        picture = moment.snapshot.slurm
        if picture is not None and picture.jobs and self.wanted():
            return "No job fits the filter", "/ and enter shows all again"
        return why_no_jobs(moment.snapshot) if moment.origin else moment.why_empty

    def show_chosen(self, moment: Moment) -> None:
        """The chosen job in two lines, and why it waits."""
        job, picture = self._chosen_job(moment), moment.snapshot.slurm
        if job is None or picture is None:
            self._about_pane.show("")
            self._about.show()
            return
        gpus = moment.join.gpus_of(job) if moment.join is not None else ()
        width = max(20, self.size.width - 4)
        when = as_of(picture, moment.now)
        cost = cost_of(job, gpus, moment.snapshot.prices, when)
        said = self._explainer.of(picture, moment.look)(job) if job.is_pending else ""
        about = summary_lines(job, moment.look, use_of(gpus, moment.now), cost, when)
        self._about_pane.show(line(*cells(job.id, "strong")), line(Cell("why it waits", "quiet")) if said else "")
        self._about.show(*about, *why_lines(said, width))

    def _chosen_job(self, moment: Moment) -> SlurmJob | None:
        key, picture = self._table.selected, moment.snapshot.slurm
        if key is None or picture is None or picture.jobs is None:
            return None
        items, number = self._shown or (), self._table.shown_rows.index_of(key)
        return items[number].first if number is not None and number < len(items) else None

    def chosen_jobs(self) -> tuple[str, ...]:
        known = self._table.shown_rows
        marked = tuple(key for key in known.keys if key in self._marked)
        return marked or ((self._table.selected,) if self._table.selected is not None else ())

    @on(VirtualTable.RowChosen)
    def action_open(self) -> None:
        """Open the chosen job's page; of an array, its tasks."""
        key = self._table.selected
        if key is None or self._moment is None:
            return
        picture = self._moment.snapshot.slurm
        if picture is not None and picture.jobs is not None and key not in picture.jobs:
            self._opened = self._opened ^ {key}
            self.look_again()
        elif key is not None:
            self.desk.open_page("job", key)

    def action_mark(self) -> None:
        """Mark the chosen row, or take its mark away, and go on to the next."""
        if self._table.selected is not None:
            self._marked = self._marked ^ {self._table.selected}
            self._table.action_step(1)
            self.look_again()

    def action_unmark(self) -> None:
        """Take every mark away."""
        self._marked = frozenset()
        self.look_again()

    def action_arrays(self, is_opened: int) -> None:
        """Open every array and heterogeneous job, or close them."""
        picture = self._moment.snapshot.slurm if self._moment is not None else None
        if picture is not None and picture.jobs is not None and self._moment is not None:
            groups = (item.key for item in self._items(picture.jobs, self._moment.now) if item.kind != "job")
            self._opened = frozenset(groups) if is_opened else frozenset()
            self.look_again()
