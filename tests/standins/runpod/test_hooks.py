"""Hooks play the containers of emulated pods: something real may stand behind each of them."""

from __future__ import annotations

from threading import Event

import pytest

from app.domain.deployment import Address
from tests.standins.runpod.conftest import client_of, wish
from tests.standins.runpod.emulator import Emulator
from tests.standins.runpod.pods import FakePod

QUICK = {"starting_after_s": 0.0, "running_after_s": 0.0}


def test_a_hook_says_where_its_pod_is() -> None:
    """A pod runs once its hook has returned, at the address that the hook gave."""
    may_go = Event()

    def on_create(pod: FakePod) -> Address:
        assert may_go.wait(5)
        return Address("127.0.0.1", 2222)

    with Emulator(knobs=QUICK, on_create=on_create) as runpod, client_of(runpod) as client:
        pod_id = client.post("/v2/pods", json=wish()).json()["id"]
        before = client.get(f"/v2/pods/{pod_id}").json()
        may_go.set()
        runpod.settle()
        after = client.get(f"/v2/pods/{pod_id}").json()

    assert ("STARTING", None) == (before["status"], before["ssh"]["direct"])
    assert ("RUNNING", 2222) == (after["status"], after["ssh"]["direct"]["port"])


def test_a_hook_sees_what_its_pod_is_to_be() -> None:
    """It is given the pod's name, image and GPUs, and the environment of its processes."""
    seen: list[FakePod] = []

    with Emulator(knobs=QUICK, on_create=seen.append) as runpod, client_of(runpod) as client:
        body = wish(gpu={"id": "NVIDIA H200", "count": 8}, env={"PUBLIC_KEY": "k"}, globalNetworking=True)
        client.post("/v2/pods", json=body)
        runpod.settle()

    pod = seen[0]
    assert ("lab-head", "runpod/base:1", "NVIDIA H200", 8) == (pod.name, pod.image, pod.gpu_type, pod.gpus)
    assert (pod.id, "8", "k") == tuple(
        pod.container_env[name] for name in ("RUNPOD_POD_ID", "RUNPOD_GPU_COUNT", "PUBLIC_KEY")
    )
    assert f"{pod.id}.runpod.internal" == pod.private_name


@pytest.mark.parametrize("state", ["TERMINATED", "EXITED", "ERROR"])
def test_each_start_is_ended_once(state: str) -> None:
    """However a pod ends, its hook is told once; what still runs ends with the emulator."""
    happened: list[str] = []
    with Emulator(
        knobs=QUICK,
        on_create=lambda pod: happened.append(f"begin {pod.name}"),
        on_end=lambda pod: happened.append(f"end {pod.name}"),
    ) as runpod:
        with client_of(runpod) as client:
            client.post("/v2/pods", json=wish("first"))
            client.post("/v2/pods", json=wish("second"))
        runpod.end_outside("first", state)
        runpod.settle()
        before = sorted(happened)

    assert ["begin first", "begin second", "end first"] == before
    assert ["begin first", "begin second", "end first", "end second"] == sorted(happened)


def test_a_restart_ends_and_begins() -> None:
    """Restart and stop with start each end the container before the next one begins."""
    happened: list[str] = []
    with (
        Emulator(
            knobs=QUICK, on_create=lambda pod: happened.append("begin"), on_end=lambda pod: happened.append("end")
        ) as runpod,
        client_of(runpod) as client,
    ):
        pod_id = client.post("/v2/pods", json=wish()).json()["id"]
        for action in ("restart", "stop", "start"):
            runpod.settle()
            client.post(f"/v2/pods/{pod_id}/action", json={"action": action})

    assert ["begin", "end", "begin", "end", "begin", "end"] == happened


def test_a_pod_that_nobody_can_play_is_in_error() -> None:
    """A hook that fails leaves its pod in ERROR, with the reason in its log."""

    def on_create(pod: FakePod) -> Address:
        raise OSError("no room for another namespace")

    with Emulator(knobs=QUICK, on_create=on_create) as runpod, client_of(runpod) as client:
        pod_id = client.post("/v2/pods", json=wish()).json()["id"]
        runpod.settle()
        status = client.get(f"/v2/pods/{pod_id}").json()["status"]
        log = [line for _, _, line in runpod.pods[pod_id].lines]

    assert "ERROR" == status
    assert "OSError: no room for another namespace" in log


def test_what_is_to_go_wrong_never_begins() -> None:
    """A pod that is to be stuck or to break has no container."""
    happened: list[str] = []
    knobs = QUICK | {"fates": [{"kind": "stuck"}]}
    with (
        Emulator(knobs=knobs, on_create=lambda pod: happened.append(pod.name)) as runpod,
        client_of(runpod) as client,
    ):
        client.post("/v2/pods", json=wish())

    assert [] == happened
