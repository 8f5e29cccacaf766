"""Stopped in every way at any moment: the state stays readable, the next run gets what was wished, no pod is lost."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.real.terraform.ground import Ground, actions, wished
from tests.real.terraform.interrupting import CREATE_S, NODES, providers_of, settled, stopped, struck, terraform_of

pytestmark = pytest.mark.real("terraform")

WAYS = ("cancel", "cancel twice", "SIGINT", "SIGTERM", "SIGKILL")
SHORT = [
    ("cancel", "cancel", 0.9),
    ("cancel twice", "graceful", 0.8),
    ("SIGTERM", "graceful", 0.8),
    ("SIGKILL", "graceful", 1.0),
    pytest.param("cancel", "graceful", 0.7, marks=pytest.mark.slow),
    pytest.param("SIGINT", "cancel", 1.0, marks=pytest.mark.slow),
]
"""How, what the provider does then, and when: after this many seconds."""


async def stop_and_settle(ground: Ground, how: str, stop: str, after_s: float) -> None:
    """An apply of nine pods is stopped; the next run has all nine, once each, and nothing more to do."""
    ground.stop = stop
    ground.runpod.turn(create_delay_s=CREATE_S)
    wish = wished(NODES)
    terraform = await ground.ready(NODES)
    await stopped(ground, terraform, how, after_s)

    pods = await settled(ground, wish)

    assert sorted(wish.wish.keys) == ground.names()
    assert ground.ids() == pods
    again = await ground.ready(NODES)
    assert not [action for action in actions(await again.plan()).values() if action != "update"]


@pytest.mark.parametrize(("how", "stop", "after_s"), SHORT)
async def test_stopped_apply_is_completed_without_a_lost_pod(
    ground: Ground, how: str, stop: str, after_s: float
) -> None:
    """Whatever stopped it and whatever the provider did then: nine pods in the end, and every one is known."""
    await stop_and_settle(ground, how, stop, after_s)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100))
async def test_stopped_at_a_random_moment(ground: Ground, seed: int) -> None:
    """The same a hundred times, in every way, with either kind of provider, at moments spread over the whole apply."""
    dice = random.Random(seed)
    await stop_and_settle(ground, WAYS[seed % 5], dice.choice(["graceful", "cancel"]), dice.uniform(0.05, 2.5))


async def test_first_interrupt_waits_for_what_is_under_way(ground: Ground) -> None:
    """Cancelled once, it ends the creates it began and saves them; whoever waits finds the state complete."""
    ground.runpod.turn(create_delay_s=3)
    terraform = await ground.ready(3)
    apply = asyncio.create_task(terraform.apply(await terraform.plan(), ground.tell))
    await ground.begun.wait()
    apply.cancel()

    with pytest.raises(asyncio.CancelledError):
        await apply

    made = await terraform.pods()  # all three, unless the interrupt came between two creates
    assert made
    assert ground.ids() == made
    assert 1 == sum("begins nothing new" in text for _, text, _ in ground.told)


async def test_wish_to_stop_told_twice_at_once_is_one_interrupt(ground: Ground) -> None:
    """A bounced key does not give up creates: the second cancellation within a second is the first one."""
    ground.runpod.turn(create_delay_s=3)
    terraform = await ground.ready(2)
    apply = asyncio.create_task(terraform.apply(await terraform.plan(), ground.tell))
    await ground.begun.wait()
    apply.cancel()
    await asyncio.sleep(0.1)
    apply.cancel()

    with pytest.raises(asyncio.CancelledError):
        await apply

    assert ground.ids()
    assert ground.ids() == await terraform.pods()


async def test_killed_terraform_leaves_no_process_and_no_lock(ground: Ground) -> None:
    """After kill -9 the providers are ended too, the apply says that it was ended from outside, and a plan works."""
    ground.runpod.turn(create_delay_s=4)
    terraform = await ground.ready(2)

    applied = await struck(ground, terraform, "SIGKILL")

    assert (False, True) == (applied.ok, applied.was_interrupted)
    assert "ended from outside (signal 9)" in applied.errors[-1][1]
    assert terraform_of(ground.folder) is None
    async with asyncio.timeout(30):
        while providers_of(ground.home):  # noqa: ASYNC110 - others' processes
            await asyncio.sleep(0.05)
    assert {"head": "create", "w1": "create"} == actions(await terraform.plan())


async def test_interrupt_from_elsewhere_is_told_as_one(ground: Ground) -> None:
    """Somebody else's SIGTERM: not ok, interrupted, no error that is none, and the pods that came about."""
    ground.runpod.turn(create_delay_s=2)
    terraform = await ground.ready(2)

    applied = await struck(ground, terraform, "SIGTERM")

    assert (False, True, ()) == (applied.ok, applied.was_interrupted, applied.errors)
    assert ground.ids() == applied.pods
