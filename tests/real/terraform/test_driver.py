"""A deployment's life with the real Terraform: plan, apply, again, scale, replace, destroy; import and forget."""

from __future__ import annotations

import shutil
import stat

import pytest

from app.services.deploy.ports import InfraError
from app.services.terraform.workspace import Workspace
from tests.real.terraform.ground import A6000, H100, ID, PUBLIC_KEY, Ground, actions, wished

pytestmark = pytest.mark.real("terraform")


async def test_plan_shows_pods_and_money_and_changes_nothing(ground: Ground) -> None:
    """A first plan creates each node's pod at its price, and the provider has seen no request but reads."""
    terraform = await ground.ready(3)

    plan = await terraform.plan()

    assert {"head": "create", "w1": "create", "w2": "create"} == actions(plan)
    assert (0.0, 1.47) == (plan.per_hour_before, plan.per_hour_after)
    assert [0.49, 0.49, 0.49] == [change.price for change in plan.changes]
    assert ("gpu_type_id", "(none)", A6000) in plan.changes[0].attributes
    assert set() == {request["method"] for request in ground.runpod.requests} - {"GET"}


@pytest.mark.parametrize("way", ["mirror", pytest.param("dev_overrides", marks=pytest.mark.slow)])
async def test_apply_makes_what_was_planned_and_a_second_run_nothing(ground: Ground, way: str) -> None:
    """Each pod has its name, is told with its id at once, and is in the state; a new process finds nothing to do."""
    ground.way = way
    terraform = await ground.ready(3)

    applied = await terraform.apply(await terraform.plan(), ground.tell)

    assert applied.ok
    assert ground.ids() == applied.pods == await terraform.pods()
    assert {f"gw-lab-{ID}-{key}" for key in ("head", "w1", "w2")} == {pod.name for pod in ground.runpod.pods.values()}
    made = {node: more["pod"] for node, _, more in ground.told if more.get("stage") == "complete"}
    assert {f"lab-{key}": identity for key, identity in ground.ids().items()} == made
    assert 1.0 == ground.told[-1][2]["fraction"]
    again = await (await ground.ready(3)).plan()
    assert again.is_empty
    assert () == again.drift
    assert 1.47 == again.per_hour_before == again.per_hour_after


@pytest.mark.slow
async def test_scaling_keeps_the_nodes_that_stay(ground: Ground) -> None:
    """Out and in again: only pods of new keys are made and only those of dropped keys are ended."""
    terraform = await ground.up(2)
    first = ground.ids()
    await terraform.prepare(wished(4), PUBLIC_KEY)
    out = await terraform.plan()
    assert {"w2": "create", "w3": "create"} == actions(out)
    assert (await terraform.apply(out, ground.tell)).ok

    await terraform.prepare(wished(3, keys=("head", "w2", "w3")), PUBLIC_KEY)
    back = await terraform.plan()
    assert {"w1": "delete"} == actions(back)
    assert (await terraform.apply(back, ground.tell)).ok

    assert ["head", "w2", "w3"] == ground.names()
    assert first["head"] == ground.ids()["head"]


async def test_replacing_a_node_gives_it_another_pod_where_it_is_wanted_now(ground: Ground) -> None:
    """Only that node's pod changes, and its new data centre is asked for, which else is never changed."""
    terraform = await ground.up(3)
    before = ground.ids()
    await terraform.prepare(wished(3, data_center="US-TX-3"), PUBLIC_KEY)
    assert (await terraform.plan()).is_empty

    plan = await terraform.plan(replace=["w1"])
    applied = await terraform.apply(plan, ground.tell)

    assert {"w1": "replace"} == actions(plan)
    assert applied.ok
    after = ground.ids()
    assert before["w1"] != after["w1"] == applied.pods["w1"]
    assert (before["head"], before["w2"]) == (after["head"], after["w2"])
    assert "US-TX-3" == ground.runpod.pods[after["w1"]].body["dataCenterIds"][0]


@pytest.mark.slow
async def test_destroy_ends_every_pod(ground: Ground) -> None:
    """The plan names them all and costs nothing afterwards; then the provider and the state are empty."""
    terraform = await ground.up(3)

    plan = await terraform.plan(destroy=True)
    applied = await terraform.apply(plan, ground.tell)

    assert {"head": "delete", "w1": "delete", "w2": "delete"} == actions(plan)
    assert plan.is_destroy
    assert 0.0 == plan.per_hour_after
    assert (applied.ok, {}) == (True, applied.pods)
    assert [] == ground.names()
    assert (await terraform.plan(destroy=True)).is_empty


async def test_pod_can_be_forgotten_and_taken_in_again(ground: Ground) -> None:
    """A forgotten pod runs on; adopted again, nothing is to be changed; both may be repeated."""
    terraform = await ground.up(2)
    pod = ground.ids()["w1"]

    await terraform.forget("w1")
    await terraform.forget("w1")
    assert {"head"} == set(await terraform.pods())
    assert {"w1": "create"} == actions(await terraform.plan())
    await terraform.adopt("w1", pod)
    await terraform.adopt("w1", pod)

    assert pod == (await terraform.pods())["w1"]
    assert ["head", "w1"] == ground.names()
    assert not any(change.action in {"replace", "delete", "create"} for change in (await terraform.plan()).changes)


async def test_another_gpu_type_replaces_pods_but_those_of_unknown_make(ground: Ground) -> None:
    """The plan says why, at which price; beside the file that spares adopted pods, only a node that is named goes."""
    terraform = await ground.up(2)
    await terraform.prepare(wished(2, gpu_type=H100, price=2.69), PUBLIC_KEY)
    asked = await terraform.plan()
    assert {"head": "replace", "w1": "replace"} == actions(asked)
    assert ("gpu_type_id", A6000, H100) in asked.changes[0].attributes
    assert ("replace_because_cannot_update", 5.38) == (asked.changes[0].reason, asked.per_hour_after)
    Workspace(ground.folder).spare_adopted()

    assert (await terraform.plan()).is_empty
    assert {"w1": "replace"} == actions(plan := await terraform.plan(replace=["w1"]))
    assert (await terraform.apply(plan, ground.tell)).ok
    assert H100 == ground.runpod.pods[ground.ids()["w1"]].body["gpu"]["id"]


async def test_adopting_needs_a_free_node_and_a_pod_that_is_there(ground: Ground) -> None:
    """A node that has a pod takes no second one; a pod that nobody has is an error; a strange key never gets there."""
    terraform = await ground.up(2)
    with pytest.raises(InfraError, match="already managed"):
        await terraform.adopt("w1", ground.ids()["head"])
    await terraform.forget("w1")
    with pytest.raises(InfraError, match="import"):
        await terraform.adopt("w1", "nosuchpod")
    for key, pod in (('w1"] runpod_pod.head', "x"), ("-state=/tmp/x", "x"), ("w1", "-config=/tmp")):
        with pytest.raises(InfraError):
            await terraform.adopt(key, pod)


async def test_volume_is_made_with_the_head_and_can_outlive_it(ground: Ground) -> None:
    """A wished network volume is mounted in the head; off the state it survives a destroy, and is adopted back."""
    terraform = await ground.up(2, volume_gb=20)
    volume = await terraform.volume()
    assert [volume] == list(ground.runpod.volumes)
    assert f"gw-lab-{ID}-cache" == ground.runpod.volumes[volume]["name"]
    assert volume == ground.runpod.pods[ground.ids()["head"]].body["mounts"]["network"][0]["volumeId"]
    assert "mounts" not in ground.runpod.pods[ground.ids()["w1"]].body

    await terraform.forget("volume")
    await terraform.prepare(wished(2, volume_gb=20), PUBLIC_KEY)
    assert (await ground.changed(terraform, destroy=True)).ok
    assert ([], [volume]) == (ground.names(), list(ground.runpod.volumes))

    await terraform.adopt("volume", volume)
    plan = await terraform.plan()
    assert {"head": "create", "w1": "create"} == actions(plan)
    assert (await ground.changed(terraform)).ok
    assert (await ground.changed(terraform, destroy=True)).ok
    assert {} == ground.runpod.volumes


async def test_files_are_for_their_owner_alone(ground: Ground) -> None:
    """Whatever the process's umask: each file that we or Terraform wrote is 0600, each folder of ours 0700."""
    terraform = await ground.up(2)
    await terraform.forget("w1")
    await terraform.plan()

    files = [file for file in ground.folder.iterdir() if file.is_file()]

    assert "terraform.tfstate" in {file.name for file in files}
    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in files}
    assert 0o700 == stat.S_IMODE(ground.folder.stat().st_mode)


async def test_opentofu_is_driven_under_its_own_name(ground: Ground) -> None:
    """Where only `tofu` is on the path, that is run (here Terraform plays it: the commands are the same)."""
    bin_dir = ground.home / "bin"
    bin_dir.mkdir()
    (bin_dir / "tofu").symlink_to(str(shutil.which("terraform")))
    terraform = ground.terraform(path=f"{bin_dir}:/usr/bin:/bin")

    await terraform.prepare(wished(1), PUBLIC_KEY)

    assert {"head": "create"} == actions(await terraform.plan())
    assert any(line.startswith(f"$ {bin_dir / 'tofu'} plan") for line in ground.logged)
