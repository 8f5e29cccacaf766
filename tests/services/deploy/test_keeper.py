"""The keeper: it warns, it ends what has lived long enough, and it leaves alone what somebody works on."""

from __future__ import annotations

from dataclasses import replace

from app.domain.deployment import State
from app.services.deploy.journal import follow
from app.services.deploy.keeper import LOOK_S, Keeper
from app.services.deploy.lock import locked
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.world import provider_error


async def looks(stage: Stage, keeper: Keeper, count: int) -> None:
    """So many looks, as far apart as in the daemon."""
    for _ in range(count):
        await keeper.look()
        stage.world.clock.set(stage.world.clock.now() + LOOK_S)


def state(stage: Stage) -> State:
    """Of the deployment."""
    return stage.deploys.read("lab").state


async def test_the_time_to_live_is_kept(stage: Stage) -> None:
    """Warned of before, and when it is over, all is destroyed and said so in the journal."""
    await stage.deploy(replace(LAB, ttl_s=7200.0))
    keeper = Keeper(stage.deploys, stage.world.clock)

    await looks(stage, keeper, 115)
    before = state(stage)
    await looks(stage, keeper, 10)

    texts = [event.text for event in follow(stage.deploys.folder("lab").events)[0]]
    assert (State.READY, State.DESTROYED, []) == (before, state(stage), stage.world.billed())
    assert 1 == sum(text.startswith("the time to live of 2h ends in less than 1h") for text in texts)
    assert any(text.startswith("the time to live of 2h is over") for text in texts)


async def test_an_idle_cluster_is_destroyed(stage: Stage) -> None:
    """Without anything done for the idle time it ends; work in between begins the time anew."""
    await stage.deploy(replace(LAB, idle_s=600.0))
    keeper = Keeper(stage.deploys, stage.world.clock)

    await looks(stage, keeper, 8)
    stage.world.busy = True
    await looks(stage, keeper, 1)
    stage.world.busy = False
    await looks(stage, keeper, 9)
    before = state(stage)
    await looks(stage, keeper, 4)

    assert (State.READY, State.DESTROYED) == (before, state(stage))


async def test_what_cannot_be_told_is_not_idle(stage: Stage) -> None:
    """A cluster nobody can ask is never taken for idle."""
    await stage.deploy(replace(LAB, idle_s=600.0))
    stage.world.busy = None

    await looks(stage, Keeper(stage.deploys, stage.world.clock), 100)

    assert State.READY is state(stage)


async def test_a_deployment_that_is_worked_on_is_left(stage: Stage) -> None:
    """While a run holds the lock, the keeper keeps away."""
    await stage.deploy(replace(LAB, ttl_s=60.0))
    keeper = Keeper(stage.deploys, stage.world.clock)

    with locked(stage.deploys.folder("lab"), "scale"):
        await looks(stage, keeper, 5)
        during = state(stage)
    await looks(stage, keeper, 1)

    assert (State.READY, State.DESTROYED) == (during, state(stage))


async def test_a_destroy_that_fails_is_tried_again(stage: Stage) -> None:
    """A refused key keeps the pods alive; the keeper says so, once, and comes back."""
    await stage.deploy(replace(LAB, ttl_s=60.0))
    keeper = Keeper(stage.deploys, stage.world.clock)
    stage.world.clock.set(stage.world.clock.now() + 120)
    stage.world.at_point = lambda _name: stage.world.answers.update(pods=[provider_error("auth", "401 no such key")])

    await looks(stage, keeper, 3)
    during = state(stage)
    stage.world.at_point = lambda _name: None
    stage.world.answers.clear()
    await looks(stage, keeper, 2)

    texts = [event.text for event in follow(stage.deploys.folder("lab").events)[0]]
    assert (State.DESTROYING, State.DESTROYED) == (during, state(stage))
    assert 1 == sum(text.startswith("it could not be destroyed") for text in texts)


async def test_without_a_limit_nobody_is_asked(stage: Stage) -> None:
    """A deployment that may live for ever costs no request."""
    await stage.deploy()
    asked: list[str] = []
    stage.world.at_point = asked.append

    await looks(stage, Keeper(stage.deploys, stage.world.clock), 5)

    assert [] == asked


async def test_a_cap_that_is_broken_is_warned_of(stage: Stage) -> None:
    """A pod that somebody added beyond the cap is told in the journal; nothing is ended for it."""
    made = await stage.deploy(replace(LAB, max_cost_per_hour=5.0))
    stage.world.make(f"{made.prefix}w9", stage.world.offers[0])

    await looks(stage, Keeper(stage.deploys, stage.world.clock), 3)

    texts = [event.text for event in follow(stage.deploys.folder("lab").events)[0]]
    assert 1 == texts.count("its pods cost $7.71/h, the cap is $5.00/h")
    assert State.READY is state(stage)
