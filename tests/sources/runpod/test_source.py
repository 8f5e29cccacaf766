"""Pods as a source: cost and state of every node, what somebody else ended, what nobody uses; seldom asked."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.config.settings import Deploy, Target
from app.domain.reading import NodeReading, Reading
from app.sources import registry
from app.sources.rented_targets import rented_targets
from app.sources.runpod.source import RunPodSource
from app.transport.scrape import ScrapeClient
from tests.standins.runpod.emulator import Emulator
from tests.tools.fake_clock import HastyClock

PREFIX = "gw-lab-0a1b2c3d-"
COST = "node.cost_per_hour"
NOW = 1_764_000_000.0


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(seed=7, knobs={"starting_after_s": 0.0, "running_after_s": 0.0}) as running:
        yield running


def create(emulator: Emulator, key: str) -> str:
    """Make a pod as Terraform would; returns its id."""
    body = {
        "name": f"{PREFIX}{key}",
        "image": "runpod/pytorch:2.8",
        "gpu": {"id": "NVIDIA L40S", "count": 2},
        "dataCenterIds": ["US-KS-2"],
    }
    headers = {"Authorization": f"Bearer {emulator.key}"}
    answer = httpx.post(f"{emulator.url}/v2/pods", json=body, headers=headers, trust_env=False)
    emulator.settle()
    return str(answer.json()["id"])


def record(state_dir: Path, state: str = "ready", **pods: str) -> None:
    """Write a deployment's record as the deploying room does, as far as it is read here."""
    folder = state_dir / "deployments" / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    offer = {"gpu_type": "NVIDIA L40S", "gpus": 2, "price_per_gpu": 0.86}
    nodes = [{"key": key, "name": f"lab-{key}", "pod_id": pod, "offer": offer} for key, pod in pods.items()]
    told = {"version": 1, "wish": {"name": "lab"}, "id": "0a1b2c3d", "state": state, "nodes": nodes}
    told["destroyed_at"] = NOW if state == "destroyed" else None
    (folder / "deployment.json").write_text(json.dumps(told))


async def source(state_dir: Path, environ: dict[str, str], deploy: Deploy | None = None) -> RunPodSource:
    """The source as the program makes it."""
    (target,) = rented_targets(deploy or Deploy(), state_dir / "deployments", environ, NOW)
    async with ScrapeClient() as client:
        made = registry.make(target, 5.0, client, HastyClock(), environ=environ, deploy=deploy)
    assert isinstance(made, RunPodSource)
    return made


def env(emulator: Emulator) -> dict[str, str]:
    return {"RUNPOD_API_KEY": emulator.key, "RUNPOD_API_BASE_URL": emulator.url}


def by_name(reading: Reading) -> dict[str, NodeReading]:
    assert reading.error is None
    return {node.name: node for node in reading.nodes}


async def test_nodes_have_cost_and_state(emulator: Emulator, tmp_path: Path) -> None:
    """Every node of a deployment is read from one request."""
    record(tmp_path, head=create(emulator, "head"), w1=create(emulator, "w1"))
    before = len(emulator.requests)
    runpod = await source(tmp_path, env(emulator))

    found = by_name(await runpod.read())
    await runpod.close()

    assert ["lab-head", "lab-w1"] == sorted(found)
    assert {COST: 1.72} == found["lab-w1"].values
    assert ("RUNNING", "", "US-KS-2", "lab", 2) == (
        *(found["lab-w1"].facts[key] for key in ("pod_status", "pod_note", "data_center", "deployment")),
        found["lab-w1"].gpus_expected,
    )
    assert 1 == len(emulator.requests) - before
    assert ("provider", 30.0) == (runpod.spec.kind, runpod.spec.interval_s)


async def test_pod_that_was_ended_outside_is_seen(emulator: Emulator, tmp_path: Path) -> None:
    """Terminated, it costs nothing and is told of; stopped, it is told that its disk is billed on."""
    record(tmp_path, head=create(emulator, "head"), w1=create(emulator, "w1"), w2=create(emulator, "w2"))
    emulator.end_outside(f"{PREFIX}w1")
    emulator.end_outside(f"{PREFIX}w2", "EXITED")
    runpod = await source(tmp_path, env(emulator))

    found = by_name(await runpod.read())
    await runpod.close()

    assert ("TERMINATED", "was terminated outside") == tuple(
        found["lab-w1"].facts[key] for key in ("pod_status", "pod_note")
    )
    assert {COST: 0.0} == found["lab-w1"].values
    assert "was stopped outside; its disk is still billed" == found["lab-w2"].facts["pod_note"]
    assert "RUNNING" == found["lab-head"].facts["pod_status"]


async def test_our_own_work_is_not_taken_for_somebody_elses(emulator: Emulator, tmp_path: Path) -> None:
    """While a run changes a deployment, a pod that goes was ended by it, and one that comes is no orphan."""
    record(tmp_path, "deploying", w1="goneallready")
    create(emulator, "w2")
    runpod = await source(tmp_path, env(emulator))

    found = by_name(await runpod.read())
    await runpod.close()

    assert ["lab-w1"] == list(found)
    assert "was ended with its deployment" == found["lab-w1"].facts["pod_note"]


async def test_pod_that_no_node_uses_is_shown_with_its_cost(emulator: Emulator, tmp_path: Path) -> None:
    """A billed orphan of a deployment stands in the table; pods of other people do not."""
    record(tmp_path, head=create(emulator, "head"))
    create(emulator, "w9")
    runpod = await source(tmp_path, env(emulator))

    found = by_name(await runpod.read())
    await runpod.close()

    assert {COST: 1.72} == found[f"{PREFIX}w9"].values
    assert found[f"{PREFIX}w9"].facts["pod_note"].startswith("belongs to no node of lab and is billed")
    assert 2 == len(found)


async def test_destroyed_deployment_is_told_of_once_more(emulator: Emulator, tmp_path: Path) -> None:
    """Nodes that were shown are shown as ended, then no more; nothing of them stays in the header's cost."""
    pod = create(emulator, "head")
    record(tmp_path, head=pod)
    runpod = await source(tmp_path, env(emulator))
    await runpod.read()
    emulator.end_outside(pod)
    record(tmp_path, "destroyed")

    first, second = by_name(await runpod.read()), by_name(await runpod.read())
    await runpod.close()

    assert ({COST: 0.0}, "TERMINATED") == (first["lab-head"].values, first["lab-head"].facts["pod_status"])
    assert {} == second


async def test_node_that_was_lost_is_at_rest_once_its_deployment_is(emulator: Emulator, tmp_path: Path) -> None:
    """What was terminated outside is no trouble any more when the rest was destroyed."""
    record(tmp_path, w1="goneoutside")
    runpod = await source(tmp_path, env(emulator))

    lost = by_name(await runpod.read())
    record(tmp_path, "destroyed")
    rested = by_name(await runpod.read())
    await runpod.close()

    assert "was terminated outside" == lost["lab-w1"].facts["pod_note"]
    assert "was ended with its deployment" == rested["lab-w1"].facts["pod_note"]


async def test_provider_that_refuses_is_a_failed_reading(emulator: Emulator, tmp_path: Path) -> None:
    """The sentence says what to do; the next look reads the key anew."""
    record(tmp_path, head=create(emulator, "head"))
    file = tmp_path / "key"
    file.write_text("wrong\n")
    file.chmod(0o600)
    environ = {"RUNPOD_API_BASE_URL": emulator.url}
    runpod = await source(tmp_path, environ, Deploy(api_key_file=str(file)))

    refused = await runpod.read()
    file.write_text(f"{emulator.key}\n")
    taken = await runpod.read()
    await runpod.close()

    assert refused.error is not None
    assert "deploy.api_key_file" in refused.error
    assert ["lab-head"] == list(by_name(taken))


async def test_loose_key_file_is_told_of(emulator: Emulator, tmp_path: Path) -> None:
    """A key that everybody can read is not used."""
    record(tmp_path, head="abc")
    file = tmp_path / "key"
    file.write_text(emulator.key)
    file.chmod(0o644)
    runpod = await source(tmp_path, {}, Deploy(api_key_file=str(file)))

    reading = await runpod.read()

    assert reading.error is not None
    assert "chmod 600" in reading.error


def test_source_is_there_with_a_deployment_and_a_key(tmp_path: Path) -> None:
    """Neither alone is enough, and one that is proved to be gone for ten minutes needs no source."""
    key, folder = {"RUNPOD_API_KEY": "rpa_x"}, tmp_path / "deployments"
    assert () == rented_targets(Deploy(), folder, key, NOW)
    record(tmp_path, "failed", head="abc")
    expected = Target(url=f"runpod:{folder}", name="runpod", interval_s=30.0, timeout_s=5.0)
    assert (expected,) == rented_targets(Deploy(), folder, key, NOW)
    assert (expected,) == rented_targets(Deploy(api_key_file="key"), folder, {}, NOW)
    assert () == rented_targets(Deploy(), folder, {}, NOW)
    record(tmp_path, "destroyed")
    assert (expected,) == rented_targets(Deploy(), folder, key, NOW + 599)
    assert () == rented_targets(Deploy(), folder, key, NOW + 600)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{", '{"wish": 7}', '{"wish": {"name": "../x"}, "id": "1"}', "[" * 99999]
)
async def test_record_that_is_none_is_passed_over(tmp_path: Path, text: str) -> None:
    """What `deploy` tells of costs no reading here."""
    record(tmp_path, head="abc")
    (tmp_path / "deployments" / "lab" / "deployment.json").write_text(text)
    async with ScrapeClient() as client:
        target = Target(url=f"runpod:{tmp_path}/deployments", name="runpod")
        runpod = registry.make(target, 5.0, client, HastyClock(), environ={"RUNPOD_API_KEY": "rpa_x"})

    reading = await runpod.read()

    assert (None, ()) == (reading.error, reading.nodes)
