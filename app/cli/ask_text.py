"""An answer as it comes, on a terminal: markdown as plain words, wrapped between them, lightly styled.

Words are printed once they are whole; nothing that was printed is touched again, so that it can be piped, recorded and
scrolled. Text from outside loses its control characters here once more, and is never markup of the terminal.
"""

from __future__ import annotations

import re

from app.cli.output import Output
from app.domain.naming import clean
from app.present.cells import Tone, text_width

WIDEST = 100
"""Prose wider than this is hard to read."""
_PIECES = re.compile(r"\n|[^\S\n]+|\S+")
_INLINE = re.compile(r"(\*\*|`|\[\d{1,3}\])")
_NUMBERED = re.compile(r"\d{1,3}[.)]")
_LONGEST_WORD = 4000
FENCE = "```"


class AnswerText:
    """Prints the pieces of one answer."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._width = max(20, min(WIDEST, output.size()[0]))
        self._rest = ""
        """What may still be the beginning of a word."""
        self._begin()
        self.is_shown = False
        """Something of it stands there."""

    def _begin(self) -> None:
        self._is_fenced = self._is_strong = self._is_code = False
        self._new_line()

    def _new_line(self) -> None:
        self._column = 0
        self._hang = 0
        self._blank = ""
        """White space that is printed once a word follows on the same line."""
        self._at_start = True
        self._is_heading = False
        self._is_raw = self._is_fenced
        self._tone: Tone = "plain"

    def add(self, text: str) -> None:
        """Take a piece of the answer."""
        *whole, self._rest = _PIECES.findall(self._rest + text) or [""]
        if self._rest == "\n":
            whole, self._rest = [*whole, "\n"], ""
        for piece in whole:
            self._piece(piece)
        self._output.flush()

    def withdraw(self) -> None:
        """What was printed was no answer: say so, and begin anew."""
        self._rest = ""
        if self.is_shown:
            self._end_line()
            self._output.line(self._output.paint("(that was no answer and is taken back)", "quiet"))
            self._output.flush()
        self.is_shown = False
        self._begin()

    def pause(self) -> None:
        """End the line, if one is begun: something else is to be printed."""
        if self._column:
            self._output.text("\n")
            self._column, self._blank = 0, " " * self._hang
            self._output.flush()

    def end(self) -> None:
        """Print what is left, and end the line."""
        if self._rest:
            self._piece(self._rest)
            self._rest = ""
        self._end_line()
        self._output.flush()

    def _end_line(self) -> None:
        if self._column:
            self._output.text("\n")
        self._new_line()

    def _piece(self, piece: str) -> None:
        if piece == "\n":
            if self._is_fenced or not self._at_start or self.is_shown:
                self._output.text("\n")
            self._is_strong = False  # emphasis does not reach over lines: a lone marker must not paint the rest
            self._new_line()
        elif piece.isspace():
            self._blank += " " * len(piece)
        else:
            self._word(clean(piece, _LONGEST_WORD))

    def _word(self, word: str) -> None:
        if self._at_start:
            self._at_start = False
            if word.startswith(FENCE):
                self._is_fenced = not self._is_fenced
                self._is_raw = True
                self._tone = "quiet"
            elif self._is_raw:
                self._tone = "accent"
            elif not self._opened(word):
                return
            else:
                word = self._bullet(word)
        self._put(word)

    def _opened(self, word: str) -> bool:
        """Look at the first word of a line; False: it is a mark of a heading, which is not shown."""
        if word.startswith("|"):
            self._is_raw = True
        elif word.strip("#") == "" and len(word) <= 6:
            self._tone, self._is_heading = "strong", True
            return False
        elif word in ("-", "*", "+", ">") or _NUMBERED.fullmatch(word):
            self._hang = len(self._blank) + len(word) + 1
        return True

    def _bullet(self, word: str) -> str:
        return "•" if word in ("-", "*", "+") and self._output.is_unicode else word

    def _put(self, word: str) -> None:
        if self._is_heading and not self._column:
            self._blank = ""
        parts = [(word, self._tone)] if self._is_raw else self._styled(word)
        wide = sum(text_width(text) for text, _ in parts)
        if not self._is_raw and self._column > self._hang and self._column + len(self._blank) + wide > self._width:
            self._output.text("\n" + " " * self._hang)
            self._column, self._blank = self._hang, ""
        shown = "".join(self._output.paint(text, tone) for text, tone in parts)
        if not shown:
            return
        self._output.text(self._blank + shown)
        self._column += len(self._blank) + wide
        self._blank = ""
        self.is_shown = True

    def _styled(self, word: str) -> list[tuple[str, Tone]]:
        """A word in pieces of one tone, without the marks that said so."""
        parts: list[tuple[str, Tone]] = []
        for part in _INLINE.split(word):
            if part == "`":
                self._is_code = not self._is_code
            elif part == "**" and not self._is_code:
                self._is_strong = not self._is_strong
            elif part:
                parts.append((part, self._tone_of(part)))
        return parts

    def _tone_of(self, part: str) -> Tone:
        if self._is_code:
            return "accent"
        if _INLINE.fullmatch(part):
            return "info"
        return "strong" if self._is_strong else self._tone
