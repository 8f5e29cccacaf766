"""New numbers wait for room on the line, and come when there is some."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.tui.frames import Frames
from app.tui.pacing import Link


def frames_over(link: Link) -> tuple[Frames, Any]:
    """Frames of an app that is hardly there."""
    app = SimpleNamespace(_driver=SimpleNamespace(listener=SimpleNamespace(link=link)), is_running=True)
    return Frames(cast("Any", app), "auto"), app


async def test_numbers_held_back_are_painted_once_the_line_is_free() -> None:
    """However often they were held back they come once, and nothing has to come from the feed for that."""
    link, painted = Link(round_trip_s=0.4), asyncio.Event()
    frames, _ = frames_over(link)
    count = 0

    def paint() -> None:
        nonlocal count
        count += 1
        painted.set()

    from time import monotonic

    link.asks(monotonic())
    for _ in range(3):
        frames.when_there_is_room(paint)
    assert 0 == count

    link.heard(monotonic())
    async with asyncio.timeout(60):
        await painted.wait()

    assert 1 == count


async def test_nothing_is_painted_once_the_app_is_gone() -> None:
    """What was held back goes with the app."""
    from time import monotonic

    link = Link(round_trip_s=0.4)
    frames, app = frames_over(link)
    link.asks(monotonic())
    frames.when_there_is_room(lambda: pytest.fail("painted"))
    app.is_running = False
    link.heard(monotonic())

    await asyncio.sleep(0.15)


def test_without_a_line_updates_are_sent_as_they_are() -> None:
    """A test's or a browser's driver keeps Textual's own frames, at once."""
    frames = Frames(cast("Any", SimpleNamespace(_driver=None, is_running=True)), "auto")
    painted: list[int] = []

    frames.when_there_is_room(lambda: painted.append(1))

    assert ([1], "update") == (painted, frames.lean("update"))
