"""Garbage and memory in a process that runs for months: both are looked after a few times an hour.

Hardly anything here is a circle that Python must search for. A connection that was cut is one, by asyncio's doing: a
kilobyte for each look at a target that hangs. A daemon has Python search so seldom (`app.cli.serve`) that they come to
megabytes within a day; what is old is left alone, since walking over it is what takes long. Over a thousand nodes this
takes 0.03 s, the whole 0.2.

What a busy moment needed and the C library holds free since then goes back to the system: every full disk, every step
of the clock would leave some, each in other places. Heaps of each thread's own would leave more: what one has free no
other can use, and that grows for hours (32 nodes after five: 4.2 MiB of 56 lie free; in one heap, 1.4 of 53).
"""

from __future__ import annotations

import gc

from app.transport.clock import Clock
from app.transport.memory import share_one_heap

EVERY_S = 600.0
_YOUNG = 1
"""The older of the two generations that are searched: what was made since the search before."""


async def keep_house(clock: Clock) -> None:
    """Do both every ten minutes until cancelled, unless this process chooses its own moments, as a screen does.

    To be started before the threads that write and judge: a thread stays with the heap it began with.
    """
    if gc.isenabled():
        share_one_heap()
    while True:
        await clock.sleep(EVERY_S)
        if gc.isenabled():
            gc.collect(_YOUNG)
            _give_back()


def _give_back() -> None:
    """Return free memory to the system, where the C library can (glibc); it takes less than a millisecond."""
    import ctypes  # noqa: PLC0415 - late: nothing at the start waits for it

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
