"""What a source tells the tap: bytes as they came, or a sheet, which is cheaper to compare with the one before."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Protocol

from app.domain.frozen import frozen


class Unwritten(Protocol):
    """An answer whose text is made when it is written: in a thread, and only of what is new in it."""

    @property
    def size(self) -> int:
        """Bytes of the text, about."""

    def sheet(self) -> Sheet:
        """The answer; of those of one source in their order, each once."""


Told = bytes | Unwritten


@frozen
class Sheet:
    """A text of lines, each cut in two: what stays from answer to answer, and the last word, which may not."""

    starts: Sequence[str]
    """Ends with a blank where a word follows. The same object as before, and never changed, where all is the same."""
    words: Sequence[str | float]
    """One a line, numbers as Python writes them; empty where the line has none. None holds a blank."""
    size: int
    """Bytes of the text, about."""

    def sheet(self) -> Sheet:
        """Itself."""
        return self

    def text(self) -> bytes:
        """The whole text."""
        return "\n".join(map(operator.add, self.starts, map(str, self.words))).encode()


def bytes_of(told: Told) -> bytes:
    """An answer as bytes."""
    return told if isinstance(told, bytes) else told.sheet().text()


def size_of(told: Told) -> int:
    """Bytes of an answer, about."""
    return len(told) if isinstance(told, bytes) else told.size
