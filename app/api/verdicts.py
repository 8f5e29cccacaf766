"""What has been found out, told to all attached screens as soon as it is another: none of them has to ask."""

from __future__ import annotations

import asyncio

from app.api.packed import Packed
from app.api.stream import Fanout
from app.services.feed import Feed

LOOK_S = 0.2
"""Between two looks whether there is something else to tell."""
SETTLE_S = 0.1
"""After a new diagnosis: the same round evaluates the alerts."""


class Verdicts:
    """Looks at a feed for all who follow a stream."""

    def __init__(self, feed: Feed, packed: Packed, fanout: Fanout) -> None:
        self._feed = feed
        self._packed = packed
        self._fanout = fanout
        self._known: object = None

    async def run(self) -> None:
        """Look while anybody listens, until cancelled."""
        while True:
            await self._fanout.attended.wait()
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Tell what is new. The diagnosis last: it is what a screen looks again for."""
        found = self._feed.diagnosis()
        if found is not self._known:
            self._known = found
            await asyncio.sleep(SETTLE_S)
        self._fanout.tell("alerts", self._packed.alerts(self._feed.alerts()))
        self._fanout.tell("diagnosis", await self._packed.diagnosis(found))
