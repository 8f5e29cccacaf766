"""The line the user types on: a command after `:`, a filter after `/`. It knows neither, it only asks and tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

Complete = Callable[[str, str], Sequence[str]]
"""(sign, line) → whole lines it could become, the likeliest first."""
_WORDS_SHOWN = 12


class Prompt(Widget):
    """One line of typing with completion and history; hidden until asked."""

    BINDINGS = [
        Binding("escape", "dismiss", show=False, id="line.dismiss"),
        Binding("tab", "complete", show=False, priority=True, id="line.complete"),
        Binding("up", "recall(-1)", show=False, id="line.before"),
        Binding("down", "recall(1)", show=False, id="line.after"),
    ]

    class Typed(Message):
        """The line changed under the user's fingers."""

        def __init__(self, sign: str, text: str) -> None:
            super().__init__()
            self.sign = sign
            self.text = text

        def can_replace(self, message: Message) -> bool:
            """Only the newest matters."""
            return isinstance(message, Prompt.Typed)

    class Entered(Typed):
        """The user is done with the line."""

        def can_replace(self, message: Message) -> bool:  # noqa: ARG002 - the signature is Textual's
            """Each counts."""
            return False

    class Dismissed(Message):
        """The user thought better of it."""

        def __init__(self, sign: str) -> None:
            super().__init__()
            self.sign = sign

    def __init__(self, complete: Complete, *, id: str = "prompt") -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self.sign = ""
        self._complete = complete
        self._history: Sequence[str] = ()
        self._place = 0
        self._sign = Static("", id="prompt-sign", markup=False)
        self._input = _Typing(compact=True, suggester=_Lines(self), select_on_focus=False, id="prompt-line")
        self._input.cursor_blink = False  # on a slow link every blink is a line sent
        self._hint = Static("", id="prompt-hint", markup=False)

    def compose(self) -> ComposeResult:
        yield self._hint
        yield self._sign
        yield self._input

    @property
    def is_open(self) -> bool:
        """Whether the user is typing."""
        return bool(self.sign)

    def ask(self, sign: str, text: str = "", history: Sequence[str] = ()) -> None:
        """Open with a sign and a text to go on from; the keys go here from now on, the very next one too."""
        self.sign, self._history, self._place = sign, history, len(history)
        self._sign.update(Content(sign))
        self.display = True
        self._hint.display = False
        self.hint("")
        with self._input.prevent(Input.Changed):
            self._input.value = text
        self._input.cursor_position = len(text)
        # Widget.focus() would wait for its turn, and keys typed meanwhile would go elsewhere.
        self.screen.set_focus(self._input)

    def close(self) -> None:
        """Hide; the keys go where they went before."""
        self.sign = ""
        self.display = False

    def hint(self, text: str, *, is_error: bool = False) -> None:
        """Say something above the line.

        Once something was said its place stays until the prompt is closed: coming and going with the letters, it would
        have the page above laid out and painted anew each time.
        """
        self._hint.update(Content(text), layout=False)
        self._hint.set_class(is_error, "-error")
        if text:
            self._hint.display = True

    def suggestions(self, text: str) -> Sequence[str]:
        """What the line could become."""
        return self._complete(self.sign, text)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.sign:
            return
        words = [_last_word(line) for line in self.suggestions(event.value)[:_WORDS_SHOWN]]
        self.hint("  ".join(words))
        self.post_message(self.Typed(self.sign, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.sign:
            self.post_message(self.Entered(self.sign, event.value))

    def action_dismiss(self) -> None:
        self.post_message(self.Dismissed(self.sign))

    def action_complete(self) -> None:
        """Take the first suggestion."""
        found = self.suggestions(self._input.value)
        if found:
            self._input.value = found[0]
            self._input.cursor_position = len(found[0])

    def action_recall(self, step: int) -> None:
        """A line typed before; past the newest, an empty one."""
        self._place = min(max(0, self._place + step), len(self._history))
        text = self._history[self._place] if self._place < len(self._history) else ""
        self._input.value = text
        self._input.cursor_position = len(text)


class _Typing(Input):
    """The line itself. Textual's own has the whole screen laid out anew at every letter, for it has become longer."""

    virtual_size: Reactive[Size] = Reactive(Size(0, 0))

    def watch_virtual_size(self, size: Size) -> None:
        """Scroll to where the line is, if it is longer than its place."""
        self._scroll_update(size)  # Textual's own private name, and what follows a layout; it is pinned exactly


class _Lines(Suggester):
    """The prompt's first suggestion, shown grey behind the cursor."""

    def __init__(self, prompt: Prompt) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._prompt = prompt

    async def get_suggestion(self, value: str) -> str | None:
        found = self._prompt.suggestions(value) if value and self._prompt.is_open else ()
        return next((line for line in found if line.startswith(value)), None)


def _last_word(line: str) -> str:
    """What a suggestion adds, for the list of them."""
    return line.strip().rsplit(" ", 1)[-1]
