"""The rules: what is watched for, how grave it is, where it comes from, how many fire, what is wrong in rule files."""

from __future__ import annotations

from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from app.domain.alert import Rule
from app.domain.job_actions import Outcome, Plan
from app.present.cells import Cell, Line, cells, line
from app.present.rule_rows import RULE_COLUMNS, problem_lines, rule_lines, rule_rows
from app.tui.actions import bindings, key_of
from app.tui.alert_desk import Rules as Told
from app.tui.alert_desk import may_wish, wished
from app.tui.dialogue import ask_first, outcome_of, tell
from app.tui.feed import RefusedError
from app.tui.moment import Moment
from app.tui.page import frame_keys
from app.tui.sections import NEEDLESS
from app.tui.table_page import TablePage
from widgets.pane import Pane
from widgets.text_lines import TextLines
from widgets.virtual_table import VirtualTable

KEYS = ("open", "rule.new", "rule.switch", "rule.delete", "rule.alerts")
_WIDTH = 60
"""Columns until the first layout tells how many there are."""


class Rules(TablePage):
    """What is watched for."""

    ID = "rules"
    CSS_PATH = "rules.tcss"
    BINDINGS = bindings("rules")

    def __init__(self) -> None:
        super().__init__("rules")
        glyphs = self.desk.glyphs
        self._about = TextLines(glyphs=glyphs, id="rule")
        self._problems = TextLines(glyphs=glyphs, id="problems")
        self._pane = Pane(self._table, glyphs=glyphs, id="rules-pane")
        self._about_pane = Pane(self._about, glyphs=glyphs, id="rule-pane")
        self._problems_pane = Pane(self._problems, glyphs=glyphs, id="problems-pane", classes=NEEDLESS)
        self._told = Told(self.desk)

    def body(self) -> ComposeResult:
        yield self._pane
        with Container(id="below"):
            yield self._about_pane
            yield self._problems_pane

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self._reload()
        super().on_screen_resume()

    def show(self, moment: Moment) -> None:
        if self._told.is_old and moment.origin:
            self._reload()
        rules, look = self._told.rules, moment.look
        empty = moment.why_empty if moment.problem or not moment.origin else (self._told.refusal, "")
        self._table.explain(*empty)
        self._table.show(RULE_COLUMNS, rule_rows(rules, moment.alerts, look))
        self._pane.show(self._title(), self._state(), frame_keys(self.desk, KEYS))
        problems = problem_lines(self._told.problems, look, self._problems.scrollable_content_region.width or _WIDTH)
        self._problems_pane.set_class(not problems, NEEDLESS)
        self._problems.show_lines(problems)
        self._problems_pane.show(
            line(Cell("Not used", "strong"), Cell("  what is wrong in rule files", "quiet")),
            str(len(self._told.problems)),
        )
        self.show_chosen(moment)

    def _title(self) -> Line:
        key = key_of("rule.alerts", self.desk.keymap)
        return line(Cell("Alerts ", "quiet"), Cell(key, "accent"), Cell("  Rules", "strong"))

    def _state(self) -> Line:
        if self._told.refusal and self._told.rules:
            return cells(self._told.refusal, "old")
        on = sum(one.enabled for one in self._told.rules)
        off = len(self._told.rules) - on
        return cells(f"{on} on" + (f", {off} off" if off else ""), "quiet") if self._told.rules else ()

    def show_chosen(self, moment: Moment) -> None:
        one = self._chosen_rule()
        if one is None:
            self._about.show_lines(())
            self._about_pane.show("")
            return
        width = self._about.scrollable_content_region.width or _WIDTH
        self._about.show_lines(rule_lines(one, moment.alerts, width))
        self._about_pane.show(one.name, "", frame_keys(self.desk, KEYS))

    def _reload(self) -> None:
        self.run_worker(self._load(), group="rules", exclusive=True, exit_on_error=False, description="rules")

    async def _load(self) -> None:
        await self._told.load()
        self.look_again()

    def _chosen_rule(self) -> Rule | None:
        return self._told.find(self._table.selected or "")

    # ── doing ──

    @on(VirtualTable.RowChosen)
    def action_open(self) -> None:
        """Open the chosen rule in the editor."""
        one = self._chosen_rule()
        if one is not None:
            self.desk.open_page("rule", one.name)

    def action_switch(self) -> None:
        """Turn the chosen rule on or off."""
        one = self._chosen_rule()
        if one is None or not self._may():
            return
        self.run_worker(self._switch(one), group="switch", exit_on_error=False, description="switch")

    async def _switch(self, one: Rule) -> None:
        wish = {"enabled": not one.enabled}
        key = key_of("rule.switch", self.desk.keymap)
        done = f"{one.name} is {'off' if one.enabled else 'on'}; {key} turns it {'on' if one.enabled else 'off'} again"
        tell(self.desk, await outcome_of(lambda: wished(self.desk, lambda to: to.change_rule(one.name, wish), done)))
        await self._load()

    def action_delete(self) -> None:
        """Delete the chosen rule, where it was made here; take back what was changed here; asks first."""
        one = self._chosen_rule()
        if one is None or not self._may():
            return
        from app.services.alert_notes import MADE_HERE  # noqa: PLC0415 - needed only once somebody acts

        if one.origin != MADE_HERE:
            where = "it comes with the program" if one.origin == "built in" else f"it stands in {one.origin}"
            self.note(f"{one.name} cannot be deleted: {where}; {key_of('rule.switch', self.desk.keymap)} turns it off")
            return
        firing = sum(alert.rule == one.name for alert in self.desk.moment.alerts.alerts)
        plan = Plan(
            "delete rule", (one.name,), (), f"delete what was made or changed here of rule {one.name}",
            (f"{firing} alerts of it end" if firing else "none of its alerts is there now",),
            "making it again; a rule of a file or of ours is as it was before",
        )  # fmt: skip
        ask_first(self.desk, plan, partial(self._delete, one))

    async def _delete(self, one: Rule) -> Outcome:
        outcome = await wished(self.desk, lambda to: to.drop_rule(one.name), f"{one.name} is deleted")
        await self._told.load()
        return outcome

    def _may(self) -> bool:
        try:
            may_wish(self.desk)
        except RefusedError as refusal:
            self.note(str(refusal), "look")
            return False
        return True
