"""Submitting: a template or an earlier script, a form and an editor over one text, and what Slurm would say to it."""

from __future__ import annotations

import asyncio
from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input, TextArea

from app.domain.job_actions import SubmitCheck
from app.domain.naming import clean
from app.present.cells import Cell, cells, line
from app.present.submit_lines import SCRIPT_COLUMNS, check_lines, script_rows
from app.services.action_targets import ActionError
from app.services.script_templates import TEMPLATES, template
from app.services.submissions import Submission
from app.services.submitting import plan_submit
from app.tui.acting import may_act
from app.tui.actions import bindings, key_of
from app.tui.dialogue import ask_first
from app.tui.feed import RefusedError, ask
from app.tui.job_desk import job_desk
from app.tui.moment import Moment
from app.tui.page import Page
from app.tui.script_form import ScriptForm, write_field
from app.tui.sections import Sections
from widgets.pane import Pane
from widgets.ribbon import Ribbon
from widgets.virtual_table import VirtualTable

CHECK_S = 0.8
"""After the last key, so long until Slurm is asked what it thinks."""
LARGEST = 200_000
"""Characters of a script that the editor takes."""


class Submit(Page):
    """A new job."""

    ID = "submit"
    CSS_PATH = "submit.tcss"
    BINDINGS = bindings("submit")

    def __init__(self) -> None:
        super().__init__()
        glyphs = self.desk.glyphs
        self._scripts = VirtualTable(glyphs=glyphs, id="scripts")
        self._form = ScriptForm(id="form")
        self._editor = TextArea(TEMPLATES[0].text, soft_wrap=False, tab_behavior="focus", id="editor")
        self._editor.cursor_blink = False  # on a slow link every blink is a line sent
        self._check_line = Ribbon(id="check")
        self._panes = {
            name: Pane(body, glyphs=glyphs, id=f"{name}-pane")
            for name, body in (("scripts", self._scripts), ("form", self._form), ("editor", self._editor))
        }
        self._check_pane = Pane(self._check_line, glyphs=glyphs, id="check-pane")
        self._sections = Sections(self, self._panes)
        self._origin = f"template {TEMPLATES[0].name}"
        self._sent: tuple[Submission, ...] = ()
        self._found: SubmitCheck | None = None
        self._note = ""
        self._checked: str | None = None

    def body(self) -> ComposeResult:
        with Container(id="panes"):
            with Container(id="left"):
                yield self._panes["scripts"]
                yield self._panes["form"]
            yield self._panes["editor"]
        yield self._check_pane

    def on_mount(self) -> None:
        super().on_mount()
        self._form.show(self._editor.text)
        self.run_worker(self._read_sent(), group="sent", exclusive=True, exit_on_error=False, description="sent")
        self.call_after_refresh(self._check_soon)

    @property
    def is_typing(self) -> bool:
        return super().is_typing or isinstance(self.focused, TextArea)

    def show(self, moment: Moment) -> None:
        self._scripts.show(SCRIPT_COLUMNS, script_rows(TEMPLATES, self._sent, moment.look))
        send = key_of("submit.send", self.desk.keymap)
        keys = ((send, "submit"), ("tab", "next field"), ("esc", "leave"))
        self._panes["scripts"].show("Start from", "", (("enter", "take"), ("tab", "form")))
        self._panes["form"].show("Options", "", keys)
        origin = line(Cell("Script ", "strong"), *cells(self._origin, "quiet"))
        self._panes["editor"].show(origin, "exactly what is sent", keys)
        self._show_check(moment)

    def _show_check(self, moment: Moment) -> None:
        lines = check_lines(self._found, self._note, moment.look, max(20, self.size.width - 4))
        self._check_pane.show("Check", line(Cell("checking" if self._note and self._found else "", "quiet")))
        self._check_line.show(*lines)

    def take(self, script: str, origin: str) -> None:
        """Edit a script; what no editor can show is left out, for what is shown is what is sent."""
        shown = "\n".join(clean(one.expandtabs(8), 10_000) for one in script[:LARGEST].splitlines())
        self._origin = origin
        self._editor.text = f"{shown}\n"
        self.look_again()

    # ── the script changes ──

    @on(TextArea.Changed)
    def _edited(self, event: TextArea.Changed) -> None:
        event.stop()
        self._form.show(self._editor.text)
        self._check_soon()

    @on(ScriptForm.Changed)
    def _filled_in(self, event: ScriptForm.Changed) -> None:
        event.stop()
        try:
            changed = write_field(self._editor.text, event.name, event.value)
        except ValueError as error:
            self.note(str(error), "look")
            return
        if changed != self._editor.text:
            with self._editor.prevent(TextArea.Changed):
                self._editor.text = changed
            self._check_soon()

    @on(VirtualTable.RowChosen)
    def _script_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        kind, _, name = event.key.partition(" ")
        found = template(name) if kind == "template" else None
        if found is not None:
            self.take(found.text, f"template {found.name}")
        elif kind == "sent" and int(name) < len(self._sent):
            one = self._sent[int(name)]
            reading = self._take_sent(one)
            self.run_worker(reading, group="sent", exclusive=True, exit_on_error=False, description="sent")

    async def _take_sent(self, one: Submission) -> None:
        script = (await job_desk(self.desk)).submitted_script(one)
        if script is None:
            self.note(f"the script of job {one.job_id} is no longer kept", "look")
        else:
            self.take(script, f"as job {one.job_id}")

    # ── asking ──

    def _check_soon(self) -> None:
        """Ask Slurm when typing has stopped; a question under way is dropped."""
        if self._editor.text == self._checked or not self.is_mounted:
            return
        self._note = "checking with sbatch --test-only"
        self.run_worker(self._check(), group="check", exclusive=True, exit_on_error=False, description="check")

    async def _check(self) -> None:
        await asyncio.sleep(CHECK_S)
        script = self._editor.text
        try:
            jobs = await job_desk(self.desk)
            self._found = await ask(jobs.check(script, (), self.desk.moment.snapshot.slurm))
            self._note, self._checked = "", script
        except RefusedError as refusal:
            self._found, self._note = None, str(refusal)
        self._show_check(self.desk.moment)

    async def _read_sent(self) -> None:
        try:
            self._sent = (await job_desk(self.desk)).submissions()
        except RefusedError:
            self._sent = ()
        self.look_again()

    # ── doing ──

    def on_key(self, event: Key) -> None:
        """While a field has the keys, escape gives them back to the list; then it leaves the page."""
        if event.key == "escape" and isinstance(self.focused, Input | TextArea) and self.focused in self._own_fields():
            event.stop()
            event.prevent_default()
            self._scripts.focus()

    def _own_fields(self) -> list[Widget]:
        """Where one types here; not the prompt, which has an escape of its own."""
        return [self._editor, *self._form.query(Input)]

    def action_send(self) -> None:
        """Ask once, then submit."""
        try:
            may_act(self.desk)
        except RefusedError as refusal:
            self.note(str(refusal), "look")
            return
        self.desk.journey(self._ask_first())

    async def _ask_first(self) -> None:
        script = self._editor.text
        jobs = await job_desk(self.desk)
        try:
            plan = plan_submit(script, ())
        except ActionError as error:
            raise RefusedError(str(error)) from error
        ask_first(self.desk, plan, partial(jobs.submit, script, ()))

    def action_section(self, by: int) -> None:
        """Show the next part."""
        self._sections.step(by)
