"""One node: its GPUs seen and expected, the machine's own values, its past, the sources that speak of it."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from app.domain.job_filtering import JobFilter
from app.domain.metrics import by_key
from app.domain.series import Subject
from app.domain.slurm import SlurmNode
from app.domain.snapshot import Node
from app.present.cells import Cell, cells, line
from app.present.detail_rows import value_rows
from app.present.gpu_rows import gpu_columns, gpu_rows
from app.present.incident_told import touching
from app.present.queue import Queue, Wanted
from app.present.queue_rows import SHORT, Sight, queue_rows, table_columns
from app.present.queue_titles import as_of
from app.present.rows import NO_ROWS
from app.present.slurm_rows import slurm_line
from app.present.source_rows import SOURCE_COLUMNS, source_rows
from app.present.titles import node_title
from app.tui.actions import bindings
from app.tui.charting import ChartKeeper, Wish, limit_of, metric_title, span_title
from app.tui.explaining import Explainer, node_meaning
from app.tui.incident_line import IncidentLine
from app.tui.moment import Moment
from app.tui.page import GpuChooser
from app.tui.queue_verbs import find_job
from app.tui.sections import NEEDLESS, Sections
from widgets.chart import HistoryChart
from widgets.pane import Pane
from widgets.ribbon import Ribbon
from widgets.value_list import ValueList
from widgets.virtual_table import VirtualTable

CHARTED = ("node.cpu_utilization", "node.memory_used", "node.network_rx")


class NodePage(GpuChooser):
    """Everything known of one node."""

    ID = "node"
    CSS_PATH = "node.tcss"
    BINDINGS = bindings("node")

    def __init__(self, node: str) -> None:
        super().__init__()
        glyphs = self.desk.glyphs
        self._about = node
        self._gpus = VirtualTable(glyphs=glyphs, id="gpus")
        self._jobs = VirtualTable(glyphs=glyphs, id="jobs")
        self._values = ValueList(glyphs=glyphs, id="values")
        self._sources = VirtualTable(glyphs=glyphs, id="sources")
        self._charts = tuple(HistoryChart(classes="chart") for _ in CHARTED)
        self._keepers = tuple(ChartKeeper(chart, self.desk) for chart in self._charts)
        self._chart_panes = tuple(
            Pane(chart, glyphs=glyphs, id=f"chart-{number}", classes="chart-pane")
            for number, chart in enumerate(self._charts)
        )
        self._panes = {
            name: Pane(body, title=title, glyphs=glyphs, id=f"{name}-pane")
            for name, title, body in (
                ("gpus", "GPUs", self._gpus),
                ("jobs", "Jobs", self._jobs),
                ("values", "Machine", self._values),
                ("sources", "Sources", self._sources),
            )
        }
        self._sections = Sections(self, self._panes)
        self._incident = IncidentLine(self.desk)
        self._explainer = Explainer()
        self._here: JobFilter | None = None
        self._queue = Queue()

    def body(self) -> ComposeResult:
        yield Ribbon(id="title")
        yield self._incident
        with Container(id="panes"):
            yield self._panes["gpus"]
            with Container(id="below"):
                yield self._panes["values"]
                with Container(id="side"):
                    yield self._panes["jobs"]
                    with Container(id="charts"):
                        yield from self._chart_panes
                    yield self._panes["sources"]

    def chosen(self) -> tuple[str, int] | None:
        node, slash, index = (self._gpus.selected or "").rpartition("/")
        return (node, int(index)) if slash else None

    def show(self, moment: Moment) -> None:
        self._incident.tell(touching(moment.diagnosis, node=self._about), moment.look)
        node = moment.snapshot.nodes.get(self._about)
        if node is None:
            why = moment.why_empty[0] if moment.problem or not moment.origin else "unknown at this moment"
            said = line(Cell(" "), *cells(self._about, "strong"), Cell(" "), *cells(why, "quiet"))
            self.query_one("#title", Ribbon).show(said)
            return
        told = moment.join.node(node.name) if moment.join is not None else None
        self.query_one("#title", Ribbon).show(
            line(Cell(" "), node_title(node, moment.look)),
            line(Cell(" "), slurm_line(told, node_meaning(told), moment.look)) if told is not None else (),
        )
        self.set_class(told is not None, "-in-slurm")
        self._panes["jobs"].set_class(told is None, NEEDLESS)
        self._show_tables(node, moment)
        self._show_jobs(told, moment)
        self._show_charts(node, moment)

    def _show_tables(self, node: Node, moment: Moment) -> None:
        look = moment.look
        seen = sum(not gpu.is_lost for gpu in node.gpus)
        expected = node.gpus_expected or len(node.gpus)
        self._gpus.explain("No source of this node lists a GPU", "8 shows what each source brings")
        self._gpus.show(gpu_columns(None, node.gpus), gpu_rows(node.gpus, look, None))
        state = line(Cell(f"{seen} of {expected} seen", "quiet" if seen == expected else "bad"))
        self._panes["gpus"].show("GPUs", state, (("enter", "open"), ("space", "next part")))
        self._values.explain("No source speaks of the machine itself", "a node_exporter target of this node does")
        values = value_rows(node, look)
        self._values.show_values(values)
        self._panes["values"].show(
            "Machine", line(Cell(str(len(values)) if values else "", "quiet")), (("space", "next part"),)
        )
        states = {name: state for name, state in moment.snapshot.sources.items() if name in node.sources}
        self._sources.show(SOURCE_COLUMNS, source_rows(replace(moment.snapshot, sources=states), look))
        self._panes["sources"].show("Sources", line(Cell(str(len(states)), "quiet")), (("space", "next part"),))

    def _show_jobs(self, told: SlurmNode | None, moment: Moment) -> None:
        """The jobs on it."""
        picture = moment.snapshot.slurm
        if told is None or picture is None:
            self._jobs.show((), NO_ROWS)
            return
        here = JobFilter(f"on {told.name}", lambda job, _: job.holds_nodes and told.name in job.nodes)
        if self._here is None or self._here.text != here.text:
            self._here = here
        items = self._queue.items(picture.jobs or {}, Wanted(self._here), moment.now)
        sight = Sight(moment.look, as_of(picture, moment.now), self._explainer.of(picture, moment.look))
        self._jobs.explain("No job runs here", "")
        self._jobs.show(table_columns(SHORT), queue_rows(items, SHORT, sight, is_old=picture.is_expired(moment.now)))
        self._panes["jobs"].show("Jobs", line(Cell(f"{len(items)}" if items else "", "quiet")), (("enter", "open"),))

    def _show_charts(self, node: Node, moment: Moment) -> None:
        view = self.desk.view
        is_live = moment.replay_at is None
        for number, key in enumerate(CHARTED):
            keys = ((", .", "span"),) if number == 0 else ()
            title = line(Cell(metric_title(by_key()[key]), "head"))
            self._chart_panes[number].show(title, line(Cell(span_title(view.span_s), "quiet")), keys)
            limit = limit_of(node.layers, key, moment.now)
            subject = Subject("node", node=node.name)
            self._keepers[number].want(Wish(subject, key, view.span_s, moment.now, is_live, limit))

    def action_to_incident(self) -> None:
        """Open the incident that touches it."""
        self._incident.follow()

    def action_section(self, by: int) -> None:
        """Show the next part."""
        self._sections.step(by)

    @on(VirtualTable.RowChosen, "#gpus")
    def _gpu_chosen(self) -> None:
        self.action_open()

    def chosen_nodes(self) -> tuple[str, ...]:
        return (self._about,)

    @on(VirtualTable.RowChosen, "#jobs")
    def _job_chosen(self, event: VirtualTable.RowChosen) -> None:
        self.desk.open_page("job", find_job(self.desk, event.key).id)

    @on(VirtualTable.RowChosen, "#sources")
    def _source_chosen(self) -> None:
        self.desk.open_page("sources")
