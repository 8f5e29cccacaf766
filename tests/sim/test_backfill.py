"""Backfill: the hours before the start, as pages."""

from __future__ import annotations

import pytest

from app.sim.backfill import backfill
from app.sim.cluster import Cluster
from app.sim.render import Renderer
from app.sim.spec import SimSpec
from tests.sim.readings import ORIGIN, by_gpu

SPEC = SimSpec(nodes=2, scenario="idle-hold")


def test_history_joins_the_live_pages_without_a_seam() -> None:
    """What backfill gives for a moment is what the served cluster would have answered then."""
    ticks = list(backfill(SPEC, ORIGIN - 120.0, ORIGIN, 30.0))
    live = Renderer(Cluster(SPEC), ORIGIN)

    assert [ORIGIN - 120, ORIGIN - 90, ORIGIN - 60, ORIGIN - 30] == [at for at, _ in ticks]
    for at, pages in ticks:
        assert {target.path: page for target, page in pages} == {
            target.path: live.page(target, at - ORIGIN) for target in live.cluster.targets
        }


def test_history_shows_when_a_fault_began() -> None:
    """The job that holds its GPUs at the start still worked an hour before."""
    (_, before), *_, (_, after) = backfill(SPEC, ORIGIN - 3600.0, ORIGIN, 600.0)

    assert max(by_gpu(before[0][1], "DCGM_FI_DEV_GPU_UTIL").values()) > 80
    assert 0.0 == max(by_gpu(after[0][1], "DCGM_FI_DEV_GPU_UTIL").values())


def test_history_ends_where_the_cluster_begins() -> None:
    """Moments before the simulated history are left out; model servers appear when they were started."""
    ticks = list(backfill(SPEC, ORIGIN - 90_000.0, ORIGIN, 3600.0))

    assert 24 == len(ticks)
    assert {4, 6} == {len(pages) for _, pages in ticks}


def test_history_runs_at_the_speed_of_the_cluster() -> None:
    """At speed 60 a real minute of history is a simulated hour."""
    spec = SimSpec(nodes=2, scenario="healthy", speed=60.0)
    ((at, pages),) = backfill(spec, ORIGIN - 60.0, ORIGIN - 1.0, 60.0, origin=ORIGIN)

    assert ORIGIN - 60.0 == at
    assert Renderer(Cluster(spec), ORIGIN).page(pages[0][0], -3600.0) == pages[0][1]


def test_a_step_that_leads_nowhere_is_refused() -> None:
    """A step of zero would never end."""
    with pytest.raises(ValueError, match="step"):
        next(backfill(SPEC, 0.0, 1.0, 0.0))
