"""Every tool of the registry: described, strict, harmless, within budget, on a well and on a sick cluster."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.agent.budget import tokens
from app.agent.ground import Ground
from app.agent.tools.registry import TOOLS, by_name
from app.agent.tools.schema import about, json_schema, parameters, schema
from app.agent.tools.tool import Tool
from app.config.settings import Cluster, Settings, Target
from app.runtime.collecting import collecting
from app.runtime.options import RuntimeOptions
from app.sim.server import serve
from app.sim.spec import SimSpec
from tests.agent.slurm_memory import MemorySlurm
from tests.agent.tools.grounds import feed_of, ground, looker, of_world
from tests.engine.diagnosis.world import World
from tests.engine.slurm_builders import running
from tests.present.fleets import NOW
from tests.present.slurm_fleet import slurm_fleet

NAMES = [
    "diagnose", "cluster_status", "current_metrics", "node_details", "gpu_details", "metric_history", "alerts",
    "slurm_status", "jobs", "job_details", "why_pending", "logs", "vllm_status", "topology", "cost", "what_changed",
    "propose_cancel", "propose_hold", "propose_release", "propose_requeue", "propose_drain", "propose_undrain",
    "propose_submit", "propose_silence", "propose_acknowledge",
]  # fmt: skip
READING = [one for one in TOOLS if one.effect == "read"]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "metric_history": {"metric": "utilization"},
    "logs": {"source": "kernel"},
    "node_details": {"node": "{node}"},
    "gpu_details": {"gpu": "{node}/0"},
    "job_details": {"job": "{job}"},
}
NEEDS_SLURM = ("slurm_status", "jobs", "job_details", "why_pending")


def test_all_are_there_in_their_order() -> None:
    """The diagnosis first, what proposes last, each name once."""
    assert NAMES == [one.name for one in TOOLS]
    assert NAMES == list(by_name())
    assert all(one.name.startswith("propose_") is (one.effect == "propose") for one in TOOLS)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda one: one.name)
def test_a_tool_says_what_it_is(tool: Tool) -> None:
    """A docstring that a model can choose by, every argument with a word on it, a strict schema that is JSON."""
    told = schema(tool)["function"]

    assert tool.name == tool.function.__name__ or tool.name == told["name"]
    assert 40 <= len(about(tool)) <= 700
    assert about(tool).partition("\n")[0].endswith((".", ":"))
    assert all(one.about for one in parameters(tool))
    assert ["ground", *(one.name for one in parameters(tool))] == list(inspect.signature(tool.function).parameters)
    assert set(json_schema(tool)["properties"]) == set(json_schema(tool)["required"])
    json.dumps(told)


def test_all_schemas_together_leave_room() -> None:
    """They are sent with every question: a small part of a context of 32,768."""
    assert tokens(json.dumps([schema(one) for one in TOOLS])) < 6000


def _arguments(tool: Tool, node: str, job_id: str) -> dict[str, Any]:
    given = ARGUMENTS.get(tool.name, {})
    return {key: value.format(node=node, job=job_id) for key, value in given.items()}


@cache
def _sick() -> Ground:
    """Eight GPUs, one lost after an Xid 79, one too hot, a server that waits, a job on all of them."""
    world = World(service={"service.requests_running": 0.0, "service.requests_waiting": 9.0})
    world.jobs["7"] = running(7, "gpu-1", 8)
    world.run(30)
    world.xid(79, "pid=1, GPU has fallen off the bus.", 3)
    world.lose(3)
    world.gpu(5)["gpu.temperature"] = 93.0
    assert world.run(120).incidents
    return of_world(world)


@pytest.mark.parametrize("tool", READING, ids=lambda one: one.name)
async def test_a_tool_tells_of_a_sick_cluster(tool: Tool) -> None:
    """JSON within the budget of a small context too, with a line for a person and the moment it tells of."""
    one = _sick()
    use = await looker(one, context_tokens=16_384).look(tool.name, _arguments(tool, "gpu-1", "7"))

    assert "" == use.error
    assert json.loads(use.result)
    assert tokens(use.result) <= 2457
    assert 0 < len(use.summary) <= 200
    assert one.now() - 90_000 < use.at <= one.now()


@pytest.mark.parametrize("tool", READING, ids=lambda one: one.name)
async def test_a_tool_tells_of_a_cluster_with_a_long_queue(tool: Tool, tmp_path: Path) -> None:
    """Slurm with jobs in every state, asked for details where there is a way."""
    one = ground(slurm_fleet(), now=NOW)
    slurm = MemorySlurm()
    one = Ground(one.feed, one.settings, slurm.jobs(tmp_path), "ana")
    use = await looker(one).look(tool.name, _arguments(tool, "gpu-01", "812"))

    assert "" == use.error
    assert json.loads(use.result)
    assert [] == slurm.acts


@pytest.mark.parametrize("tool", READING, ids=lambda one: one.name)
async def test_a_tool_tells_of_a_past_moment(tool: Tool) -> None:
    """What is asked about is the picture of then; the live one is not looked at."""
    live = ground(World()._snapshot, now=NOW + 7200)
    feed_of(live).past[NOW - 60] = slurm_fleet()
    one = Ground(live.feed, live.settings, None, "ana", NOW)
    use = await looker(one).look(tool.name, _arguments(tool, "gpu-01", "812"))

    assert "" == use.error
    assert use.at <= NOW


async def test_a_past_that_is_not_kept_is_said() -> None:
    """No numbers of now for a question about then."""
    one = Ground(ground(slurm_fleet(), now=NOW).feed, Settings(), None, "ana", NOW - 86400)
    for tool in READING:
        use = await looker(one).look(tool.name, _arguments(tool, "gpu-01", "812"))
        assert "nothing was kept of that moment" in use.error


@pytest.fixture
async def simulated(tmp_path: Path) -> AsyncIterator[Ground]:
    """The simulated cluster, healthy, collected over HTTP into a real store."""
    running = await serve(SimSpec(nodes=2, gpus=4, scenario="healthy", history_s=3600.0), time.time)
    targets = tuple(Target(url=url, node=node if kind != "vllm" else "") for url, node, kind in running.targets())
    settings = Settings(cluster=Cluster(name="lab", interval_s=0.3), target=targets)
    options = RuntimeOptions(state_dir=tmp_path, sockets=(), write=True)
    async with collecting(settings, options) as parts:
        async with asyncio.timeout(60):
            while parts.board.snapshot.version < 20:  # noqa: ASYNC110 - what it waits for has no event
                await asyncio.sleep(0.02)
        yield Ground(parts.feed, settings)
    await running.close()


async def test_every_tool_runs_on_the_simulated_cluster(simulated: Ground) -> None:
    """Through the real board and store; without Slurm its tools say that there is none."""
    look = looker(simulated)
    for tool in READING:
        use = await look.look(tool.name, _arguments(tool, "gpu-01", "812"))
        if tool.name in NEEDS_SLURM:
            assert "no Slurm is read here" in use.error
        else:
            assert ("", True) == (use.error, bool(json.loads(use.result)))
