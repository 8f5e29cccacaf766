"""The form of a batch script: the few options most people set, read from its `#SBATCH` lines and written back to them.

The script is the truth: what the form does not know of stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Input, Static

from app.domain.frozen import frozen
from app.domain.naming import clean
from app.services.scripts import directives, with_directive


@frozen
class Field:
    """One line of the form."""

    name: str
    """The option's full name; `command` is no option, but the line that does the work."""
    label: str
    example: str


FIELDS: tuple[Field, ...] = (
    Field("job-name", "name", "train-7b"),
    Field("partition", "partition", "gpu"),
    Field("nodes", "nodes", "2"),
    Field("gres", "GPUs a node", "gpu:8"),
    Field("cpus-per-task", "CPUs a task", "16"),
    Field("mem", "memory", "200G"),
    Field("time", "time", "24:00:00"),
    Field("account", "account", "nlp"),
    Field("qos", "QOS", "high"),
    Field("array", "array", "1-40%4"),
    Field("command", "command", "srun python train.py"),
)


class ScriptForm(VerticalScroll):
    """The options as fields."""

    class Changed(Message):
        """A field was changed by the user."""

        def __init__(self, name: str, value: str) -> None:
            super().__init__()
            self.name = name
            self.value = value

    def compose(self) -> ComposeResult:
        for one in FIELDS:
            yield Static(one.label, markup=False)
            field = Input(placeholder=one.example, compact=True, select_on_focus=False, id=f"field-{one.name}")
            field.cursor_blink = False  # on a slow link every blink is a line sent
            yield field

    def show(self, script: str) -> None:
        """Show what a script says; fields that say it already are left alone, the cursor in them too."""
        values = read_fields(script)
        for one in FIELDS:
            field = self.query_one(f"#field-{one.name}", Input)
            wanted = clean(values.get(one.name, ""), 400)
            if field.value != wanted:
                with field.prevent(Input.Changed):
                    field.value = wanted

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed((event.input.id or "").removeprefix("field-"), event.value))


def read_fields(script: str) -> Mapping[str, str]:
    """The fields' values as a script has them."""
    said = directives(script)
    found = {one.name: said[one.name] for one in FIELDS if one.name in said}
    line = _command_line(script.split("\n"))
    return {**found, "command": script.split("\n")[line].strip() if line is not None else ""}


def write_field(script: str, name: str, value: str) -> str:
    """The script with one field changed; empty takes its line out. Raises ValueError for what no line can hold."""
    if name != "command":
        return with_directive(script, name, value.strip() or None)
    if not value.isprintable():
        raise ValueError("a command is one line")
    lines = script.split("\n")
    at = _command_line(lines)
    if at is None:
        return script.rstrip("\n") + f"\n\n{value}\n" if value else script
    lines[at] = value
    return "\n".join(lines)


def _command_line(lines: list[str]) -> int | None:
    """The line that does the work: the first srun, else the last that is no comment and no shell bookkeeping."""
    numbers = list(_working(lines))
    return next((at for at in numbers if lines[at].lstrip().startswith("srun ")), numbers[-1] if numbers else None)


def _working(lines: list[str]) -> Iterator[int]:
    for at, line in enumerate(lines):
        text = line.strip()
        if text and not text.startswith(("#", "set ", "export ", "trap ", "wait", "}", "module ", "source ")):
            yield at
