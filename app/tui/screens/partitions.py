"""Slurm's nodes and partitions: states with their reasons, free GPUs by model, who holds what."""

from __future__ import annotations

from collections import Counter

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from app.domain.apply_slurm import names_of
from app.domain.slurm import SlurmPicture
from app.engine.free import FreeGpus, free_gpus
from app.engine.totals import Totals, totals
from app.present.cells import Cell, Line, cells, line
from app.present.job_view import why_lines
from app.present.queue_titles import picture_note, why_no_jobs
from app.present.slurm_rows import (
    FREE_COLUMNS,
    NODE_STATE_COLUMNS,
    PARTITION_COLUMNS,
    TOTAL_COLUMNS,
    free_rows,
    node_state_rows,
    partition_rows,
    slurm_line,
    total_rows,
)
from app.tui.actions import bindings
from app.tui.explaining import node_meaning
from app.tui.moment import Moment
from app.tui.page import Page
from app.tui.sections import Sections
from widgets.pane import Pane
from widgets.ribbon import Ribbon
from widgets.virtual_table import VirtualTable

_SUMS_S = 5.0
"""Sums over the fleet are reckoned anew with every picture of Slurm, and this often for use and cost."""
NAMES = {
    "nodes": "Nodes", "partitions": "Partitions", "free": "Free GPUs", "users": "By user", "accounts": "By account",
}  # fmt: skip


class Partitions(Page):
    """Where jobs can run, and what is left there."""

    ID = "partitions"
    CSS_PATH = "partitions.tcss"
    BINDINGS = bindings("partitions")

    def __init__(self) -> None:
        super().__init__()
        glyphs = self.desk.glyphs
        self._tables = {name: VirtualTable(glyphs=glyphs, id=name) for name in NAMES}
        self._panes = {
            name: Pane(table, title=NAMES[name], glyphs=glyphs, id=f"{name}-pane")
            for name, table in self._tables.items()
        }
        self._sections = Sections(self, self._panes)
        self._summed: tuple[object, ...] = ()
        self._free: FreeGpus | None = None
        self._totals: Totals | None = None
        self._moment: Moment | None = None

    def body(self) -> ComposeResult:
        with Container(id="above"):
            yield self._panes["partitions"]
            yield self._panes["free"]
        yield self._panes["nodes"]
        yield Ribbon(id="about")
        with Container(id="below"):
            yield self._panes["users"]
            yield self._panes["accounts"]

    def show(self, moment: Moment) -> None:
        self._moment = moment
        picture = moment.snapshot.slurm
        why = why_no_jobs(moment.snapshot) if moment.origin else moment.why_empty
        for table in self._tables.values():
            table.explain(*why)
        if picture is not None:
            self._sum(picture, moment)
            self._show_nodes(picture, moment)
            self._show_sums(picture)

    def _sum(self, picture: SlurmPicture, moment: Moment) -> None:
        due = (picture, moment.replay_at, moment.now // _SUMS_S)
        if due != self._summed:
            self._summed = due
            self._free = free_gpus(moment.snapshot, moment.now)
            self._totals = totals(moment.snapshot, moment.now)

    def _show_nodes(self, picture: SlurmPicture, moment: Moment) -> None:
        holding = (job for job in (picture.jobs or {}).values() if job.holds_nodes)
        jobs_on = Counter(node for job in holding for node in job.nodes)
        rows = node_state_rows(picture.nodes.values(), jobs_on, node_meaning, moment.look)
        self._tables["nodes"].explain("Slurm knows no node", "")
        self._tables["nodes"].show(NODE_STATE_COLUMNS, rows)
        open_ones = sum(node.takes_jobs for node in picture.nodes.values())
        closed = len(picture.nodes) - open_ones
        tail: Line = (Cell(f"{closed} take no jobs", "look"),) if closed else (Cell(f"{open_ones}", "quiet"),)
        note = picture_note(picture, moment.now)
        self._frame("nodes", line(note, "  " if note else "", tail))
        self._show_chosen()

    def _show_sums(self, picture: SlurmPicture) -> None:
        free, sums = self._free, self._totals
        by_partition = free.by_partition if free is not None else ()
        self._tables["partitions"].explain("Slurm names no partition", "")
        self._tables["partitions"].show(PARTITION_COLUMNS, partition_rows(picture.partitions.values(), by_partition))
        self._frame("partitions", (Cell("* is the default", "quiet"),))
        self._tables["free"].show(FREE_COLUMNS, free_rows(free.by_model if free is not None else ()))
        self._frame("free", (Cell(f"{free.total.free} of {free.total.total}" if free is not None else "", "quiet"),))
        for name, holders in (("users", sums.by_user if sums else ()), ("accounts", sums.by_account if sums else ())):
            self._tables[name].explain("Nobody holds or waits for anything", "")
            self._tables[name].show(TOTAL_COLUMNS, total_rows(holders))
            self._frame(name, (Cell(f"{len(holders)}" if holders else "", "quiet"),))

    def _frame(self, name: str, state: Line) -> None:
        self._panes[name].show(line(Cell(NAMES[name], "strong")), state, (("enter", "open"), ("space", "next part")))

    @on(VirtualTable.RowHighlighted, "#nodes")
    def _show_chosen(self) -> None:
        """The chosen node's reason in full."""
        picture = self._moment.snapshot.slurm if self._moment is not None else None
        node = picture.nodes.get(self._tables["nodes"].selected or "") if picture is not None else None
        if node is None or self._moment is None:
            self.query_one("#about", Ribbon).show(())
            return
        said = line(cells(node.name, "strong"), " ", slurm_line(node, "", self._moment.look))
        meaning = why_lines(node_meaning(node), max(20, self.size.width - 2), "quiet")
        self.query_one("#about", Ribbon).show(line(" ", said), *(line(" ", one) for one in meaning))

    def chosen_nodes(self) -> tuple[str, ...]:
        name = self._tables["nodes"].selected
        moment = self._moment
        if name is None or moment is None or moment.snapshot.slurm is None:
            return ()
        return (names_of(moment.snapshot.nodes, moment.snapshot.slurm.nodes).get(name, name),)

    def action_section(self, by: int) -> None:
        """Show the next part; where all are shown, give it the keys."""
        self._sections.step(by)

    @on(VirtualTable.RowChosen)
    def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        """A node's page; the queue of a partition, user or account."""
        event.stop()
        field = {"partitions": "partition", "users": "user", "accounts": "account"}.get(event.table.id or "")
        if event.table.id == "nodes":
            self.action_open()
        elif field is not None:
            self.desk.change(job_filter=f'{field}:"{event.key}"' if " " in event.key else f"{field}:{event.key}")
            self.desk.open_page("queue")

    def action_open(self) -> None:
        """Open the page of the chosen node."""
        nodes = self.chosen_nodes()
        if nodes:
            self.desk.open_page("node", nodes[0])
