"""The incidents: what is wrong now or was lately; of the chosen one the cause, what followed, and what to do."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult

from app.domain.chat import Chip
from app.domain.clusters import Naming, cluster_of
from app.domain.diagnosis import Incident
from app.present.cells import Cell, line
from app.present.incident_advice import command_text
from app.present.incident_filter import EVERY_INCIDENT, IncidentFilter
from app.present.incident_rows import INCIDENT_COLUMNS, IncidentOrder, chosen_incidents, counts_line, incident_rows
from app.present.incident_titles import age_line, why_no_incident
from app.present.incident_told import NOTHING_TOLD, told_of
from app.tui.actions import bindings, key_of
from app.tui.feed import RefusedError
from app.tui.incident_deeds import can_run, deed_of
from app.tui.incident_jumps import Place, jump, open_subject
from app.tui.incident_panes import IncidentPanes
from app.tui.moment import Moment
from app.tui.page import frame_keys
from app.tui.sorting import INCIDENTS
from app.tui.table_page import FilteredPage
from widgets.pane import Pane
from widgets.virtual_table import VirtualTable

SHOWN = ("open", "incident.fold", "incident.copy", "incident.run", "incident.ended", "incident.sort.next")
"""Deeds whose keys stand below the list."""


class Incidents(FilteredPage[IncidentFilter]):
    """What is wrong."""

    ID = "incidents"
    CSS_PATH = "incidents.tcss"
    BINDINGS = bindings("incidents")
    FILTERS = "incidents"
    KEPT_IN = "incident_filter"
    SORTED = INCIDENTS

    def __init__(self) -> None:
        super().__init__("incidents", EVERY_INCIDENT)
        self._pane = Pane(self._table, glyphs=self.desk.glyphs, id="incidents-pane")
        self._panes = IncidentPanes(self.desk)
        self._told = NOTHING_TOLD
        self._incidents: tuple[Incident, ...] = ()
        self._chosen_by: object = None

    def body(self) -> ComposeResult:
        yield self._pane
        yield self._panes

    def show(self, moment: Moment) -> None:
        view, look = self.desk.view, moment.look
        if self._told.diagnosis is not moment.diagnosis:
            self._told = told_of(moment.diagnosis)
        self._table.explain(*self._why_empty(moment))
        self._choose(moment)
        self._table.show(INCIDENT_COLUMNS, incident_rows(self._incidents, look), INCIDENTS.of(view))
        state = line(
            age_line(moment.diagnosis, look), counts_line(self._told, look, has_ended=view.has_ended_incidents)
        )
        title = line(Cell("Incidents", "strong"), self.kept_words(len(self._incidents)))
        self._pane.show(title, state, frame_keys(self.desk, SHOWN if self._incidents else ()))
        self.show_chosen(moment)

    def _choose(self, moment: Moment) -> None:
        """Which incidents are shown; found anew only where something changed, or the filter asks for ages."""
        view = self.desk.view
        wanted = self.wanted()
        order = IncidentOrder(wanted, view.incident_sort, view.incident_descending, view.has_ended_incidents)
        by = (self._told, order, moment.now if wanted else None)
        if by != self._chosen_by:
            self._chosen_by = by
            self._incidents = chosen_incidents(self._told, order, moment.now)

    def read_filter(self, text: str) -> IncidentFilter | str:
        from app.tui import deeds  # noqa: PLC0415 - a page without a filter needs no language for it

        return deeds.try_incident_filter(text)

    def _why_empty(self, moment: Moment) -> tuple[str, str]:
        diagnosis = moment.diagnosis
        if moment.problem or not moment.origin:
            return moment.why_empty
        if not moment.is_diagnosed:
            return "Working out what was wrong at that moment", ""
        if self.wanted() and diagnosis.incidents:
            return "No incident fits the filter", "/ and enter shows all again"
        hidden = 0 if self.desk.view.has_ended_incidents else len(diagnosis.ended)
        key = key_of("incident.ended", self.desk.keymap)
        is_past = moment.replay_at is not None
        return why_no_incident(diagnosis, is_past=is_past, hidden=hidden, key=key)

    def show_chosen(self, moment: Moment) -> None:
        self._panes.show(self._told, self._incident(), moment.look, is_split=self.has_class("-roomy"))

    def _incident(self) -> Incident | None:
        key = self._table.selected
        return self._told.diagnosis.incident(key) if key is not None else None

    def asked_about(self) -> Chip | None:
        key = self._table.selected
        return Chip("incident", key) if key is not None else None

    def chosen(self) -> tuple[str, int] | None:
        about = (one.subject for one in self._panes.findings)
        return next(((one.node, one.gpu) for one in about if one.node and one.gpu is not None), None)

    def chosen_jobs(self) -> tuple[str, ...]:
        named = (one.subject.job or next(iter(one.affects.jobs), None) for one in self._panes.findings)
        return tuple(job for job in named if job)[:1]

    def chosen_nodes(self) -> tuple[str, ...]:
        named = (one.subject.node for one in self._panes.findings)
        return tuple(node for node in named if node)[:1]

    # ── going and doing ──

    @on(VirtualTable.RowChosen)
    def action_open(self) -> None:
        """Into what the line under the cursor is: the incident, what is folded there, a finding's page, a command."""
        part = self._panes.part
        findings = self._panes.findings
        if part is None:
            self._panes.take_focus()
        elif part.kind == "fold":
            self._panes.fold()
        elif part.kind == "action":
            self.action_copy_command()
        elif findings:
            self._go(
                lambda: (
                    jump(self.desk, findings[:1], "log")
                    if part.kind == "evidence"
                    else open_subject(self.desk, findings[0])
                )
            )

    def action_fold(self) -> None:
        """Show or hide what followed."""
        self._panes.fold()

    def action_jump(self, place: Place) -> None:
        """Open the page of what the chosen finding names."""
        self._go(lambda: jump(self.desk, self._panes.findings, place))

    def action_to_node(self) -> None:
        """Open the page of the chosen finding's node."""
        self.action_jump("node")

    def action_copy_command(self) -> None:
        """Copy the command of the chosen step, else of the first that has one."""
        step = self._panes.step(lambda one: bool(one.command))
        if step is None or step.command is None:
            self.note("no command to copy: this is for a person to do")
            return
        self.app.copy_to_clipboard(command_text(step.command))
        self.note(f"copied: {command_text(step.command)}")

    def action_run_command(self) -> None:
        """Do the chosen step by the deed of ours that it is; the dialogue asks first."""
        incident = self._incident()
        if incident is not None and incident.ended is not None:
            self.note(f"{incident.id} is over: nothing is done about it from here")
            return
        step = self._panes.step(lambda one: one.command is not None and can_run(one.command))
        deed = deed_of(step.command) if step is not None else None
        if deed is None:
            self.note(
                f"nothing here can be done from the screen; {key_of('incident.copy', self.desk.keymap)} copies it"
            )
            return
        from app.tui import deeds  # noqa: PLC0415 - needed only once somebody acts

        # Its command is in the words of its own cluster; ours say which of several that is.
        meant = Naming(cluster_of(incident.id)).out(deed.text) if incident is not None else deed.text
        self._go(lambda: deeds.run_verb(self.desk, deed.verb, meant))

    def _go(self, going: Callable[[], None]) -> None:
        """Go, or say why not."""
        try:
            going()
        except RefusedError as refusal:
            self.note(str(refusal))
