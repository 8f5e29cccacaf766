"""The `Analyst`: a Brain without a model. It reads the question, looks, and writes the answer from what it saw."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import tzinfo

from app.agent.analyst.answers import ANSWERS
from app.agent.analyst.inquiry import Inquiry
from app.agent.analyst.itself import not_understood, unknown_names, which_node
from app.agent.analyst.known import Known, known_of
from app.agent.analyst.reading import Reading, read
from app.agent.brain import Asked, BrainError, Looker
from app.agent.events import Event, Noted, TextAdded
from app.agent.ground import Ground, NothingKeptError
from app.transport.turns import in_thread

_NAMES_ONLY = frozenset({"term", "help", "blind", "status", "cost", "waste", "free"})
"""Questions that a name which is not there does not spoil."""


class Analyst:
    """Answers the questions that people ask, by rules."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        """`zone`: of clock times in questions; None: the system's."""
        self._zone = zone

    @property
    def model(self) -> str | None:
        """It has none."""
        return None

    async def answer(self, asked: Asked, looker: Looker) -> AsyncIterator[Event]:
        """Tell the answer, paragraph by paragraph."""
        ground = looker.ground
        try:
            known = await self._known(ground)
        except NothingKeptError as error:
            raise BrainError(f"{error}: go to a moment that the history holds, or ask about now") from error
        reading = read(asked, known, ground.now(), self._zone)
        for note in reading.slots.notes:
            yield Noted(note)
        text = await self._written(Inquiry(reading, looker, known, ground.now(), ground.at is not None))
        pieces = text.split("\n\n")
        for number, piece in enumerate(pieces, 1):
            yield TextAdded(piece if number == len(pieces) else f"{piece}\n\n")

    @staticmethod
    async def _known(ground: Ground) -> Known:
        snapshot = await ground.snapshot()
        alerts = ground.feed.alerts() if ground.at is None else None
        return await in_thread(known_of, snapshot, alerts, ground.user)

    @staticmethod
    async def _written(ask: Inquiry) -> str:
        reading = ask.reading
        if reading.intent is None:
            return unknown_names(ask) if reading.slots.unknown else await not_understood(ask)
        if _is_about_nothing(reading):
            return unknown_names(ask)
        if (
            reading.slots.indices
            and not reading.slots.nodes
            and len(ask.known.nodes) > 1
            and "gpu" in reading.intent.about
        ):
            return which_node(ask)
        return await ANSWERS[reading.intent.key](ask)


def _is_about_nothing(reading: Reading) -> bool:
    """It asks about names that the cluster does not have, and about nothing else."""
    slots = reading.slots
    is_else = slots.gpus or slots.nodes or slots.jobs or slots.users or slots.service or slots.partitions
    return bool(slots.unknown) and not is_else and reading.intent is not None and reading.intent.key not in _NAMES_ONLY
