"""What watching shows: idle time, findings that begin and end as events, and what the history knew before the start."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from app.domain.series import Point, Series, Subject
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.services import wire
from app.services.board import Board
from app.services.watch import LINGER_S, Watch, idle_before
from app.store.history import History
from tests.engine.slurm_builders import NOW, gpu, idle, node, picture, running, snapshot_with
from tests.tools.fake_clock import FakeClock

GPU = Subject("gpu", node="gpu-1", index=0)


def cluster(at: float, *, is_idle: bool) -> Snapshot:
    """One job on GPU 0 of gpu-1, at work or not."""
    board = idle("gpu-1", 0, at=at) if is_idle else gpu("gpu-1", 0, at=at)
    slurm = picture([running(812, "gpu-1", 1)], [node("gpu-1", 1, used=1)])
    return snapshot_with(replace(slurm, at=at), [board], at=at)


async def watched(*looks: tuple[float, bool], history: History | None = None) -> tuple[Watch, Board]:
    """A watch that saw these looks: seconds after NOW, and whether the GPU was idle."""
    board = Board(Snapshot())
    watch = Watch(board, FakeClock(NOW))
    watch.history = history
    for after, is_idle in looks:
        await watch.step(cluster(NOW + after, is_idle=is_idle), NOW + after)
    return watch, board


def every(step_s: float, until: float, *, is_idle: bool = True) -> list[tuple[float, bool]]:
    """A look every step."""
    return [(n * step_s, is_idle) for n in range(round(until / step_s) + 1)]


def kinds(board: Board) -> list[str]:
    """Kinds of the events told."""
    return [event.kind for event in board.recent]


async def test_idle_time_is_told_by_gpu() -> None:
    """Ten minutes watched are ten minutes idle."""
    watch, _ = await watched(*every(30.0, 600.0))

    assert (NOW, 600.0) == (watch.watched.idle["gpu-1/0"].since, watch.watched.idle["gpu-1/0"].seen_s)


async def test_a_finding_is_an_event_once_and_once_more_when_it_ends() -> None:
    """Half an hour idle is told once; at work again for a minute, it is told that this is over."""
    busy = [(1860.0 + n * 30.0, False) for n in range(5)]
    watch, board = await watched(*every(30.0, 1830.0), *busy)

    assert ["finding.began", "finding.ended"] == kinds(board)
    assert "job 812" in board.recent[0].text
    assert () == watch.watched.findings
    assert LINGER_S < busy[-1][0] - 1830.0


class Past:
    """A history in which the GPU has been idle for the last hours."""

    def __init__(self, idle_s: float) -> None:
        self.idle_s = idle_s
        self.asked: list[tuple[Subject, float]] = []

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        self.asked.append((subject, end - start))
        points = tuple(
            Point(at, 0.0 if at >= NOW - self.idle_s else 90.0)
            for at in (start + n * 60.0 for n in range(int((end - start) / 60)))
        )
        return Series(subject, metric, "%", start, end, step_s, points)


async def test_after_a_start_the_history_says_how_long_it_was_idle_before() -> None:
    """The first look knows of the 41 minutes before it; no further back than the job's start is asked."""
    past = Past(2460.0)
    watch, _ = await watched((0.0, True), history=cast("History", past))

    assert [(GPU, 3 * 3600.0)] == past.asked
    assert 2460.0 == watch.watched.idle["gpu-1/0"].seen_s
    assert 1 == len(watch.watched.findings)


def test_idle_time_of_a_series_ends_at_the_last_work() -> None:
    """Gaps are not counted, and a peak within a span is work."""
    points = (
        Point(0.0, 0.0),
        Point(60.0, 3.0, 0.0, 50.0),
        Point(120.0, 0.0),
        Point(180.0, None),
        Point(240.0, 1.0, 0.0, 4.0),
    )

    assert (120.0, 120.0) == idle_before(Series(GPU, "gpu.utilization", "%", 0.0, 300.0, 60.0, points))


async def test_what_was_watched_travels() -> None:
    """An attached screen sees the same as the daemon."""
    watch, _ = await watched(*every(30.0, 1830.0))

    assert watch.watched == wire.unpack_watched(wire.pack_watched(watch.watched))
    assert Watched() != watch.watched


async def test_findings_are_not_told_beside_incidents() -> None:
    """Where somebody diagnoses, incidents are what people are told; the findings are there all the same."""
    board = Board(Snapshot())
    watch = Watch(board, FakeClock(NOW))
    watch.is_diagnosed = lambda: True
    for after, is_idle in every(30.0, 1830.0):
        await watch.step(cluster(NOW + after, is_idle=is_idle), NOW + after)

    assert ([], 1) == (kinds(board), len(watch.watched.findings))


async def test_a_cluster_without_slurm_is_not_watched() -> None:
    """Nothing to watch, nothing said."""
    watch = Watch(Board(Snapshot()), FakeClock(NOW))
    await watch.tick()

    assert Watched() == watch.watched
