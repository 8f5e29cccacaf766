"""What Python must search for does not pile up in a process that runs for months."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from app.runtime.housekeeping import EVERY_S, keep_house
from tests.tools.fake_clock import FakeClock


class Circle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.parametrize("searches", [True, False], ids=["daemon", "screen"])
async def test_young_garbage_is_searched_for_unless_the_process_does_it_itself(searches: bool) -> None:
    """A circle is gone after ten minutes, though Python's own search is far off; a screen that forbids it keeps it."""
    clock, before = FakeClock(), gc.get_threshold()
    gc.set_threshold(1_000_000)
    if not searches:
        gc.disable()
    house = asyncio.create_task(keep_house(clock))
    try:
        gone = weakref.ref(Circle())
        await clock.advance(EVERY_S - 1)
        early = gone() is None
        await clock.advance(2)
        late = gone() is None
    finally:
        house.cancel()
        gc.enable()
        gc.set_threshold(*before)

    assert (False, searches) == (early, late)
