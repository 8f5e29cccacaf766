"""One rule: written, checked and tried on the last day while one types, then saved."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import Input

from app.domain.alert import Rule
from app.domain.job_actions import Outcome
from app.present.cells import Cell, Line, cells, line
from app.present.dry_run_strip import strip_lines
from app.present.rule_check import idle_line, meaning_lines, now_line, trying_line, wrong_lines
from app.services.rule_draft import Draft, DraftError, draft_of, rule_of_draft, value_unit, wish_of
from app.tui.actions import bindings, key_of
from app.tui.alert_desk import Rules, may_wish, wished
from app.tui.charting import ChartKeeper
from app.tui.dialogue import outcome_of, tell
from app.tui.feed import RefusedError
from app.tui.moment import Moment
from app.tui.page import Page
from app.tui.rule_form import RuleForm
from app.tui.rule_trying import Trying, closest_wish
from app.tui.sections import NEEDLESS
from widgets.chart import HistoryChart
from widgets.choice import Choice
from widgets.pane import Pane
from widgets.ribbon import Ribbon

NAMELESS = "New"
LOOK_S = 0.5
"""Between two looks at how far a trial is."""


class RulePage(Page):
    """The editor."""

    ID = "rule"
    CSS_PATH = "rule.tcss"
    BINDINGS = bindings("rule")
    AUTO_FOCUS = ""

    def __init__(self, name: str = "") -> None:
        super().__init__()
        glyphs = self.desk.glyphs
        self._rule_name = name
        self._before: Rule | None = None
        self._saved = Draft(name)
        self._is_ready = not name
        self._was_warned = False
        self._drawn_for: object = None
        self._drawn_strip: tuple[Line, ...] = ()
        self._told = Rules(self.desk)
        self._form = RuleForm(glyphs)
        self._check = Ribbon(id="rule-check")
        self._strip = Ribbon(id="rule-strip")
        self._chart = HistoryChart(id="rule-chart")
        self._keeper = ChartKeeper(self._chart, self.desk)
        self._chart_pane = Pane(self._chart, glyphs=glyphs, id="rule-chart-pane", classes=NEEDLESS)
        self._form_pane = Pane(self._form, glyphs=glyphs, id="rule-form-pane")
        self._check_pane = Pane(self._check, glyphs=glyphs, id="rule-check-pane")
        self._strip_pane = Pane(self._strip, glyphs=glyphs, id="rule-strip-pane")
        self._trying = Trying(self, self.desk, self._show_trial)

    def body(self) -> ComposeResult:
        yield self._form_pane
        yield self._check_pane
        yield self._strip_pane
        yield self._chart_pane

    def on_mount(self) -> None:
        super().on_mount()
        self._form.show(self._saved, is_new=not self._rule_name)
        self.set_interval(LOOK_S, self._show_progress)
        self._form.take_focus(is_new=not self._rule_name)
        self.run_worker(self._load(), group="rules", exclusive=True, exit_on_error=False, description="rules")

    @property
    def is_typing(self) -> bool:
        return super().is_typing or isinstance(self.focused, Choice)

    async def _load(self) -> None:
        """The rule as it is now; until then nothing can be saved."""
        await self._told.load()
        self._before = self._told.find(self._rule_name)
        if self._before is not None and not self._is_ready:
            self._is_ready = True
            self._saved = draft_of(self._before)
            self._form.show(self._saved, is_new=False)
        self._changed()

    def show(self, moment: Moment) -> None:
        self._show_form()
        self._show_check(moment)
        self._show_trial()

    def _show_form(self) -> None:
        title = cells(self._rule_name, "strong") if self._rule_name else (Cell("New rule", "strong"),)
        self._form_pane.show(line(title, cells(self._origin(), "quiet")), self._state(), self._keys())

    def _origin(self) -> str:
        return f"  {self._before.origin}" if self._before is not None else ""

    def _state(self) -> Line:
        if self.desk.options.read_only:
            return cells("read only", "look")
        if not self._is_ready:
            return cells(self._told.refusal or "there is no rule of this name", "look")
        if self._before is not None and not self._before.enabled:
            return cells("turned off", "look")
        return cells("not saved yet" if self._is_changed else "", "look")

    def _keys(self) -> tuple[tuple[str, str], ...]:
        turn = (("space", "next word"),) if isinstance(self.focused, Choice) else ()
        return (*turn, (key_of("rule.save", self.desk.keymap), "save"), ("tab", "next field"), ("esc", "leave"))

    def on_descendant_focus(self) -> None:
        """The keys of the field that has the focus."""
        self._show_form()

    @property
    def _is_changed(self) -> bool:
        return self._is_ready and self._form.is_mounted and self._form.draft != self._saved

    # ── checking and trying ──

    @on(RuleForm.Changed)
    def _edited(self, event: RuleForm.Changed) -> None:
        event.stop()
        self._was_warned = False
        self._changed()

    def _changed(self) -> None:
        rule, mistake = self._rule()
        self._form.mark(self._form.draft, mistake.field if mistake is not None and self._is_changed else "")
        self._trying.want(rule)
        self.look_again()

    def _rule(self) -> tuple[Rule | None, DraftError | None]:
        """What stands in the form as a rule; it is tried before it has a name."""
        draft = self._form.draft
        named = replace(draft, name=draft.name.strip() or NAMELESS)
        try:
            rule = rule_of_draft(named, self._before)
        except DraftError as mistake:
            return None, mistake
        if self._before is None and self._told.find(rule.name) is not None:
            return None, DraftError("name", f"there is a rule {rule.name!r} already: take another name")
        return rule, None

    def _show_check(self, moment: Moment) -> None:
        width = max(20, self.size.width - 4)
        rule, mistake = self._rule()
        if mistake is not None:
            said = wrong_lines(str(mistake), moment.look, width, is_error=self._is_changed)
        elif rule is not None:
            trial = self._trying.trial
            now = (now_line(trial.true, value_unit(rule), moment.look),) if trial.is_known else ()
            meant = meaning_lines(rule, value_unit(rule), moment.look, width)
            room = max(1, self._check.size.height or 3) - len(now)
            said = (*meant[:room], *now)
        else:
            said = ()
        self._check.show(*said)
        self._check_pane.show("Check")

    def _show_trial(self) -> None:
        trial, look = self._trying.trial, self.desk.moment.look
        size = self._strip.size
        rule, _ = self._rule()
        if trial.tried is not None and rule is not None:
            # Thousands of alerts are drawn once, not at every look.
            wanted = (trial.tried, rule.severity, size)
            if wanted != self._drawn_for:
                drawn = strip_lines(trial.tried, rule.severity, size.width or 76, size.height or 5, look)
                self._drawn_for, self._drawn_strip = wanted, drawn
            lines = self._drawn_strip
        elif trial.began is not None:
            lines = (trying_line(trial.read, trial.of, trial.seconds, "esc"),)
        else:
            lines = (idle_line(trial.note or "shows when it would have fired, once it is a rule"),)
        self._strip.show(*lines)
        self._strip_pane.show(line(Cell("The last day", "strong"), Cell("  when it would have fired", "quiet")))
        self._show_chart()
        if trial.is_known:
            self._show_check(self.desk.moment)

    def _show_chart(self) -> None:
        """The day of whoever came closest to the limit, with the limit across; where a metric is compared with one."""
        wish, title = closest_wish(self._trying.trial)
        if self._chart_pane.has_class(NEEDLESS) is not (wish is None):
            self._chart_pane.set_class(wish is None, NEEDLESS)
            self.call_after_refresh(self._show_trial)  # the strips have more room now, or less
        self._chart_pane.show(title)
        self._keeper.want(wish)

    def _show_progress(self) -> None:
        self._trying.again()
        if self._trying.trial.began is not None:
            self._show_trial()

    # ── saving and leaving ──

    def on_key(self, event: Key) -> None:
        """Escape stops a trial; then, where something is not saved, it says so once; then it leaves."""
        if event.key != "escape" or not isinstance(self.focused, Input | Choice) or self.focused.id == "prompt-line":
            return
        event.stop()
        event.prevent_default()
        if self._trying.stop():
            return
        if self._is_changed and not self._was_warned:
            self._was_warned = True
            self.note(f"not saved: {key_of('rule.save', self.desk.keymap)} saves, escape again leaves", "look")
            return
        self.desk.back()

    def action_save(self) -> None:
        """Save the rule."""
        try:
            may_wish(self.desk)
            rule_of_draft(self._form.draft, self._before)
            wish = wish_of(self._form.draft, self._before)
        except (RefusedError, DraftError) as refusal:
            self.note(str(refusal), "look")
            return
        if not self._is_ready:
            self.note(self._told.refusal or f"there is no rule {self._rule_name!r}", "look")
            return
        if not wish:
            self.note("nothing is changed")
            return
        self.run_worker(self._save(wish), group="save", exclusive=True, exit_on_error=False, description="save")

    async def _save(self, wish: dict[str, object]) -> None:
        name = self._rule_name or self._form.draft.name.strip()
        is_new = self._before is None

        async def perform() -> Outcome:
            done = f"rule {name} is {'made' if is_new else 'changed'}"
            if is_new:
                return await wished(self.desk, lambda to: to.add_rule(wish), done)
            return await wished(self.desk, lambda to: to.change_rule(name, wish), done)

        outcome = await outcome_of(perform)
        tell(self.desk, outcome)
        if outcome.ok:
            self._rule_name, self._saved = name, self._form.draft
            self._form.show(self._saved, is_new=False)
            await self._load()
