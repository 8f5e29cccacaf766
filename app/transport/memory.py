"""Memory given back: what a long answer took goes back to the system once it is read, where libc can be told so."""

from __future__ import annotations

from contextlib import suppress

LARGE_BYTES = 131_072
"""glibc's own first bounds; by itself it raises them with the largest block it has seen, and then keeps all of it."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def return_large_blocks() -> None:
    """Have libc return blocks larger than `LARGE_BYTES` at once; nothing happens where it is not glibc.

    And have all threads share one heap: Python lets one of them run at a time, so heaps of their own save no time, and
    each keeps what the longest answer read in its thread has taken.
    """
    import ctypes  # noqa: PLC0415 - 3 ms that only who reads long answers pays

    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, LARGE_BYTES)
        libc.mallopt(_M_ARENA_MAX, 1)
