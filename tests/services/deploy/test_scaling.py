"""Growing, shrinking and exchanging nodes: jobs first, then Slurm, then the money."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.deployment import State, Trouble
from app.services.deploy.plans import Declined, Options
from app.services.deploy.ports import DeployError
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.world import NO_CAPACITY


async def test_growing_adds_workers_and_leaves_the_others(stage: Stage) -> None:
    """Two more workers join; nobody else's pod is touched."""
    before = await stage.deploy()

    made = await stage.scale(5)

    assert before.nodes == made.nodes[:3]
    assert ["lab-w3", "lab-w4"] == [node.name for node in made.nodes[3:]]
    assert (5, State.READY, 5) == (made.wish.nodes, made.state, len(stage.world.billed()))


async def test_shrinking_drains_waits_leaves_and_ends_in_this_order(stage: Stage) -> None:
    """The newest worker takes no new jobs, its jobs end, it leaves Slurm, and only then its pod ends."""
    before = await stage.deploy()
    stage.world.jobs = {"lab-w2": ["7", "8"]}
    stage.world.did.clear()

    made = await stage.scale(2)

    did = [one for one in stage.world.did if not one.startswith("jobs_on")]
    assert ["drain lab-w2", "leave lab-w2", "forget lab-w2"] == did
    assert (before.nodes[:2], 2) == (made.nodes, len(stage.world.billed()))
    assert ("scale", ("7", "8")) == (stage.removal.why, stage.removal.jobs)
    assert {"head", "w1"} == set(stage.watched["lab"])


async def test_jobs_may_be_cancelled_instead(stage: Stage) -> None:
    """By choice, nobody waits for the jobs."""
    await stage.deploy()
    stage.world.jobs = {"lab-w2": ["7"]}

    await stage.scale(2, "cancel")

    assert "cancel_jobs 7" in stage.world.did


async def test_jobs_that_do_not_end_in_time_keep_their_node(stage: Stage) -> None:
    """After the time for jobs nothing is ended; the next run goes on with it."""
    await stage.deploy()
    stage.world.jobs = {"lab-w2": ["7"] * 200}

    with pytest.raises(DeployError) as caught:
        await stage.scale(2, options=Options(jobs_s=30.0))

    assert "jobs_running" == caught.value.trouble.code
    assert 3 == len(stage.world.billed())

    stage.world.jobs.clear()
    made = await stage.deploy("lab")
    assert (2, 2) == (len(made.nodes), len(stage.world.billed()))


async def test_who_says_no_keeps_the_size(stage: Stage) -> None:
    """Declined, neither the record nor a node changes, whichever way it was to go."""
    before = await stage.deploy()
    stage.agrees = False

    for nodes in (5, 1):
        with pytest.raises(Declined):
            await stage.scale(nodes)

    record = stage.deploys.read("lab")
    assert (before.wish, before.nodes, 3) == (record.wish, record.nodes, len(stage.world.billed()))
    assert not any(one.startswith("drain") for one in stage.world.did)


async def test_growing_beyond_the_cap_makes_nothing(stage: Stage) -> None:
    """The cap counts what runs already."""
    await stage.deploy(replace(LAB, max_cost_per_hour=5.0))

    with pytest.raises(DeployError) as caught:
        await stage.scale(4)

    assert ("over_budget", 3) == (caught.value.trouble.code, len(stage.world.billed()))


async def test_a_replaced_worker_gets_another_pod(stage: Stage) -> None:
    """The node keeps its name and gets a new pod; the cluster is formed with it again."""
    before = await stage.deploy()
    stage.world.did.clear()

    made = await stage.replace("lab-w1")

    assert before.nodes[1].pod_id != made.nodes[1].pod_id
    assert (before.nodes[0], before.nodes[2]) == (made.nodes[0], made.nodes[2])
    assert ["drain lab-w1", "leave lab-w1", "forget lab-w1"] == [
        one for one in stage.world.did if one.split()[0] in ("drain", "leave", "forget")
    ]
    assert "form lab-head,lab-w1,lab-w2" in stage.world.did
    assert ("replace", 3) == (stage.removal.why, len(stage.world.billed()))


async def test_a_dead_head_can_be_replaced(stage: Stage) -> None:
    """A head that does not answer cannot be asked for jobs, and goes all the same."""
    before = await stage.deploy()
    dead = Trouble("The connection was lost.", "Look.", code="connection_lost")
    for verb in ("jobs_on", "drain"):
        stage.world.troubles.update({(verb, node.name): dead for node in before.nodes})

    made = await stage.replace("head")

    assert before.nodes[0].pod_id != made.nodes[0].pod_id
    assert State.READY is made.state
    assert "the head cannot be asked, and goes all the same" in stage.words()


async def test_replacing_goes_on_after_no_capacity(stage: Stage) -> None:
    """Where the new pod finds no place, the old one is gone, and the next run looks again."""
    await stage.deploy()
    stage.world.refusals = {"w1": [NO_CAPACITY] * 99}
    with pytest.raises(DeployError) as caught:
        await stage.replace("w1")
    stage.world.refusals.clear()

    made = await stage.deploy("lab")

    assert "no_capacity" == caught.value.trouble.code
    assert (State.READY, 3) == (made.state, len(stage.world.billed()))


async def test_an_unknown_node_is_refused_with_those_there_are(stage: Stage) -> None:
    """A typing mistake ends nothing."""
    await stage.deploy()

    with pytest.raises(DeployError) as caught:
        await stage.replace("lab-w9")

    assert "no_such_node" == caught.value.trouble.code
    assert "lab-head, lab-w1, lab-w2" in caught.value.trouble.what
