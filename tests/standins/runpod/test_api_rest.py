"""The rest of the emulated API: the catalogue, network volumes, money, logs, and the door behind it."""

from __future__ import annotations

import json

import httpx

from tests.standins.runpod.conftest import L40S, NOON, Rented
from tests.standins.runpod.pods import STOPPED_PER_GB_HOUR

AVAILABLE = {"include": "AVAILABILITY", "product": "POD"}


def stock(rented: Rented, name: str = L40S, **query: str) -> tuple[str, dict[str, str]]:
    """What the catalogue says of a GPU type: overall, and by data centre."""
    row = next(row for row in rented.get("/v2/catalog/gpus", **AVAILABLE, **query)["gpus"] if row["id"] == name)
    return row["availability"], {center["id"]: center["availability"] for center in row.get("dataCenters", [])}


def test_the_catalogue_has_prices_without_availability(rented: Rented) -> None:
    """Prices of one GPU in both clouds come with every row; what is in stock only on request, for a product."""
    row = next(row for row in rented.get("/v2/catalog/gpus")["gpus"] if row["id"] == L40S)

    assert (0.86, 0.79, 8) == (row["price"]["secure"], row["price"]["community"], row["maxCount"]["secure"])
    assert not {"availability", "dataCenters"} & set(row)
    assert [400, 400, 422] == [
        rented.client.get("/v2/catalog/gpus", params=query).status_code
        for query in ({"include": "AVAILABILITY"}, {"count": "2"}, {"include": "STOCK"})
    ]


def test_availability_follows_what_is_free(rented: Rented) -> None:
    """What has run out is NONE, a little is LOW; for more GPUs at once there is less."""
    rented.runpod.turn(capacity={f"{L40S}@US-KS-2": 0, f"{L40S}@US-TX-3": 2, f"{L40S}@US-CA-2": 4})
    overall, one = stock(rented)
    _, four = stock(rented, count="4")

    assert "HIGH" == overall
    assert ["NONE", "LOW", "MEDIUM"] == [one[center] for center in ("US-KS-2", "US-TX-3", "US-CA-2")]
    assert ["NONE", "NONE", "LOW"] == [four[center] for center in ("US-KS-2", "US-TX-3", "US-CA-2")]


def test_the_catalogue_may_lag_behind(rented: Rented) -> None:
    """A stale catalogue goes on offering what cannot be had any more."""
    rented.runpod.turn(capacity={L40S: 0})
    honest = stock(rented)[0]
    rented.runpod.turn(is_catalogue_stale=True)

    assert ("NONE", "HIGH", 400) == (honest, stock(rented)[0], rented.create().status_code)


def test_countries_narrow_the_catalogue(rented: Rented) -> None:
    """Only data centres of those countries are told, and types that none of them has drop out."""
    rows = rented.get("/v2/catalog/gpus", **AVAILABLE, countryCodes="IS")["gpus"]

    assert {
        "NVIDIA H100 80GB HBM3": ["EUR-IS-2", "EUR-IS-1"],
        "NVIDIA H200": ["EUR-IS-2"],
        "NVIDIA GeForce RTX 4090": ["EUR-IS-1"],
    } == {row["id"]: [center["id"] for center in row["dataCenters"]] for row in rows}


def test_data_centers_tell_of_the_private_network(rented: Rented) -> None:
    """They can be filtered by it, and tell what stands there when asked."""
    private = rented.get("/v2/catalog/datacenters", globalNetwork="true")["dataCenters"]
    rows = rented.get("/v2/catalog/datacenters", include="GPU_AVAILABILITY", regions="ASIA")["dataCenters"]

    assert {True} == {row["globalNetwork"] for row in private}
    assert [("AP-JP-1", False, ["NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-80GB"])] == [
        (row["id"], row["globalNetwork"], [gpu["id"] for gpu in row["gpuAvailability"]]) for row in rows
    ]


def test_a_network_volume_lives_apart_from_pods(rented: Rented) -> None:
    """It is made in one data centre, grows only, binds pods to its place, and is not deleted under them."""
    made = rented.ask("POST", "/v2/network-volumes", {"name": "models", "size": 50, "dataCenter": "EU-RO-1"})
    volume = made.json()
    path = f"/v2/network-volumes/{volume['id']}"
    mounted = {"mounts": {"network": [{"volumeId": volume["id"], "path": "/models"}]}}
    grown, shrunk = (rented.ask("PATCH", path, {"size": size}) for size in (100, 20))
    pod_id = rented.created(gpu={"id": "NVIDIA RTX A4000"}, **mounted)
    in_use = rented.ask("DELETE", path)
    rented.ask("DELETE", f"/v2/pods/{pod_id}")

    assert {"id": volume["id"], "name": "models", "size": 50, "dataCenter": "EU-RO-1", "type": "STANDARD"} == volume
    assert (201, 100, 400, 400) == (made.status_code, grown.json()["size"], shrunk.status_code, in_use.status_code)
    assert [204, 404] == [rented.ask("DELETE", path).status_code for _ in range(2)]


def test_a_volume_elsewhere_is_refused(rented: Rented) -> None:
    """A pod goes where its volume is; where its GPU type is not, there is nothing to be had."""
    body = {"name": "models", "size": 50, "dataCenter": "EU-RO-1"}
    volume = rented.ask("POST", "/v2/network-volumes", body).json()
    mounted = {"network": [{"volumeId": volume["id"], "path": "/models"}]}

    assert [400, 400] == [
        rented.create(mounts=mounted).status_code,
        rented.create(mounts=mounted, dataCenterIds=["US-KS-2"]).status_code,
    ]


def test_money_is_counted_by_the_second(rented: Rented) -> None:
    """A pod costs from its create to its end; stopped, only its volume does, which its `cost` does not show."""
    pod_id = rented.created(mounts={"persistent": {"size": 100, "path": "/workspace"}})
    rented.later(1800)
    running = rented.runpod.spent
    rented.ask("POST", f"/v2/pods/{pod_id}/action", {"action": "stop"})
    stopped_per_hour = rented.runpod.per_hour
    rented.later(7200)
    stopped = rented.runpod.spent
    rented.ask("DELETE", f"/v2/pods/{pod_id}")
    rented.later(3600)

    assert 0.43 == round(running, 6)
    assert (100 * STOPPED_PER_GB_HOUR, 0) == (stopped_per_hour, rented.runpod.per_hour)
    assert round(0.43 + 200 * STOPPED_PER_GB_HOUR, 6) == round(stopped, 6) == round(rented.runpod.spent, 6)
    assert round(stopped, 6) == round(rented.get("/v2/billing/pods")["metadata"]["totals"]["totalAmount"], 6)


def test_a_pod_that_breaks_is_paid_until_it_ends(rented: Rented) -> None:
    """A pod that exits by itself costs until that second, whenever somebody looks."""
    rented.runpod.turn(fates=[{"kind": "exit"}])
    rented.created()
    rented.later(3600)

    assert round(0.86 * 2 / 3600, 9) == round(rented.runpod.spent, 9)


def test_at_the_end_of_the_money_pods_end(rented: Rented) -> None:
    """With nothing left a pod is terminated with its data, and one whose data is on a network volume is stopped."""
    volume = rented.ask("POST", "/v2/network-volumes", {"name": "m", "size": 50, "dataCenter": "US-KS-2"}).json()
    rented.created("lost")
    kept = rented.created("kept", mounts={"network": [{"volumeId": volume["id"], "path": "/models"}]})
    rented.runpod.turn(balance=0.86)
    rented.later(1799)
    before = [pod["status"] for pod in rented.get("/v2/pods")["pods"]]
    rented.later(2)

    assert ["RUNNING", "RUNNING"] == before
    assert [(kept, "EXITED")] == [(pod["id"], pod["status"]) for pod in rented.get("/v2/pods")["pods"]]


def test_the_door_behind_turns_knobs_and_tells(rented: Rented) -> None:
    """`/_ctl` takes no key, turns knobs, ends pods (whose GPUs are free then), and tells what was asked."""
    rented.created()
    url = f"{rented.runpod.url}/_ctl"
    told = httpx.post(url, json={"capacity": {L40S: 0}, "terminate": "lab-*"}).json()
    wrong = httpx.post(url, json={"capacities": {}})

    assert ({L40S: 1}, [], ["lab-head"]) == (
        told["knobs"]["capacity"],
        told["pods"],
        [pod["name"] for pod in told["ended"]],
    )
    assert [(NOON, "POST", "/v2/pods", 201)] == [
        (each["at"], each["method"], each["path"], each["status"]) for each in told["requests"]
    ]
    assert 422 == wrong.status_code
    assert "there is no knob 'capacities'" in wrong.json()["detail"]


def test_a_pods_log_is_streamed_until_it_ends(rented: Rented) -> None:
    """Events carry the source, the line and its time, and the stream ends with the pod."""
    pod_id = rented.created()
    lines = []
    with rented.client.stream("GET", f"/v2/pods/{pod_id}/logs", params={"source": "system"}) as stream:
        for line in stream.iter_lines():
            lines.append(line)
            if len(lines) == 2:
                rented.runpod.end_outside(pod_id)

    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert ["create container runpod/base:1", "pod is terminated"] == [each["line"] for each in told]
    assert {"system"} == {each["source"] for each in told}
