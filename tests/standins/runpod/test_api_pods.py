"""Pods of the emulated API live as RunPod's contract says: placed, started, stopped, changed, gone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.standins.runpod.conftest import L40S, NOON, Rented

SHAPE = (
    *("id", "name", "status", "actions", "image", "args", "disk", "mounts", "ports", "env", "registry", "cloud"),
    *("dataCenterId", "cudaVersion", "template", "cost", "locked", "globalNetworking", "ssh", "runtime", "createdAt"),
    *("startedAt", "gpu"),
)


def test_create_answers_before_the_pod_runs(rented: Rented) -> None:
    """A create answers 201 with a pod that is PROVISIONING, in every field of the contract, and not reachable yet."""
    answer = rented.create(gpu={"id": L40S, "count": 2}, env={"PUBLIC_KEY": "ssh-ed25519 AAAA"})
    pod = answer.json()

    assert 201 == answer.status_code
    assert sorted(SHAPE) == sorted(pod)
    assert ("PROVISIONING", ["stop", "terminate"]) == (pod["status"], pod["actions"])
    assert {"proxy": None, "direct": None} == pod["ssh"]
    assert (None, None) == (pod["runtime"], pod["startedAt"])
    assert ({"id": L40S, "count": 2}, 2 * 0.86) == (pod["gpu"], pod["cost"])
    assert datetime.fromtimestamp(NOON, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") == pod["createdAt"]
    assert ({"enabled": False}, {"PUBLIC_KEY": "ssh-ed25519 AAAA"}) == (pod["globalNetworking"], pod["env"])


def test_a_pod_starts_then_runs(rented: Rented) -> None:
    """Its status goes PROVISIONING, STARTING, RUNNING, and its port 22 is mapped when it runs."""
    pod_id = rented.created()
    seen = []
    for seconds in (0, 1, 1):
        rented.later(seconds)
        seen.append(rented.pod(pod_id)["status"])
    pod = rented.pod(pod_id)

    assert ["PROVISIONING", "STARTING", "RUNNING"] == seen
    assert ("127.77.0.1", "root") == (pod["ssh"]["direct"]["host"], pod["ssh"]["direct"]["username"])
    assert [{"private": 22, "public": pod["ssh"]["direct"]["port"], "type": "tcp", "ip": "127.77.0.1"}] == (
        pod["runtime"]["ports"]
    )
    assert "ssh.runpod.io" == pod["ssh"]["proxy"]["host"]


def test_the_private_network_is_named(rented: Rented) -> None:
    """With global networking a pod has an address and a name that only its account's pods reach."""
    pod_id = rented.created(globalNetworking=True)

    expected = {"enabled": True, "ip": "10.65.0.2", "internalDns": f"{pod_id}.runpod.internal"}
    assert expected == rented.pod(pod_id)["globalNetworking"]


def test_a_stopped_pod_starts_again_elsewhere(rented: Rented) -> None:
    """Stop makes it EXITED, for $0, without an address; start gives it another port than before."""
    pod_id = rented.created()
    rented.later(2)
    before = rented.pod(pod_id)["ssh"]["direct"]["port"]
    stopped = rented.ask("POST", f"/v2/pods/{pod_id}/action", {"action": "stop"}).json()
    rented.ask("POST", f"/v2/pods/{pod_id}/action", {"action": "start"})
    rented.later(2)

    assert ("EXITED", ["start", "terminate"], 0) == (stopped["status"], stopped["actions"], stopped["cost"])
    assert (None, None) == (stopped["ssh"]["direct"], stopped["runtime"])
    assert before != rented.pod(pod_id)["ssh"]["direct"]["port"]


@pytest.mark.parametrize(
    ("first", "action"),
    [("", "start"), ("", "restart"), ("stop", "stop"), ("stop", "restart")],
)
def test_an_action_that_does_not_fit_is_a_conflict(rented: Rented, first: str, action: str) -> None:
    """An action that the pod's status does not allow is 409, and changes nothing."""
    pod_id = rented.created()
    if first:
        rented.ask("POST", f"/v2/pods/{pod_id}/action", {"action": first})
    before = rented.pod(pod_id)
    refused = rented.ask("POST", f"/v2/pods/{pod_id}/action", {"action": action})

    assert 409 == refused.status_code
    assert before == rented.pod(pod_id)


def test_a_locked_pod_is_not_stopped(rented: Rented) -> None:
    """A locked pod refuses to be stopped, and is terminated all the same."""
    pod_id = rented.created()
    rented.ask("PATCH", f"/v2/pods/{pod_id}", {"locked": True})
    stop = rented.ask("POST", f"/v2/pods/{pod_id}/action", {"action": "stop"})

    assert 409 == stop.status_code
    assert 204 == rented.ask("DELETE", f"/v2/pods/{pod_id}").status_code


def test_a_terminated_pod_is_gone(rented: Rented) -> None:
    """Delete answers 204 without a body; then the pod is in no list, and asking for it or deleting it again is 404."""
    pod_id = rented.created()
    gone = rented.ask("DELETE", f"/v2/pods/{pod_id}")

    assert (204, b"") == (gone.status_code, gone.content)
    assert {"pods": []} == rented.get("/v2/pods")
    assert [404, 404, 404] == [
        rented.ask(method, path, body).status_code
        for method, path, body in (
            ("GET", f"/v2/pods/{pod_id}", None),
            ("DELETE", f"/v2/pods/{pod_id}", None),
            ("POST", f"/v2/pods/{pod_id}/action", {"action": "terminate"}),
        )
    ]


def test_a_terminated_pod_may_linger_in_the_list(rented: Rented) -> None:
    """With that knob a terminated pod is listed as TERMINATED for a while, with nothing to be done about it."""
    rented.runpod.turn(gone_after_s=5.0)
    pod_id = rented.created()
    rented.ask("DELETE", f"/v2/pods/{pod_id}")
    first = rented.get("/v2/pods")["pods"]
    rented.later(5)

    assert [("TERMINATED", [], 0)] == [(pod["status"], pod["actions"], pod["cost"]) for pod in first]
    assert [] == rented.get("/v2/pods")["pods"]


def test_an_update_changes_only_what_is_named(rented: Rented) -> None:
    """PATCH changes the named fields, and the private network at the next start only."""
    pod_id = rented.created()
    rented.later(2)
    changed = rented.ask("PATCH", f"/v2/pods/{pod_id}", {"name": "renamed", "globalNetworking": True}).json()
    rented.ask("POST", f"/v2/pods/{pod_id}/action", {"action": "restart"})

    assert ("renamed", "runpod/base:1", {"enabled": False}) == (
        changed["name"],
        changed["image"],
        changed["globalNetworking"],
    )
    assert rented.pod(pod_id)["globalNetworking"]["enabled"]


def test_a_mount_keeps_its_kind(rented: Rented) -> None:
    """A pod's own volume may move to another path; a network volume cannot take its place."""
    pod_id = rented.created(mounts={"persistent": {"size": 20, "path": "/workspace"}})
    moved = rented.ask("PATCH", f"/v2/pods/{pod_id}", {"mounts": {"persistent": {"size": 20, "path": "/data"}}})
    refused = rented.ask("PATCH", f"/v2/pods/{pod_id}", {"mounts": {"network": [{"volumeId": "v", "path": "/data"}]}})

    assert {"persistent": {"size": 20, "path": "/data"}} == moved.json()["mounts"]
    assert 400 == refused.status_code


def test_start_ssh_brings_the_accounts_keys(rented: Rented) -> None:
    """StartSsh puts the account's keys into PUBLIC_KEY, and leaves one that the request sets alone."""
    rented.ask("PUT", "/v2/account/ssh-keys", {"keys": ["ssh-ed25519 ACCOUNT"]})
    theirs = rented.created("a", startSsh=True)
    ours = rented.created("b", startSsh=True, env={"PUBLIC_KEY": "ssh-ed25519 OURS"})

    assert ["ssh-ed25519 ACCOUNT", "ssh-ed25519 OURS"] == [
        rented.runpod.pods[pod_id].container_env["PUBLIC_KEY"] for pod_id in (theirs, ours)
    ]


def test_what_goes_wrong_with_a_pod_can_be_chosen(rented: Rented) -> None:
    """Fates fit by name and so often as they say; the next pod is one like any."""
    kinds = ("stuck", "pulling", "error", "exit", "no_ssh", "vanish")
    rented.runpod.turn(fates=[{"kind": kind, "name": f"*-{kind}", "times": 1} for kind in kinds])
    ids = [rented.created(f"lab-{kind}") for kind in kinds] + [rented.created("lab-stuck")]
    rented.later(3600)
    found = {pod["id"]: pod for pod in rented.get("/v2/pods")["pods"]}

    expected = ["PROVISIONING", "STARTING", "ERROR", "EXITED", "RUNNING", "gone", "RUNNING"]
    assert expected == [found[pod_id]["status"] if pod_id in found else "gone" for pod_id in ids]
    assert [ids[-1]] == [pod_id for pod_id, pod in found.items() if pod["ssh"]["direct"] is not None]


def test_pods_end_outside(rented: Rented) -> None:
    """What is terminated, stopped or broken outside shows at the next look."""
    ids = [rented.created(f"lab-w{number}") for number in (1, 2, 3)]
    rented.later(2)
    rented.runpod.end_outside("lab-w1")
    rented.runpod.end_outside(ids[1], "EXITED")
    rented.runpod.end_outside("*w3", "ERROR")

    assert [(ids[1], "EXITED"), (ids[2], "ERROR")] == [
        (pod["id"], pod["status"]) for pod in rented.get("/v2/pods")["pods"]
    ]
