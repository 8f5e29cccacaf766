"""Trying a rule on the past: when it would have fired."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from app.domain.alert import Rule
from app.domain.series import Point, Series, Subject
from app.domain.snapshot import Gpu, Node, Snapshot
from app.services import dry_run as dry_run_module
from app.services.dry_run import DryRunError, Episode, dry_run

START = 1_764_000_000.0
TWO = Snapshot(nodes={"a": Node("a", gpus=(Gpu("a", 0, None), Gpu("a", 1, None)))})


class Past:
    """GPU 0 was hot from the 10th to the 20th minute, GPU 1 never was, and its history has a hole."""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        def celsius(at: float) -> float | None:
            minute = (at - START) / 60
            if subject.index == 0:
                return 90.0 + minute / 100 if 10 <= minute < 20 else 60.0
            return None if minute > 30 else 70.0

        times = [start + n * step_s for n in range(int((end - start) / step_s))]
        points = tuple(Point(at, celsius(at)) for at in times)
        return Series(subject, metric, "°C", start, end, step_s, points)


async def test_it_says_when_the_rule_would_have_fired() -> None:
    """Once, five minutes after it began to be hot, until a minute after it was over."""
    found = await dry_run(Rule("Hot", "gpu.temperature > 85", for_s=300), Past(), TWO, START, START + 3600, 60.0)

    assert 1 == len(found.episodes)
    one = found.episodes[0]
    assert (660.0, 960.0, 1260.0) == (one.active_at - START, one.fired_at - START, (one.ended_at or 0) - START)
    assert 90.19 == one.worst
    assert (2, 0) == (found.series, found.left_out)


async def test_what_the_history_does_not_keep_cannot_be_tried() -> None:
    """A signal is named."""
    with pytest.raises(DryRunError, match=r"node\.gpus_missing"):
        await dry_run(Rule("Missing", "node.gpus_missing > 0"), Past(), TWO, START, START + 3600, 60.0)


@pytest.mark.parametrize(
    ("expr", "index"),
    [("gpu.temperature > 99", 0), ("gpu.temperature < 10", 0), ('gpu.temperature{gpu="1"} > 99', 1)],
)
async def test_it_names_who_came_closest_to_the_limit(expr: str, index: int) -> None:
    """The hottest towards an upper limit, the coolest towards a lower one, of those that the rule asks for."""
    found = await dry_run(Rule("Hot", expr), Past(), TWO, START, START + 3600, 60.0)

    assert Subject("gpu", node="a", index=index) == found.closest
    assert () == found.episodes


class Refusing:
    """A history that is off."""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        raise LookupError("no history is kept: the store is off")


class Broken:
    """A daemon that has gone."""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        raise ConnectionError("the daemon does not answer")


async def test_without_a_history_it_does_not_claim_silence() -> None:
    """A store that is off is an error, not a day without alerts; so is a daemon that has gone."""
    rule = Rule("Hot", "gpu.temperature > 85")

    with pytest.raises(DryRunError, match="the store is off"):
        await dry_run(rule, Refusing(), TWO, START, START + 3600, 60.0)
    with pytest.raises(DryRunError, match="the daemon does not answer"):
        await dry_run(rule, Broken(), TWO, START, START + 3600, 60.0)


async def test_it_tells_how_far_it_has_read() -> None:
    """After every series."""
    told: list[tuple[int, int]] = []
    rule = Rule("Hot", "gpu.temperature > 85")

    await dry_run(rule, Past(), TWO, START, START + 3600, 60.0, on_read=lambda read, of: told.append((read, of)))

    assert [(1, 2), (2, 2)] == told


async def test_cancelled_it_ends_in_its_thread_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What evaluates asks before every moment whether it is called off."""
    ended, begun = threading.Event(), threading.Event()

    def endless(
        _rule: Rule, _samples: object, _start: float, _end: float, _step: float, is_off: Callable[[], bool]
    ) -> Iterator[Episode]:
        begun.set()
        while not is_off():
            pass
        ended.set()
        return iter(())

    monkeypatch.setattr(dry_run_module, "_episodes", endless)
    trying = asyncio.create_task(dry_run(Rule("Hot", "gpu.temperature > 85"), Past(), TWO, START, START + 3600, 60.0))
    await asyncio.to_thread(begun.wait, 10)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying

    assert await asyncio.to_thread(ended.wait, 10)
