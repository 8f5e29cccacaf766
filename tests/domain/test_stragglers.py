"""Ranks that fall behind their job."""

from __future__ import annotations

from app.domain.snapshot import Gpu, Layer
from app.domain.stragglers import stragglers

NOW = 1000.0


def rank(index: int, use: float, clock: float = 1980.0, power: float = 600.0) -> Gpu:
    values = {"gpu.utilization": use, "gpu.sm_clock": clock, "gpu.power": power}
    return Gpu("a", index, None, layers=(Layer("page", NOW, 5.0, values),))


def test_stopped_rank_stands_out_from_busy_siblings() -> None:
    """0 % beside 97 % is behind; 80 % is not."""
    job = [rank(0, 97), rank(1, 97), rank(2, 80), rank(3, 0)]

    assert {"a/3": "0 % beside 88 %"} == stragglers(job, NOW)


def test_slow_clock_at_the_same_use_is_behind() -> None:
    """All wait at 100 % for the one whose clock is low."""
    job = [rank(0, 100), rank(1, 100), rank(2, 100), rank(3, 100, clock=1200.0)]

    assert {"a/3": "clock 1200 beside 1980 MHz"} == stragglers(job, NOW)


def test_idle_job_and_a_pair_have_no_straggler() -> None:
    """Where the job is not at work, or is too small for a median, nobody is behind."""
    assert {} == stragglers([rank(0, 2), rank(1, 3), rank(2, 0)], NOW)
    assert {} == stragglers([rank(0, 97), rank(1, 0)], NOW)
