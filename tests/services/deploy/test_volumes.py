"""A network volume binds the head to its data centre, is never lost by mistake, and is taken over by who comes next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.deployment import HEAD, Deployment, State, Told
from app.services.deploy.plans import Declined, Options
from app.services.deploy.ports import DeployError
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.world import A100, H100, NO_CAPACITY, KilledError

WITH_VOLUME = replace(LAB, gpu_types=(H100, A100), volume_gb=100)
SOON = Options(retry_s=0.0)
WHOLLY = Options(volumes=True)


def places(made: Deployment) -> list[tuple[str, str]]:
    """GPU type and data centre of each node."""
    return [(node.offer.gpu_type, node.offer.data_center) for node in made.nodes]


async def test_the_record_knows_the_volume_and_where_it_is(stage: Stage) -> None:
    """Both are written down, and read again."""
    made = await stage.deploy(WITH_VOLUME)

    assert (next(iter(stage.world.volumes)), "US-KS-2") == (made.volume_id, made.volume_center)
    assert made == stage.deploys.read("lab")


async def test_a_head_without_capacity_stays_beside_its_volume(stage: Stage) -> None:
    """Another GPU in the data centre of the volume comes before the same GPU elsewhere; workers are free."""
    stage.world.refusals = {"head": [NO_CAPACITY], "w1": [NO_CAPACITY]}

    made = await stage.deploy(WITH_VOLUME)

    assert [(A100, "US-KS-2"), (H100, "EU-RO-1"), (H100, "US-KS-2")] == places(made)
    assert ["US-KS-2"] == list(stage.world.centers.values())
    assert f"lab-head: 1 x {A100} in US-KS-2 at $1.64/h, beside its network volume {made.volume_id}" in stage.words()


async def test_a_head_with_no_place_beside_its_volume_says_so(stage: Stage) -> None:
    """The trouble names the volume that binds it; the volume stays."""
    stage.world.refusals = {"head": [NO_CAPACITY] * 99}

    with pytest.raises(DeployError) as caught:
        await stage.deploy(WITH_VOLUME, SOON)

    volume = next(iter(stage.world.volumes))
    assert "no_capacity" == caught.value.trouble.code
    assert f"lab-head can only go to US-KS-2, where its network volume {volume} is" == caught.value.trouble.details[-1]


async def test_a_replaced_head_stays_beside_its_volume(stage: Stage) -> None:
    """Whatever the catalogue prefers by then."""
    made = await stage.deploy(WITH_VOLUME)
    stage.world.offers = tuple(
        replace(one, availability="NONE" if (one.gpu_type, one.data_center) == (H100, "US-KS-2") else "HIGH")
        for one in stage.world.offers
    )

    after = await stage.replace("head")

    assert (A100, "US-KS-2") == places(after)[0]
    assert made.volume_id == after.volume_id
    assert [made.volume_id] == list(stage.world.volumes)


async def test_before_there_is_a_volume_nothing_is_bound(stage: Stage) -> None:
    """A head whose volume was not made yet may go anywhere, and the volume is made where it goes."""
    stage.agrees = False
    with pytest.raises(Declined):
        await stage.deploy(WITH_VOLUME)
    stage.agrees = True
    stage.world.offers = tuple(one for one in stage.world.offers if one.data_center == "EU-RO-1")

    made = await stage.deploy(WITH_VOLUME)

    assert "EU-RO-1" == made.volume_center == stage.world.centers[made.volume_id]


async def test_a_volume_that_a_killed_run_made_is_taken_over(stage: Stage) -> None:
    """No second one is made, and the head goes where the first one is."""

    def kill(name: str) -> None:
        if name == "create":
            raise KilledError

    stage.world.at_point = kill
    with pytest.raises(KilledError):
        await stage.deploy(WITH_VOLUME)
    stage.world.at_point = lambda _name: None
    stage.world.held_volumes.clear()  # Terraform was killed before it wrote its state
    volume = next(iter(stage.world.volumes))
    stage.world.offers = tuple(
        replace(one, availability="NONE" if (one.gpu_type, one.data_center) == (H100, "US-KS-2") else "HIGH")
        for one in stage.world.offers
    )

    made = await stage.deploy("lab")

    assert (volume, "US-KS-2") == (made.volume_id, made.volume_center)
    assert ([volume], (A100, "US-KS-2")) == (list(stage.world.volumes), places(made)[0])


async def test_a_plan_that_loses_the_volume_is_refused(stage: Stage) -> None:
    """Somebody moved the volume behind our back: nothing is replaced for it."""
    made = await stage.deploy(WITH_VOLUME)
    stage.world.centers[made.volume_id] = "EU-RO-1"

    with pytest.raises(DeployError) as caught:
        await stage.plan("lab")

    assert "plan_loses_volume" == caught.value.trouble.code
    assert f"Terraform would replace the network volume {made.volume_id}" in caught.value.trouble.what
    assert [made.volume_id] == list(stage.world.volumes)


async def test_a_kept_volume_is_taken_over_by_the_next_of_its_name(stage: Stage) -> None:
    """After a destroy the record knows what stays; deploying again, even without wishing for one, goes on with it."""
    made = await stage.deploy(WITH_VOLUME)
    proof = await stage.destroy()
    gone = stage.deploys.read("lab")
    stage.world.offers = tuple(
        replace(one, availability="NONE" if (one.gpu_type, one.data_center) == (H100, "US-KS-2") else "HIGH")
        for one in stage.world.offers
    )

    again = await stage.deploy(replace(WITH_VOLUME, nodes=1, volume_gb=0))

    assert ((made.volume_id, f"{made.prefix}cache"),) == proof.volumes_kept
    assert (State.DESTROYED, made.volume_id, "US-KS-2") == (gone.state, gone.volume_id, gone.volume_center)
    assert (made.id, made.volume_id, 100) == (again.id, again.volume_id, again.wish.volume_gb)
    assert (A100, "US-KS-2") == places(again)[0]
    assert [made.volume_id] == list(stage.world.volumes)


async def test_a_kept_volume_can_be_deleted_later(stage: Stage) -> None:
    """A second destroy asks for it alone and needs no Terraform; who comes next begins with a new id."""
    made = await stage.deploy(WITH_VOLUME)
    await stage.destroy()
    stage.events.clear()

    proof = await stage.destroy(options=WHOLLY)
    again = await stage.deploy(WITH_VOLUME)

    assert ((made.volume_id,), ()) == (proof.volumes_deleted, proof.volumes_kept)
    assert [] == [event.text for event in stage.told(Told.WARNING)]
    assert made.id != again.id
    assert HEAD == again.nodes[0].key
