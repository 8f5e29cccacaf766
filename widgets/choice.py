"""A field of few words, one of them chosen: left, right and space go round, a first letter jumps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, Key
from textual.message import Message

from app.present.cells import Cell, Line, Tone, line
from app.present.glyphs import UNICODE, Glyphs
from widgets.ink import Painted


class Choice(Painted, can_focus=True):
    """One of a few words."""

    DEFAULT_CSS = """
    Choice { height: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "turn(1)", show=False, id="choice.next"),
        Binding("left", "turn(-1)", show=False, id="choice.before"),
    ]

    class Changed(Message):
        """The user chose another word."""

        def __init__(self, choice: Choice, value: str) -> None:
            super().__init__()
            self.choice = choice
            self.value = value

    def __init__(self, words: Sequence[str], *, glyphs: Glyphs = UNICODE, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._words = tuple(words)
        self._glyphs = glyphs
        self._value = self._words[0]

    @property
    def value(self) -> str:
        """The word chosen."""
        return self._value

    def show(self, value: str) -> None:
        """Show a word as chosen; nobody is told."""
        if value in self._words and value != self._value:
            self._value = value
            self.repaint()

    def action_turn(self, by: int) -> None:
        """Choose the next word."""
        self._choose(self._words[(self._words.index(self._value) + by) % len(self._words)])

    def on_click(self, event: Click) -> None:
        """A click goes on to the next word."""
        event.stop()
        self.action_turn(1)

    def on_key(self, event: Key) -> None:
        """A letter chooses the word that begins so."""
        found = next((word for word in self._words if event.character and word.startswith(event.character)), None)
        if found is not None:
            event.stop()
            self._choose(found)

    def on_focus(self) -> None:
        """The chosen word shines."""
        self.repaint()

    def on_blur(self) -> None:
        """It dims."""
        self.repaint()

    def _choose(self, word: str) -> None:
        if word != self._value:
            self._value = word
            self.repaint()
            self.post_message(self.Changed(self, word))

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:  # noqa: ARG002 - one line always
        """Every word, the chosen one marked; that alone where not all fit."""
        if sum(len(word) + 2 for word in self._words) > width:
            return (self._word(self._value),)
        return (line(*(self._word(word) for word in self._words)),)

    def _word(self, word: str) -> Line:
        """`[above]` where it is chosen: not by colour alone."""
        if word != self._value:
            return (Cell(f" {word} ", "quiet"),)
        back: Tone | None = "chosen" if self.has_focus else None
        return (Cell("[", "accent", back), Cell(word, "strong", back), Cell("]", "accent", back))
