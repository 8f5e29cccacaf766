"""The table of what goes wrong: every row is provoked, and ends with what happened, what is billed, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.config.settings import Deploy, Settings
from app.domain.deployment import PodStatus, Step, Told, Wish
from app.services.deploy import marks
from app.services.deploy.plans import Options
from app.services.deploy.ports import DeployError, GpusSeen, InfraError
from app.services.deploy.secrets import provider_key
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.world import NO_CAPACITY, provider_error

A_MINUTE = Options(retry_s=60.0)


@dataclass(frozen=True)
class Case:
    """How a trouble is provoked."""

    code: str
    prepare: Callable[[Stage], None] = lambda _stage: None
    wish: Wish = LAB
    options: Options = A_MINUTE
    verb: str = "deploy"
    up_first: bool = False
    per_hour: float | None = None
    """$/h that is billed on afterwards; None: 0."""


def infra(kind: str, point: str = "plan") -> Callable[[Stage], None]:
    """Terraform fails in a way."""
    return lambda stage: stage.world.answers.update({point: [InfraError(f"Terraform: {kind}", kind)] * 999})


def provider(kind: str, point: str = "pods") -> Callable[[Stage], None]:
    """The provider fails in a way."""
    return lambda stage: stage.world.answers.update({point: [provider_error(kind)] * 99})


def refusal(words: str, key: str = "w1") -> Callable[[Stage], None]:
    """A create is refused with these words, each time."""
    return lambda stage: stage.world.refusals.update({key: [words] * 99})


def on_pod(method: str, node: str, code: str) -> Callable[[Stage], None]:
    """The hands fail on a node, as they do with that code."""
    told = marks.trouble(code, node, f"{node} says {code}")
    return lambda stage: stage.world.troubles.update({(method, node): told})


def always(kind: PodStatus | None) -> Callable[[Stage], None]:
    """The worker's pods end as soon as they are there: in a status, or altogether."""

    def strike(stage: Stage) -> None:
        def at(name: str) -> None:
            for pod in tuple(stage.world.pods.values()):
                if name == "pods" and pod.name.endswith("w1") and pod.id in stage.world.state.values():
                    if kind is None:
                        del stage.world.pods[pod.id]
                    else:
                        stage.world.pods[pod.id] = replace(pod, status=kind)

        stage.world.at_point = at

    return strike


def unplaceable(stage: Stage) -> None:
    stage.world.offers = ()


def priceless(stage: Stage) -> None:
    stage.world.offers = tuple(replace(offer, price_per_gpu=None) for offer in stage.world.offers)


def slow(stage: Stage) -> None:
    stage.world.ready_after_s = 1e9


def unmapped(stage: Stage) -> None:
    listed = stage.world.listed
    stage.world.becomes = dict.fromkeys(("head", "w1", "w2"), PodStatus.RUNNING)
    assert listed() == ()


def too_few(stage: Stage) -> None:
    stage.world.sick["lab-w1"] = GpusSeen(0)


def sick(stage: Stage) -> None:
    stage.world.sick["lab-w1"] = GpusSeen(1, "H100", ("GPU 0: Xid 79, it has fallen off the bus",))


def undying(stage: Stage) -> None:
    stage.world.undying = set(stage.world.pods)


def silent_after_terraform(stage: Stage) -> None:
    def at(name: str) -> None:
        if name == "deleted":
            stage.world.answers["pods"] = [provider_error("network")] * 999

    stage.world.at_point = at


def volume_that_stays(stage: Stage) -> None:
    made = stage.deploys.read("lab")

    def at(name: str) -> None:
        stage.world.volumes["v1"] = f"{made.prefix}cache"

    stage.world.at_point = at


def broken_record(stage: Stage) -> None:
    stage.deploys.folder("lab").record.write_text("{", "utf-8")


def full_disk(stage: Stage) -> None:
    stage.world.at_point = lambda name: stage.world.answers.update(
        {"apply": [OSError(28, "No space left on device", "deployment.json")]}
    )


def stubborn_job(stage: Stage) -> None:
    stage.world.jobs = {"lab-w2": ["7"] * 500}


def doubled(stage: Stage) -> None:
    """Terraform wants to replace what runs: somebody changed the variables behind our back."""
    made = stage.deploys.read("lab")
    pod_id = made.nodes[1].pod_id
    stage.world.at_point = lambda name: (
        stage.world.pods.update({pod_id: replace(stage.world.pods[pod_id], gpu_type="another")})
        if name == "plan"
        else None
    )


def moved(stage: Stage) -> None:
    """Terraform wants the network volume elsewhere."""
    stage.world.centers = dict.fromkeys(stage.world.centers, "EU-RO-1")


CASES = (
    Case("bad_wish", wish=Wish("lab", nodes=0)),
    Case("wish_differs", wish=replace(LAB, nodes=9), up_first=True),
    Case("key_refused", provider("auth")),
    Case("key_refused", infra("auth")),
    Case("forbidden", provider("forbidden")),
    Case("no_balance", refusal("HTTP 402 Payment Required"), per_hour=3.28),
    Case("no_terraform", infra("missing", "prepare")),
    Case("terraform_version", infra("version", "prepare")),
    Case("terraform_init", infra("init", "prepare")),
    Case("terraform_config", infra("config")),
    Case("terraform_locked", infra("locked")),
    Case("terraform_stale", infra("stale", "apply")),
    Case("plan_destroys", doubled, wish=LAB, up_first=True, per_hour=4.92),
    Case("plan_loses_volume", moved, wish=replace(LAB, volume_gb=10), up_first=True, per_hour=4.92),
    Case("over_budget", wish=replace(LAB, max_cost_per_hour=1.0)),
    Case("price_unknown", priceless, wish=replace(LAB, max_cost_per_hour=99.0)),
    Case("no_offer", unplaceable),
    Case("no_such", verb="status"),
    Case("record_broken", broken_record, up_first=True),
    Case("record_unwritable", full_disk),
    Case("no_capacity", refusal(NO_CAPACITY), per_hour=3.28),
    Case("request_refused", refusal("HTTP 422 Unprocessable Entity: unknown key"), per_hour=3.28),
    Case("rate_limited", refusal("HTTP 429 Too Many Requests"), per_hour=3.28),
    Case("provider_down", refusal("HTTP 502 Bad Gateway"), per_hour=3.28),
    Case("provider_down", provider("network")),
    Case("provider_conflict", provider("conflict", "offers")),
    Case("terraform_failed", infra("failed", "apply")),
    Case("terraform_killed", infra("interrupted", "apply")),
    Case("timeout", options=Options(timeout_s=0.0001)),
    Case("pod_error", always(PodStatus.ERROR), per_hour=6.07),
    Case("pod_gone", always(None), per_hour=3.28),
    Case("pod_never_ready", slow, per_hour=4.92),
    Case("no_address", unmapped, per_hour=4.92),
    Case("gpus_missing", too_few, per_hour=4.92),
    Case("gpus_sick", sick, per_hour=4.92),
    Case("no_pods", options=Options(skip_infra=True)),
    Case("jobs_running", stubborn_job, options=Options(jobs_s=10.0), verb="shrink", up_first=True, per_hour=4.92),
    Case("no_such_node", verb="replace", up_first=True, per_hour=4.92),
    Case("still_there", undying, verb="destroy", up_first=True, per_hour=4.92),
    Case("unproven", silent_after_terraform, verb="destroy", up_first=True, per_hour=4.92),
    Case("volume_stays", volume_that_stays, options=Options(volumes=True), verb="destroy", up_first=True),
    # On the pods: each with the code that its script gave.
    Case("ssh_refused", on_pod("reach", "lab-w1", "ssh_refused"), per_hour=4.92),
    Case("ssh_key_refused", on_pod("reach", "lab-w1", "ssh_key_refused"), per_hour=4.92),
    Case("disk_full", on_pod("install", "lab-w1", "disk_full"), per_hour=4.92),
    Case("apt_failed", on_pod("install", "lab-head", "apt_failed"), per_hour=4.92),
    Case("no_python", on_pod("install", "lab-w2", "no_python"), per_hour=4.92),
    Case("clock_skew", on_pod("form", "lab-head,lab-w1,lab-w2", "clock_skew"), per_hour=4.92),
    Case("munge_mismatch", on_pod("form", "lab-head,lab-w1,lab-w2", "munge_mismatch"), per_hour=4.92),
    Case("slurmd_failed", on_pod("run_job", "lab-head,lab-w1,lab-w2", "slurmd_failed"), per_hour=4.92),
    Case(
        "model_failed", on_pod("serve_model", "lab-head", "model_failed"), wish=replace(LAB, model="m"), per_hour=4.92
    ),
    Case(
        "model_refused", on_pod("serve_model", "lab-head", "model_refused"), wish=replace(LAB, model="m"), per_hour=4.92
    ),
)
ELSEWHERE = {
    "no_key": "test_without_a_key_it_is_said_where_one_goes",
    "no_hf_token": "test_a_token_that_cannot_be_read_is_told_before_anything_is_rented",
    "held": "test_one_run_at_a_time",
    "which_one": "test_without_a_name_the_only_one_is_meant",
    "interrupted": "test_an_interrupted_run_says_what_is_billed_and_goes_on",
    "step_timeout": "test_a_step_that_hangs_is_ended",
    "too_late": "test_after_its_time_to_live_it_is_not_gone_on_with",
    "not_formed": "test_what_was_never_formed_is_brought_up_first",
}


async def provoke(stage: Stage, case: Case) -> DeployError:
    """The error that a case ends with."""
    if case.up_first:
        await stage.deploy(case.wish if case.code != "wish_differs" else LAB)
        stage.events.clear()
    case.prepare(stage)
    with pytest.raises(DeployError) as caught:
        await do(stage, case)
    return caught.value


async def do(stage: Stage, case: Case) -> None:
    """The verb of a case."""
    match case.verb:
        case "deploy":
            again = case.up_first and case.code != "wish_differs"
            await stage.deploy("lab" if again else case.wish, case.options)
        case "destroy":
            await stage.destroy(options=case.options)
        case "shrink":
            await stage.scale(2, options=case.options)
        case "replace":
            await stage.replace("lab-w9")
        case _:
            await stage.deploys.status("lab")


@pytest.mark.parametrize("case", CASES, ids=[f"{one.code}-{number}" for number, one in enumerate(CASES)])
async def test_every_trouble_says_what_happened_what_is_billed_and_what_to_do(stage: Stage, case: Case) -> None:
    """The code is the row's, the remedy a whole sentence, and the last event says what costs money from now on."""
    error = await provoke(stage, case)
    stage.world.at_point = lambda _name: None

    trouble = error.trouble
    assert case.code == trouble.code
    assert trouble.what.endswith((".", "!", "?"))
    assert "{" not in trouble.next
    assert len(trouble.next) > 20
    if stage.events:
        failed, ended = stage.told(Told.FAILED)[-1], stage.events[-1]
        assert (trouble.what, trouble.next, trouble.code) == (failed.text, failed.data["next"], failed.data["code"])
        assert Told.ENDED is ended.told
        if case.code != "unproven":  # there the last that was known is told
            assert billed(stage) == pytest.approx(ended.per_hour or 0.0, abs=0.02)
        assert f"${ended.per_hour:.2f}/h until ended" in ended.text or not ended.per_hour
        assert (case.per_hour or 0.0) == pytest.approx(ended.per_hour or 0.0, abs=0.02)


def billed(stage: Stage) -> float:
    """$/h of what the provider really bills for."""
    return sum(pod.cost_per_hour or 0.0 for pod in stage.world.pods.values() if pod.is_billed)


def test_without_a_key_it_is_said_where_one_goes(tmp_path: Path) -> None:
    """Neither file nor variable, an unreadable file, a file everybody can read."""
    loose = tmp_path / "key"
    loose.write_text("rpa_x\n", encoding="utf-8")
    loose.chmod(0o644)

    for settings in (Settings(), *(Settings(deploy=Deploy(api_key_file=str(one))) for one in (loose, tmp_path / "no"))):
        with pytest.raises(DeployError) as caught:
            provider_key(settings, {})
        assert "no_key" == caught.value.trouble.code
    loose.chmod(0o600)
    assert "rpa_x" == provider_key(Settings(deploy=Deploy(api_key_file=str(loose))), {}).reveal()
    assert "rpa_y" == provider_key(Settings(), {"RUNPOD_API_KEY": "rpa_y"}).reveal()


async def test_after_its_time_to_live_it_is_not_gone_on_with(stage: Stage) -> None:
    """A deployment whose time is over is ended, or given more time; it is not silently gone on with."""
    await stage.deploy(replace(LAB, ttl_s=60.0))
    stage.world.clock.set(stage.world.clock.now() + 120)

    with pytest.raises(DeployError) as caught:
        await stage.deploy("lab")
    more = await stage.deploy(replace(LAB, ttl_s=600.0))

    assert "too_late" == caught.value.trouble.code
    assert stage.world.clock.now() < (more.deadline_at or 0.0)


async def test_a_step_that_hangs_is_ended(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step has a deadline of its own, whatever hangs in it."""
    monkeypatch.setattr("app.services.deploy.verb.STEP_S", dict.fromkeys(Step, 0.0))

    with pytest.raises(DeployError) as caught:
        await stage.deploy()

    assert "step_timeout" == caught.value.trouble.code
