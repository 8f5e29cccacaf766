"""A run that fails before it changed anything leaves a running cluster as it stood, in its record too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from app.domain.deployment import State, Told
from app.services.deploy import marks
from app.services.deploy.ports import DeployError
from tests.services.deploy.stage import Stage
from tests.services.deploy.world import provider_error


def refused(stage: Stage) -> None:
    """The provider does not take the key."""
    stage.world.answers["pods"] = [provider_error("auth")]


@pytest.mark.parametrize(
    ("prepare", "verb", "code"),
    [
        (lambda _: None, lambda stage: stage.replace("w9"), "no_such_node"),
        (lambda _: None, lambda stage: stage.scale(900), "bad_wish"),
        (refused, lambda stage: stage.deploy("lab"), "key_refused"),
        (refused, lambda stage: stage.replace("w1"), "key_refused"),
    ],
)
async def test_a_failed_command_makes_no_failed_cluster(
    stage: Stage, prepare: Callable[[Stage], None], verb: Callable[[Stage], Awaitable[object]], code: str
) -> None:
    """It is told, and the cluster stays ready: its idle time is counted on, and `--status` is content."""
    before = await stage.deploy()
    prepare(stage)

    with pytest.raises(DeployError) as caught:
        await verb(stage)

    after = stage.deploys.read("lab")
    assert code == caught.value.trouble.code
    assert (State.READY, None, before.nodes) == (after.state, after.trouble, after.nodes)
    assert code == stage.told(Told.FAILED)[-1].data["code"]


async def test_one_that_was_changed_halfway_is_failed(stage: Stage) -> None:
    """A worker takes no new jobs already and does not leave: the next run has to go on."""
    await stage.deploy()
    stage.world.troubles["leave", "lab-w2"] = marks.trouble("failed", "lab-w2", "scontrol does not answer")

    with pytest.raises(DeployError):
        await stage.scale(2)

    assert State.FAILED is stage.deploys.read("lab").state
