"""What somebody else did to the pods: it is told, priced and mended."""

from __future__ import annotations

import pytest

from tests.real.terraform.ground import PUBLIC_KEY, Ground, actions, wished

pytestmark = pytest.mark.real("terraform")


@pytest.mark.slow
async def test_pod_terminated_outside_is_told_and_made_again(ground: Ground) -> None:
    """The plan names it as drift and creates it; the others stay as they are."""
    terraform = await ground.up(3)
    before = ground.ids()
    ground.runpod.end_outside(before["w1"])

    plan = await terraform.plan()
    applied = await terraform.apply(plan, ground.tell)

    assert ["w1"] == [change.node for change in plan.drift]
    assert {"w1": "create"} == actions(plan)
    assert (0.98, 1.47) == (plan.per_hour_before, plan.per_hour_after)
    assert applied.ok
    assert before["w1"] != applied.pods["w1"] == ground.ids()["w1"]
    assert before["head"] == ground.ids()["head"]


@pytest.mark.slow
async def test_pod_stopped_outside_is_started_again(ground: Ground) -> None:
    """A stopped pod costs nothing by the hour; the plan starts the same one, and says what that costs."""
    terraform = await ground.up(2)
    before = ground.ids()
    ground.runpod.end_outside(before["w1"], "EXITED")

    plan = await terraform.plan()
    applied = await terraform.apply(plan, ground.tell)

    assert ["w1"] == [change.node for change in plan.drift]
    assert {"w1": "update"} == actions(plan)
    assert (0.49, 0.98) == (plan.per_hour_before, plan.per_hour_after)
    assert applied.ok
    assert before == ground.ids()
    assert (await terraform.plan()).is_empty


async def test_all_pods_gone_outside_is_no_reason_to_fail(ground: Ground) -> None:
    """Everything was terminated in the console: a destroy plans nothing, and a deploy makes all anew."""
    terraform = await ground.up(2)
    ground.runpod.end_outside("*")

    destroy = await terraform.plan(destroy=True)
    again = await terraform.plan()

    assert destroy.is_empty
    assert {"head", "w1"} == {change.node for change in again.drift}
    assert {"head": "create", "w1": "create"} == actions(again)


async def test_vanished_pod_of_a_dropped_node_is_no_change(ground: Ground) -> None:
    """A node was terminated outside and is no longer wished for: there is nothing to do for it."""
    terraform = await ground.up(2)
    ground.runpod.end_outside(ground.ids()["w1"])
    await terraform.prepare(wished(1), PUBLIC_KEY)

    plan = await terraform.plan()
    applied = await terraform.apply(plan, ground.tell)

    assert plan.is_empty
    assert applied.ok
    assert {"head"} == set(await terraform.pods())
