"""Whatever fails wherever: after the next whole run the wish has come true, and after a destroy nothing is left."""

from __future__ import annotations

import asyncio
import copy
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.domain.deployment import PodStatus, State, Told
from app.services.deploy.ports import DeployError, InfraError
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.world import NO_CAPACITY, KilledError, World, provider_error

TROUBLES = ("cancel", "kill", "provider", "terraform", "ended outside", "stopped outside", "capacity", "state lost")
SEEDS = 50
MORE = 1000


class Chaos:
    """Something goes wrong at a random point of a run; a process that is killed leaves what is on disk."""

    def __init__(self, stage: Stage, random: Random) -> None:
        self.stage = stage
        self.random = random
        self.trouble = random.choice(TROUBLES)
        self.left = random.randint(1, 60)
        self.saved: dict[str, Any] | None = None
        self.did = ""

    def at(self, name: str) -> None:
        """A point is passed."""
        if self.saved is not None:
            raise KilledError
        self.left -= 1
        if self.left == 0:
            self.did = f"{self.trouble} at {name}"
            self._strike(name)

    def _strike(self, name: str) -> None:
        world = self.stage.world
        pods = sorted(world.pods)
        match self.trouble:
            case "cancel":
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            case "kill":
                self.saved = save(self.stage)
                raise KilledError
            case "provider":
                kind = self.random.choice(("server", "network", "busy", "auth"))
                world.answers[name] = (
                    [provider_error(kind)] if name in ("pods", "terminate", "offers", "volumes") else []
                )
            case "terraform":
                names = ("prepare", "plan", "apply", "state", "forget", "adopt")
                world.answers[name] = [InfraError("Terraform says no", "failed")] if name in names else []
            case "ended outside" if pods:
                del world.pods[self.random.choice(pods)]
            case "stopped outside" if pods:
                pod_id = self.random.choice(pods)
                world.pods[pod_id] = replace(world.pods[pod_id], status=PodStatus.EXITED)
            case "capacity":
                world.refusals["w1"] = [NO_CAPACITY] * self.random.randint(1, 9)
            case "state lost":
                world.state.clear()


def save(stage: Stage) -> dict[str, Any]:
    """What outlives a process that is killed now."""
    aside = stage.state_dir.parent / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(stage.state_dir, aside)
    world = stage.world
    return {"pods": dict(world.pods), "states": copy.deepcopy(world.states), "now": world.clock.now()}


def restore(stage: Stage, saved: dict[str, Any]) -> None:
    """Forget what a killed process did after its end."""
    shutil.rmtree(stage.state_dir)
    shutil.copytree(stage.state_dir.parent / "aside", stage.state_dir)
    stage.world.pods, stage.world.states = saved["pods"], saved["states"]


async def troubled(stage: Stage, random: Random, verb: str) -> str:
    """Run a verb into a random trouble; what it was."""
    chaos = Chaos(stage, random)
    stage.world.at_point = chaos.at
    stage.events.clear()
    with suppress(DeployError, asyncio.CancelledError, KilledError, BaseExceptionGroup):
        await do(stage, verb)
        await asyncio.sleep(0)  # a cancel at the very last point arrives here
    stage.world.at_point = lambda _name: None
    stage.world.answers.clear()
    stage.world.refusals.clear()
    if chaos.saved is not None:
        restore(stage, chaos.saved)
    else:
        assert Told.ENDED is stage.events[-1].told
    return chaos.did


async def do(stage: Stage, verb: str) -> None:
    """A verb with what it needs."""
    match verb:
        case "deploy":
            await stage.deploy("lab" if stage.deploys.listed() else LAB)
        case "scale":
            await stage.scale(len(stage.world.clock.slept) % 4 + 1, "cancel")
        case "replace":
            await stage.replace("w1", how="cancel")
        case "roll":
            await stage.replace("all", how="cancel")
        case _:
            await stage.destroy()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_after_any_trouble_the_next_run_gets_there(stage: Stage, tmp_path: Path, seed: int) -> None:
    """Up to four verbs go wrong in a row; then one whole deploy: each node has its pod, and nothing else is billed."""
    await one_story(stage, tmp_path, seed)


@pytest.mark.slow
async def test_after_very_many_troubles_the_next_run_gets_there(stage: Stage, tmp_path: Path) -> None:
    """The same for a thousand stories more."""
    for seed in range(SEEDS, SEEDS + MORE):
        await one_story(stage, tmp_path / str(seed), seed)


async def one_story(stage: Stage, folder: Path, seed: int) -> None:
    """Troubles, a whole deploy, a destroy."""
    random = Random(seed)
    stage.state_dir = folder / "state"
    stage.world = World(hidden_s=random.choice((0.0, 0.0, 3.0)))
    story = []
    for _ in range(random.randint(1, 4)):
        alive = [one for one in stage.deploys.listed() if one.state is not State.DESTROYED]
        verbs = ("deploy", "deploy", "scale", "replace", "roll", "destroy") if alive else ("deploy",)
        verb = random.choice(verbs)
        story.append(f"{verb}: {await troubled(stage, random, verb)}")

    known = [one for one in stage.deploys.listed() if one.state is not State.DESTROYED]
    made = await stage.deploy("lab" if known else LAB)

    assert State.READY is made.state, story
    assert sorted(f"{made.prefix}{node.key}" for node in made.nodes) == stage.world.billed(), story
    assert made.wish.nodes == len(made.nodes), story
    assert {node.key: node.pod_id for node in made.nodes} == stage.world.state, story

    proof = await stage.destroy()

    assert (True, [], {}) == (proof.is_clean, stage.world.billed(), stage.world.state), story
