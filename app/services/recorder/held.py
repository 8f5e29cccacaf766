"""A clock that stands still while a judge takes a step: all of the step is of one moment, and can be taken again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.transport.clock import Clock


class HeldClock:
    """A clock over another one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._depth = 0
        self._at = 0.0

    @property
    def is_held(self) -> bool:
        """Whether a step is being taken."""
        return self._depth > 0

    @contextmanager
    def held(self) -> Iterator[float]:
        """Stand still at this moment until the context is left; within another step, at that one's."""
        self._at = self._at if self._depth else self._clock.now()
        self._depth += 1
        try:
            yield self._at
        finally:
            self._depth -= 1

    def now(self) -> float:
        """Epoch seconds: of the step, else of the clock below."""
        return self._at if self._depth else self._clock.now()

    def real_now(self) -> float:
        """Epoch seconds of the clock below."""
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
