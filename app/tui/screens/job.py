"""One job: what it is and why it waits, its GPUs live on all its nodes, its use and cost, output, script, steps."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from app.domain.slurm import SlurmJob
from app.domain.snapshot import Gpu
from app.engine.watch_slurm import behind as behind_of
from app.present.cells import Cell, Line, cells, line
from app.present.incident_told import touching
from app.present.job_gpus import JOB_GPU_COLUMNS, job_gpu_rows
from app.present.job_steps import step_columns, step_rows
from app.present.job_view import cost_of, fact_lines, job_facts, job_title, use_facts, use_of, why_lines
from app.present.queue_titles import as_of
from app.tui.actions import bindings
from app.tui.explaining import Explainer
from app.tui.incident_line import IncidentLine
from app.tui.job_texts import DetailKeeper, LogKeeper, environment_lines, script_lines, use_since
from app.tui.moment import Moment
from app.tui.page import GpuChooser, frame_keys
from app.tui.sections import Sections
from widgets.pane import Pane
from widgets.ribbon import Ribbon
from widgets.text_lines import TextLines
from widgets.virtual_table import VirtualTable

TEXTS = ("output", "errors", "script", "environment", "steps")
"""Sections that share one place where there is room for several; one key steps through them."""
SHOWN = ("section.next", "job.cancel", "job.extend", "job.requeue", "job.again")
"""Deeds whose keys stand below the facts."""
_READ_S = 2.0
"""Between two looks at an output that is on screen."""
_USE_S = 60.0
"""Between two looks at its past."""


class JobPage(GpuChooser):
    """Everything known of one job."""

    ID = "job"
    CSS_PATH = "job.tcss"
    BINDINGS = bindings("job")

    def __init__(self, job: str, known: SlurmJob | None = None) -> None:
        """`known` is the job as it stood last, where the queue may no longer have it."""
        super().__init__()
        glyphs = self.desk.glyphs
        self._about = job
        self._job: SlurmJob | None = known
        self._explainer = Explainer()
        self._logs = {"output": LogKeeper("stdout"), "errors": LogKeeper("stderr")}
        self._details = DetailKeeper()
        self._since: float | None = None
        self._since_at = 0.0
        self._facts = TextLines(glyphs=glyphs, id="facts")
        self._gpus = VirtualTable(glyphs=glyphs, id="gpus")
        self._texts = {name: TextLines(glyphs=glyphs, id=name) for name in TEXTS[:4]}
        self._steps = VirtualTable(glyphs=glyphs, cursor=False, id="steps")
        bodies = {"facts": self._facts, "gpus": self._gpus, **self._texts, "steps": self._steps}
        self._panes = {name: Pane(body, glyphs=glyphs, id=f"{name}-pane") for name, body in bodies.items()}
        self._sections = Sections(self, self._panes)
        self._incident = IncidentLine(self.desk)

    def body(self) -> ComposeResult:
        yield Ribbon(id="title")
        yield self._incident
        with Container(id="panes"):
            yield self._panes["facts"]
            with Container(id="right"):
                yield self._panes["gpus"]
                for name in TEXTS:
                    yield self._panes[name]

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_READ_S, self._read_log)
        self._read_log()

    def chosen(self) -> tuple[str, int] | None:
        node, slash, index = (self._gpus.selected or "").rpartition("/")
        return (node, int(index)) if slash else None

    def chosen_jobs(self) -> tuple[str, ...]:
        return (self._about,)

    def show(self, moment: Moment) -> None:
        self._incident.tell(touching(moment.diagnosis, job=self._about), moment.look)
        picture = moment.snapshot.slurm
        found = (picture.jobs or {}).get(self._about) if picture is not None else None
        self._job = found or self._job
        title = self.query_one("#title", Ribbon)
        if self._job is None or picture is None:
            why = moment.why_empty[0] if moment.problem or not moment.origin else "is not in Slurm's queue"
            title.show(line(" ", cells(f"job {self._about}", "strong"), " ", cells(why, "quiet")))
            return
        gone: Line = () if found is not None else (Cell("  no longer in Slurm's queue", "look"),)
        title.show(line(" ", job_title(self._job, moment.look), gone))
        gpus = moment.join.gpus_of(self._job) if moment.join is not None else ()
        self._show_facts(self._job, gpus, moment, as_of(picture, moment.now))
        self._show_gpus(self._job, gpus, moment)
        self._show_texts()
        self._ask(self._job, gpus, moment)

    def _show_facts(self, job: SlurmJob, gpus: tuple[Gpu, ...], moment: Moment, when: float) -> None:
        join, look = moment.join, moment.look
        width = max(30, self._facts.scrollable_content_region.width or 50)
        said: list[Line] = []
        if job.is_pending:
            said = [*self._why(job, moment, width), ()]
        use, cost = use_of(gpus, moment.now), cost_of(job, gpus, moment.snapshot.prices, when)
        used = fact_lines(use_facts(use, cost, job, look, self._since), width)
        certainty = join.certainty(job) if join is not None else "unknown"
        facts = fact_lines(job_facts(job, look, certainty, when), width)
        self._facts.show_lines((*said, *used, *(((),) if used else ()), *facts))
        title = "Why it waits" if job.is_pending else "Job"
        self._panes["facts"].show(line(Cell(title, "strong")), "", frame_keys(self.desk, SHOWN))

    def _why(self, job: SlurmJob, moment: Moment, width: int) -> list[Line]:
        """Why it waits, in full, and what to do about it."""
        picture = moment.snapshot.slurm
        if picture is None:
            return []
        told = self._explainer.whole(job, picture, moment.look)
        lines = [*why_lines(told.text or job.reason or "", width, "strong")]
        for text in told.more:
            lines += why_lines(text, width)
        for text in (told.do, told.see and f"see: {told.see}"):
            lines += why_lines(text, width, "accent") if text else ()
        return lines

    def _show_gpus(self, job: SlurmJob, gpus: tuple[Gpu, ...], moment: Moment) -> None:
        behind = behind_of(gpus, moment.now)
        self._gpus.explain(*_why_no_gpu(job))
        self._gpus.show(JOB_GPU_COLUMNS, job_gpu_rows(gpus, behind, moment.look))
        seen = f"{len(gpus)} of {job.gpus} seen" if job.gpus and len(gpus) != job.gpus else f"{len(gpus)}"
        state = line(Cell(f"{len(behind)} behind  " if behind else "", "look"), Cell(seen if gpus else "", "quiet"))
        self._panes["gpus"].show("GPUs", state, (("enter", "open"), ("space", "next part")))

    def _show_texts(self) -> None:
        for name, keeper in self._logs.items():
            self._texts[name].explain(keeper.note or "nothing was written yet", keeper.path)
            self._texts[name].show_lines(keeper.lines, follow=True)
            self._frame(name, name.capitalize(), keeper.state, keeper.path)
        detail = self._details.detail
        if detail is None:
            for name in ("script", "environment"):
                self._texts[name].explain(self._details.complaint, "")
            self._steps.explain(self._details.complaint, "")
        else:
            self._texts["script"].explain(detail.script_note or "There is no script", "")
            self._texts["environment"].explain("Slurm does not keep its environment", "")
            self._steps.explain("No step is known", "accounting or a running step would tell")
            self._steps.show(step_columns(detail.steps), step_rows(detail.steps))
        for name in ("script", "environment", "steps"):
            self._frame(name, name.capitalize(), "")

    def _frame(self, name: str, title: str, state: str, path: str = "") -> None:
        shown = line(Cell(title, "strong"), "  " if path else "", cells(path, "quiet"))
        self._panes[name].show(shown, line(*cells(state, "quiet")), (("space", "next part"), ("← →", "sideways")))

    # ── asking ──

    def _ask(self, job: SlurmJob, gpus: tuple[Gpu, ...], moment: Moment) -> None:
        """Ask for what has become due; a moment of the past is not asked about."""
        if moment.replay_at is not None:
            return
        if self._details.is_due(job):
            self.run_worker(
                self._read_detail(job), group="detail", exclusive=True, exit_on_error=False, description="job"
            )
        if job.start_at is not None and job.holds_nodes and moment.now - self._since_at > _USE_S:
            self._since_at = moment.now
            reading = self._read_use(gpus, job.start_at, moment.now)
            self.run_worker(reading, group="use", exclusive=True, exit_on_error=False, description="use")

    async def _read_detail(self, job: SlurmJob) -> None:
        await self._details.read(self.desk, job)
        detail = self._details.detail
        if detail is not None:
            self._texts["script"].show_lines(script_lines(detail) if detail.script else ())
            self._texts["environment"].show_lines(environment_lines(detail))
        self.look_again()

    async def _read_use(self, gpus: tuple[Gpu, ...], start: float, now: float) -> None:
        self._since = await use_since(self.desk, gpus, start, now)
        self.look_again()

    def _read_log(self) -> None:
        keeper = self._logs.get(self._shown_text())
        if self._job is not None and keeper is not None and self.is_current and self.desk.bridge.replay is None:
            self.run_worker(
                self._follow(keeper, self._job), group=keeper.stream, exit_on_error=False, description="log"
            )

    async def _follow(self, keeper: LogKeeper, job: SlurmJob) -> None:
        if await keeper.poll(self.desk, job):
            self._show_texts()

    def _shown_text(self) -> str:
        """Which of the texts is on screen; where facts and GPUs have places of their own, the first stands beside."""
        current = self._sections.current
        return "output" if current not in TEXTS and self.has_class("-roomy") else current

    # ── doing ──

    def point(self, key: str) -> bool:
        """Show the part of a name."""
        if not self.is_mounted or key not in TEXTS:
            return False
        while self._sections.current != key:
            self._sections.step(1)
        self._read_log()
        return True

    def action_to_incident(self) -> None:
        """Open the incident that touches it."""
        self._incident.follow()

    def action_section(self, by: int) -> None:
        """Show the next part; where facts and GPUs are always shown, the next text."""
        self._sections.step(by)
        while self.has_class("-roomy") and self._sections.current not in TEXTS:
            self._sections.step(by)
        self._read_log()

    @on(VirtualTable.RowChosen, "#gpus")
    def _gpu_chosen(self) -> None:
        self.action_open()


def _why_no_gpu(job: SlurmJob) -> tuple[str, str]:
    """Why no GPU of a job is shown."""
    if job.is_pending:
        return "It waits and holds no GPU yet", ""
    if job.is_ended:
        return "It is over and holds none", ":at and a time show it as it was"
    if job.gpus == 0:
        return "It asked for no GPU", ""
    where = " ".join(job.nodes[:4])
    return f"No source shows the GPUs of its nodes {where}", "8 shows what each source brings"
