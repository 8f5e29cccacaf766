"""A text as it streams in, passed through the door before anybody sees it. Pure.

A secret may come in pieces, so what may still grow into one is held back until its word is whole; where a later piece
shows that what was told was part of one, all of it is taken back and told anew without it. The letters that a word
begins with are told at once, and stay while its rest is held back: taking them back would have the whole answer told
anew, and laid out anew, at every `gpu-01`.
"""

from __future__ import annotations

import re

from app.agent.door import inside
from app.domain.frozen import frozen

LONGEST = 60_000
"""Characters of one text; nobody looks for secrets further than a little beyond."""
_WINDOW = 80
"""Characters of the line under way, at least, that are looked through again with each piece."""
_TAIL = re.compile(r"\S*\Z")
_HARMLESS_TAIL = re.compile(r"[^\W\d_]{0,20}|[\W\d]{1,4}")
_SUSPECT = re.compile(r"[=:_\-/@]|[A-Za-z0-9.]{12}|bearer|password|passphrase|secret|token|key", re.IGNORECASE)
"""Without one of these there is no secret in a line that `redact` would know."""


@frozen
class Told:
    """What may be told after a piece has come."""

    text: str = ""
    is_anew: bool = False
    """All that was told is taken back first."""


class Spoken:
    """One text while it comes."""

    def __init__(self) -> None:
        self.text = ""
        """What was told so far."""
        self._line = ""
        self._told = 0
        """Characters of the line under way that were looked at and told."""
        self._before = ""
        """All that stands before the line under way, as it was told."""
        self._raw: list[str] = []
        self._length = 0

    @property
    def is_full(self) -> bool:
        """No more of it is taken."""
        return self._length >= LONGEST

    def add(self, piece: str) -> Told:
        """Take a piece, and say what may be told by now."""
        piece = piece[: LONGEST - self._length]
        self._raw.append(piece)
        self._length += len(piece)
        self._line += piece
        ripe = _ripe(self._line)
        return self._tell(ripe) if len(ripe) >= self._told else Told()

    def end(self) -> Told:
        """The text is whole: what was held back, and what only the whole of it shows to be a secret."""
        told = self._tell(self._line)
        whole = inside("".join(self._raw), LONGEST)
        if whole == self.text:
            return told
        self.text = whole
        return Told(whole, is_anew=True)

    def withdraw(self) -> None:
        """Begin anew."""
        self.__init__()  # type: ignore[misc]  # all of its state, and nothing else

    def _tell(self, ripe: str) -> Told:
        shown = inside(ripe, LONGEST) if not ripe.isascii() or not ripe.isprintable() or _SUSPECT.search(ripe) else ripe
        now = self._before + shown
        was = self.text
        self.text, self._told = now, len(ripe)
        self._move_on(ripe, shown)
        return Told(now[len(was) :]) if now.startswith(was) else Told(now, is_anew=True)

    def _move_on(self, ripe: str, shown: str) -> None:
        """Look no more at lines that have ended, and of a long line only at its end."""
        end = ripe.rfind("\n") + 1
        if not end and len(ripe) > 2 * _WINDOW:
            end = ripe.rfind(" ", 0, -_WINDOW) + 1
        if not end or ripe.rfind("-BEGIN ") > ripe.rfind("-END "):  # a key has many lines
            return
        head = inside(ripe[:end], LONGEST)
        if not shown.startswith(head):
            return  # a secret stands across: not yet
        self._before += head
        self._line, self._told = self._line[end:], self._told - end


def _ripe(line: str) -> str:
    """As much of a line as will not change its meaning with the next piece."""
    tail = _TAIL.search(line)
    assert tail is not None, "an empty tail fits"  # noqa: S101 - for the type checker
    if _HARMLESS_TAIL.fullmatch(tail.group()):
        return line
    return line[: tail.start()]
