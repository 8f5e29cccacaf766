"""What the emulated API refuses, and how: RunPod's statuses, its problem bodies, its rate limits, its bad days."""

from __future__ import annotations

import json
from threading import Thread
from time import monotonic

import httpx
import pytest

from tests.standins.runpod.conftest import L40S, Clock, Rented, client_of, wish
from tests.standins.runpod.emulator import Emulator
from tests.standins.runpod.limits import DOCUMENTED, Quota
from tests.standins.runpod.problems import NO_INSTANCES

CPU = {"gpu": None, "cpu": {"id": "cpu5c", "vcpuCount": 4}}


def test_an_unknown_key_is_refused(rented: Rented) -> None:
    """A body that does not fit the contract is 422, with a line for each violation, and nothing is made."""
    answer = rented.create(interruptible=False, disk="50", gpu={"id": L40S, "type": "SPOT"})

    assert (422, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert {
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "Request validation failed.",
        "errors": [
            "$: Additional properties are not allowed ('interruptible' was unexpected)",
            "$.disk: '50' is not of type 'integer'",
            "$.gpu: Additional properties are not allowed ('type' was unexpected)",
        ],
    } == answer.json()
    assert {} == rented.runpod.pods


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"image": None},
        {"cloud": "ALL"},
        {"gpu": {"id": L40S, "count": 0}},
        {"gpu": {"id": L40S, "minCudaVersion": "12"}},
        {**CPU, "cpu": {"id": "cpu5c"}},
        {"mounts": {"persistent": {"size": 9, "path": "/workspace"}}},
        {"mounts": {"network": [{"volumeId": "a", "path": "/a"}, {"volumeId": "b", "path": "/b"}]}},
        {"env": {"N": 1}},
        {"ports": "22/tcp"},
    ],
    ids=str,
)
def test_what_breaks_the_contract_is_422(rented: Rented, wrong: dict[str, object]) -> None:
    """Each of these breaks the contract of a create by itself."""
    assert 422 == rented.create(**wrong).status_code


@pytest.mark.parametrize(
    "wrong",
    [
        {"gpu": None},
        {"cpu": {"id": "cpu5c", "vcpuCount": 4}},
        {**CPU, "globalNetworking": True},
        {**CPU, "mounts": {"persistent": {"size": 20, "path": "/workspace"}}},
        {"gpu": {"id": L40S, "minCudaVersion": "12.4", "allowedCudaVersions": ["12.8"]}},
        {"gpu": {"id": L40S, "minCudaVersion": "13.0"}},
        {"gpu": {"id": "NVIDIA L40"}},
        {"gpu": {"id": L40S, "count": 9}},
        {"gpu": {"id": "AMD Instinct MI300X OAM"}, "globalNetworking": True},
        {"cloud": "COMMUNITY", "globalNetworking": True},
        {"gpu": {"id": "NVIDIA H100 80GB HBM3"}, "globalNetworking": True, "dataCenterIds": ["AP-JP-1"]},
        {"dataCenterIds": ["EU-RO-1"]},
        {"dataCenterIds": ["US-MOON-1"]},
        {"mounts": {"network": [{"volumeId": "none", "path": "/models"}]}},
        {"ports": ["22"]},
        {"env": {f"N{number}": "1" for number in range(51)}},
    ],
    ids=str,
)
def test_a_broken_rule_is_400_like_no_capacity(rented: Rented, wrong: dict[str, object]) -> None:
    """Each of these fits the contract and cannot be placed: 400, and only the words tell why."""
    answer = rented.create(**wrong)

    assert (400, "Bad Request") == (answer.status_code, answer.json()["title"])
    assert {} == rented.runpod.pods


def test_capacity_is_of_one_type_in_one_place(rented: Rented) -> None:
    """What has run out is 400 with RunPod's words, nothing else is tried, and an ended pod gives its GPUs back."""
    rented.runpod.turn(capacity={f"{L40S}@US-KS-2": 3})
    in_kansas = {"gpu": {"id": L40S, "count": 2}, "dataCenterIds": ["US-KS-2"]}
    first = rented.created(**in_kansas)
    refused = rented.create(**in_kansas)
    elsewhere = rented.create(gpu={"id": L40S, "count": 2})
    rented.ask("DELETE", f"/v2/pods/{first}")

    assert (400, NO_INSTANCES) == (refused.status_code, refused.json()["detail"])
    assert (201, "US-TX-3") == (elsewhere.status_code, elsewhere.json()["dataCenterId"])
    assert 201 == rented.create(**in_kansas).status_code


def test_a_stopped_pod_may_find_its_gpus_taken(rented: Rented) -> None:
    """Its GPUs are free for others once it is stopped; then it cannot start: 400."""
    rented.runpod.turn(capacity={L40S: 1})
    pod_id = rented.created("first")
    rented.ask("POST", f"/v2/pods/{pod_id}/action", {"action": "stop"})
    rented.created("second")

    assert 400 == rented.ask("POST", f"/v2/pods/{pod_id}/action", {"action": "start"}).status_code


def test_keys_are_checked(rented: Rented) -> None:
    """No key and a wrong key are 401; a key that only reads may list, and is 403 for the rest."""
    with client_of(rented.runpod, "other") as wrong:
        statuses = [wrong.get("/v2/pods").status_code, httpx.get(f"{rented.runpod.url}/v2/pods").status_code]
    rented.runpod.turn(may_write=False)

    assert [401, 401] == statuses
    assert [200, 403] == [rented.ask("GET", "/v2/pods").status_code, rented.create().status_code]


def test_a_pool_can_be_closed_to_us(rented: Rented) -> None:
    """A GPU type that the account may not rent is 403, and another one is not."""
    rented.runpod.turn(forbidden=[L40S])

    assert [403, 201] == [rented.create().status_code, rented.create(gpu={"id": "NVIDIA H200"}).status_code]


def test_money_runs_out(rented: Rented) -> None:
    """What runs is paid by the second, and at the end of the balance a create is 402."""
    rented.runpod.turn(balance=0.86)
    rented.created()
    rented.later(3599)
    before = rented.create("second", gpu={"id": "NVIDIA RTX A4000"}).status_code
    rented.later(2)

    assert [201, 402] == [before, rented.create("third").status_code]


def test_the_quota_is_told_and_kept(clock: Clock) -> None:
    """Headers count down; what is too much is 429 with Retry-After; when the window ends, it begins anew."""
    with Emulator(clock=clock, quota=Quota(2, 100, 1000)) as runpod, client_of(runpod) as client:
        first, _, third = (client.get("/v2/pods") for _ in range(3))
        clock.now += 48
        fourth = client.get("/v2/pods")
        clock.now += 12
        fifth = client.get("/v2/pods")

    assert '"minute";r=1;t=60, "hour";r=99;t=3600, "day";r=999;t=86400' == first.headers["RateLimit"]
    assert '"minute";q=2;w=60, "hour";q=100;w=3600, "day";q=1000;w=86400' == first.headers["RateLimit-Policy"]
    assert (429, "60") == (third.status_code, third.headers["Retry-After"])
    assert "rate limit exceeded for the minute window" == third.json()["detail"]
    assert (429, "12") == (fourth.status_code, fourth.headers["Retry-After"])
    assert (200, '"minute";r=1;t=60, "hour";r=97;t=3540, "day";r=997;t=86340') == (
        fifth.status_code,
        fifth.headers["RateLimit"],
    )


def test_the_documented_quota_is_at_hand() -> None:
    """RunPod's pages tell of 60 requests a minute, 3000 an hour, 50000 a day."""
    assert '"minute";q=60;w=60, "hour";q=3000;w=3600, "day";q=50000;w=86400' == DOCUMENTED.policy


def test_strangers_learn_nothing_of_quotas(rented: Rented) -> None:
    """A 401 carries no rate limit headers."""
    assert "RateLimit" not in httpx.get(f"{rented.runpod.url}/v2/pods").headers


def test_paths_and_methods(rented: Rented) -> None:
    """A wrong method is 405 with what is allowed, an unknown path 404, and what is not played says so: 501."""
    wrong = rented.ask("PUT", "/v2/pods", {})

    assert (405, "GET, POST") == (wrong.status_code, wrong.headers["Allow"])
    assert [404, 501] == [rented.ask("GET", path).status_code for path in ("/v1/pods", "/v2/clusters")]
    assert 400 == rented.client.post("/v2/pods", content=b"{").status_code


def test_faults_strike_as_often_as_they_say(rented: Rented) -> None:
    """An injected answer hits the method and path it names, so many times; the rest goes on."""
    rented.runpod.turn(
        faults=[
            {"status": 429, "method": "POST", "path": "/v2/pods", "retry_after_s": 7},
            {"status": 500, "path": "/v2/pods/*", "times": 2, "detail": "upstream"},
        ]
    )
    busy, pod_id = rented.create(), rented.created()

    assert (429, "7", "Too Many Requests") == (busy.status_code, busy.headers["Retry-After"], busy.json()["title"])
    assert [500, 500, 200] == [rented.ask("GET", f"/v2/pods/{pod_id}").status_code for _ in range(3)]


def test_an_answer_may_be_lost_though_the_work_is_done(rented: Rented) -> None:
    """With `is_done` a create fails for its client, and its pod exists and is billed."""
    rented.runpod.turn(faults=[{"status": 502, "kind": "page", "is_done": True}, {"kind": "drop", "is_done": True}])
    page = rented.create("first")
    with pytest.raises(httpx.HTTPError):
        rented.create("second")

    assert (502, "text/html") == (page.status_code, page.headers["content-type"])
    assert ["first", "second"] == [pod.name for pod in rented.runpod.pods.values()]


def test_an_answer_may_be_nonsense_or_never_come(rented: Rented) -> None:
    """`garbage` is no JSON under a 200; `hang` keeps the client waiting, and ends with the emulator."""
    rented.runpod.turn(faults=[{"kind": "garbage"}, {"kind": "hang"}])
    garbage = rented.ask("GET", "/v2/pods")
    with pytest.raises(httpx.TimeoutException):
        rented.client.get("/v2/pods", timeout=0.05)

    assert 200 == garbage.status_code
    with pytest.raises(json.JSONDecodeError):
        garbage.json()


def test_probability_throws_the_same_dice(rented: Rented) -> None:
    """A fault of half the requests hits about half of them, the same ones for the same seed."""
    runs = []
    for _ in range(2):
        rented.runpod.turn(seed=3, faults=[{"status": 500, "times": None, "probability": 0.5}])
        runs.append([rented.ask("GET", "/v2/pods").status_code for _ in range(20)])

    assert runs[0] == runs[1]
    assert {200, 500} == set(runs[0])


def test_a_pod_may_appear_after_its_client_has_left() -> None:
    """A create whose client gives up is done all the same, later: what sweeps for orphans must look again."""
    with Emulator(knobs={"create_delay_s": 0.3}) as runpod:
        leaving = Thread(target=_create_and_leave, args=(runpod,))
        leaving.start()
        leaving.join()
        at_first = len(runpod.pods)
        until = monotonic() + 5
        while not runpod.pods and monotonic() < until:
            pass

        assert (0, 1) == (at_first, len(runpod.pods))


def _create_and_leave(runpod: Emulator) -> None:
    with client_of(runpod) as client, pytest.raises(httpx.TimeoutException):
        client.post("/v2/pods", json=wish(), timeout=0.05)
