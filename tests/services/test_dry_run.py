"""Trying a rule on the past: when it would have fired."""

from __future__ import annotations

import pytest

from app.domain.alert import Rule
from app.domain.series import Point, Series, Subject
from app.domain.snapshot import Gpu, Node, Snapshot
from app.services.dry_run import DryRunError, dry_run

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
