"""Record and provider side by side: what somebody else changed, what nobody uses, and what is not known."""

from __future__ import annotations

from dataclasses import replace

from app.domain.deployment import PodStatus
from app.services.deploy.lock import locked
from tests.services.deploy.stage import Stage
from tests.services.deploy.world import provider_error


async def test_what_stands_as_it_was_left_has_no_drift(stage: Stage) -> None:
    """Every node with its pod, the rate as the provider bills it, nothing else."""
    made = await stage.deploy()

    found = await stage.deploys.status("lab")

    assert {node.key: node.pod_id for node in made.nodes} == {key: pod.id for key, pod in found.pods.items()}
    assert ((), (), 4.92, "") == (found.drift, found.orphans, round(found.per_hour or 0.0, 2), found.held_by)


async def test_what_somebody_else_did_is_drift(stage: Stage) -> None:
    """A pod that is gone, one that was stopped, one that broke, and one that nobody uses."""
    made = await stage.deploy()
    head, first, second = (node.pod_id for node in made.nodes)
    stage.world.pods[head] = replace(stage.world.pods[head], status=PodStatus.ERROR)
    stage.world.pods[first] = replace(stage.world.pods[first], status=PodStatus.EXITED, cost_per_hour=0.0)
    del stage.world.pods[second]
    stranger = stage.world.make(f"{made.prefix}w9", stage.world.offers[0])

    found = await stage.deploys.status("lab")

    assert [("lab-head", "error"), ("lab-w1", "stopped"), ("lab-w2", "gone")] == [
        (one.node, one.code) for one in found.drift
    ]
    assert [stranger.id] == [pod.id for pod in found.orphans]
    assert 1.64 + 2.79 == round(found.per_hour or 0.0, 2)


async def test_a_silent_provider_is_a_problem_and_no_drift(stage: Stage) -> None:
    """What cannot be asked is not known: no node is called gone for it, and no rate is made up."""
    await stage.deploy()
    stage.world.answers["pods"] = [provider_error("network", "RunPod does not answer")]

    found = await stage.deploys.status("lab")

    assert ("RunPod does not answer.", (), None) == (found.problem, found.drift, found.per_hour)


async def test_while_somebody_works_on_it_nothing_is_drift(stage: Stage) -> None:
    """A node that is being replaced is not called gone."""
    made = await stage.deploy()
    del stage.world.pods[made.nodes[1].pod_id]

    with locked(stage.deploys.folder("lab"), "replace"):
        found = await stage.deploys.status("lab")

    assert ((), True) == (found.drift, found.held_by.endswith("(replace)"))
