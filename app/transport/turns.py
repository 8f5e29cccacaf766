"""Whose turn it is: who works in the background lets go first who has just typed.

Python runs one thread at a time. A key that comes while a queue of thousands is read in another thread is answered half
as fast, so such work begins in the pause behind a key, where nobody waits for anything. Without keys nothing waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import ParamSpec, TypeVar

PAUSE_S = 0.06
"""A key is answered within this."""
LONGEST_S = 0.12
"""Nobody waits for longer, however fast somebody types."""

A = ParamSpec("A")
T = TypeVar("T")


class _Keys:
    """When the last key came, by the clock that never jumps; of the process, as its one interpreter is."""

    typed_at = 0.0


def typed() -> None:
    """Somebody has pressed a key or used the mouse just now."""
    _Keys.typed_at = monotonic()


def quiet_s() -> float:
    """Seconds since somebody has typed."""
    return monotonic() - _Keys.typed_at


async def pause() -> None:
    """Wait while a key is being answered."""
    until = monotonic() + LONGEST_S
    while (wait_s := min(_Keys.typed_at + PAUSE_S, until) - monotonic()) > 0:  # noqa: ASYNC110 - see PAUSE_S
        await asyncio.sleep(wait_s)


async def in_thread(work: Callable[A, T], *args: A.args, **words: A.kwargs) -> T:
    """What long work makes of its arguments, in a thread, begun behind a key and not beside it."""
    await pause()
    return await asyncio.to_thread(work, *args, **words)
