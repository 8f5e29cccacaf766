"""Whose turn it is: who works in the background lets go first who has just typed.

Python runs one thread at a time. A key that comes while a queue of thousands is read in another thread is answered half
as fast, so such work begins in the pause behind a key, where nobody waits for anything; longer work comes in pieces
(`app.domain.pieces`), and stops between two of them when somebody types. Without keys nothing waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from time import monotonic, sleep
from typing import ParamSpec, TypeVar

from app.domain.pieces import Pieces

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


async def in_pieces(work: Callable[A, Pieces[T]], *args: A.args, **words: A.kwargs) -> T:
    """As `in_thread`, for work in pieces: it lets go between two of them while a key is being answered."""
    await pause()
    return await asyncio.to_thread(_bit_by_bit, partial(work, *args, **words))


def _bit_by_bit(begin: Callable[[], Pieces[T]]) -> T:
    """The whole of it."""
    pieces, manners = begin(), Manners()
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            made: T = end.value
            return made
        manners.let_go()


class Manners:
    """Of work in a thread: it lets go while a key is answered. Who types without a pause gets half of the time."""

    def __init__(self) -> None:
        self._go_on_at = 0.0

    def let_go(self) -> None:
        """Between two pieces of the work: wait where somebody waits for a key; never on the loop's own thread."""
        now = monotonic()
        if now < self._go_on_at or now - _Keys.typed_at >= PAUSE_S:
            return
        until = now + LONGEST_S
        while (wait_s := min(_Keys.typed_at + PAUSE_S, until) - monotonic()) > 0:
            sleep(wait_s)
        self._go_on_at = monotonic() + (LONGEST_S if monotonic() >= until else 0.0)
