"""Replacing several nodes: one after another, asked once, gone on with after anything."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.domain.deployment import Deployment, State, Told, Trouble, Turn
from app.services.deploy.plans import Declined, Options
from app.services.deploy.ports import DeployError
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.test_at_random import restore, save
from tests.services.deploy.world import H100, NO_CAPACITY, OFFERS, KilledError

DEAD = Trouble("lab-w2 was not reached.", "Give it another place.", code="no_banner", node="lab-w2")
WORDS = ("drain", "leave", "forget", "reach", "form", "run_job", "serve_model")


def did(stage: Stage, *words: str) -> list[str]:
    """What the hands did, of these kinds."""
    return [one for one in stage.world.did if one.split()[0] in (words or WORDS)]


def ids(made: Deployment) -> list[str]:
    """The pods of its nodes."""
    return [node.pod_id for node in made.nodes]


def names(made: Deployment) -> list[str]:
    """The nodes that are still to be replaced."""
    return [node.name for node in made.to_replace]


def count_missing(stage: Stage) -> list[int]:
    """How many of three pods are missing, filled in at every point that is passed from now on."""
    missing: list[int] = []
    stage.world.at_point = lambda _name: missing.append(3 - len(stage.world.billed()))
    return missing


async def failing(stage: Stage, *nodes: str, options: Options | None = None) -> Trouble:
    """What replacing these ends in."""
    with pytest.raises(DeployError) as caught:
        await stage.replace(*nodes, options=options or Options(retry_s=0.0))
    return caught.value.trouble


async def test_all_are_replaced_the_workers_first_and_the_head_last(stage: Stage) -> None:
    """Each is drained, let go and joined before the next one is; the job over all nodes runs once, at the end."""
    before = await stage.deploy()
    stage.world.did.clear()
    missing = count_missing(stage)

    made = await stage.replace("all")

    assert set() == set(ids(before)) & set(ids(made))
    assert (State.READY, (), 3, 1) == (made.state, made.turns, len(stage.world.billed()), max(missing))
    assert [
        "drain lab-w1", "leave lab-w1", "forget lab-w1", "form lab-head,lab-w1,lab-w2",
        "drain lab-w2", "leave lab-w2", "forget lab-w2", "form lab-head,lab-w1,lab-w2",
        "drain lab-head", "drain lab-w1", "drain lab-w2", "forget lab-head", "form lab-head,lab-w1,lab-w2",
        "run_job lab-head,lab-w1,lab-w2",
    ] == did(stage, "drain", "leave", "forget", "form", "run_job")  # fmt: skip


async def test_they_are_asked_about_once(stage: Stage) -> None:
    """One question lists every pod and the jobs of all; a no leaves everything as it was, the record too."""
    before = await stage.deploy()
    stage.world.jobs = {"lab-w1": ["7"], "lab-w2": ["8"]}
    stage.questions.clear()

    stage.agrees = False
    with pytest.raises(Declined):
        await stage.replace("w2", "lab-w1")
    refused = stage.deploys.read("lab")
    stage.agrees = True
    await stage.replace("w2", "lab-w1")

    assert 2 == len(stage.questions)
    assert (("lab-w2", "lab-w1"), ("7", "8")) == (stage.removal.nodes, stage.removal.jobs)
    assert ["pod3", "pod2"] == [pod.id for pod in stage.removal.pods]
    assert (before.nodes, (), State.READY) == (refused.nodes, refused.turns, refused.state)


async def test_named_nodes_go_in_the_order_they_are_named(stage: Stage) -> None:
    """Whoever names the head first has it first, and its model is served again before a worker is disturbed."""
    await stage.deploy(replace(LAB, model="m"))
    stage.world.did.clear()

    await stage.replace("head", "w1")

    assert [
        "serve_model lab-head", "drain lab-w1", "run_job lab-w1,lab-w2", "serve_model lab-head"
    ] == did(stage, "drain", "serve_model", "run_job")[3:]  # fmt: skip


async def test_the_model_is_served_again_after_the_head_was_replaced(stage: Stage) -> None:
    """Once, at the end: while workers are replaced, it goes on."""
    await stage.deploy(replace(LAB, model="m"))
    stage.world.did.clear()

    await stage.replace("all")

    assert ["run_job lab-w1,lab-w2", "serve_model lab-head"] == did(stage)[-2:]
    assert 1 == did(stage).count("serve_model lab-head")


@pytest.mark.parametrize(
    ("nodes", "code", "words"),
    [
        (("w1", "w9"), "no_such_node", "lab-head, lab-w1, lab-w2"),
        (("w1", "lab-w1"), "bad_wish", "names lab-w1 twice"),
        (("all", "w1"), "bad_wish", "name no other beside it"),
    ],
)
async def test_a_wrong_name_is_refused_before_anything_is_changed(
    stage: Stage, nodes: tuple[str, ...], code: str, words: str
) -> None:
    """Nobody is asked, no node is drained, the record keeps what it had."""
    before = await stage.deploy()
    stage.world.did.clear()
    stage.questions.clear()

    trouble = await failing(stage, *nodes)

    record = stage.deploys.read("lab")
    assert code == trouble.code
    assert words in trouble.what
    assert ([], [], before.nodes, ()) == (stage.questions, stage.world.did, record.nodes, record.turns)


async def test_where_one_fails_the_rest_keep_their_pods_and_it_is_said_how_to_go_on(stage: Stage) -> None:
    """What was replaced, what is half replaced, what was not; the command that is told mends and goes on."""
    before = await stage.deploy()
    first, second, third = ids(before)
    missing = count_missing(stage)
    stage.world.troubles[("reach", "lab-w2")] = DEAD
    stage.world.jobs["lab-w2"] = ["7"]
    strike_after(stage, "leave lab-w2")

    trouble = await failing(stage, "all")
    record = stage.deploys.read("lab")
    stage.world.troubles.clear()
    stage.world.did.clear()
    made = await stage.replace("lab-head")

    assert ("replaced: lab-w1", "half replaced, to be mended first: lab-w2") == trouble.details[:2]
    assert "not replaced, with the pods they had: lab-head" == trouble.details[2]
    assert trouble.next.endswith(
        "To go on with replacing: gpu-watchdog deploy lab --replace lab-head; it mends lab-w2 first."
    )
    assert (State.FAILED, ["lab-head"]) == (record.state, names(record))
    assert (first, True, True) == (ids(record)[0], ids(record)[1] != second, ids(record)[2] != third)
    assert did(stage).index("form lab-head,lab-w1,lab-w2") < did(stage).index("drain lab-head")
    assert (State.READY, (), 1) == (made.state, made.turns, max(missing))
    assert ids(record)[1:] == ids(made)[1:]


def strike_after(stage: Stage, what: str) -> None:
    """Let the troubles of the world count only once something was done."""
    troubles, former = dict(stage.world.troubles), stage.world.at_point
    stage.world.troubles.clear()

    def at(name: str) -> None:
        former(name)
        if what in stage.world.did and not stage.world.troubles:
            stage.world.troubles.update(troubles)
            stage.world.at_point = former

    stage.world.at_point = at


async def test_deploying_mends_what_is_half_replaced_and_still_names_the_rest(stage: Stage) -> None:
    """The node under way joins; those that were not reached keep their pods and stay on the list."""
    before = await stage.deploy()
    stage.world.troubles[("reach", "lab-w1")] = replace(DEAD, node="lab-w1")
    strike_after(stage, "leave lab-w1")
    await failing(stage, "all")
    stage.world.troubles.clear()

    made = await stage.deploy("lab")

    assert (State.READY, ["lab-w2", "lab-head"]) == (made.state, names(made))
    assert (ids(before)[0], ids(before)[2]) == (ids(made)[0], ids(made)[2])
    assert ids(before)[1] != ids(made)[1]


async def test_a_node_that_is_broken_is_replaced_without_waiting_for_it(stage: Stage) -> None:
    """Where its new pod is no good either, naming it again gives it another one, before the others have their turn."""
    await stage.deploy()
    stage.world.troubles[("reach", "lab-w2")] = DEAD
    await failing(stage, "w2")
    stage.world.troubles.clear()
    missing = count_missing(stage)

    made = await stage.replace("w1", "w2")

    assert (State.READY, 1) == (made.state, max(missing))
    assert ["w2", "w1"] == [one.key for one in turns_of(stage)]


def turns_of(stage: Stage) -> list[Turn]:
    """The turns of the last run, by what was told."""
    told = [event for event in stage.events if " is next, " in event.text][-2:]
    return [Turn(event.node.removeprefix("lab-")) for event in told]


async def test_where_another_pod_is_gone_the_cluster_is_made_whole_first(stage: Stage) -> None:
    """One that somebody ended in the provider's console is made anew before the first is drained."""
    before = await stage.deploy()
    del stage.world.pods[ids(before)[2]]
    stage.world.did.clear()
    missing = count_missing(stage)

    made = await stage.replace("w1")

    assert set() == set(ids(before)[1:]) & set(ids(made))
    assert (ids(before)[0], State.READY, 1) == (ids(made)[0], made.state, max(missing))
    assert did(stage).index("form lab-head,lab-w1,lab-w2") < did(stage).index("drain lab-w1")


async def test_gpus_in_use_are_not_loaded(stage: Stage) -> None:
    """A burn-in is for the new pod, not for a node with jobs, nor for the head that serves the model."""
    await stage.deploy(replace(LAB, model="m", burn_in=True))
    stage.world.jobs = {"lab-w2": ["7"]}
    stage.world.did.clear()

    await stage.replace("w1")

    assert ["burn_in lab-w1"] == did(stage, "burn_in")


async def test_without_a_place_nothing_is_drained_and_the_node_keeps_its_pod(stage: Stage) -> None:
    """There is no capacity for the second: it is told, and the second goes on as it was."""
    before = await stage.deploy()
    third = ids(before)[2]

    def at(_name: str) -> None:
        if "form lab-head,lab-w1,lab-w2" in stage.world.did:
            stage.world.offers = tuple(replace(offer, availability="NONE") for offer in OFFERS)

    stage.world.did.clear()
    stage.world.at_point = at
    trouble = await failing(stage, "w1", "w2")

    record = stage.deploys.read("lab")
    assert ("no_capacity", third) == (trouble.code, ids(record)[2])
    assert "drain lab-w2" not in stage.world.did
    assert ("replaced: lab-w1", "not replaced, with the pods they had: lab-w2") == trouble.details[-2:]
    assert trouble.next.endswith("To go on with replacing: gpu-watchdog deploy lab --replace lab-w2.")
    assert () == (await stage.deploys.status("lab")).orphans


async def test_a_place_that_is_taken_while_jobs_are_waited_for_costs_no_pod(stage: Stage) -> None:
    """The node has left Slurm already, and its pod is there still: deploying lets it join again."""
    before = await stage.deploy()

    def at(_name: str) -> None:
        if "leave lab-w1" in stage.world.did:
            stage.world.offers = tuple(replace(offer, availability="NONE") for offer in OFFERS)

    stage.world.at_point = at
    trouble = await failing(stage, "w1", "w2")
    standing = await stage.deploys.status("lab")
    stage.world.did.clear()
    made = await stage.deploy("lab")

    assert ("no_capacity", (), ()) == (trouble.code, standing.drift, standing.orphans)
    assert "not replaced, with the pods they had: lab-w1, lab-w2" == trouble.details[-1]
    assert (ids(before), State.READY, ["lab-w1", "lab-w2"]) == (ids(made), made.state, names(made))
    assert "form lab-head,lab-w1,lab-w2" in stage.world.did


async def test_the_cap_holds_for_every_turn(stage: Stage) -> None:
    """Where the only place left is dearer than the cap allows, the old pod stays."""
    before = await stage.deploy(replace(LAB, max_cost_per_hour=5.0))
    stage.world.offers = tuple(offer for offer in OFFERS if offer.gpu_type == H100)

    trouble = await failing(stage, "all")

    assert ("over_budget", ids(before)) == (trouble.code, ids(stage.deploys.read("lab")))
    assert not did(stage, "drain")


async def test_its_time_to_live_ends_the_wait_for_jobs(stage: Stage) -> None:
    """While a run holds the lock nobody else could end it: so the run does not outlive its deployment."""
    await stage.deploy(replace(LAB, ttl_s=600.0))
    stage.world.jobs = {"lab-w1": [str(number) for number in range(1000)]}

    trouble = await failing(stage, "all")

    assert "too_late" == trouble.code
    assert stage.world.clock.now() < (stage.deploys.read("lab").deadline_at or 0.0) + 60
    assert 3 == len(stage.world.billed())


async def test_an_interruption_while_jobs_are_waited_for_keeps_the_pod(stage: Stage) -> None:
    """Nothing was ended yet; deploying lets the node take jobs again, the command that is told goes on."""
    before = await stage.deploy()
    stage.world.jobs = {"lab-w1": [str(number) for number in range(1000)]}
    task = asyncio.create_task(stage.replace("w1", "w2"))

    def at(_name: str) -> None:
        if "drain lab-w1" in stage.world.did:
            stage.world.at_point = lambda _name: None
            task.cancel()

    stage.world.at_point = at
    with pytest.raises(asyncio.CancelledError):
        await task
    record = stage.deploys.read("lab")
    stage.world.did.clear()
    made = await stage.deploy("lab")

    assert (ids(before), ["lab-w1", "lab-w2"]) == (ids(record), names(record))
    assert record.trouble is not None
    assert record.trouble.next.endswith("gpu-watchdog deploy lab --replace lab-w1 --replace lab-w2.")
    assert ["form lab-head,lab-w1,lab-w2"] == did(stage, "form", "drain")
    assert (ids(before), ["lab-w1", "lab-w2"]) == (ids(made), names(made))


async def test_killed_anywhere_it_is_gone_on_with_and_nothing_is_replaced_twice(stage: Stage) -> None:
    """After each point of a roll: a deploy makes it whole, what it names is replaced, and then every pod is another."""
    started = replace(stage)
    for last in range(1, 400):
        stage.state_dir, stage.world = started.state_dir / str(last), type(stage.world)()
        before = await stage.deploy()
        if not await killed(stage, last):
            break

        is_agreed = bool(stage.deploys.read("lab").turns)
        mended = await stage.deploy("lab")
        rest = names(mended)
        made = await stage.replace(*rest) if rest else mended

        assert (State.READY, 3, ()) == (made.state, len(stage.world.billed()), made.turns), last
        same = set(ids(before)) & set(ids(made))
        assert not same or (not is_agreed and same == set(ids(before))), last
        made_pods = max(int(one.removeprefix("pod")) for one in ids(made))
        assert made_pods <= 6 + 1, f"killed at point {last}: {made_pods} pods were made, of which one may be swept"
    assert last > 60


async def killed(stage: Stage, last: int) -> bool:
    """A roll whose process is gone at its n-th point; False: it ended before."""
    left, saved = last, None

    def at(_name: str) -> None:
        nonlocal left, saved
        left -= 1
        if left == 0:
            saved = save(stage)
        if left <= 0:
            raise KilledError

    stage.world.at_point = at
    try:
        await stage.replace("all")
    except (KilledError, BaseExceptionGroup):
        assert saved is not None
        restore(stage, saved)
    finally:
        stage.world.at_point = lambda _name: None
    return saved is not None


async def test_jobs_of_a_formed_cluster_are_waited_for_although_a_step_is_open(stage: Stage) -> None:
    """A cluster one node of which cannot be reached runs jobs all the same; they are listed, and end first."""
    await stage.deploy()
    stage.world.troubles[("reach", "lab-w2")] = DEAD
    await failing(stage, "w2")
    stage.world.troubles.clear()
    stage.world.jobs = {"lab-w1": ["7", "8"]}
    stage.world.did.clear()

    await stage.replace("w1")

    assert ("7", "8") == stage.removal.jobs
    assert "drain lab-w1" in stage.world.did
    assert 1 == sum(event.text.startswith("waiting for the jobs 7") for event in stage.told(Told.PROGRESS))


async def test_refused_by_the_provider_the_next_run_still_finds_a_pod(stage: Stage) -> None:
    """The old pod was ended before the new one was refused: the node is half replaced, and deploying finds it a pod."""
    await stage.deploy()
    stage.world.refusals = {"w1": [NO_CAPACITY] * 99}
    trouble = await failing(stage, "w1", "w2")
    stage.world.refusals.clear()

    made = await stage.deploy("lab")

    assert "half replaced, to be mended first: lab-w1" in trouble.details
    assert (3, ["lab-w2"]) == (len(stage.world.billed()), names(made))
