"""Ending a deployment and proving it, also where Terraform, its state, the record or the provider is in the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.domain.deployment import State, Told, Wish
from app.services.deploy.plans import Declined, Options
from app.services.deploy.ports import DeployError, InfraError
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.world import FakeHands, provider_error


async def test_a_destroy_ends_with_a_proof(stage: Stage) -> None:
    """All pods are ended, three looks in a row find nothing, and the record says when."""
    made = await stage.deploy()

    proof = await stage.destroy()

    record = stage.deploys.read("lab")
    assert ([], True, 3) == (stage.world.billed(), proof.is_clean, len(proof.looks))
    assert sorted(node.pod_id for node in made.nodes) == sorted(proof.ended)
    assert (State.DESTROYED, (), 0.0) == (record.state, record.nodes, record.billing.per_hour)
    assert record.destroyed_at is not None
    assert {} == stage.watched
    assert stage.events[-1].text.startswith("no pod of lab is billed ($0.")


async def test_whoever_destroys_is_asked_with_pods_and_money(stage: Stage) -> None:
    """The question names every pod and what they cost; no ends nothing."""
    await stage.deploy()
    stage.agrees = False

    with pytest.raises(Declined):
        await stage.destroy()

    assert ("destroy", 3, 4.92) == (stage.removal.why, len(stage.removal.pods), round(stage.removal.per_hour, 2))
    assert (3, State.READY) == (len(stage.world.billed()), stage.deploys.read("lab").state)


async def test_a_lost_state_hides_no_pod(stage: Stage) -> None:
    """Where Terraform knows of nothing any more, what bears our prefix is ended all the same."""
    await stage.deploy()
    stage.world.state.clear()

    proof = await stage.destroy()

    assert ([], 3) == (stage.world.billed(), len(proof.ended))


async def test_without_terraform_the_provider_is_asked(stage: Stage) -> None:
    """Terraform that fails is told, and does not keep anything alive."""
    await stage.deploy()
    stage.world.answers["plan"] = [InfraError("terraform is not on the path", "missing")]

    await stage.destroy()

    assert [] == stage.world.billed()
    assert "Terraform could not destroy it (terraform is not on the path)" in stage.words()


async def test_a_lost_record_is_found_by_name(stage: Stage) -> None:
    """Without its record, the pods that bear the deployment's name are found and ended."""
    await stage.deploy()
    stage.deploys.folder("lab").record.write_text("{", encoding="utf-8")

    proof = await stage.destroy()

    assert ([], 3) == (stage.world.billed(), len(proof.ended))


async def test_pods_of_others_stay(stage: Stage) -> None:
    """Only what bears our whole prefix is ours: not a namesake's, not a longer name's."""
    made = await stage.deploy()
    other = made.prefix.replace(made.id, "0123abcd")
    for name in (f"{other}head", "gw-lab2-0123abcd-head", "somebody-else"):
        stage.world.make(name, stage.world.offers[0])

    await stage.destroy()

    assert ["gw-lab-0123abcd-head", "gw-lab2-0123abcd-head", "somebody-else"] == stage.world.billed()


async def test_a_pod_that_appears_late_is_ended_too(stage: Stage) -> None:
    """Three clean looks are asked for because a pod may be listed after the first."""
    made = await stage.deploy()
    looks: list[str] = []

    def appear(name: str) -> None:
        looks.extend([name] if name == "pods" else [])
        if name == "pods" and len(looks) == 3:
            stage.world.make(f"{made.prefix}w7", stage.world.offers[0])

    stage.world.at_point = appear

    proof = await stage.destroy()

    assert [] == stage.world.billed()
    assert [0, 1, 0, 0, 0] == [len(look.pods) for look in proof.looks]


async def test_a_pod_that_does_not_die_is_named(stage: Stage) -> None:
    """A pod that stays listed is a trouble with its id; the record goes on saying that it is being destroyed."""
    made = await stage.deploy()
    stage.world.undying = {made.nodes[1].pod_id}

    with pytest.raises(DeployError) as caught:
        await stage.destroy()

    assert "still_there" == caught.value.trouble.code
    assert made.nodes[1].pod_id in caught.value.trouble.details[0]
    assert State.DESTROYING is stage.deploys.read("lab").state
    assert "cost" in stage.events[-1].text


async def test_a_provider_that_stays_silent_proves_nothing(stage: Stage) -> None:
    """Where nobody answers, nothing is called destroyed."""
    await stage.deploy()

    def fall_silent(name: str) -> None:
        if name == "deleted":
            stage.world.answers["pods"] = [provider_error("network", "no answer")] * 999

    stage.world.at_point = fall_silent

    with pytest.raises(DeployError) as caught:
        await stage.destroy()

    assert "unproven" == caught.value.trouble.code
    assert State.DESTROYING is stage.deploys.read("lab").state


async def test_an_interrupted_destroy_is_gone_on_with(stage: Stage) -> None:
    """Ctrl-C in the middle says what is still billed; the next destroy comes to the end."""
    await stage.deploy()
    struck: list[str] = []

    def press(name: str) -> None:
        struck.append(name)
        if struck.count("deleted") == 2 and name == "deleted":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    stage.world.at_point = press
    with pytest.raises(asyncio.CancelledError):
        await stage.destroy()
    state = stage.deploys.read("lab").state
    stage.world.at_point = lambda _name: None

    await stage.destroy()

    assert (State.DESTROYING, []) == (state, stage.world.billed())


async def test_a_volume_stays_unless_it_is_asked_for(stage: Stage) -> None:
    """The weights are kept by default, and the proof says that they cost; asked for, they go."""
    made = await stage.deploy(replace(LAB, volume_gb=100))
    stage.world.volumes = {"vol1": f"{made.prefix}cache", "vol2": "somebody's"}

    kept = await stage.destroy()
    gone = await stage.destroy(options=Options(volumes=True))

    assert (("vol1", f"{made.prefix}cache"),) == kept.volumes_kept
    assert (("vol1",), ()) == (gone.volumes_deleted, gone.volumes_kept)
    assert {"vol2": "somebody's"} == stage.world.volumes
    assert "is kept, and billed" in stage.words()


async def test_destroying_twice_is_fine(stage: Stage) -> None:
    """What is gone is proven gone once more, and nobody is asked."""
    await stage.deploy()
    await stage.destroy()
    stage.questions.clear()

    proof = await stage.destroy()

    assert (True, (), []) == (proof.is_clean, proof.ended, stage.questions)


async def test_without_a_name_one_of_several_is_not_guessed(stage: Stage) -> None:
    """Where there are several deployments, one has to be named."""
    await stage.deploy()
    await stage.deploy(Wish("other", nodes=1))

    with pytest.raises(DeployError) as caught:
        await stage.destroy("")

    assert "which_one" == caught.value.trouble.code
    assert 4 == len(stage.world.billed())


async def test_a_name_can_be_used_again(stage: Stage) -> None:
    """A new deployment of the name has an id of its own; what the old one left is kept aside."""
    first = await stage.deploy()
    await stage.destroy()

    second = await stage.deploy()

    folder = stage.deploys.folder("lab")
    assert first.id != second.id
    assert (folder.path / "history" / first.id / "deployment.json").is_file()
    assert Told.ENDED is stage.events[-1].told


async def test_destroying_names_the_jobs_that_run(stage: Stage) -> None:
    """Whoever is asked sees what is lost with it."""
    await stage.deploy(LAB)
    stage.world.jobs = {"lab-w1": ["7", "8"]}
    await stage.destroy()

    assert ("destroy", ("7", "8"), "cancel") == (stage.removal.why, stage.removal.jobs, stage.removal.how)


async def test_a_head_that_does_not_answer_keeps_nobody_from_destroying(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has some seconds to name its jobs; then they are not known."""
    await stage.deploy(LAB)
    stage.pace = replace(stage.pace, asked_s=0.01)

    async def silent(*_of: object) -> tuple[str, ...]:
        await asyncio.Event().wait()
        return ()

    monkeypatch.setattr(FakeHands, "jobs_on", silent)
    proof = await stage.destroy()

    assert (True, ()) == (proof.is_clean, stage.removal.jobs)
    assert "the jobs on the nodes are not known: the head does not answer in time" in stage.words()
