"""The form of a rule: its few fields, two to a line. It says what stands in them and knows no rule."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, get_args

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.message import Message
from textual.widgets import Input, Static

from app.domain.alert import SEVERITIES, Comparison
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.present.glyphs import Glyphs
from app.services.rule_draft import Draft
from widgets.choice import Choice

LONGEST = 4000
"""Characters of a condition or a text."""


@frozen
class _Field:
    """One field of text."""

    key: str
    label: str
    example: str
    is_wide: bool = False


_NAME = _Field("name", "name", "GpuTooHot")
_CONDITION = _Field("condition", "condition", "gpu.temperature, or a whole condition", is_wide=True)
_LIMIT = _Field("limit", "limit", "80 °C")
_HOLD = _Field("hold", "for", "5m")
_KEEP = _Field("keep", "keep firing", "2m")
_TEXT = _Field("text", "says", "{where}: {value} °C", is_wide=True)
TEXTS = (_NAME, _CONDITION, _LIMIT, _HOLD, _KEEP, _TEXT)


class RuleForm(Grid):
    """The fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the keys of the field, so that the very next letter already goes into the next one.
        Binding("down,enter,tab", "app.focus_next", show=False, priority=True, id="rule.field.next"),
        Binding("up,shift+tab", "app.focus_previous", show=False, priority=True, id="rule.field.before"),
    ]

    class Changed(Message):
        """A field was changed by the user."""

        def can_replace(self, message: Message) -> bool:
            """Any number of them is one."""
            return isinstance(message, RuleForm.Changed)

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="rule-form")
        self._severity = Choice(SEVERITIES, glyphs=glyphs, id="rule-severity")
        self._comparison = Choice(get_args(Comparison), glyphs=glyphs, id="rule-comparison")
        self._severity.show("warning")

    def compose(self) -> ComposeResult:
        yield from self._text(_NAME)
        yield from self._labelled("severity", self._severity)
        yield from self._text(_CONDITION)
        yield from self._labelled("is", self._comparison)
        for one in (_LIMIT, _HOLD, _KEEP, _TEXT):
            yield from self._text(one)

    def _text(self, one: _Field) -> ComposeResult:
        field = Input(
            placeholder=one.example,
            compact=True,
            select_on_focus=False,
            max_length=LONGEST,
            id=f"rule-{one.key}",
            classes="-wide" if one.is_wide else "",
        )
        field.cursor_blink = False  # on a slow link every blink is a line sent
        yield from self._labelled(one.label, field)

    def _labelled(self, label: str, field: Input | Choice) -> ComposeResult:
        yield Static(label, markup=False)
        yield field

    @property
    def draft(self) -> Draft:
        """What stands in the fields."""
        texts = {one.key: self._input(one).value for one in TEXTS}
        comparison = next(one for one in get_args(Comparison) if one == self._comparison.value)
        return replace(Draft(comparison=comparison, severity=self._severity.value), **texts)  # type: ignore[arg-type]  # fields of Draft that are texts

    def show(self, draft: Draft, *, is_new: bool) -> None:
        """Fill the fields; a rule that is there keeps its name."""
        for one in TEXTS:
            field = self._input(one)
            wanted = clean(str(getattr(draft, one.key)), LONGEST)
            if field.value != wanted:  # after saving nothing changes, and the cursor stays where it is
                with field.prevent(Input.Changed):
                    field.value = wanted
                    field.cursor_position = 0
        self._severity.show(draft.severity)
        self._comparison.show(draft.comparison)
        self._input(_NAME).disabled = not is_new
        self.mark(draft)

    def mark(self, draft: Draft, wrong: str = "") -> None:
        """Dim what a whole condition has no use for, and mark the field that is wrong."""
        for key in ("comparison", "limit"):
            has_use = draft.is_simple and not (key == "limit" and draft.comparison == "absent")
            self.query_one(f"#rule-{key}").set_class(not has_use, "-needless")
        for one in TEXTS:
            self._input(one).set_class(one.key == wrong, "-wrong")

    def take_focus(self, *, is_new: bool) -> None:
        """The keys go to the first field that can be written."""
        self.screen.set_focus(self._input(_NAME if is_new else _CONDITION))

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Changed())

    def _input(self, one: _Field) -> Input:
        return self.query_one(f"#rule-{one.key}", Input)
