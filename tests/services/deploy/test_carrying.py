"""Runs whose program has left: the daemon goes on as far as a person agreed to, once, and stops when told to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from app.domain.deployment import State
from app.services.deploy.agreement import Agreement, carrier, carrier_folder, read_agreement, write_agreement
from app.services.deploy.carrying import LATEST_S, MOST_TRIES, Carrier
from app.services.deploy.journal import follow
from app.services.deploy.lock import locked
from app.services.deploy.ports import DeployError
from app.transport.tasks import Tasks
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.world import OFFERS, provider_error

PRICE = 3 * min(one.price or 0.0 for one in OFFERS)
"""$/h of the three nodes."""
ENOUGH = Agreement(per_hour=PRICE)


def cut_at(stage: Stage, point: str, count: int = 1) -> None:
    """The run is cancelled where it passes a point for the n-th time, as by a closed screen."""
    left = [count]

    def at(name: str) -> None:
        left[0] -= name == point
        task = asyncio.current_task()
        if name == point and left[0] == 0 and task is not None:
            stage.world.at_point = lambda _name: None
            task.cancel()

    stage.world.at_point = at


async def left(stage: Stage, agreement: Agreement | None, point: str = "install", verb: str = "deploy") -> None:
    """A run was begun and left at a point, with what was agreed to beside it."""
    cut_at(stage, point)
    with suppress(asyncio.CancelledError):
        await (stage.deploy("lab" if stage.deploys.listed() else LAB) if verb == "deploy" else stage.destroy())
    if agreement is not None:
        keep(stage, agreement)


def keep(stage: Stage, agreement: Agreement) -> None:
    """What was agreed to is written down just now."""
    folder = stage.deploys.folder("lab")
    write_agreement(folder, of_it(stage, agreement))
    now = stage.world.clock.now()
    for path in (folder.agreed, folder.events):
        os.utime(path, (now, now))


def of_it(stage: Stage, agreement: Agreement) -> Agreement:
    """The same, of the deployment that there is."""
    return replace(agreement, id=stage.deploys.read("lab").id)


@asynccontextmanager
async def carrying(stage: Stage) -> AsyncIterator[Carrier]:
    """The daemon."""
    async with Tasks() as tasks:
        yield Carrier(stage.deploys, stage.state_dir, stage.world.clock, tasks)


async def looks(carrier_: Carrier, count: int = 2, turns: int = 3000) -> None:
    """So many looks, and time for what they began."""
    for _ in range(count):
        carrier_.look()
    for _ in range(turns):
        await asyncio.sleep(0)


def said(stage: Stage) -> str:
    """The deployment's journal."""
    return "\n".join(event.text for event in follow(stage.deploys.folder("lab").events)[0])


@pytest.mark.parametrize("point", ["apply", "reach", "install", "form", "run_job"])
async def test_a_deployment_that_was_left_is_finished(stage: Stage, point: str) -> None:
    """From where it stopped, with the pods it had; then nothing more is to be gone on with."""
    await left(stage, ENOUGH, point)
    before = stage.deploys.read("lab").state

    async with carrying(stage) as daemon:
        await looks(daemon)

    assert (State.FAILED, State.READY) == (before, stage.deploys.read("lab").state)
    assert 3 == len(stage.world.billed())
    assert read_agreement(stage.deploys.folder("lab")) is None
    assert "the daemon goes on with it" in said(stage)


async def test_a_destroy_that_was_left_is_finished(stage: Stage) -> None:
    """To the proof."""
    await stage.deploy()
    await left(stage, Agreement(verb="destroy"), "plan", verb="destroy")

    async with carrying(stage) as daemon:
        await looks(daemon)

    assert (State.DESTROYED, []) == (stage.deploys.read("lab").state, stage.world.billed())


@pytest.mark.parametrize("count", [1, 3, 7])
async def test_a_roll_that_was_left_is_finished(stage: Stage, count: int) -> None:
    """The nodes that had not had their turn get other pods, too."""
    before = await stage.deploy()
    cut_at(stage, "plan", count)
    with suppress(asyncio.CancelledError):
        await stage.replace("all")
    keep(stage, Agreement(per_hour=PRICE).with_answer(stage.removal, None))
    async with carrying(stage) as daemon:
        await looks(daemon, turns=8000)

    after = stage.deploys.read("lab")
    assert (State.READY, ()) == (after.state, after.to_replace)
    assert {node.pod_id for node in before.nodes}.isdisjoint(node.pod_id for node in after.nodes)
    assert 3 == len(stage.world.billed())


async def test_nothing_dearer_is_rented_than_was_agreed_to(stage: Stage) -> None:
    """The journal says so, and the deployment waits for a person."""
    await left(stage, replace(ENOUGH, per_hour=PRICE - 1), "apply")
    stage.world.pods.clear()
    stage.world.state.clear()

    async with carrying(stage) as daemon:
        await looks(daemon)
        await looks(daemon)

    assert [] == stage.world.billed()
    assert 1 == said(stage).count("that is more than was agreed to; deploy it again to decide")


async def test_what_nobody_left_is_left_alone(stage: Stage) -> None:
    """Without an agreement, or while somebody works on it."""
    await left(stage, None)
    async with carrying(stage) as daemon:
        await looks(daemon)
        write_agreement(stage.deploys.folder("lab"), of_it(stage, ENOUGH))
        with locked(stage.deploys.folder("lab"), "deploy"):
            await looks(daemon)

    assert State.FAILED is stage.deploys.read("lab").state
    assert "goes on with it" not in said(stage)


async def test_a_run_that_is_just_ending_is_not_taken_up(stage: Stage) -> None:
    """It lets the lock go a moment before it takes its agreement away: one look is not enough."""
    await left(stage, ENOUGH)
    async with carrying(stage) as daemon:
        await looks(daemon, count=1)
        stage.deploys.folder("lab").agreed.unlink()
        await looks(daemon)

    assert State.FAILED is stage.deploys.read("lab").state


@pytest.mark.parametrize(
    ("agreement", "age_s", "why"),
    [
        (ENOUGH, LATEST_S + 60, "it was left more than 15 min ago"),
        (replace(ENOUGH, tries=MOST_TRIES), 0.0, f"it ended this program {MOST_TRIES} times"),
    ],
)
async def test_what_nobody_waits_for_is_not_gone_on_with(
    stage: Stage, agreement: Agreement, age_s: float, why: str
) -> None:
    """A daemon that starts a week later rents nothing; one that a run ends each time does not begin it for ever."""
    await left(stage, agreement)
    stage.world.clock.set(stage.world.clock.now() + age_s)
    async with carrying(stage) as daemon:
        await looks(daemon)

    assert f"it is not gone on with: {why}" in said(stage)
    assert (State.FAILED, None) == (
        stage.deploys.read("lab").state,
        read_agreement(stage.deploys.folder("lab")),
    )


async def test_a_damaged_agreement_is_none(stage: Stage) -> None:
    """It is told, and taken away."""
    await left(stage, ENOUGH)
    folder = stage.deploys.folder("lab")
    folder.agreed.write_text("{")
    now = stage.world.clock.now()
    os.utime(folder.agreed, (now, now))
    async with carrying(stage) as daemon:
        await looks(daemon)

    assert "what was agreed to cannot be read" in said(stage)
    assert not folder.agreed.exists()


async def test_taking_the_agreement_away_stops_it(stage: Stage) -> None:
    """Where that is safe; what is there stays, and it is not taken up again."""
    await left(stage, ENOUGH, "apply")
    folder = stage.deploys.folder("lab")
    async with carrying(stage) as daemon:

        def at(name: str) -> None:
            if name == "form":
                folder.agreed.unlink()
                daemon.look()

        stage.world.at_point = at
        await looks(daemon)
        await looks(daemon)

    assert State.FAILED is stage.deploys.read("lab").state
    assert 1 == said(stage).count("the daemon goes on with it")
    assert "The run was interrupted." in said(stage)


async def test_a_daemon_that_ends_leaves_it_to_the_next(stage: Stage) -> None:
    """Its own end takes nothing back that a person agreed to."""
    await left(stage, ENOUGH, "apply")
    async with carrying(stage) as daemon:
        await looks(daemon, turns=4)
    between = (stage.deploys.read("lab").state, read_agreement(stage.deploys.folder("lab")))
    now = stage.world.clock.now()
    os.utime(stage.deploys.folder("lab").agreed, (now, now))
    async with carrying(stage) as daemon:
        await looks(daemon)

    assert (State.FAILED, of_it(stage, replace(ENOUGH, tries=1))) == between
    assert State.READY is stage.deploys.read("lab").state


async def test_whoever_begins_a_run_has_the_last_word(stage: Stage) -> None:
    """What was left before it is not gone on with after it: nothing is rented anew behind a destroy."""
    await left(stage, ENOUGH)
    folder = stage.deploys.folder("lab")
    await stage.plan("lab")
    after_plan = read_agreement(folder)
    await stage.destroy()
    after_destroy = read_agreement(folder)
    write_agreement(folder, of_it(stage, ENOUGH))  # as if the screen had been slow
    async with carrying(stage) as daemon:
        await looks(daemon)

    assert (of_it(stage, ENOUGH), None, None) == (after_plan, after_destroy, read_agreement(folder))
    assert (State.DESTROYED, []) == (stage.deploys.read("lab").state, stage.world.billed())


async def test_another_deployment_of_the_name_is_not_meant(stage: Stage) -> None:
    """Its id tells."""
    await left(stage, ENOUGH)
    folder = stage.deploys.folder("lab")
    write_agreement(folder, replace(ENOUGH, id="00000000"))
    async with carrying(stage) as daemon:
        await looks(daemon)

    assert State.FAILED is stage.deploys.read("lab").state
    assert "it was another deployment of this name" in said(stage)


async def test_a_failure_is_told_and_not_tried_for_ever(stage: Stage) -> None:
    """The record has the trouble, as with any run."""
    await left(stage, ENOUGH)
    stage.world.answers["pods"] = [provider_error("auth")] * 99
    async with carrying(stage) as daemon:
        await looks(daemon)
        await looks(daemon)

    failed = stage.deploys.read("lab")
    assert failed.trouble is not None
    assert ("key_refused", State.FAILED) == (failed.trouble.code, failed.state)
    assert 1 == said(stage).count("the daemon goes on with it")


async def test_a_mistake_of_ours_does_not_end_the_daemon(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told in the journal."""
    await left(stage, ENOUGH)
    async with carrying(stage) as daemon:
        monkeypatch.setattr(type(stage.deploys), "deploy", broken)
        await looks(daemon)
        await looks(daemon)

    assert "this did not go well: no such thing" in said(stage)


async def broken(*_: object, **__: object) -> None:
    raise RuntimeError("no such thing")


def test_who_goes_on_is_known_by_a_lock(stage: Stage) -> None:
    """It is gone with its process, and no deployment can have its name."""
    assert "" == carrier(stage.state_dir)
    with locked(carrier_folder(stage.state_dir), "carry"):
        assert f"process {os.getpid()}" == carrier(stage.state_dir)
    assert "" == carrier(stage.state_dir)
    with pytest.raises(DeployError):
        stage.deploys.folder(".carrier")
