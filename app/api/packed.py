"""What all attached screens ask for at the same time, packed once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from time import monotonic

from app.domain.alerts_now import AlertsNow
from app.domain.diagnosis import Diagnosis
from app.services import wire

ALIKE_S = 2.0
"""Screens that look at the same ask the same within so long, at the same moment of the clock."""
_MOST_KEPT, _LONGEST_KEPT = 64, 128 << 10
"""Answers, and characters of one."""


@dataclass(slots=True)
class _Answer:
    """One question's answer, once it is there."""

    text: str = ""
    made_at: float | None = None
    making: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_good(self, now: float) -> bool:
        """Whether it is there, and what is kept cannot have grown by much since."""
        return self.made_at is not None and now - self.made_at < ALIKE_S


class Packed:
    """The last answers in the form that our own screens read."""

    def __init__(self, monotonic: Callable[[], float] = monotonic) -> None:
        self._monotonic = monotonic
        self._diagnosis: tuple[Diagnosis | None, str] = (None, "")
        self._alerts: tuple[AlertsNow | None, str] = (None, "")
        self._one_at_a_time = asyncio.Lock()
        self._past: OrderedDict[Hashable, _Answer] = OrderedDict()
        """Answers about the past, the newest last."""

    async def diagnosis(self, found: Diagnosis) -> str:
        """A diagnosis; whoever asks while it is being packed waits for the same text."""
        async with self._one_at_a_time:
            if self._diagnosis[0] is not found:
                self._diagnosis = (found, await asyncio.to_thread(wire.pack_diagnosis, found))
            return self._diagnosis[1]

    def alerts(self, found: AlertsNow) -> str:
        """What the last evaluation left."""
        if self._alerts[0] != found:
            self._alerts = (found, wire.pack_alerts(found))
        return self._alerts[1]

    async def past(self, question: Hashable, make: Callable[[], Awaitable[str]]) -> str:
        """An answer from the history; whoever asks the same meanwhile or right after it is given the same text."""
        answer = self._past.pop(question, None) or _Answer()
        self._past[question] = answer
        while len(self._past) > _MOST_KEPT:
            self._past.popitem(last=False)
        async with answer.making:
            if not answer.is_good(self._monotonic()):
                text = await make()
                if len(text) > _LONGEST_KEPT:
                    return text
                answer.text, answer.made_at = text, self._monotonic()
            return answer.text
