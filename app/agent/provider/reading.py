"""One reply as it is read: chunks in, deltas out. Pure."""

from __future__ import annotations

from app.agent.provider.call_parts import CallParts
from app.agent.provider.delta import Called, Delta, Finished, Reasoning, Text
from app.agent.provider.pieces import Piece
from app.agent.provider.splitter import Splitter

LONGEST_REPLY = 2_000_000
"""Characters; what says more is out of its mind."""
_CUT = ("length", "max_tokens")


class Reading:
    """One reply on its way."""

    def __init__(self, *, opens_in_thought: bool = False) -> None:
        """`opens_in_thought`: as `Splitter.opens_in_thought`."""
        self._splitter = Splitter(opens_in_thought=opens_in_thought)
        self._parts = CallParts()
        self._length = 0
        self._pieces = 0
        self._is_whole = False
        self._tokens = (0, 0)
        self.finish = ""
        """Why the server ended it; empty: it has not."""

    @property
    def is_dangling(self) -> bool:
        """A `</think>` came that nothing had opened."""
        return self._splitter.is_dangling

    @property
    def is_endless(self) -> bool:
        """It is longer than any answer."""
        return self._length > LONGEST_REPLY

    def take(self, piece: Piece) -> list[Delta]:
        """What a chunk brings."""
        self.finish = piece.finish or self.finish
        self._pieces += piece.says_something
        self._tokens = piece.tokens or self._tokens
        self._is_whole = self._is_whole or bool(piece.finish and piece.says_something and self._pieces == 1)
        for one in piece.calls:
            self._parts.add(one.index, one.id, one.name, one.arguments)
        found: list[Delta] = []
        if piece.reasoning:
            found.append(Reasoning(piece.reasoning))
        if piece.text:
            found.extend(self._splitter.feed(piece.text))
        self._length += len(piece.text) + len(piece.reasoning) + sum(len(one.arguments) for one in piece.calls)
        return found

    def rest(self) -> list[Delta]:
        """Text and thought that are still held back where the reply breaks off; a call under way is none."""
        return [one for one in self._splitter.end(is_cut=True) if isinstance(one, Text | Reasoning)]

    def end(self) -> list[Delta]:
        """What is left when the stream is over; `Finished` is last."""
        is_cut = self.finish in _CUT
        found = self._splitter.end(is_cut=is_cut)
        found.extend(Called(one) for one in self._parts.calls(is_cut=is_cut))
        return [*found, Finished(self.finish, *self._tokens, is_whole=self._is_whole)]
