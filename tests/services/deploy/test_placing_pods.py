"""Finding a place for every node: no capacity here, then there; what was made stays; the cap holds throughout."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.domain.deployment import DeployEvent, PodStatus, State, Told, Wish
from app.services.deploy.plans import Options
from app.services.deploy.ports import DeployError, InfraError
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.world import A100, H100, NO_CAPACITY, provider_error

IN_ORDER = replace(LAB, gpu_types=(H100, A100))
SOON = Options(retry_s=120.0)


async def refused(stage: Stage, wish: Wish = IN_ORDER, options: Options = SOON) -> DeployError:
    """The error of a deploy that cannot succeed."""
    with pytest.raises(DeployError) as caught:
        await stage.deploy(wish, options)
    return caught.value


async def test_without_capacity_the_next_candidate_is_tried(stage: Stage) -> None:
    """The user's order is kept: the same GPU elsewhere, then the other GPU."""
    stage.world.full = {(H100, "US-KS-2"), (H100, "EU-RO-1")}

    made = await stage.deploy(IN_ORDER)

    assert {(A100, "US-KS-2")} == {(node.offer.gpu_type, node.offer.data_center) for node in made.nodes}
    assert 3 == len(stage.world.billed())


async def test_only_the_missing_node_goes_elsewhere(stage: Stage) -> None:
    """A node that has its pod keeps it while another one is placed anew."""
    stage.world.refusals = {"w2": [NO_CAPACITY]}

    made = await stage.deploy(IN_ORDER)

    assert ["US-KS-2", "US-KS-2", "EU-RO-1"] == [node.offer.data_center for node in made.nodes]
    assert 3 == len(stage.world.billed())


async def test_no_capacity_anywhere_ends_with_every_reason(stage: Stage) -> None:
    """After the time for retries the trouble names each candidate with its reason; what was made is said to cost."""
    stage.world.refusals = {"w1": [NO_CAPACITY] * 99}

    error = await refused(stage)

    assert ("no_capacity", "lab-w1") == (error.trouble.code, error.trouble.node)
    assert 3 == sum("no capacity" in line for line in error.trouble.details)
    assert stage.events[-1].text.startswith("2 pods of lab cost $5.58/h")
    assert State.FAILED is stage.deploys.read("lab").state


async def test_capacity_that_comes_back_is_taken(stage: Stage) -> None:
    """Candidates are tried again for as long as the run may."""
    stage.world.full = {(H100, "US-KS-2"), (H100, "EU-RO-1"), (A100, "US-KS-2")}
    began = stage.world.clock.now()

    def open_later(_name: str) -> None:
        if stage.world.clock.now() - began > 60:
            stage.world.full.clear()

    stage.world.at_point = open_later

    made = await stage.deploy(IN_ORDER)

    assert (State.READY, 3) == (made.state, len(stage.world.billed()))


async def test_the_cap_is_held_before_anything_is_made(stage: Stage) -> None:
    """Where every candidate breaks the cap, no pod is made."""
    error = await refused(stage, replace(IN_ORDER, max_cost_per_hour=4.0))

    assert ("over_budget", []) == (error.trouble.code, stage.world.billed())
    assert all("the cap is $4.00/h" in line for line in error.trouble.details)


async def test_the_cap_is_held_again_before_each_candidate(stage: Stage) -> None:
    """A dearer candidate is passed over even where nothing else has capacity."""
    stage.world.full = {(A100, "US-KS-2")}

    error = await refused(stage, replace(LAB, gpu_types=(A100, H100), max_cost_per_hour=5.0))

    assert ("no_capacity", []) == (error.trouble.code, stage.world.billed())
    assert any("the cap is $5.00/h" in line for line in error.trouble.details)


async def test_an_unknown_price_is_no_price_under_a_cap(stage: Stage) -> None:
    """What has no price cannot be kept under a cap, so it is not made."""
    stage.world.offers = (replace(stage.world.offers[0], price_per_gpu=None),)

    error = await refused(stage, replace(IN_ORDER, max_cost_per_hour=100.0))

    assert ("price_unknown", []) == (error.trouble.code, stage.world.billed())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("HTTP 401 Unauthorized", "key_refused"),
        ("HTTP 402 Payment Required: balance too low", "no_balance"),
        ("HTTP 422 Unprocessable Entity: unknown key", "request_refused"),
    ],
)
async def test_what_no_candidate_can_mend_stops_at_once(stage: Stage, words: str, code: str) -> None:
    """A refused key, an empty account and a wrong request are not tried elsewhere."""
    stage.world.refusals = {"w1": [words]}

    error = await refused(stage)

    assert code == error.trouble.code
    assert 1 == sum("apply" in event.text or event.told is Told.FAILED for event in stage.events)


@pytest.mark.parametrize(
    "words", ["HTTP 429 Too Many Requests", "HTTP 503 Service Unavailable", "context deadline exceeded: timeout"]
)
async def test_what_passes_is_tried_again_in_the_same_place(stage: Stage, words: str) -> None:
    """An error that passes does not cost the candidate its turn."""
    stage.world.refusals = {"w1": [words, words]}

    made = await stage.deploy(IN_ORDER)

    assert {"US-KS-2"} == {node.offer.data_center for node in made.nodes}


async def test_what_does_not_pass_ends_the_run(stage: Stage) -> None:
    """The same error four times is no passing one."""
    stage.world.refusals = {"w1": ["HTTP 500 Internal Server Error"] * 9}

    error = await refused(stage)

    assert ("provider_down", "lab-w1") == (error.trouble.code, error.trouble.node)


async def test_a_request_that_everyone_refuses_is_told_in_the_providers_words(stage: Stage) -> None:
    """Where each candidate answers 400 with other words than capacity, the words are the trouble."""
    stage.world.refusals = {"head": ["HTTP 400 Bad Request: image is not allowed"] * 9}

    error = await refused(stage, replace(IN_ORDER, nodes=1))

    assert "request_refused" == error.trouble.code
    assert "image is not allowed" in error.trouble.what


async def test_a_pod_that_ends_in_an_error_is_replaced_once(stage: Stage) -> None:
    """Another pod in another place takes over; the broken one costs nothing any more."""
    stage.world.becomes = {"w1": PodStatus.ERROR}

    made = await stage.deploy(IN_ORDER)

    assert State.READY is made.state
    assert "EU-RO-1" == made.nodes[1].offer.data_center
    assert 3 == len(stage.world.billed())


async def test_a_pod_that_ends_in_an_error_twice_is_a_trouble(stage: Stage) -> None:
    """The second time it is told, with the node to replace."""
    stage.world.becomes = {"w1": PodStatus.ERROR}
    broken: list[str] = []

    def break_again(_name: str) -> None:
        for pod in stage.world.pods.values():
            if pod.name.endswith("w1") and pod.status is not PodStatus.ERROR:
                broken.append(pod.id)
                stage.world.pods[pod.id] = replace(pod, status=PodStatus.ERROR)

    stage.world.at_point = break_again

    error = await refused(stage)

    assert ("pod_error", "lab-w1") == (error.trouble.code, error.trouble.node)
    assert "deploy lab --replace lab-w1" in error.trouble.next


async def test_a_pod_that_vanishes_while_it_starts_is_made_again(stage: Stage) -> None:
    """Somebody ends a pod that was just made: it is missed, and made once more."""
    ended: list[str] = []

    def end_one(name: str) -> None:
        if name == "pods" and not ended:
            ended.extend([pod.id for pod in stage.world.pods.values() if pod.name.endswith("w2")])
            for pod_id in ended:
                del stage.world.pods[pod_id]

    stage.world.at_point = end_one

    made = await stage.deploy(IN_ORDER)

    assert (State.READY, 3) == (made.state, len(stage.world.billed()))
    assert ended


async def test_a_pod_that_is_never_ready_is_named(stage: Stage) -> None:
    """One of the pods stays in PROVISIONING: the trouble names its node and how to move it."""
    stage.world.ready_after_s = 1e9

    error = await refused(stage)

    assert "pod_never_ready" == error.trouble.code
    assert "lab-head is PROVISIONING after 1500 s, nor are 2 others." == error.trouble.what


async def test_an_interrupted_apply_leaves_no_orphan(stage: Stage) -> None:
    """Ctrl-C while a pod is being made: it is found and taken over before the run ends, and said to cost."""
    interrupt(stage, "created", at=2)

    with pytest.raises(asyncio.CancelledError):
        await stage.deploy()

    record = stage.deploys.read("lab")
    assert set(stage.world.state.values()) == set(stage.world.pods)
    assert [True, True, False] == [bool(node.pod_id) for node in record.nodes]
    assert ("interrupted", State.FAILED) == (record.trouble.code if record.trouble else "", record.state)
    assert stage.events[-1].text.startswith("2 pods of lab cost $3.28/h until ended")


async def test_an_orphan_that_is_listed_late_is_found(stage: Stage) -> None:
    """The provider lists the pod only after Terraform has ended; one of the later looks sees it."""
    stage.world.hidden_s = 3.0
    interrupt(stage, "created", at=2)

    with pytest.raises(asyncio.CancelledError):
        await stage.deploy()

    assert set(stage.world.state.values()) == set(stage.world.pods)


async def test_the_run_after_an_interrupt_comes_to_the_end(stage: Stage) -> None:
    """What was made stays, what is missing is made, and nothing is made twice."""
    interrupt(stage, "created", at=2)
    with pytest.raises(asyncio.CancelledError):
        await stage.deploy()
    first = set(stage.world.pods)
    stage.world.at_point = lambda _name: None

    made = await stage.deploy("lab")

    assert (State.READY, 3) == (made.state, len(stage.world.pods))
    assert first < set(stage.world.pods)


async def test_a_silent_provider_after_an_interrupt_is_told(stage: Stage) -> None:
    """Where nobody says what was made meanwhile, the run says that it does not know."""
    interrupt(stage, "created", at=2)
    stage.world.answers = {}

    def silent(event: DeployEvent) -> None:
        stage.events.append(event)
        if "interrupt" in event.text:
            stage.world.answers["pods"] = [provider_error("network")] * 99

    seen = stage.world.at_point
    calls: list[str] = []

    def also_silence(name: str) -> None:
        calls.append(name)
        if calls.count("created") == 2:
            stage.world.answers["pods"] = [provider_error("network", "no answer from RunPod")] * 99
        seen(name)

    stage.world.at_point = also_silence

    with pytest.raises(asyncio.CancelledError):
        await stage.deploy()

    assert "what was made meanwhile could not be looked for: no answer from RunPod; the next run does" in stage.words()


async def test_terraform_that_is_killed_is_a_trouble_of_its_own(stage: Stage) -> None:
    """Terraform ended from outside: what it made is found, and running again goes on."""
    stage.world.answers["apply"] = [InfraError("Terraform was killed", "interrupted")]

    error = await refused(stage)

    assert "terraform_killed" == error.trouble.code


def interrupt(stage: Stage, point: str, *, at: int) -> None:
    """Press Ctrl-C when a point is passed for the n-th time."""
    passed: list[str] = []

    def press(name: str) -> None:
        passed.append(name)
        if name == point and passed.count(point) == at:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    stage.world.at_point = press
