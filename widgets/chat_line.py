"""The line one asks in: grows to a few lines, sends by enter, remembers what was asked before."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Key
from textual.message import Message
from textual.widgets import TextArea

_MOST = 6
"""Lines it grows to; more of them scroll."""
_LONGEST = 20_000
NEW_LINE = frozenset({"ctrl+j", "alt+enter", "shift+enter"})


class AskLine(TextArea):
    """A few lines of typing."""

    takes_letters = True
    """Tells pages that keys mean letters here."""

    class Sent(Message):
        """Enter."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Escaped(Message):
        """Escape: whoever knows what is under way decides what ends."""

    class Emptied(Message):
        """Backspace, where there is nothing to take away."""

    class Left(Message):
        """Tab (1) or shift+tab (-1)."""

        def __init__(self, direction: int) -> None:
            super().__init__()
            self.direction = direction

    class Grown(Message):
        """It needs another height."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(soft_wrap=True, tab_behavior="focus", compact=True, id=id)
        self.cursor_blink = False
        self.highlight_cursor_line = False
        self._asked: tuple[str, ...] = ()
        self._place = 0
        self._draft = ""

    def remember(self, asked: Sequence[str]) -> None:
        """What was asked before, the oldest first."""
        if tuple(asked) != self._asked:
            self._asked = tuple(asked)
            self._place = len(asked)

    def put(self, text: str) -> None:
        """Another text, the cursor at its end."""
        self.text = text[:_LONGEST]
        self.move_cursor(self.document.end)
        self.fit()

    def fit(self) -> None:
        """Take as many lines as the text needs, up to a few."""
        wanted = min(_MOST, max(1, self.wrapped_document.height))
        if self.styles.height is None or self.styles.height.value != wanted:
            self.styles.height = wanted

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.fit()
        self.post_message(self.Grown())

    async def _on_key(self, event: Key) -> None:
        if self._is_taken(event.key):
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def _is_taken(self, key: str) -> bool:
        """What a key means here; False: it is the editor's."""
        match key:
            case "enter":
                self.post_message(self.Sent(self.text))
            case "escape":
                self.post_message(self.Escaped())
            case "tab" | "shift+tab":
                self.post_message(self.Left(1 if key == "tab" else -1))
            case "backspace" if not self.text:
                self.post_message(self.Emptied())
            case "up" if self._line == 0:
                self._recall(-1)
            case "down" if self._line >= self.wrapped_document.height - 1:
                self._recall(1)
            case _ if key in NEW_LINE:
                self.insert("\n")
            case _:
                return False
        return True

    @property
    def _line(self) -> int:
        """The line the cursor is on, as wrapped."""
        return self.wrapped_document.location_to_offset(self.cursor_location).y

    def _recall(self, step: int) -> None:
        """A question asked before; past the newest, what was being typed."""
        place = min(max(0, self._place + step), len(self._asked))
        if place == self._place:
            return
        if self._place == len(self._asked):
            self._draft = self.text
        self._place = place
        self.put(self._asked[place] if place < len(self._asked) else self._draft)
