"""Home: everything at once. The frame is here; the panes come after the first paint (`app.tui.home_panes`)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.events import Resize

from app.domain.fleet import ClusterFacts
from app.domain.series import Event
from app.present.cells import Cell, Line, line
from app.present.incident_signs import counts, worst
from app.present.incident_titles import lead_line
from app.transport import turns
from app.tui.actions import bindings, key_of
from app.tui.feed import RefusedError
from app.tui.late_styles import add_styles
from app.tui.moment import Moment
from app.tui.page import GpuChooser
from widgets.ground import Ground
from widgets.ribbon import EventStrip, Ribbon

if TYPE_CHECKING:
    from app.domain.chat import Chip
    from app.tui.absence import Absence
    from app.tui.home_panes import HomePanes


class Home(GpuChooser):
    """Everything at once, sized to the terminal."""

    ID = "home"
    BINDINGS = bindings("home")

    def __init__(self) -> None:
        super().__init__()
        self._panes: HomePanes | None = None
        self._moment: Moment | None = None
        self._absence: Absence | None = None

    def body(self) -> ComposeResult:
        yield Ground(id="place")
        yield Ribbon(id="selected")
        yield Ribbon(id="others")
        yield EventStrip(id="events")
        yield Ribbon(id="away")

    def prompt(self) -> ComposeResult:
        yield from ()  # it comes with the panes

    def on_mount(self) -> None:
        super().on_mount()
        self.call_after_refresh(self._furnish)

    async def _furnish(self) -> None:
        """Mount the panes; what they need is loaded now, so that the first frame need not wait for it."""
        from app.tui.home_panes import HomePanes  # noqa: PLC0415 - a test proves that it comes after the first frame

        await self.mount_all(super().prompt(), before="#keys")
        add_styles(self.app, "screens/home_panes.tcss")
        self._panes = HomePanes(self.desk, self.size.width)
        await self.query_one("#place").mount(self._panes)
        if self.focused is None:
            self._panes.take_focus()
        self.look_again()
        self.call_after_refresh(self.look_again)

    def show(self, moment: Moment) -> None:
        self._moment = moment
        self._show_worst(moment)
        self._greet(moment)
        self.query_one("#others", Ribbon).show(others_line(moment.facts, key_of("ask", self.desk.keymap)))
        if self._panes is not None:
            self._panes.show(moment)
            self.show_summary()

    def _show_worst(self, moment: Moment) -> None:
        """The worst incident that is open, before the newest of what happened."""
        diagnosis = moment.diagnosis
        found = worst(diagnosis.incidents)
        hint = f"{key_of('event.open', self.desk.keymap)} details"
        lead: Line = ()
        if found is not None:
            lead = lead_line(found, diagnosis.finding(found.root), moment.look)
            others = sum(counts(diagnosis)) - 1
            hint = f"+{others} more  {hint}" if others else hint
        self.query_one(EventStrip).show(moment.events, moment.look, hint, lead)

    def _greet(self, moment: Moment) -> None:
        """Tell who comes back what happened; nothing while a past is shown."""
        if self._panes is None or not moment.origin or moment.replay_at is not None or moment.snapshot.mode == "replay":
            return
        if self._absence is None:
            from app.services.looked import looked_at  # noqa: PLC0415 - the panes are there: the first frame is out
            from app.tui.absence import Absence  # noqa: PLC0415 - likewise

            self._absence = Absence(looked_at(self.desk.options.state_dir))
        since = self._absence.ended(moment.now, turns.quiet_s())
        if since is not None:
            telling = self._tell(since)
            self.run_worker(telling, group="away", exclusive=True, exit_on_error=False, description="away")

    async def _tell(self, since: float) -> None:
        from app.present.away_line import away_line  # noqa: PLC0415 - as in `_greet`
        from app.tui.away import happened  # noqa: PLC0415 - likewise

        with contextlib.suppress(RefusedError):  # where no past is kept nothing can be told
            found = await happened(self.desk, since)
            ribbon = self.query_one("#away", Ribbon)
            ribbon.show(away_line(found, self.desk.moment.look, ":digest tells all  esc", self.size.width))
            ribbon.display = True

    def put_away(self) -> bool:
        """Take away what was told unasked; whether there was anything."""
        ribbon = self.query_one("#away", Ribbon)
        was_there, ribbon.display = ribbon.display, False
        return was_there

    def show_summary(self) -> None:
        """The line of the chosen GPU."""
        if self._panes is not None:
            selected = self.query_one("#selected", Ribbon)
            # Cards hold the whole line already, and a line less is sent every second.
            selected.set_class(self._panes.level == "cards", "-cards")
            selected.show(line(Cell(" "), self._panes.summary))

    def chosen(self) -> tuple[str, int] | None:
        return self._panes.place if self._panes is not None else None

    def asked_about(self) -> Chip | None:
        job = self._panes.job if self._panes is not None else None
        if job is None:
            return None
        from app.domain.chat import Chip  # noqa: PLC0415 - needed only once somebody asks

        return Chip("job", job)

    def type_line(self, sign: str, text: str) -> None:
        """Open the prompt, or have it opened as soon as it is there."""
        if self._panes is None:
            self.call_after_refresh(self.type_line, sign, text)
            return
        super().type_line(sign, text)

    def select(self, node: str, index: int) -> bool:
        return self._panes is not None and self._panes.move_to(node, index)

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        if self._panes is not None:
            self._panes.fit(event.size.width)

    def on_home_panes_chose(self) -> None:
        """Another GPU is chosen; by name, since its class is not loaded yet when this one is."""
        self.show_summary()

    @on(EventStrip.Chosen)
    def _event_chosen(self, event: EventStrip.Chosen) -> None:
        self._open_subject(event.event)

    @on(EventStrip.LeadChosen)
    def action_open_event(self) -> None:
        """Open the worst incident; where none is open, the page of what the newest event is about."""
        found = worst(self._moment.diagnosis.incidents) if self._moment is not None else None
        if found is not None:
            from app.tui import deeds  # noqa: PLC0415 - needed only once somebody goes there

            deeds.run_verb(self.desk, "open_incidents", found.id)
            return
        events = self._moment.events if self._moment is not None else ()
        if events:
            self._open_subject(events[-1])
        else:
            self.note("no event yet")

    def action_zoom_in(self) -> None:
        """Show more of each GPU."""
        if self._panes is not None:
            self.desk.change(zoom=self._panes.zoom(is_nearer=True))

    def action_zoom_out(self) -> None:
        """Show more GPUs."""
        if self._panes is not None:
            self.desk.change(zoom=self._panes.zoom(is_nearer=False))

    def _open_subject(self, event: Event) -> None:
        """The page of what an event is about."""
        about = event.subject
        if about.kind == "job":
            self.desk.open_page("job", about.key)
            return
        if about.kind in ("gpu", "mig") and about.index is not None:
            self.desk.open_page("gpu", about.node, about.index)
        elif about.kind == "node":
            self.desk.open_page("node", about.node)
        else:
            self.desk.open_page("sources")


def others_line(facts: ClusterFacts, key: str) -> Line:
    """What stands for queue and chat where there is no room for their panes."""
    counts = [(facts.jobs_running, " running"), (facts.jobs_pending, " pending")]
    parts: list[Cell | str | Line] = []
    for count, word in counts:
        if count is not None:
            parts += [" " if parts else "", f"{count:,}", Cell(word, "quiet")]
    queue = parts or [Cell("not connected", "quiet")]
    return line(Cell(" queue ", "head"), *queue, Cell("   ask ", "head"), Cell(key, "accent"))
