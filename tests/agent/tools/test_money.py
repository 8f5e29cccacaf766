"""The cost look: it reckons beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from app.agent.tools.money import cost
from app.domain.snapshot import Snapshot
from app.engine.money import Rates
from app.engine.money import rates as real_rates
from app.services import queries_money
from tests.agent.tools.grounds import ground
from tests.present.slurm_fleet import slurm_fleet


async def test_a_large_cluster_is_reckoned_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """While what thousands of GPUs cost is being added up, the loop goes on: keys are answered, screens painted."""
    begun, may_end = threading.Event(), threading.Event()

    def slow_rates(snapshot: Snapshot, now: float) -> Rates:
        begun.set()
        assert may_end.wait(30), "the loop stood still"
        return real_rates(snapshot, now)

    monkeypatch.setattr(queries_money, "rates", slow_rates)
    looking = asyncio.create_task(cost(ground(slurm_fleet())))
    await asyncio.to_thread(begun.wait, 30)
    may_end.set()
    found = await looking

    assert "71.52 $/h" == found.summary
