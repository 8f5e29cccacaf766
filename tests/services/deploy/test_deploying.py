"""From a wish to a cluster over a world in memory: once, again, further, and not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.deployment import HEAD, STEPS, PodStatus, State, Step, Told, Trouble, Wish
from app.services.deploy.journal import follow
from app.services.deploy.lock import locked
from app.services.deploy.plans import Declined, Options
from app.services.deploy.ports import DeployError
from tests.services.deploy.stage import LAB, Stage


async def test_a_wish_becomes_a_cluster(stage: Stage) -> None:
    """Every step is done in order, every node has its pod, and what is to be watched is written down."""
    made = await stage.deploy()

    assert State.READY is made.state
    assert STEPS == made.done
    assert [f"{made.prefix}{key}" for key in (HEAD, "w1", "w2")] == stage.world.billed()
    assert list(STEPS) == [event.step for event in stage.told(Told.DONE)]
    assert {HEAD, "w1", "w2"} == set(stage.watched["lab"])
    assert made == stage.deploys.read("lab")


async def test_a_second_run_changes_nothing(stage: Stage) -> None:
    """Deploying what is there asks Terraform once more and touches no pod."""
    first = await stage.deploy()
    stage.world.did.clear()
    stage.questions.clear()

    again = await stage.deploy("lab")

    assert (first.nodes, State.READY) == (again.nodes, again.state)
    assert ([], []) == (stage.world.did, stage.questions)


async def test_a_run_goes_on_at_the_step_that_failed(stage: Stage) -> None:
    """A failed step leaves its trouble in the record; the next run passes over what was done before it."""
    stage.world.troubles["form", "lab-head,lab-w1,lab-w2"] = Trouble(
        "munge says no.", "Run again.", code="munge_mismatch"
    )
    with pytest.raises(DeployError, match="munge says no"):
        await stage.deploy()
    failed = stage.deploys.read("lab")
    stage.world.troubles.clear()
    stage.world.did.clear()

    made = await stage.deploy("lab")

    assert (State.FAILED, Step.SLURM) == (failed.state, failed.next_step)
    assert failed.trouble is not None
    assert (Step.SLURM, "munge_mismatch") == (failed.trouble.step, failed.trouble.code)
    assert ["form lab-head,lab-w1,lab-w2", "run_job lab-head,lab-w1,lab-w2"] == stage.world.did
    assert (State.READY, None) == (made.state, made.trouble)


async def test_the_last_word_says_what_is_billed_on(stage: Stage) -> None:
    """However a run ends, its last event names the pods that cost money and their rate."""
    stage.world.troubles["install", "lab-w1"] = Trouble("The disk is full.", "Destroy it.", code="disk_full")

    with pytest.raises(DeployError):
        await stage.deploy()

    last = stage.events[-1]
    assert Told.ENDED is last.told
    assert last.text.startswith("3 pods of lab cost $4.92/h until ended")
    assert pytest.approx(3 * 1.64) == last.per_hour


async def test_every_event_carries_the_money(stage: Stage) -> None:
    """The rate grows with each pod that is made, and what was spent never shrinks."""
    await stage.deploy()

    spent = [event.spent for event in stage.events]
    rates = list(dict.fromkeys(round(event.per_hour or 0.0, 2) for event in stage.events))
    assert sorted(spent, key=lambda one: one or 0.0) == spent
    assert [0.0, 1.64, 3.28, 4.92] == rates


async def test_who_says_no_pays_nothing(stage: Stage) -> None:
    """Declined, no pod is made and the deployment waits as planned."""
    stage.agrees = False

    with pytest.raises(Declined):
        await stage.deploy()

    assert ([], State.PLANNED) == (stage.world.billed(), stage.deploys.read("lab").state)
    assert "no pod of lab is billed" == stage.events[-1].text


async def test_a_plan_changes_nothing(stage: Stage) -> None:
    """Planning makes no pod, ends none, and leaves no record of a deployment that was never made."""
    plan = await stage.plan()

    assert ["create"] * 3 == [change.action for change in plan.changes]
    assert ([], (), []) == (stage.world.billed(), stage.deploys.listed(), stage.world.did)


async def test_a_plan_ends_no_stranger(stage: Stage) -> None:
    """A pod of ours that belongs to no node is named by a plan, and left."""
    made = await stage.deploy()
    stage.world.make(f"{made.prefix}w9", stage.world.offers[0])
    before = (stage.world.billed(), stage.deploys.read("lab"))

    await stage.plan("lab")

    assert before == (stage.world.billed(), stage.deploys.read("lab"))
    assert "belongs to no node" in stage.words()


async def test_a_pod_that_was_ended_outside_is_made_again(stage: Stage) -> None:
    """The next run replaces just that pod and sets its node up; the others keep theirs."""
    made = await stage.deploy()
    lost = made.nodes[1]
    del stage.world.pods[lost.pod_id]

    again = await stage.deploy("lab")

    assert (made.nodes[0], made.nodes[2]) == (again.nodes[0], again.nodes[2])
    assert lost.pod_id != again.nodes[1].pod_id
    assert 3 == len(stage.world.billed())
    assert "was ended outside" in stage.words()


async def test_a_stopped_pod_is_started_again(stage: Stage) -> None:
    """A pod that somebody stopped is started by Terraform, not replaced."""
    made = await stage.deploy()
    pod = stage.world.pods[made.nodes[1].pod_id]
    stage.world.pods[pod.id] = replace(pod, status=PodStatus.EXITED)

    again = await stage.deploy("lab")

    assert made.nodes == again.nodes
    assert PodStatus.RUNNING is stage.world.pods[pod.id].status


async def test_skip_infra_sets_up_what_is_there(stage: Stage) -> None:
    """With the pods left as they are, everything on them is done again and Terraform is not asked."""
    await stage.deploy()
    plans = len(stage.world.plans)
    stage.world.did.clear()

    await stage.deploy("lab", Options(skip_infra=True))

    assert plans == len(stage.world.plans)
    assert "install lab-head" in stage.world.did


async def test_another_wish_under_the_same_name_is_refused(stage: Stage) -> None:
    """What pods were made of cannot change under them; where new ones may go can."""
    await stage.deploy()

    with pytest.raises(DeployError) as caught:
        await stage.deploy(replace(LAB, disk_gb=200))
    allowed = await stage.deploy(replace(LAB, max_cost_per_hour=50.0))

    assert "wish_differs" == caught.value.trouble.code
    assert 50.0 == allowed.wish.max_cost_per_hour


async def test_one_run_at_a_time(stage: Stage) -> None:
    """Where another run has the lock, the second says who it is and does nothing."""
    with locked(stage.deploys.folder("lab"), "scale"), pytest.raises(DeployError) as caught:
        await stage.deploy()

    assert "held" == caught.value.trouble.code
    assert "(scale) works on lab" in caught.value.trouble.what


async def test_a_run_ends_in_time(stage: Stage) -> None:
    """A run that takes longer than it may is stopped, and says that its pods cost on."""
    with pytest.raises(DeployError) as caught:
        await stage.deploy(LAB, Options(timeout_s=0.001))

    assert "timeout" == caught.value.trouble.code
    assert Told.ENDED is stage.events[-1].told


async def test_the_journal_holds_what_was_told(stage: Stage) -> None:
    """The screen of another process reads the same events, in the same order."""
    await stage.deploy()

    events, _ = follow(stage.deploys.folder("lab").events)

    assert [event.text for event in stage.events] == [event.text for event in events]


async def test_a_model_takes_the_head_out_of_the_job(stage: Stage) -> None:
    """With a model on the head, the job runs on the workers, and the model is served last."""
    await stage.deploy(replace(LAB, model="nvidia/Nemotron"))

    assert "run_job lab-w1,lab-w2" in stage.world.did
    assert "serve_model lab-head" == stage.world.did[-1]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish("lab", nodes=0), "0 nodes"),
        (Wish("lab", gpus_per_node=99), "99 GPUs per node"),
        (Wish("lab", volume_gb=3), "network volume of 3 GB"),
        (Wish("lab", cloud="COMMUNITY"), "community cloud"),
        (Wish("lab", max_cost_per_hour=0.0), "cap of 0"),
    ],
)
async def test_what_cannot_be_built_is_refused_at_once(stage: Stage, wish: Wish, words: str) -> None:
    """A wish that cannot come true costs nothing: the provider is not even asked."""
    with pytest.raises(DeployError, match=words):
        await stage.deploy(wish)

    assert [] == stage.world.did


async def test_without_a_name_the_only_one_is_meant(stage: Stage) -> None:
    """The name may be left out as long as there is one deployment that was not destroyed."""
    await stage.deploy()
    assert "lab" == stage.deploys.chosen()
    await stage.deploy(Wish("other", nodes=1))

    with pytest.raises(DeployError) as caught:
        stage.deploys.chosen()

    assert "which_one" == caught.value.trouble.code


async def test_a_record_that_cannot_be_read_is_not_forgotten(stage: Stage) -> None:
    """It is named with its reason, counts where a name is left out, and is not mistaken for no deployment."""
    await stage.deploy()
    stage.deploys.folder("lab").record.write_text("{", encoding="utf-8")
    await stage.deploy(Wish("other", nodes=1))

    with pytest.raises(DeployError, match="There are 2 deployments: lab, other"):
        stage.deploys.chosen()

    assert ["lab"] == list(stage.deploys.unreadable())
    assert ["other"] == [one.name for one in stage.deploys.listed()]


async def test_pods_are_told_of_another_time_to_live(stage: Stage) -> None:
    """The watch in each pod would end it at the old time: the cluster is formed again, which tells it the new one."""
    before = await stage.deploy(replace(LAB, ttl_s=3600.0))
    stage.world.did.clear()

    made = await stage.deploy(replace(LAB, ttl_s=7200.0))

    assert ["form lab-head,lab-w1,lab-w2"] == stage.world.did
    assert (before.deadline_at or 0.0) < (made.deadline_at or 0.0)
    assert made.deadline_at == stage.deploys.read("lab").deadline_at
