"""The conversation laid out: every exchange once, the one that grows as it grows; of long conversations the newest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.domain.chat import Exchange
from app.present.chat_sight import ChatSight
from app.present.chat_told import cut_note, exchange_parts, said_lines
from app.present.markdown_growing import Growing
from app.present.markdown_wrap import BLANK, Told

SHOWN = 12
"""Exchanges laid out at once; more of them when somebody looks further up."""
Parts = tuple[Sequence[Told], ...]


class Layout:
    """Remembers what was laid out, exchange by exchange."""

    def __init__(self) -> None:
        self._growing: dict[int, Growing] = {}
        self._laid: dict[int, tuple[tuple[object, ...], Exchange, Parts]] = {}
        self.shown = SHOWN
        self.is_behind = False
        """Whether a long answer that has just ended still misses marks: ask for the parts again, soon."""

    def forget(self) -> None:
        """Another conversation."""
        self._growing.clear()
        self._laid.clear()
        self.shown = SHOWN

    def parts(self, exchanges: Sequence[Exchange], said: Sequence[str], sight: ChatSight) -> list[Sequence[Told]]:
        """The lines of a conversation, in parts."""
        first = max(0, len(exchanges) - self.shown)
        found: list[Sequence[Told]] = []
        if first:
            found.append((cut_note(first, sight), BLANK))
        for place in range(first, len(exchanges)):
            if place > first:
                found.append((BLANK, BLANK))
            found += self._one(place, exchanges[place], replace(sight, place=place))
        self.is_behind = any(self._growing[place].is_behind for place in range(first, len(exchanges)))
        if said:
            found.append(((BLANK,) if exchanges else ()) + tuple(said_lines(said, sight)))
        return found

    def _one(self, place: int, exchange: Exchange, sight: ChatSight) -> Parts:
        """One exchange; as it was laid out before where nothing about it has changed."""
        key = (sight.width, _within(place, sight), _at_work(exchange, sight.at_work))
        known, growing = self._laid.get(place), self._growing.setdefault(place, Growing())
        if known is not None and known[0] == key and known[1] is exchange and not growing.is_behind:
            return known[2]
        parts = exchange_parts(exchange, sight, growing)
        self._laid[place] = (key, exchange, parts)
        return parts


def _within(place: int, sight: ChatSight) -> tuple[object, ...]:
    """What of the sight concerns one exchange: its folds, and a proposal that the keys have stopped at."""
    start = f"{place}/"
    folds = frozenset(one for one in sight.opened if one.startswith(start))
    return folds, sight.stop if sight.stop.startswith(f"{start}p") else ""


def _at_work(exchange: Exchange, at_work: Mapping[str, float]) -> tuple[object, ...]:
    return tuple((one.id, int(at_work[one.id])) for one in exchange.proposals if one.id in at_work)
