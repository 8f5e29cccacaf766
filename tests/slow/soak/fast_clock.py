"""A clock that runs many times as fast, and that another process may set: for a day within the hour.

Its state is a small file that both sides map, so that a daemon that is killed and started anew goes on at the right
time. Both reckon from the machine's own monotonic clock.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
import time
from pathlib import Path

_STATE = struct.Struct("<dddd")


class FastClock:
    """A `Clock` at `speed` seconds a second. What a socket waits for is not its business: time-outs are real ones."""

    def __init__(self, path: Path) -> None:
        """Read the state that `begin` wrote."""
        with path.open("r+b") as file:
            self._state = mmap.mmap(file.fileno(), _STATE.size)

    @staticmethod
    def begin(path: Path, at: float, speed: float) -> FastClock:
        """Make a clock that stands at `at` (epoch seconds) now."""
        path.write_bytes(_STATE.pack(at, time.monotonic(), speed, 0.0))
        return FastClock(path)

    def step(self, seconds: float) -> None:
        """Set the clock forward, or back: what it says jumps, what has passed does not."""
        at, began, speed, offset = _STATE.unpack(self._state[:])
        self._state[:] = _STATE.pack(at, began, speed, offset + seconds)

    def passed(self) -> float:
        """Seconds since the beginning, of this clock, whatever it was set to."""
        _, began, speed, _ = _STATE.unpack(self._state[:])
        return float((time.monotonic() - began) * speed)

    def now(self) -> float:
        """Epoch seconds."""
        at, began, speed, offset = _STATE.unpack(self._state[:])
        return float(at + (time.monotonic() - began) * speed + offset)

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return self.passed()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds of this clock."""
        speed = _STATE.unpack(self._state[:])[2]
        await asyncio.sleep(max(0.0, seconds / speed))
