"""What goes wrong under an apply or a plan: each error is joined to its node, and says what kind of failure it is."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from app.domain.refusals import kind_in
from app.services.deploy.ports import InfraError
from tests.real.terraform.ground import KEY, PUBLIC_KEY, Ground, actions, wished

pytestmark = pytest.mark.real("terraform")

KINDS = {
    400: "request",
    401: "auth",
    402: "payment",
    403: "forbidden",
    422: "invalid",
    429: "busy",
    500: "server",
}


async def test_each_refused_create_is_joined_to_its_node(ground: Ground) -> None:
    """Eight creates, seven refused, each in another way: seven nodes have an error that tells its kind, one a pod."""
    terraform = await ground.ready(len(KINDS) + 1)
    plan = await terraform.plan()
    ground.runpod.turn(faults=[{"status": status, "method": "POST", "detail": "no luck"} for status in KINDS])

    applied = await terraform.apply(plan, ground.tell)

    assert (False, False) == (applied.ok, applied.was_interrupted)
    failed = [key for key, _ in applied.errors]
    assert set(wished(len(KINDS) + 1).wish.keys) == {*failed, *applied.pods}
    assert len(KINDS) == len(failed)
    assert ground.ids() == applied.pods
    assert sorted(KINDS.values()) == sorted(kind_in(words) for _, words in applied.errors)
    assert all("no luck" in words for _, words in applied.errors)


async def test_missing_capacity_leaves_what_was_made(ground: Ground) -> None:
    """With room for two of four, two pods stay, known to all, two nodes have errors, and a next run makes those two."""
    ground.runpod.turn(capacity={"NVIDIA RTX A6000": 2})
    terraform = await ground.ready(4)

    applied = await ground.changed(terraform)

    assert not applied.ok
    assert 2 == len(applied.pods) == len(applied.errors)
    assert {"head", "w1", "w2", "w3"} == {*applied.pods, *(key for key, _ in applied.errors)}
    assert {"capacity"} == {kind_in(words) for _, words in applied.errors}
    ground.runpod.turn(capacity={})
    assert 2 == len((plan := await terraform.plan()).changes)
    assert (await terraform.apply(plan, ground.tell)).ok
    assert ["head", "w1", "w2", "w3"] == ground.names()


async def test_create_that_ends_without_an_answer_is_an_error_of_its_node(ground: Ground) -> None:
    """The pod exists, its answer never came: the node has a network error, and only the account knows the pod."""
    terraform = await ground.ready(1)
    plan = await terraform.plan()
    ground.runpod.turn(faults=[{"kind": "drop", "method": "POST", "is_done": True}])

    applied = await terraform.apply(plan, ground.tell)

    assert not applied.ok
    assert ["head"] == [key for key, _ in applied.errors]
    assert {} == applied.pods
    assert ["head"] == ground.names()


async def test_failed_destroy_keeps_the_pod_in_the_state(ground: Ground) -> None:
    """What could not be ended is still known, and ended by the next run."""
    terraform = await ground.up(2)
    plan = await terraform.plan(destroy=True)
    ground.runpod.turn(faults=[{"status": 500, "method": "DELETE", "path": "/v2/pods*", "times": None}])

    applied = await terraform.apply(plan, ground.tell)

    assert not applied.ok
    assert ground.ids() == applied.pods
    ground.runpod.turn(faults=[])
    assert (await ground.changed(terraform, destroy=True)).ok
    assert [] == ground.names()


async def test_wrong_key_fails_the_plan_by_its_kind(ground: Ground) -> None:
    """A key that is no longer good is an error of kind `auth`, with the provider's words."""
    await ground.up(1)
    terraform = ground.terraform(key="rpa_other")
    await terraform.prepare(wished(1), PUBLIC_KEY)

    with pytest.raises(InfraError) as caught:
        await terraform.plan()

    assert "auth" == caught.value.kind
    assert "401" in str(caught.value)


async def test_stale_plan_is_refused_and_changes_nothing(ground: Ground) -> None:
    """A plan made before the state changed is not applied; neither is one whose file is gone."""
    terraform = await ground.ready(2)
    old = await terraform.plan()
    kept = Path(shutil.copy(old.file, ground.home / "old"))
    assert (await terraform.apply(old, ground.tell)).ok
    shutil.move(kept, old.file)

    with pytest.raises(InfraError) as stale:
        await terraform.apply(old, ground.tell)
    shutil.move(old.file, kept)
    with pytest.raises(InfraError) as gone:
        await terraform.apply(old, ground.tell)

    assert ("stale", "stale") == (stale.value.kind, gone.value.kind)
    assert ["head", "w1"] == ground.names()


async def test_second_run_waits_for_the_first_and_then_gives_up(ground: Ground) -> None:
    """While one applies, another is told who holds the state after its patience; with more of it, it gets its turn."""
    first = await ground.ready(2)
    plan = await first.plan()
    ground.runpod.turn(create_delay_s=6)
    apply = asyncio.create_task(first.apply(plan, ground.tell))
    await ground.begun.wait()

    with pytest.raises(InfraError, match="another Terraform works on this deployment") as caught:
        await ground.terraform(lock_timeout_s=0).plan()
    patient = await ground.terraform(lock_timeout_s=30).plan()

    assert "locked" == caught.value.kind
    assert (await apply).ok
    assert patient.is_empty


async def test_lost_provider_is_fetched_again(ground: Ground) -> None:
    """Somebody cleaned `.terraform` away: a plan initialises it anew by itself."""
    ground.way = "mirror"
    terraform = await ground.up(1)
    shutil.rmtree(ground.folder / ".terraform")

    assert (await terraform.plan()).is_empty


async def test_provider_that_cannot_be_had_is_an_error_of_init(ground: Ground) -> None:
    """No mirror, no registry: what Terraform says about it is passed on."""
    ground.way = "mirror"
    shutil.rmtree(ground.home, ignore_errors=True)
    ground.home.mkdir()
    terraform = ground.terraform()
    shutil.rmtree(ground.home / "mirror" / "registry.terraform.io")

    with pytest.raises(InfraError) as caught:
        await terraform.prepare(wished(1), PUBLIC_KEY)

    assert "init" == caught.value.kind
    assert "runpod/runpod" in str(caught.value)


async def test_pods_are_told_without_any_provider(ground: Ground) -> None:
    """The state is read though the provider is gone: what is billed can always be said."""
    await ground.up(2)
    shutil.rmtree(ground.home / "provider")

    assert ground.ids() == await ground.terraform().pods()


async def test_broken_file_of_the_user_is_an_error_of_theirs(ground: Ground, tmp_path: Path) -> None:
    """An overlay that Terraform refuses names its file and line, and nothing is planned."""
    overlay = tmp_path / "mine"
    overlay.mkdir()
    (overlay / "more.tf").write_text('output "x" {\n  value = runpod_pod.nosuch.id\n}\n')
    terraform = ground.terraform(overlay=str(overlay))
    await terraform.prepare(wished(1), PUBLIC_KEY)

    with pytest.raises(InfraError, match=r"user_more\.tf:2") as caught:
        await terraform.plan()

    assert "config" == caught.value.kind


async def test_users_files_are_laid_beside_ours_and_taken_away_again(ground: Ground, tmp_path: Path) -> None:
    """An override changes a pod and a further resource is planned; without the overlay both are gone."""
    overlay = tmp_path / "mine"
    overlay.mkdir()
    (overlay / "a_override.tf").write_text('resource "runpod_pod" "head" {\n  disk = 77\n}\n')
    (overlay / "b.tf").write_text('resource "terraform_data" "note" {\n  input = "x"\n}\n')
    terraform = ground.terraform(overlay=str(overlay))
    await terraform.prepare(wished(1), PUBLIC_KEY)
    plan = await terraform.plan()

    assert {"head": "create", "terraform_data.note": "create"} == actions(plan)
    assert ("disk", "(none)", "77") in plan.changes[0].attributes
    assert {"head": "create"} == actions(await (await ground.ready(1)).plan())


async def test_key_is_found_nowhere(ground: Ground) -> None:
    """Not in state, plans, variables, logs, what was told, or an error, though a provider repeats it in its words."""
    terraform = await ground.up(2)
    ground.runpod.turn(faults=[{"status": 422, "method": "POST", "detail": f"key {KEY} may not"}])
    await terraform.prepare(wished(3), PUBLIC_KEY)

    applied = await ground.changed(terraform)

    assert "key *** may not" in applied.errors[0][1]
    found = [file for file in ground.folder.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]
    assert [] == found
    assert KEY not in f"{ground.told} {ground.logged} {applied}"


async def test_key_is_in_no_command_line_while_it_works(ground: Ground) -> None:
    """Everybody on the machine can read a process's words; the key is in Terraform's environment alone."""
    ground.runpod.turn(create_delay_s=2)
    terraform = await ground.ready(1)
    apply = asyncio.create_task(terraform.apply(await terraform.plan(), ground.tell))
    await ground.begun.wait()

    words = [command for process in all_processes() if (command := cmdline(process))]
    assert (await apply).ok

    assert any(b"apply.tfplan" in command for command in words)
    assert [] == [command for command in words if KEY.encode() in command]


def all_processes() -> list[Path]:
    """Their folders under /proc."""
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def cmdline(process: Path) -> bytes:
    """A process's words; nothing where it is gone."""
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
