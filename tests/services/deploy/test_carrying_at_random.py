"""Screens that are killed or left anywhere: the daemon brings what was agreed to about, and nothing else is billed."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from app.domain.deployment import State
from app.services.deploy.agreement import Agreement, read_agreement, write_agreement
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.test_at_random import troubled
from tests.services.deploy.test_carrying import ENOUGH, carrying, looks, of_it
from tests.services.deploy.world import World

SEEDS = 40


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_what_is_left_anywhere_is_finished(stage: Stage, tmp_path: Path, seed: int) -> None:
    """Left again and again, also by the daemon itself: then every node has its pod, or nothing is left of any."""
    random = Random(seed)
    stage.state_dir = tmp_path / "state"
    stage.world = World(hidden_s=random.choice((0.0, 3.0)))
    verb = random.choice(("deploy", "destroy"))
    if verb == "destroy":
        await stage.deploy(LAB)
    did = await troubled(stage, random, verb)
    known = stage.deploys.listed()
    if not known:
        return  # it was killed before there was a word of it: nobody was asked yet
    folder = stage.deploys.folder("lab")
    agreement = ENOUGH if verb == "deploy" else Agreement(verb="destroy", volumes=True)
    write_agreement(folder, of_it(stage, agreement))
    for turns in (random.randint(1, 80), 4000):  # the first daemon ends in the middle of it
        for path in (folder.agreed, folder.events):
            if path.exists():
                os.utime(path, (stage.world.clock.now(), stage.world.clock.now()))
        async with carrying(stage) as daemon:
            await looks(daemon, turns=turns)

    made = stage.deploys.read("lab")
    wanted = [] if verb == "destroy" else sorted(f"{made.prefix}{node.key}" for node in made.nodes)
    assert (State.DESTROYED if verb == "destroy" else State.READY) is made.state, did
    assert (wanted, None) == (stage.world.billed(), read_agreement(folder)), did
