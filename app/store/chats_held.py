"""Conversations that the disk would not take, held in memory until it does. Pure values behind a few verbs.

Only what changed while the disk refused is here; `None` stands for a conversation that was forgotten meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.chat import Conversation, Exchange, Heading
from app.store.chat_rows import around, searched, shortened


class Held:
    """What waits for the disk."""

    def __init__(self) -> None:
        self.conversations: dict[str, Conversation | None] = {}

    def __contains__(self, key: str) -> bool:
        return key in self.conversations

    def get(self, key: str) -> Conversation | None:
        """One conversation as it is held."""
        return self.conversations.get(key)

    def put(self, one: Conversation) -> None:
        """Hold a conversation as it stands."""
        self.conversations[one.id] = one

    def keep(self, key: str, exchange: Exchange, at: float) -> None:
        """One exchange, new or further on; nothing where the conversation was forgotten or never begun."""
        one = self.conversations.get(key)
        if one is None:
            return
        known = {each.id: each for each in one.exchanges}
        known[exchange.id] = exchange
        self.put(replace(one, exchanges=tuple(known.values()), changed=at))

    def cut(self, key: str, exchange: str) -> None:
        """Forget an exchange and all that followed it."""
        one = self.conversations.get(key)
        ids = [each.id for each in one.exchanges] if one is not None else []
        if one is not None and exchange in ids:
            self.put(replace(one, exchanges=one.exchanges[: ids.index(exchange)]))

    def rename(self, key: str, title: str) -> None:
        """Give it a name."""
        one = self.conversations.get(key)
        if one is not None:
            self.put(replace(one, title=title))

    def delete(self, key: str) -> None:
        """Forget it."""
        self.conversations[key] = None

    def headings(self, words: Sequence[str]) -> list[Heading]:
        """Those that hold every word."""
        found = [one for one in self.conversations.values() if one is not None]
        return [_heading(one, words) for one in found if all(word in _text(one) for word in words)]


def _text(one: Conversation) -> str:
    return "\n".join((one.title.casefold(), *map(searched, one.exchanges)))


def _heading(one: Conversation, words: Sequence[str]) -> Heading:
    title = one.title or (one.exchanges[0].question if one.exchanges else "")
    model = one.exchanges[-1].model if one.exchanges else None
    found = around(_text(one), words[0]) if words else ""
    return Heading(one.id, shortened(title), one.changed, len(one.exchanges), model, found)
