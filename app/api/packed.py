"""What all attached screens ask for at the same time, packed once."""

from __future__ import annotations

import asyncio

from app.domain.alerts_now import AlertsNow
from app.domain.diagnosis import Diagnosis
from app.services import wire


class Packed:
    """The last answers in the form that our own screens read."""

    def __init__(self) -> None:
        self._diagnosis: tuple[Diagnosis | None, str] = (None, "")
        self._alerts: tuple[AlertsNow | None, str] = (None, "")
        self._one_at_a_time = asyncio.Lock()

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
