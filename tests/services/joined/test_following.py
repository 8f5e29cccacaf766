"""A view that is followed: what changes at a daemon is seen, and many changes at once are put together once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from app.domain.reading import GpuReading, NodeReading, Reading
from tests.present.fleets import NOW, fleet
from tests.services.joined.daemons import Daemon, View, viewing

TURNS = 500


async def until(view: View, ready: Callable[[], bool]) -> None:
    """Let time pass in tenths of a second, and what is under way on sockets come, until `ready()`."""
    for _ in range(TURNS):
        if ready():
            return
        await view.clock.advance(0.1)
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to that")


def power(view: View, place: str) -> float | None:
    """A GPU's power as the view shows it."""
    found = view.feed.latest().gpu(place, 0)
    return None if found is None else found.value("gpu.power", view.clock.now())


async def test_a_reading_at_a_daemon_reaches_the_view(tmp_path: Path) -> None:
    """The GPU of its own cluster changes, the one of the same name in the other does not."""
    async with viewing(tmp_path, Daemon("lab", fleet(1)), Daemon("uni", fleet(1)), follow=True) as view:
        board = view.daemons["uni1"].board
        spec = board.snapshot.sources["exporter-gpu-01"].spec
        before = power(view, "lab:gpu-01")
        gpu = GpuReading(0, board.snapshot.nodes["gpu-01"].gpus[0].uuid, {"gpu.power": 123.0})
        await until(view, lambda: not any(one.feed.trouble for one in view.feed.links))
        board.apply(spec, Reading(spec.name, NOW, 0.01, nodes=(NodeReading("gpu-01", gpus=(gpu,)),)))
        await until(view, lambda: power(view, "uni:gpu-01") == 123.0)

        assert before == power(view, "lab:gpu-01")


async def test_many_readings_make_few_pictures(tmp_path: Path) -> None:
    """A hundred readings between two looks are one or two pictures more, the last of which holds the newest."""
    async with viewing(tmp_path, Daemon("lab", fleet(1)), Daemon("uni", fleet(1)), follow=True) as view:
        board = view.daemons["lab0"].board
        spec = board.snapshot.sources["exporter-gpu-01"].spec
        uuid = board.snapshot.nodes["gpu-01"].gpus[0].uuid
        await until(view, lambda: not any(one.feed.trouble for one in view.feed.links))
        version = view.feed.latest().version
        for number in range(100):
            gpu = GpuReading(0, uuid, {"gpu.power": float(number)})
            board.apply(spec, Reading(spec.name, NOW, 0.01, nodes=(NodeReading("gpu-01", gpus=(gpu,)),)))
        await until(view, lambda: power(view, "lab:gpu-01") == 99.0)

        assert view.feed.latest().version - version < 50
