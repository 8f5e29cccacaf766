"""How a conversation is looked at: the width, what is unfolded, where the keys have stopped. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from app.domain.frozen import frozen
from app.present.glyphs import Glyphs
from app.present.look import Look


@frozen
class ChatSight:
    """What a presenter of conversations needs besides the values."""

    look: Look
    width: int
    place: int = 0
    """Number of the exchange, from 0."""
    opened: frozenset[str] = frozenset()
    """Keys of the folds that are open."""
    stop: str = ""
    """Key of the place where the keys have stopped."""
    at_work: Mapping[str, float] = field(default_factory=dict)
    """Proposals that are being done, by id, with the seconds so far."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys as people read them, by the id of their action."""

    @property
    def glyphs(self) -> Glyphs:
        """The signs to draw with."""
        return self.look.glyphs
