"""Lines of standard input for an event loop that may be left while nothing comes.

The SDK reads in a thread that nothing can end before the next line, so that a program told to stop would wait for its
client. This one is a thread that the end of the program does not wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator

Tell = Callable[[str | None], None]
LONGEST_LINE = 4 * 1024 * 1024
"""Bytes; whoever sends a longer one is not listened to any more."""
_AT_ONCE = 65536
_STDIN = 0


@contextlib.contextmanager
def standard_input() -> Iterator[AsyncIterator[str]]:
    """Lines as they come; meanwhile whatever else reads standard input, and every child, finds it empty."""
    mine = os.dup(_STDIN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def tell(line: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(lines.put_nowait, line)

    # Its descriptor stays open: the thread may wait on it for as long as the program runs.
    threading.Thread(target=_read, args=(mine, tell), name="standard input", daemon=True).start()
    try:
        yield _told(lines)
    finally:
        os.dup2(mine, _STDIN)


def _read(file: int, tell: Tell) -> None:
    """Tell each line, and None at the end."""
    rest = bytearray()
    while len(rest) <= LONGEST_LINE:
        try:
            read = os.read(file, _AT_ONCE)
        except OSError:
            break
        if not read:
            tell(rest.decode("utf-8", "replace") if rest else None)
            break
        rest += read
        *whole, last = rest.split(b"\n")
        for line in whole:
            tell(line.decode("utf-8", "replace"))
        rest = bytearray(last)
    tell(None)


async def _told(lines: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    while (line := await lines.get()) is not None:
        yield line
