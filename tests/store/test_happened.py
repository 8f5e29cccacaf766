"""Events, moments, and how the store is doing."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from app.domain.series import FLEET, Event, Subject
from tests.store.build import GPU, POWER, T0, change, power_ticks, store, tick

HOT = Event(T0 + 1, "gpu.xid", "warning", GPU, "n1/0 Xid 79")
DOWN = Event(T0 + 2, "source.down", "warning", Subject("service", key="exporter"), "exporter is down")
NEW = Event(T0 + 3, "node.new", "info", Subject("node", node="n1"), "n1 is new")
ELSEWHERE = Event(T0 + 4, "gpu.lost", "critical", Subject("gpu", node="n2", index=0), "n2/0 is lost")
ALL = (HOT, DOWN, NEW, ELSEWHERE)
UUID = "GPU-00000001"


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (None, ALL),
        (FLEET, ALL),
        (Subject("node", node="n1"), (HOT, NEW)),
        (GPU, (HOT,)),
        (Subject("gpu", key=UUID), (HOT,)),
        (Subject("service", key="exporter"), (DOWN,)),
        (Subject("gpu", node="n3", index=0), ()),
    ],
)
async def test_events_are_found_by_subject(
    tmp_path: Path, subject: Subject | None, expected: tuple[Event, ...]
) -> None:
    """All events, those of a node with its GPUs', or those of one subject; oldest first and as they were given."""
    ticks = [tick(T0 + 5, change(T0 + 5, {POWER: 1.0}, uuid=UUID), events=ALL)]

    async with store(tmp_path / "h.db", ticks) as history:
        assert expected == await history.events(T0, T0 + 60, subject)


async def test_events_keep_to_time_and_limit(tmp_path: Path) -> None:
    """Only those within the time, and of too many the newest."""
    async with store(tmp_path / "h.db", [tick(T0 + 5, events=ALL)]) as history:
        assert (DOWN, NEW) == await history.events(T0 + 2, T0 + 3)
        assert (NEW, ELSEWHERE) == await history.events(T0, T0 + 60, limit=2)
        assert () == await history.events(T0, T0 + 60, limit=0)


async def test_moments_are_the_ticks(tmp_path: Path) -> None:
    """Within a short time every tick is a moment, to the millisecond."""
    async with store(tmp_path / "h.db", [tick(T0 + 0.125), tick(T0 + 5.25), tick(T0 + 10)]) as history:
        assert (T0 + 0.125, T0 + 5.25) == await history.moments(T0, T0 + 9)
        assert () == await history.moments(T0 + 20, T0 + 30)


async def test_many_moments_are_thinned_evenly(tmp_path: Path) -> None:
    """Of thousands of ticks at most 300 are named, the newest among them."""
    async with store(tmp_path / "h.db", [tick(T0 + n) for n in range(1000)]) as history:
        found = await history.moments(T0, T0 + 1000)

    assert 250 == len(found)
    assert T0 + 999 == found[-1]
    assert {4.0} == {after - before for before, after in pairwise(found)}


async def test_health_counts_what_is_kept(tmp_path: Path) -> None:
    """Samples on all levels, since when, how large, and how long the last tick took."""
    async with store(tmp_path / "h.db", power_ticks([1.0] * 30)) as history:
        health = await history.health()

    assert ("ok", 30, float(T0), 0) == (health.state, health.samples, health.oldest, health.dropped_ticks)
    assert str(tmp_path / "h.db") == health.path
    assert 0 < health.size_bytes < 1_000_000
    assert health.write_s is not None


async def test_health_counts_every_level(tmp_path: Path) -> None:
    """Sealed samples, minutes and quarters count too."""
    async with store(tmp_path / "h.db", power_ticks([1.0] * 720)) as history:
        health = await history.health()

    minutes, quarters = 55, 2
    assert 720 + minutes + quarters == health.samples
