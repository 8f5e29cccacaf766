"""Calls that may never come back are not waited for."""

import asyncio
import threading

import pytest

from pod import detached as module
from pod.detached import TooManyError, detached


async def test_result_and_error_come_back() -> None:
    """What the function returns or raises is what awaiting gives."""
    assert 42 == await detached(lambda: 42, timeout_s=10)
    with pytest.raises(ZeroDivisionError):
        await detached(lambda: 1 // 0, timeout_s=10)


async def test_hanging_call_times_out_and_keeps_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that hangs is given up in time, and holds one of few places until it ends."""
    gate, ended = threading.Event(), threading.Event()
    monkeypatch.setattr(module, "_places", threading.BoundedSemaphore(1))

    def hang() -> None:
        gate.wait(10)
        ended.set()

    with pytest.raises(TimeoutError):
        await detached(hang, timeout_s=0.01)
    with pytest.raises(TooManyError):
        await detached(hang, timeout_s=0.01)
    gate.set()
    assert await asyncio.to_thread(ended.wait, 10)
