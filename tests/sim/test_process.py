"""The simulator as a child process: it comes up, answers, and goes when its parent lets go."""

from __future__ import annotations

import urllib.request

import pytest

from app.sim.process import spawn
from app.sim.spec import SimSpec
from tests.sim.readings import ORIGIN, one

SMALL = SimSpec(nodes=1, gpus=2, scenario="healthy", history_s=3600.0)


async def test_the_child_serves_until_it_is_closed() -> None:
    """Pages come from the child's address with the origin that was asked for; closing ends the child well."""
    child = await spawn(SMALL, origin=ORIGIN)
    url, node, kind = child.address.targets()[0]
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: ASYNC210 - another process answers
        page = answer.read()
    await child.close()

    assert ("gpu-01", "dcgm", ORIGIN) == (node, kind, child.address.origin)
    assert 1.0 == one(page, "gpu_watchdog_simulated")
    assert 0 == child._child.returncode


async def test_a_child_that_cannot_start_says_why() -> None:
    """An unknown scenario is an error with the child's own words, not a hang."""
    with pytest.raises(OSError, match="no scenario is called"):
        await spawn(SimSpec(nodes=1, gpus=1, scenario="nonsense"))
