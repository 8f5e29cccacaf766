"""The alerts: what fires and waits now, why some of it is told to nobody; the chosen one, and the silences."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from app.domain.alert import Alert
from app.domain.chat import Chip
from app.present.alert_rows import (
    ALERT_COLUMNS,
    SILENCE_COLUMNS,
    alert_rows,
    counts_line,
    in_order,
    silence_rows,
    silences_of,
    why_no_alert,
)
from app.present.alert_view import alert_lines, alert_title
from app.present.cells import Cell, Line, line
from app.tui.actions import bindings, key_of
from app.tui.alert_desk import Rules, may_wish
from app.tui.alert_jumps import open_about, open_node_of
from app.tui.feed import RefusedError
from app.tui.moment import Moment
from app.tui.page import frame_keys
from app.tui.sections import NEEDLESS, Sections
from app.tui.table_page import TablePage
from widgets.pane import Pane
from widgets.text_lines import TextLines
from widgets.virtual_table import VirtualTable

LIST_KEYS = ("open", "alert.ack", "alert.silence", "alert.rule", "alert.rules")
SILENCE_KEYS = ("alert.unsilence",)
_WIDTH = 60
"""Columns until the first layout tells how many there are."""


class Alerts(TablePage):
    """What fires."""

    ID = "alerts"
    CSS_PATH = "alerts.tcss"
    BINDINGS = bindings("alerts")

    def __init__(self) -> None:
        super().__init__("alerts")
        glyphs = self.desk.glyphs
        self._about = TextLines(glyphs=glyphs, id="about")
        self._silences = VirtualTable(glyphs=glyphs, shy=True, id="silences")
        self._pane = Pane(self._table, glyphs=glyphs, id="alerts-pane")
        self._panes = {
            "about": Pane(self._about, glyphs=glyphs, id="about-pane"),
            "silences": Pane(self._silences, glyphs=glyphs, id="silences-pane"),
        }
        self._sections = Sections(self, self._panes)
        self._rules = Rules(self.desk)
        self._alerts: tuple[Alert, ...] = ()
        self._ordered_for: object = None

    def body(self) -> ComposeResult:
        yield self._pane
        with Container(id="below"):
            yield from self._panes.values()

    def show(self, moment: Moment) -> None:
        now, look = moment.alerts, moment.look
        if self._rules.is_old and moment.origin and moment.replay_at is None:
            self.run_worker(self._load(), group="rules", exclusive=True, exit_on_error=False, description="rules")
        by = (now.at, now.alerts, now.acks, tuple(now.muted.items()))
        if by != self._ordered_for:
            self._ordered_for, self._alerts = by, in_order(now)
        if moment.problem or not moment.origin:
            self._table.explain(*moment.why_empty)
        else:
            is_past = moment.replay_at is not None
            self._table.explain(*why_no_alert(now, look, is_past=is_past, is_asked=moment.origin == "embedded"))
        self._table.show(ALERT_COLUMNS, alert_rows(self._alerts, now, self._rules.units, look))
        self._pane.show(self._title(), counts_line(now, look), frame_keys(self.desk, LIST_KEYS) if self._alerts else ())
        rows = silence_rows(now, look)
        self._panes["silences"].set_class(not rows, NEEDLESS)
        self._silences.show(SILENCE_COLUMNS, rows)
        self._panes["silences"].show("Silences", str(len(rows) or ""), frame_keys(self.desk, SILENCE_KEYS))
        self.show_chosen(moment)

    def _title(self) -> Line:
        key = key_of("alert.rules", self.desk.keymap)
        return line(Cell("Alerts", "strong"), Cell("  Rules ", "quiet"), Cell(key, "accent"))

    def show_chosen(self, moment: Moment) -> None:
        one = self._chosen_alert()
        pane = self._panes["about"]
        if one is None:
            self._about.show_lines(())
            pane.show("")
            return
        width = self._about.scrollable_content_region.width or _WIDTH
        self._about.show_lines(
            alert_lines(
                one, moment.alerts, self._rules.find(one.rule), self._rules.units.get(one.rule, ""), moment.look, width
            )
        )
        pane.show(alert_title(one, moment.look), "", frame_keys(self.desk, LIST_KEYS[1:-1]))

    async def _load(self) -> None:
        await self._rules.load()
        self.look_again()

    # ── choosing ──

    def _chosen_alert(self) -> Alert | None:
        key = self._table.selected
        return next((one for one in self._alerts if one.id == key), None)

    def asked_about(self) -> Chip | None:
        one = self._chosen_alert()
        return Chip("alert", one.id) if one is not None else None

    def chosen(self) -> tuple[str, int] | None:
        one = self._chosen_alert()
        labels = dict(one.labels) if one is not None else {}
        node, gpu = labels.get("node", ""), labels.get("gpu", "")
        return (node, int(gpu)) if node and gpu.isdigit() and len(gpu) < 6 else None

    def chosen_nodes(self) -> tuple[str, ...]:
        one = self._chosen_alert()
        node = dict(one.labels).get("node", "") if one is not None else ""
        return (node,) if node in self.desk.moment.snapshot.nodes else ()

    # ── going and doing ──

    @on(VirtualTable.RowChosen)
    def action_open(self) -> None:
        """Open the page of what the chosen alert is about."""
        self._with_chosen(lambda one: open_about(self.desk, one))

    def action_to_node(self) -> None:
        """Open the page of the chosen alert's node."""
        self._with_chosen(lambda one: open_node_of(self.desk, one))

    def action_edit_rule(self) -> None:
        """Open the rule that made the chosen alert."""
        self._with_chosen(lambda one: self.desk.open_page("rule", one.rule))

    def action_acknowledge(self) -> None:
        """Take the chosen alert on."""
        from app.tui.alert_forms import ack_form  # noqa: PLC0415 - needed only once somebody acts
        from app.tui.form_dialogue import ask_for  # noqa: PLC0415 - likewise

        self._with_chosen(lambda one: ask_for(self.desk, ack_form(self.desk, one)), is_wish=True)

    def action_silence(self) -> None:
        """Keep alerts like the chosen one from being told for a while."""
        from app.tui.alert_forms import silence_form  # noqa: PLC0415 - needed only once somebody acts
        from app.tui.form_dialogue import ask_for  # noqa: PLC0415 - likewise

        self._with_chosen(lambda one: ask_for(self.desk, silence_form(self.desk, one)), is_wish=True)

    def action_end_silence(self) -> None:
        """End the chosen silence, else the one that mutes the chosen alert; asks first."""
        from app.tui.alert_forms import unsilence_deed  # noqa: PLC0415 - needed only once somebody acts
        from app.tui.dialogue import ask_first  # noqa: PLC0415 - likewise

        key = self._silences.selected if self._silences.has_focus else None
        one = self._chosen_alert()
        if key is None and one is not None:
            key = next((silence.id for silence in silences_of(one.id, self.desk.moment.alerts)), None)
        try:
            may_wish(self.desk)
        except RefusedError as refusal:
            self.note(str(refusal), "look")
            return
        if key is None:
            self.note("no silence is chosen, and the chosen alert is not silenced")
            return
        ask_first(self.desk, *unsilence_deed(self.desk, key))

    def action_section(self, by: int) -> None:
        """Show the next part."""
        self._sections.step(by)

    def _with_chosen(self, go: Callable[[Alert], None], *, is_wish: bool = False) -> None:
        """Do something with the chosen alert, or say why not."""
        one = self._chosen_alert()
        if one is None:
            self.note("no alert is chosen")
            return
        try:
            if is_wish:
                may_wish(self.desk)
            go(one)
        except RefusedError as refusal:
            self.note(str(refusal), "look" if is_wish else "info")
