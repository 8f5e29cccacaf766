"""A small form over the page: a few fields, what would come of them while one types, enter does it, escape does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Container, Grid
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from app.domain.frozen import frozen
from app.domain.job_actions import Outcome
from app.domain.naming import clean
from app.present.cells import Cell, Line, Tone, cells, line, tidy, wrap
from app.tui.desk import Desk
from app.tui.dialogue import outcome_of, tell
from app.tui.sturdy import SturdyScreen
from widgets.pane import Pane
from widgets.ribbon import Ribbon

Values = Mapping[str, str]
_WIDEST = 100
_SAID = 3
"""Lines below the fields."""


@frozen
class FormField:
    """One field."""

    key: str
    label: str
    value: str = ""
    example: str = ""
    help: str = ""
    """One sentence, said while the field has the keys; empty: none."""


@frozen
class Form:
    """What is asked, and what is done with the answer."""

    title: str
    about: str
    """Whom it is about, at the right of the title."""
    fields: tuple[FormField, ...]
    check: Callable[[Values], tuple[str, bool]]
    """What would come of it, and whether it can be done."""
    perform: Callable[[Values], Awaitable[Outcome]]
    done: str = "do it"
    is_severe: bool = False
    """Something is lost by it: the title says so in red."""


class FormDialogue(SturdyScreen, ModalScreen[None]):
    """Asks for a few words."""

    CSS_PATH = "form_dialogue.tcss"
    BINDINGS = [
        Binding("escape", "leave", show=False, priority=True, id="form.leave"),
        Binding("enter", "enter", show=False, priority=True, id="form.enter"),
        # Before the keys of the field, so that the very next letter already goes into the next one.
        Binding("down,tab", "app.focus_next", show=False, priority=True, id="form.next"),
        Binding("up,shift+tab", "app.focus_previous", show=False, priority=True, id="form.before"),
    ]
    AUTO_FOCUS = ""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form
        self._failed = ""
        self._is_busy = False
        glyphs = self._desk.glyphs
        parts: list[Static | Input] = []
        for one in form.fields:
            field = Input(clean(one.value, 2000), placeholder=one.example, compact=True, select_on_focus=False)
            field.id, field.cursor_blink = f"ask-{one.key}", False
            parts += [Static(one.label, markup=False), field]
        self._said = Ribbon(id="form-said")
        self._pane = Pane(Container(Grid(*parts, id="form-fields"), self._said), glyphs=glyphs, id="form-pane")

    @property
    def _desk(self) -> Desk:
        return cast("Desk", self.app)

    def compose(self) -> ComposeResult:
        with Container():
            yield self._pane

    def on_mount(self) -> None:
        self._lay_out(self.app.size.width)
        self._show()
        empty = [one for one in self.query(Input) if not one.value]
        self.set_focus(next(iter(empty), self.query(Input).first()))

    def on_resize(self, event: Resize) -> None:
        self._lay_out(event.size.width)

    def _lay_out(self, width: int) -> None:
        self._pane.styles.width = min(_WIDEST, width - 4)
        self._pane.styles.height = len(self._form.fields) + _SAID + 3 + self._has_help
        self.query_one("#form-fields").styles.height = len(self._form.fields)
        self._said.styles.height = _SAID + 1 + self._has_help
        self._show()

    @property
    def _has_help(self) -> bool:
        return any(one.help for one in self._form.fields)

    def _help(self) -> tuple[Line, ...]:
        """What the field with the keys is for; a line of its own, so that nothing jumps."""
        if not self._has_help:
            return ()
        at = (self.focused.id or "").removeprefix("ask-") if self.focused is not None else ""
        told = next((one.help for one in self._form.fields if one.key == at), "")
        return (_line(tidy(told), "old"),)

    @property
    def _values(self) -> Values:
        return {one.key: self.query_one(f"#ask-{one.key}", Input).value for one in self._form.fields}

    def _show(self) -> None:
        said, is_good = self._form.check(self._values)
        tone: Tone = "quiet" if is_good else "look"
        if self._failed:
            said, tone = self._failed, "look"
        width = int(min(_WIDEST, self.app.size.width - 4)) - 6
        sign = "" if tone == "quiet" else f"{self._desk.glyphs.warning} "
        told = (_line(part, tone) for part in wrap(tidy(sign + said, 1000), width)[:_SAID])
        self._said.show((), *self._help(), *told)
        keys = (("enter", self._form.done), ("tab", "next field"), ("esc", "not"))
        title = Cell(self._form.title, "bad" if self._form.is_severe else "strong")
        self._pane.show(line(title), cells(self._form.about, "quiet"), keys)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._failed = ""
        self._show()

    def on_descendant_focus(self) -> None:
        """Say what the field is for that has the keys now."""
        if self._has_help:
            self._show()

    def action_leave(self) -> None:
        """Nothing is done."""
        self.dismiss()

    def action_enter(self) -> None:
        """Do it behind what was typed: a fast typist's letters may still wait in the field."""
        (self.focused or self).call_later(self._enter)

    def _enter(self) -> None:
        """Do it, if it can be done."""
        if self._is_busy or not self._form.check(self._values)[1]:
            return
        self._is_busy = True
        self.app.run_worker(self._do(self._values), group="deed", exit_on_error=False, description="deed")

    async def _do(self, values: Values) -> None:
        outcome = await outcome_of(lambda: self._form.perform(values))
        self._is_busy = False
        if not self.is_current:
            tell(self._desk, outcome)
        elif outcome.ok:
            self.dismiss()
            tell(self._desk, outcome)
        else:
            self._failed = outcome.text
            self._show()


def _line(text: str, tone: Tone) -> Line:
    return (Cell(text, tone),)


def ask_for(desk: Desk, form: Form) -> None:
    """Open the form."""
    cast("App[None]", desk).push_screen(FormDialogue(form))


def texts(values: Values, keys: Sequence[str]) -> tuple[str, ...]:
    """The values of some fields, without the space around them."""
    return tuple(values[key].strip() for key in keys)
