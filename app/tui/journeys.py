"""Journeys in time: to a moment, to the kept one before or after, to the event before, back to now.

Each is a coroutine that asks the feed and raises RefusedError with a sentence; the app runs one at a time.
"""

from __future__ import annotations

from dataclasses import replace

from app.domain.diagnosis import NO_DIAGNOSIS
from app.present.look import Look
from app.tui.feed import Bridge, RefusedError, ask
from app.tui.travel import EVENTS_S, WINDOWS_S, Replay, after, before

_SOON_S = 120.0
"""A moment kept later than this after an event is not its picture."""


async def go(bridge: Bridge, when: float, look: Look, event_at: float | None = None) -> None:
    """Show the cluster as it stood at `when` (epoch seconds)."""
    feed = bridge.connected()
    if when > feed.now() + 1:
        raise RefusedError(f"{look.clock(when)} has not come yet")
    snapshot = await ask(feed.at(when))
    if snapshot is None:
        health = await ask(feed.store_health())
        known = f"; the oldest kept is {look.clock(health.oldest)}" if health.oldest else f": {health.text}"
        raise RefusedError(f"nothing was kept near {look.clock(when)}{known}")
    events = await ask(feed.events(when - EVENTS_S, when))
    there = Replay(when, snapshot, tuple(one for one in events if one.at <= when), event_at)
    bridge.replay = there
    bridge.tell()
    # The picture first: what was wrong then is worked out from what was kept before it, and that takes longer.
    found = await ask(feed.diagnosis_at(when))
    if bridge.replay is there:
        bridge.replay = replace(there, diagnosis=found or NO_DIAGNOSIS)
        bridge.tell()


async def step(bridge: Bridge, direction: int, look: Look) -> None:
    """To the kept moment before (-1) or after (+1); after the last comes now."""
    feed, here = bridge.connected(), bridge.now()
    now = feed.now()
    if direction > 0 and bridge.replay is None:
        raise RefusedError("this is now; [ goes back")
    for window in WINDOWS_S:
        if direction < 0:
            found = before(await ask(feed.moments(here - window, here)), here)
        else:
            found = after(await ask(feed.moments(here, min(now, here + window))), here)
        if found is not None:
            await go(bridge, found, look)
            return
        if direction > 0 and here + window >= now:
            break
    if direction < 0:
        raise RefusedError(f"nothing older than {look.clock(here)} is kept")
    live(bridge)


async def event_before(bridge: Bridge, look: Look) -> None:
    """To the last event before the moment shown: to the first kept moment that already knows of it."""
    feed, replay = bridge.connected(), bridge.replay
    here = bridge.now() if replay is None or replay.event_at is None else replay.event_at
    for window in WINDOWS_S:
        found = before([one.at for one in await ask(feed.events(here - window, here))], here)
        if found is not None:
            kept = after(await ask(feed.moments(found - 0.1, found + _SOON_S)), found - 0.1)
            await go(bridge, found if kept is None else kept, look, found)
            return
    raise RefusedError(f"no event before {look.clock(here)} is kept")


def live(bridge: Bridge) -> None:
    """Back to now."""
    bridge.replay = None
    bridge.tell()
