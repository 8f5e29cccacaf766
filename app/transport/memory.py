"""Memory given back: what a moment needed goes to the next one, or back to the system, where libc can be told so."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

LARGE_BYTES = 131_072
"""glibc's own first bounds; by itself it raises them with the largest block it has seen, and then keeps all of it."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def return_large_blocks() -> None:
    """Have libc return blocks larger than `LARGE_BYTES` at once, and share one heap; nothing where it is not glibc."""
    _tell_libc({_M_MMAP_THRESHOLD: LARGE_BYTES, _M_TRIM_THRESHOLD: LARGE_BYTES})
    share_one_heap()


def share_one_heap() -> None:
    """Have all threads that begin from now on share one heap; nothing happens where libc is not glibc.

    Python lets one of them run at a time, so heaps of their own save no time, and each keeps what the longest answer
    read in its thread has taken, and holes that only this thread can fill.
    """
    _tell_libc({_M_ARENA_MAX: 1})


def _tell_libc(options: Mapping[int, int]) -> None:
    import ctypes  # noqa: PLC0415 - 3 ms that only who holds much pays

    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        for option, value in options.items():
            libc.mallopt(option, value)
