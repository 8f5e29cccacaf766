"""When a screen under test has nothing left to do: asked of its event loop.

Textual's own pilot looks at how much of the last 20 ms the process worked. On a busy machine a process that was given
no time looks idle, and a test went on before its key was handled; on a quiet one every key waits for two such looks.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest
from textual import app, pilot

FRAME_S = 0.009
"""A little more than Textual leaves between two frames: what was held back for the next one is done then."""
QUIET_TURNS = 3
"""Turns of the loop with nothing to do, one after the other; what one callback wakes comes in the next turn."""


async def until_idle(_min_s: float = 0.0, most_s: float = 1.0) -> None:
    """Wait until nothing is ready and no thread of the loop works, a frame later too; at most `most_s`.

    Who waits longer than that, on purpose, has to be waited for by what it leads to.
    """
    deadline = monotonic() + most_s
    await _until_quiet(deadline)
    await asyncio.sleep(FRAME_S)
    await _until_quiet(deadline)


def lend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test's pilot wait this way."""
    for user in (app, pilot):
        monkeypatch.setattr(user, "wait_for_idle", until_idle)


async def _until_quiet(deadline: float) -> None:
    loop: Any = asyncio.get_running_loop()
    quiet = 0
    while quiet < QUIET_TURNS and monotonic() < deadline:
        threads = _working(loop._default_executor)
        # With a thread at work, let it have the processor.
        await asyncio.sleep(0.001 if threads else 0)
        quiet = 0 if threads or loop._ready else quiet + 1


def _working(pool: ThreadPoolExecutor | None) -> int:
    """How many threads have something to do. A pool makes threads as there is work, and counts the idle ones."""
    if pool is None:
        return 0
    inside: Any = pool
    waiting: int = inside._work_queue.qsize()
    idle: int = inside._idle_semaphore._value
    return waiting + max(0, len(inside._threads) - idle)
