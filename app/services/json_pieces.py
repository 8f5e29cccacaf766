"""Large JSON read in pieces: Python's reader holds its one interpreter until it has read the last byte. Pure.

A picture of thousands of GPUs takes it a tenth of a second, in which no other thread runs, so no key is seen. Here the
objects that are known to be large are read member by member, and each member is made what it is to be at once: the
plain values of one node are there, never those of all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from app.domain.frozen import frozen
from app.domain.pieces import Pieces

_BLANKS = re.compile(r"[ \t\n\r]*")
PIECE = 32_000
"""Characters read in one piece: less than a millisecond."""


@frozen
class Large:
    """An object that is read member by member."""

    members: Mapping[str, Large] = field(default_factory=dict)
    """Those that are large themselves."""
    make: Callable[[Any], Any] | None = None
    """What each of the others becomes; None: it stays as it is."""


def read(text: str, large: Large) -> Pieces[Any]:
    """What a JSON text holds, some of it made into something else. Raises ValueError, and whatever `make` raises."""
    try:
        found = yield from _Reader(text).whole(large)
    except IndexError as error:
        raise ValueError("the text ends too soon") from error
    return found


class _Reader:
    """One text and how far it is read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._piece_ends = PIECE
        self._decode = json.JSONDecoder().raw_decode

    def whole(self, large: Large) -> Pieces[Any]:
        """The one value of the text."""
        self._skip()
        found = (yield from self._object(large)) if self._sees("{") else self._value()
        self._skip()
        if self._at < len(self._text):
            raise ValueError(f"something follows at character {self._at}")
        return found

    def _object(self, large: Large) -> Pieces[dict[str, Any]]:
        made: dict[str, Any] = {}
        self._take("{")
        if not self._sees("}"):
            while True:
                name = self._value()
                self._take(":")
                inner = large.members.get(name)
                if inner is not None and self._sees("{"):
                    made[name] = yield from self._object(inner)
                else:
                    value = self._value()
                    made[name] = value if large.make is None else large.make(value)
                if self._at > self._piece_ends:
                    self._piece_ends = self._at + PIECE
                    yield
                if not self._sees(","):
                    break
                self._take(",")
        self._take("}")
        return made

    def _value(self) -> Any:  # noqa: ANN401 - JSON has no better name
        value, self._at = self._decode(self._text, self._at)
        self._skip()
        return value

    def _sees(self, sign: str) -> bool:
        return self._text[self._at] == sign

    def _take(self, sign: str) -> None:
        if not self._sees(sign):
            raise ValueError(f"{sign!r} is missing at character {self._at}")
        self._at += 1
        self._skip()

    def _skip(self) -> None:
        if self._text[self._at : self._at + 1] in " \t\n\r":  # hardly ever: what is sent has no blanks
            found = _BLANKS.match(self._text, self._at)
            assert found is not None  # noqa: S101 - no blank at all fits as well
            self._at = found.end()
