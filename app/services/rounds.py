"""Rounds of judging: at every interval, and at once where a reading brought what is a fault by itself.

Without the latter a fault would wait twice: for the look that sees it, and for the next round, up to an interval each.
"""

from __future__ import annotations

from asyncio import Lock
from collections.abc import Awaitable, Callable, Sequence

from app.domain.diagnosis import GRAVITY
from app.domain.series import Event
from app.services.board import Board
from app.transport.clock import Clock

SETTLE_S = 0.2
"""What one fault does in several places at once is judged together."""
LEAST_S = 0.5
"""Between the end of a round and one that is made early."""
SHARE = 4
"""And so many times as long as the last round took: a storm in a large fleet must leave time for other work."""
_KINDS = ("gpu.", "node.", "log.")
_SYMPTOMS = ("log.app.", "log.cuda.", "log.job.", "log.nccl.", "log.vllm.")
"""What programs say of a fault; its cause is often seen a little later, elsewhere, so these wait for their round."""


class Rounds:
    """Makes one round after another, never two at once."""

    def __init__(self, board: Board, clock: Clock, steps: Sequence[Callable[[], Awaitable[None]]]) -> None:
        self._board = board
        self._clock = clock
        self._steps = steps
        self._lock = Lock()
        self._heard: Event | None = None
        self._not_before = 0.0

    async def round(self) -> None:
        """Take every step once."""
        async with self._lock:
            began = self._clock.monotonic()
            self._heard = self._newest()
            for step in self._steps:
                await step()
            ended = self._clock.monotonic()
            self._not_before = ended + max(LEAST_S, SHARE * (ended - began))

    async def hasten(self) -> None:
        """Make a round early whenever something calls for it, until cancelled."""
        async for _ in self._board.moves():
            if self._is_called_for():
                await self._clock.sleep(max(SETTLE_S, self._not_before - self._clock.monotonic()))
                if self._is_called_for():  # else a round came meanwhile, which has heard of it
                    await self.round()

    def _newest(self) -> Event | None:
        return self._board.recent[-1] if self._board.recent else None

    def _is_called_for(self) -> bool:
        """Whether an event that no round has heard of is a fault by itself."""
        for event in reversed(self._board.recent):
            if event is self._heard:
                return False
            if is_fault(event):
                return True
        return False


def is_fault(event: Event) -> bool:
    """Whether this is judged at once."""
    is_grave = GRAVITY[event.severity] >= GRAVITY["warning"]
    return is_grave and event.kind.startswith(_KINDS) and not event.kind.startswith(_SYMPTOMS)
