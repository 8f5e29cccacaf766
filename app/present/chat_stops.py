"""The places of a conversation that the keys can stop at: questions, folds, links, code, proposals. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from app.domain.chat import Exchange, Mark, Proposal, ToolUse
from app.domain.frozen import frozen

StopKind = Literal[
    "question", "reasoning", "tool", "code", "proposal", "blind",
    "citation", "unsupported", "gpu", "node", "job", "incident",
]  # fmt: skip
_LETTERS: dict[str, StopKind] = {
    "q": "question",
    "r": "reasoning",
    "t": "tool",
    "c": "code",
    "p": "proposal",
    "b": "blind",
}
FOLDS: frozenset[StopKind] = frozenset({"reasoning", "tool", "blind"})
LINKS: frozenset[StopKind] = frozenset({"citation", "unsupported", "gpu", "node", "job", "incident"})


@frozen
class Stop:
    """One place."""

    key: str
    kind: StopKind
    exchange: Exchange
    number: int = 0
    """Of the tool use, the piece of code (from 1), the mark or the proposal (from 0)."""

    @property
    def mark(self) -> Mark | None:
        """The mark, of a link."""
        return self.exchange.marks[self.number] if self.kind in LINKS else None

    @property
    def use(self) -> ToolUse | None:
        """The look at the cluster, of a fold or a citation."""
        number = self.number
        if self.kind == "citation" and self.mark is not None:
            number = int(self.mark.target) if self.mark.target.isdigit() else 0
        elif self.kind != "tool":
            return None
        return next((one for one in self.exchange.tools if one.number == number), None)

    @property
    def proposal(self) -> Proposal | None:
        """The proposal."""
        return self.exchange.proposals[self.number] if self.kind == "proposal" else None


def stop_key(place: int, letter: str, number: int = 0) -> str:
    """The key of a place: `q` a question, `r` reasoning, `t` a tool, `c` code, `p` a proposal, `m` a mark.

    By the exchange's number, not by its id: an answer that is being made has none yet.
    """
    return f"{place}/{letter}{number}"


def stop_of(key: str, exchanges: Sequence[Exchange]) -> Stop | None:
    """The place of a key; None where it is gone."""
    name, _, place = key.partition("/")
    if not name.isdigit() or int(name) >= len(exchanges) or not place[1:].isdigit():
        return None
    exchange, letter, number = exchanges[int(name)], place[0], int(place[1:])
    if letter == "m":
        return Stop(key, exchange.marks[number].kind, exchange, number) if number < len(exchange.marks) else None
    if letter == "p" and number >= len(exchange.proposals):
        return None
    return Stop(key, _LETTERS[letter], exchange, number) if letter in _LETTERS else None
