"""A process that runs for months has one heap for all its threads, and says so before they begin."""

from __future__ import annotations

import asyncio
import gc

import pytest

from app.runtime import housekeeping
from tests.tools.fake_clock import FakeClock


@pytest.mark.parametrize("searches", [True, False], ids=["daemon", "screen"])
async def test_one_heap_is_asked_for_at_once_unless_the_process_looks_after_itself(
    monkeypatch: pytest.MonkeyPatch, searches: bool
) -> None:
    """It is asked for with the first step, before any thread; a screen, where 3 ms count, goes without."""
    told: list[bool] = []
    monkeypatch.setattr(housekeeping, "share_one_heap", lambda: told.append(True))
    if not searches:
        gc.disable()
    house = asyncio.create_task(housekeeping.keep_house(FakeClock()))
    try:
        await asyncio.sleep(0)
    finally:
        house.cancel()
        gc.enable()

    assert ([True] if searches else []) == told
