"""The stand-in provider does what the real one is known to do, under the real Terraform."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.standins.runpod.emulator import Emulator
from tests.standins.runpod.workbench import Workbench

pytestmark = pytest.mark.real("terraform")

CREATE_TIME = (
    *("template_id", "start_ssh", "start_jupyter", "allowed_cuda_versions", "min_cuda_version", "min_ram_per_gpu"),
    *("min_vcpu_count_per_gpu", "data_center_ids"),
)
"""What the provider only sends at create and never reads back."""
POD_INPUTS = (
    *("name", "image", "gpu_type_id", "gpu_count", "cpu_type_id", "vcpu_count", "cloud", "disk", "args", "ports"),
    *("env", "registry", "global_networking", "persistent_volume", "network_volumes", "desired_state", *CREATE_TIME),
)
POD_TOLD = ("id", "status", "created_at", "cost", "data_center_id", "memory_in_gb", "locked", "cluster_ip")
PODS = """
variable "nodes" {
  type    = set(string)
  default = ["head", "w1"]
}
variable "image" {
  default = "runpod/base:1"
}
resource "runpod_pod" "node" {
  for_each      = var.nodes
  name          = "lab-${each.key}"
  image         = var.image
  gpu_type_id   = "NVIDIA L40S"
  ports         = ["22/tcp"]
  env           = { PUBLIC_KEY = "ssh-ed25519 AAAA" }
  desired_state = "RUNNING"
}
output "ids" {
  value = { for key, pod in runpod_pod.node : key => pod.id }
}
"""
HEAD, WORKER = 'runpod_pod.node["head"]', 'runpod_pod.node["w1"]'


@pytest.fixture
def runpod() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def bench(runpod: Emulator, tmp_path: Path) -> Workbench:
    bench = Workbench(tmp_path / "work", runpod)
    bench.write(PODS)
    return bench


def ids(runpod: Emulator) -> dict[str, str]:
    """Pod ids by name."""
    return {pod.name: pod.id for pod in runpod.pods.values()}


def test_a_mirror_serves_a_real_init(runpod: Emulator, tmp_path: Path) -> None:
    """With a mirror, init finds and locks the provider, and what it locked still holds at every later command."""
    bench = Workbench(tmp_path / "work", runpod, is_mirror=True)
    bench.write(PODS)
    runs = [bench.run("init", "-input=false"), bench.apply(), bench.run("plan", "-json", "-detailed-exitcode")]

    assert [0, 0, 0] == [run.status for run in runs], runs[-1].text
    assert 'provider "registry.terraform.io/runpod/runpod"' in (bench.folder / ".terraform.lock.hcl").read_text()
    assert ["lab-head", "lab-w1"] == sorted(ids(runpod))


def test_the_schema_is_that_of_the_real_one(bench: Workbench) -> None:
    """Names, and what must and what cannot be set, are as the real provider's second version has them."""
    found = json.loads(bench.run("providers", "schema", "-json").text)["provider_schemas"]
    provider = found["registry.terraform.io/runpod/runpod"]
    attributes = provider["resource_schemas"]["runpod_pod"]["block"]["attributes"]
    volume = provider["resource_schemas"]["runpod_network_volume"]["block"]["attributes"]

    assert sorted(POD_INPUTS + POD_TOLD) == sorted(attributes)
    assert {"name", "image"} == {name for name, each in attributes.items() if each.get("required")}
    assert set(POD_TOLD) == {name for name, each in attributes.items() if not each.keys() & {"required", "optional"}}
    assert {"name", "size", "data_center", "type", "id"} == set(volume)
    assert {"api_key", "base_url", "graphql_url"} == set(provider["provider"]["block"]["attributes"])


def test_what_is_sent_is_what_was_wished(bench: Workbench, runpod: Emulator) -> None:
    """One request makes one pod, with exactly what the configuration says."""
    run = bench.apply()
    pod = next(pod for pod in runpod.pods.values() if pod.name == "lab-w1")

    assert 0 == run.status, run.errors
    assert {
        "name": "lab-w1",
        "image": "runpod/base:1",
        "cloud": "SECURE",
        "disk": 50,
        "ports": ["22/tcp"],
        "env": {"PUBLIC_KEY": "ssh-ed25519 AAAA"},
        "globalNetworking": False,
        "gpu": {"id": "NVIDIA L40S", "count": 1},
    } == pod.body
    assert 2 == sum(each["method"] == "POST" for each in runpod.requests)


def test_drift_is_found_and_repaired(bench: Workbench, runpod: Emulator) -> None:
    """A pod terminated outside is created anew, one stopped outside is started, and then there is nothing to do."""
    bench.apply()
    runpod.end_outside("lab-head", "EXITED")
    runpod.end_outside("lab-w1")
    plan = bench.run("plan", "-json")
    bench.apply()
    after = bench.run("plan", "-json", "-detailed-exitcode")

    assert {HEAD: "update", WORKER: "create"} == plan.changes()
    assert {HEAD: "update", WORKER: "delete"} == plan.changes("resource_drift")
    assert (0, ["lab-head", "lab-w1"]) == (after.status, sorted(ids(runpod)))


def test_an_image_changes_in_place_and_a_gpu_type_does_not(bench: Workbench, runpod: Emulator) -> None:
    """Another image is an update of the same pod; another GPU type replaces it."""
    bench.apply("-var", 'nodes=["head"]')
    before = ids(runpod)
    updated = bench.apply("-var", 'nodes=["head"]', "-var", "image=runpod/base:2")
    after = ids(runpod)
    bench.write(PODS.replace("NVIDIA L40S", "NVIDIA H200"))
    plan = bench.run("plan", "-json", "-var", 'nodes=["head"]', "-var", "image=runpod/base:2")

    assert (0, {HEAD: "update"}, before) == (updated.status, updated.changes(), after)
    assert "runpod/base:2" == bench.state["runpod_pod.node[head]"]["image"]
    assert {HEAD: "replace"} == plan.changes()


long = partial(pytest.param, marks=pytest.mark.slow)
"""The driver's and the deployment's own tests see the same refusals through it."""


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        pytest.param(
            {"capacity": {"NVIDIA L40S": 0}}, "HTTP 400: There are no longer any instances available", id="400"
        ),
        long({"balance": 0.0}, "HTTP 402: insufficient balance", id="402"),
        long({"forbidden": ["NVIDIA L40S"]}, "HTTP 403: your account does not have access", id="403"),
        long({"faults": [{"status": 429, "times": None, "detail": "slow down"}]}, "HTTP 429: slow down", id="429"),
        long({"faults": [{"status": 502, "kind": "page", "times": None}]}, "HTTP 502: <html>", id="502"),
        long({"faults": [{"kind": "drop", "times": None}]}, "POST /v2/pods: ", id="dropped"),
    ],
)
def test_a_refusal_is_told_in_the_apis_words(
    bench: Workbench, runpod: Emulator, knobs: dict[str, object], words: str
) -> None:
    """What the API says reaches the diagnostic, and no pod is in the state."""
    runpod.turn(**knobs)
    run = bench.apply("-var", 'nodes=["head"]')
    expected = f"Unable to create pod: {words}"

    assert 1 == run.status
    assert [expected] == [error[: len(expected)] for error in run.errors]
    assert ({}, {}) == (bench.state, runpod.pods)


def test_partial_failure_keeps_what_exists(bench: Workbench, runpod: Emulator) -> None:
    """With room for one of two, one is in the state; the next apply makes the missing one only."""
    runpod.turn(capacity={"NVIDIA L40S": 1})
    first = bench.apply()
    kept = ids(runpod)
    runpod.turn(capacity={})
    second = bench.apply()

    assert (1, 0) == (first.status, second.status)
    assert 1 == len(kept)
    assert kept.items() <= ids(runpod).items()
    assert 2 == len(bench.state)


def test_what_could_not_be_changed_stays_as_it_was(bench: Workbench, runpod: Emulator) -> None:
    """A failed update and a failed delete both leave the pod in the state."""
    bench.apply("-var", 'nodes=["head"]')
    runpod.turn(faults=[{"status": 500, "method": method} for method in ("PATCH", "DELETE")])
    updated = bench.apply("-var", 'nodes=["head"]', "-var", "image=runpod/base:2")
    deleted = bench.run("destroy", "-auto-approve", "-json")

    assert (1, 1) == (updated.status, deleted.status)
    assert "runpod/base:1" == bench.state["runpod_pod.node[head]"]["image"]
    assert 0 == bench.run("destroy", "-auto-approve", "-json").status
    assert ({}, {}) == (bench.state, runpod.pods)


def test_an_import_knows_nothing_of_create_time(bench: Workbench, runpod: Emulator) -> None:
    """An adopted pod would be replaced for each create-time attribute that is set, and only for those."""
    bench.apply("-var", 'nodes=["head"]')
    pod_id = ids(runpod)["lab-head"]
    bench.run("state", "rm", HEAD)
    adopted = bench.run("import", "-var", 'nodes=["head"]', HEAD, pod_id)
    same = bench.run("plan", "-json", "-var", 'nodes=["head"]')
    bench.write(PODS.replace('"RUNNING"', '"RUNNING"\n  data_center_ids = ["US-KS-2"]'))
    other = bench.run("plan", "-json", "-var", 'nodes=["head"]')

    assert 0 == adopted.status, adopted.text
    assert ({}, {HEAD: "replace"}) == (same.changes(), other.changes())


def test_a_volume_outlives_its_pods(bench: Workbench, runpod: Emulator) -> None:
    """It is made first, mounted by its id, grown in place, and deleted last."""
    configuration = """
    resource "runpod_network_volume" "models" {
      name        = "lab-models"
      size        = SIZE
      data_center = "US-KS-2"
    }
    resource "runpod_pod" "head" {
      name            = "lab-head"
      image           = "runpod/base:1"
      gpu_type_id     = "NVIDIA L40S"
      network_volumes = [{ volume_id = runpod_network_volume.models.id, path = "/models" }]
      desired_state   = "RUNNING"
    }
    """
    bench.write(configuration.replace("SIZE", "50"))
    made = bench.apply()
    volume_id = next(iter(runpod.volumes))
    mounts = next(iter(runpod.pods.values())).body["mounts"]
    bench.write(configuration.replace("SIZE", "100"))
    grown = bench.apply()
    size = runpod.volumes[volume_id]["size"]
    gone = bench.run("destroy", "-auto-approve", "-json")

    assert (0, 0, 0) == (made.status, grown.status, gone.status), made.errors + grown.errors + gone.errors
    assert {"network": [{"volumeId": volume_id, "path": "/models"}]} == mounts
    assert ({"runpod_network_volume.models": "update"}, 100) == (grown.changes(), size)
    assert ({}, {}) == (runpod.pods, runpod.volumes)


def test_data_sources_read_what_resources_do_not(bench: Workbench) -> None:
    """The data source of a pod has its ssh and its private name; the catalogue has types and data centres."""
    bench.write(
        PODS
        + """
        data "runpod_pod" "head" { id = runpod_pod.node["head"].id }
        data "runpod_gpu_types" "all" {}
        data "runpod_data_centers" "all" {}
        output "proxy" { value = data.runpod_pod.head.ssh.proxy }
        output "types" { value = [for each in data.runpod_gpu_types.all.gpu_types : each.id] }
        output "private" {
          value = [for each in data.runpod_data_centers.all.data_centers : each.id if each.global_network]
        }
        """
    )
    run = bench.apply()
    outputs = json.loads(bench.run("output", "-json").text)

    assert 0 == run.status, run.errors
    assert "NVIDIA L40S" in outputs["types"]["value"]
    assert "US-KS-2" in outputs["private"]["value"]
    assert "AP-JP-1" not in outputs["private"]["value"]


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"RUNPOD_API_BASE_URL": "https://api.runpod.io"}, "refuses an address that is not loopback"),
        ({"RUNPOD_API_BASE_URL": ""}, "needs RUNPOD_API_BASE_URL"),
        ({"RUNPOD_API_KEY": ""}, "Missing RunPod API Key"),
    ],
    ids=["public", "no address", "no key"],
)
def test_nothing_is_rented_by_accident(bench: Workbench, environ: dict[str, str], words: str) -> None:
    """The stand-in talks to loopback only, and wants a key like the real one."""
    bench.environ |= environ
    run = bench.run("plan", "-json")

    assert 1 == run.status
    assert words in run.errors[0]
