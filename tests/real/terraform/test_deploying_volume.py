"""A network volume outlives its cluster: with the real Terraform, who deploys again has it back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.deployment import State
from tests.real.terraform.ground import Ground
from tests.real.terraform.test_deploying import whole
from tests.real.terraform.whole import LAB, USUAL, Whole

__all__ = ["whole"]
pytestmark = pytest.mark.real("terraform")
WITH_VOLUME = replace(LAB, nodes=1, volume_gb=100)


def volume_posts(ground: Ground) -> int:
    """How often a volume was asked for."""
    return sum((one["method"], one["path"]) == ("POST", "/v2/network-volumes") for one in ground.runpod.requests)


async def test_a_kept_volume_is_taken_over_by_the_next_deploy(ground: Ground, whole: Whole) -> None:
    """Destroyed without it and deployed again: the same volume, on the new head, where it is; then gone with all."""
    made = await whole.deploy(WITH_VOLUME)
    (volume,) = ground.runpod.volumes
    first = ground.ids()

    kept = await whole.destroy()
    left = whole.deploys.read("lab")
    again = await whole.deploy(WITH_VOLUME)

    assert (volume, volume) == (made.volume_id, left.volume_id)
    assert (((volume, f"{made.prefix}cache"),), State.DESTROYED) == (kept.volumes_kept, left.state)
    assert (State.READY, volume, made.volume_center) == (again.state, again.volume_id, again.volume_center)
    assert ([volume], 1) == (list(ground.runpod.volumes), volume_posts(ground))
    assert set() == set(first.values()) & set(ground.ids().values())
    assert {"head"} == set(ground.ids())

    gone = await whole.deploys.destroy(
        "lab", tell=whole.events.append, confirm=whole.confirm, options=replace(USUAL, volumes=True)
    )

    assert (True, (volume,), ()) == (gone.is_clean, gone.volumes_deleted, gone.volumes_kept)
    assert ({}, {}) == (ground.ids(), ground.runpod.volumes)
