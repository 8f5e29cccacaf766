"""The lines of a log as they are shown: those grave enough, wrapped or not, with what was searched for standing out.

Only lines on screen are made; what a pattern or a level keeps is found once a change.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import overload

from app.domain.log_text import Level, TextLine, at_least
from app.present.cells import Cell, Line, Tone, tidy, wrap

TONES: dict[Level, Tone] = {"debug": "quiet", "info": "plain", "warning": "look", "error": "bad"}
LONGEST = 4000
_MOST_PIECES = 60
"""Lines that one wrapped line may become."""


def pattern_of(text: str) -> re.Pattern[str]:
    """What a search looks for: a regular expression, else the text as it is; small letters find large ones too."""
    flags = 0 if any(char.isupper() for char in text) else re.IGNORECASE
    try:
        return re.compile(text, flags)
    except re.error:
        return re.compile(re.escape(text), flags)


class LogLines(Sequence[Line]):
    """Lines for the widget that shows texts."""

    def __init__(
        self, lines: Sequence[TextLine], least: Level = "debug", search: re.Pattern[str] | None = None, width: int = 0
    ) -> None:
        """`width` above 0 wraps at so many columns."""
        self._search = search
        self._kept = [one for one in lines if at_least(one.level, least)]
        self._pieces: list[tuple[int, str]] | None = None
        if width > 0:
            self._pieces = [(at, piece) for at, one in enumerate(self._kept) for piece in _wrapped(one.text, width)]

    def __len__(self) -> int:
        return len(self._pieces) if self._pieces is not None else len(self._kept)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | Sequence[Line]:
        if isinstance(index, slice):
            return [self._line(at) for at in range(*index.indices(len(self)))]
        return self._line(index)

    @property
    def kept(self) -> int:
        """Lines of the log that are shown, wrapped or not."""
        return len(self._kept)

    @property
    def first(self) -> int:
        """Number of the first line shown; 0 where there is none."""
        return self._kept[0].number if self._kept else 0

    @property
    def last(self) -> int:
        """Number of the last line shown; -1 where there is none."""
        return self._kept[-1].number if self._kept else -1

    def before(self, number: int) -> int:
        """How many lines on screen are of lines before the one of a number."""
        gone = bisect_left(self._kept, number, key=lambda one: one.number)
        if self._pieces is None:
            return gone
        return bisect_left(self._pieces, gone, key=lambda piece: piece[0])

    def found(self) -> list[int]:
        """Where the search finds something, by place on screen."""
        if self._search is None:
            return []
        if self._pieces is None:
            return [at for at, one in enumerate(self._kept) if self._search.search(one.text)]
        hits = [at for at, one in enumerate(self._kept) if self._search.search(one.text)]
        return [bisect_left(self._pieces, at, key=lambda piece: piece[0]) for at in hits]

    def _line(self, at: int) -> Line:
        if self._pieces is None:
            one, text = self._kept[at], self._kept[at].text
        else:
            number, text = self._pieces[at]
            one = self._kept[number]
        return _marked(tidy(text, LONGEST), TONES[one.level], self._search)


def _marked(text: str, tone: Tone, search: re.Pattern[str] | None) -> Line:
    if search is None or not text:
        return (Cell(text, tone),) if text else ()
    parts: list[Cell] = []
    last = 0
    for match in search.finditer(text):
        if match.end() == match.start():
            continue
        parts += [Cell(text[last : match.start()], tone), Cell(match[0], "accent", "chosen")]
        last = match.end()
    parts.append(Cell(text[last:], tone))
    return tuple(cell for cell in parts if cell.text)


def _wrapped(text: str, width: int) -> Sequence[str]:
    """The text in pieces that fit; what is indented stays so on its first line."""
    if len(text) <= width and text.isascii():
        return (text,)
    indent = text[: len(text) - len(text.lstrip())][: width // 2]
    pieces = wrap(text, width - len(indent)) or ("",)
    return [f"{indent}{piece}" for piece in pieces[:_MOST_PIECES]]
