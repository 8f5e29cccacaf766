"""A look's time-out leaves room before the next look."""

import asyncio

import pytest

from app.transport.clock import SystemClock, look_timeout
from tests.tools.fake_clock import FakeClock


@pytest.mark.parametrize(
    ("interval_s", "wanted_s", "timeout_s"),
    [(5.0, 0.0, 4.5), (60.0, 0.0, 10.0), (60.0, 30.0, 30.0), (5.0, 30.0, 4.5), (1.0, 0.2, 0.2)],
)
def test_a_look_is_over_before_the_next(interval_s: float, wanted_s: float, timeout_s: float) -> None:
    """The time-out is what is wanted, else 10 s, and never more than nine tenths of the interval."""
    assert timeout_s == look_timeout(interval_s, wanted_s)


async def test_the_systems_clock_does_not_wait_for_the_past() -> None:
    """A pause of nothing, or less, is over at once, and time goes on."""
    clock = SystemClock()
    before = clock.monotonic(), clock.now()
    await clock.sleep(-1.0)

    assert clock.monotonic() >= before[0]
    assert clock.now() >= before[1]


async def test_a_fake_clock_wakes_sleepers_in_their_order() -> None:
    """Sleepers wake when the test lets their time pass, each at its own moment."""
    clock, woken = FakeClock(100.0), list[tuple[str, float]]()

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleep("late", 3.0))
        group.create_task(sleep("soon", 1.0))
        await clock.advance(2.0)
        assert [("soon", 101.0)] == woken
        await clock.advance(2.0)

    assert [("soon", 101.0), ("late", 103.0)] == woken
    assert 104.0 == clock.now()
