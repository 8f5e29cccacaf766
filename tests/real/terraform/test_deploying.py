"""The whole of `Deploys` with the real Terraform: up, again, larger, other, drifted, out of capacity, and gone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.deployment import State
from app.services.deploy.ports import DeployError
from app.sources.runpod import pace
from tests.real.terraform.ground import H100, KEY, Ground
from tests.real.terraform.whole import LAB, Whole, whole_of

pytestmark = pytest.mark.real("terraform")


@pytest.fixture
def whole(ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Whole:
    """The list of pods may be asked for as often as one likes: it is our own."""
    monkeypatch.setattr(pace, "EVERY_S", 0.01)
    return whole_of(ground, tmp_path / "state")


async def test_up_again_larger_smaller_other_and_gone(ground: Ground, whole: Whole) -> None:
    """A life: each verb leaves just the pods it should, nobody else's are touched, and the end is proven."""
    made = await whole.deploy()
    first = ground.ids()
    assert {"head", "w1", "w2"} == set(first)
    assert {node.key: node.pod_id for node in made.nodes} == first

    posts = sum(request["method"] == "POST" for request in ground.runpod.requests)
    await whole.deploy("lab")
    assert (first, posts) == (ground.ids(), sum(request["method"] == "POST" for request in ground.runpod.requests))

    await whole.scale(4)
    assert first == {key: ground.ids()[key] for key in first}
    await whole.scale(2)
    assert {key: first[key] for key in ("head", "w1")} == ground.ids()

    await whole.replace("w1")
    assert (first["head"], False) == (ground.ids()["head"], first["w1"] == ground.ids()["w1"])

    proof = await whole.destroy()
    assert (True, {}, State.DESTROYED) == (proof.is_clean, ground.ids(), whole.deploys.read("lab").state)


@pytest.mark.slow
async def test_planning_changes_nothing(ground: Ground, whole: Whole) -> None:
    """A plan asks and never posts, before anything is there and after."""
    await whole.deploys.plan(LAB, tell=whole.events.append)
    await whole.deploy()
    before = ground.ids()
    count = len(ground.runpod.requests)

    plan = await whole.deploys.plan("lab", tell=whole.events.append)

    assert (True, before) == (plan.is_empty, ground.ids())
    assert {"GET"} == {request["method"] for request in ground.runpod.requests[count:]}


@pytest.mark.parametrize("state", [pytest.param("TERMINATED", marks=pytest.mark.slow), "EXITED"])
async def test_what_somebody_else_ended_is_shown_and_mended(ground: Ground, whole: Whole, state: str) -> None:
    """A pod that was terminated is made again, one that was stopped is started; the others stay."""
    await whole.deploy()
    before = ground.ids()
    ground.runpod.end_outside("*-w1", state)
    standing = await whole.deploys.status("lab")

    made = await whole.deploy("lab")

    assert ["lab-w1"] == [one.node for one in standing.drift]
    assert ["gone" if state == "TERMINATED" else "stopped"] == [one.code for one in standing.drift]
    assert (State.READY, {"head", "w1", "w2"}) == (made.state, set(ground.ids()))
    assert {key: before[key] for key in ("head", "w2")} == {key: ground.ids()[key] for key in ("head", "w2")}
    assert (state == "EXITED") == (before["w1"] == ground.ids()["w1"])


async def test_capacity_is_sought_elsewhere_for_the_missing_alone(ground: Ground, whole: Whole) -> None:
    """Two GPUs are free although the catalogue says more: two nodes go there, the third to the next type."""
    ground.runpod.turn(capacity={LAB.gpu_types[0]: 2}, is_catalogue_stale=True)

    made = await whole.deploy(replace(LAB, gpu_types=(LAB.gpu_types[0], H100)))

    assert [H100, *LAB.gpu_types * 2] == sorted(node.offer.gpu_type for node in made.nodes)
    assert 3 == len(ground.runpod.pods)


@pytest.mark.parametrize(
    ("status", "times", "code"),
    [
        (401, None, "key_refused"),
        (402, 9, "no_balance"),
        pytest.param(403, 99, "forbidden", marks=pytest.mark.slow),
        (422, 9, "request_refused"),
    ],
)
async def test_a_refusal_is_told_for_what_it_is(
    ground: Ground, whole: Whole, status: int, times: int | None, code: str
) -> None:
    """The code of the trouble follows the provider's status; nothing is left that nobody knows of."""
    method = "" if status == 401 else "POST"
    fault = {"status": status, "method": method, "path": "/v2/pods*", "times": times, "detail": "no"}
    ground.runpod.turn(faults=[fault])

    with pytest.raises(DeployError) as caught:
        await whole.deploy()

    assert code == caught.value.trouble.code
    assert {} == ground.ids()


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429},
        pytest.param({"status": 500}, marks=pytest.mark.slow),
        pytest.param({"kind": "drop"}, marks=pytest.mark.slow),
        {"kind": "drop", "is_done": True},
    ],
)
async def test_what_passes_is_lived_through(ground: Ground, whole: Whole, fault: dict[str, object]) -> None:
    """Too many requests, an error of the server, a lost answer to a create that was done: one run, three pods."""
    ground.runpod.turn(faults=[{"method": "POST", "path": "/v2/pods", "times": 1, **fault}])

    made = await whole.deploy()

    assert (State.READY, 3) == (made.state, len(ground.runpod.pods))


async def test_a_lost_state_is_rebuilt(ground: Ground, whole: Whole) -> None:
    """Without Terraform's folder, the pods of the record are imported: none is made, none is ended."""
    await whole.deploy()
    before = ground.ids()
    for file in whole.deploys.folder("lab").terraform.glob("terraform.tfstate*"):
        file.unlink()

    made = await whole.deploy("lab")

    assert (State.READY, before) == (made.state, ground.ids())
    assert "is taken over" in whole.words()


@pytest.mark.slow
async def test_no_key_lies_anywhere(ground: Ground, whole: Whole) -> None:
    """After a whole life the key is in no file of the deployment and in no event."""
    await whole.deploy()
    await whole.scale(2)
    await whole.destroy()

    files = [path for path in whole.state_dir.rglob("*") if path.is_file() and not path.is_symlink()]
    told = json.dumps([event.text for event in whole.events])
    assert [] == [path for path in files if KEY.encode() in path.read_bytes()]
    assert KEY not in told
    assert all(path.stat().st_mode & 0o077 == 0 for path in files if ".terraform" not in str(path))
