"""What the state holds of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.services.deploy.ports import InfraError
from app.services.terraform.addresses import address_of, key_of
from app.services.terraform.state import Held, parse_state


def state(*resources: dict[str, Any]) -> bytes:
    """A state as `state pull` prints it."""
    return json.dumps({"version": 4, "serial": 3, "resources": list(resources)}).encode()


def pod(name: str, *instances: dict[str, Any], kind: str = "runpod_pod", **more: str) -> dict[str, Any]:
    """A resource of a state."""
    return {"mode": "managed", "type": kind, "name": name, "instances": list(instances), **more}


def test_pods_and_volume_are_found_by_key() -> None:
    """The head has no key in the state; a pod whose create failed half-way counts; one of unknown make is marked."""
    told = state(
        pod("head", {"attributes": {"id": "p0", "gpu_type_id": "L4"}}),
        pod(
            "worker",
            {"index_key": "w1", "attributes": {"id": "p1", "gpu_type_id": None}},
            {"index_key": "w2", "status": "tainted", "attributes": {"id": "p2", "gpu_type_id": "L4"}},
        ),
        pod("cache", {"attributes": {"id": "v1"}}, kind="runpod_network_volume"),
    )

    assert Held({"head": "p0", "w1": "p1", "w2": "p2"}, "v1", frozenset({"w1"})) == parse_state(told)


def test_what_is_not_ours_is_left_out() -> None:
    """A user's own pods, pods inside modules, data sources and instances without an id are no nodes."""
    told = state(
        pod("mine", {"attributes": {"id": "p"}}),
        pod("head", {"attributes": {"id": "p"}}, module="module.x"),
        {**pod("head", {"attributes": {"id": "p"}}), "mode": "data"},
        pod("worker", {"index_key": "w1", "attributes": {"id": None}}, {"index_key": "w2"}),
        pod("head"),
    )

    assert Held() == parse_state(told)


def test_no_state_holds_nothing() -> None:
    """Before the first apply there is none."""
    assert Held() == parse_state(b"\n")


@pytest.mark.parametrize("told", [b"{", b"[]", b'{"version": 3}'])
def test_state_that_cannot_be_read_is_an_error(told: bytes) -> None:
    """Never an empty one: pods would be called lost, or be made twice."""
    with pytest.raises(InfraError):
        parse_state(told)


@pytest.mark.parametrize("key", ["head", "w1", "w27"])
def test_keys_and_addresses_belong_together(key: str) -> None:
    """A node's address leads back to its key."""
    assert key == key_of(address_of(key))


@pytest.mark.parametrize("key", ["", "w0", "w1 ", "worker", 'w1"]', "-x", "w1\n"])
def test_what_is_no_key_has_no_address(key: str) -> None:
    """Nothing else becomes part of a command."""
    with pytest.raises(ValueError, match="no key"):
        address_of(key)


def test_other_addresses_are_no_nodes() -> None:
    """A user's resource, or one in a module, has no key; the network volume has an address all the same."""
    assert ["", "", ""] == [key_of(one) for one in ("terraform_data.x", "module.a.runpod_pod.head", "runpod_pod.heads")]
    assert "runpod_network_volume.cache" == address_of("volume")
