"""What RunPod answers becomes our values; what is new or hostile in it is borne, what is missing is unknown."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.deployment import Address, Pod, PodStatus
from app.domain.refusals import ProviderError
from app.sources.runpod.values import parse_pods, parse_volumes
from tests.sources.runpod.wire import pod

MANY, MOST_S = 500, 1.0


def parsed(*pods: object) -> tuple[Pod, ...]:
    return parse_pods(json.dumps({"pods": pods}).encode())


def test_whole_pod_is_read() -> None:
    """Every field that we have is filled."""
    assert (
        Pod(
            "abc123",
            "gw-lab-0a1b2c3d-head",
            PodStatus.RUNNING,
            "NVIDIA A40",
            2,
            "US-KS-2",
            "SECURE",
            "runpod/pytorch:2.8",
            0.8,
            1_795_521_600.0,
            Address("203.0.113.7", 10022),
            "abc123.runpod.internal",
        ),
    ) == parsed(pod())


def test_bare_pod_is_unknown_in_all_but_its_id() -> None:
    """Nothing is made up for what is not told."""
    assert (Pod("abc", "", PodStatus.UNKNOWN),) == parsed({"id": "abc"})


@pytest.mark.parametrize(
    ("told", "status"),
    [("EXITED", "EXITED"), ("running", "RUNNING"), ("MIGRATING", "UNKNOWN"), (None, "UNKNOWN"), (7, "UNKNOWN")],
)
def test_new_status_is_unknown_and_billed(told: object, status: str) -> None:
    """A word that is new to us is no reason to believe that a pod is gone."""
    found = parsed(pod(status=told))[0]

    assert (status, True) == (found.status.value, found.is_billed)


@pytest.mark.parametrize(
    ("told", "cost"), [(0.74, 0.74), ("0.74", 0.74), (0, 0.0), (None, None), ("free", None), (-1, None), (True, None)]
)
def test_cost_is_a_number_or_unknown(told: object, cost: float | None) -> None:
    """Numbers come as numbers or as text; nothing else is one."""
    assert cost == parsed(pod(cost=told))[0].cost_per_hour


def test_infinite_cost_is_unknown() -> None:
    """JSON's extensions and huge numbers do not reach sums of money."""
    raw = (
        b'{"pods": [{"id": "a", "cost": Infinity}, {"id": "b", "cost": NaN}, {"id": "c", "cost": 1'
        + b"0" * 400
        + b"}]}"
    )

    assert [None] * 3 == [one.cost_per_hour for one in parse_pods(raw)]


def test_mapped_port_is_taken_where_no_direct_address_is_told() -> None:
    """Port 22 of the runtime is as good; the proxy is not, for it forwards nothing."""
    ports = [
        {"private": 8888, "public": None, "type": "http", "ip": None},
        {"private": 22, "public": 10341, "type": "tcp", "ip": "203.0.113.9"},
    ]
    proxy = {"host": "ssh.runpod.io", "port": 22, "username": "abc-64411eb2"}

    mapped = parsed(pod(ssh={"proxy": proxy, "direct": None}, runtime={"ports": ports}))[0]
    unmapped = parsed(pod(ssh={"proxy": proxy, "direct": None}, runtime=None))[0]

    assert Address("203.0.113.9", 10341) == mapped.ssh
    assert None is unmapped.ssh


@pytest.mark.parametrize(
    "direct",
    [
        {"host": "-oProxyCommand=evil", "port": 22},
        {"host": "a b", "port": 22},
        {"host": "h\nHost *", "port": 22},
        {"host": "h", "port": 0},
        {"host": "h", "port": 65536},
        {"host": "h", "port": "x"},
        {"host": "", "port": 22},
        {"port": 22},
        "h:22",
    ],
)
def test_hostile_address_is_none(direct: object) -> None:
    """What goes into ssh's configuration and command line is a host and a port, or nothing."""
    assert None is parsed(pod(ssh={"direct": direct}))[0].ssh


def test_hostile_user_is_root() -> None:
    """A user's name is a name."""
    found = parsed(pod(ssh={"direct": {"host": "203.0.113.7", "port": 22, "username": "x -o y"}}))[0]

    assert Address("203.0.113.7", 22, "root") == found.ssh


def test_private_name_needs_the_network() -> None:
    """Without the private network there is none; with it the known form serves where none is told."""
    told = [{"enabled": False}, {"enabled": True}, {"enabled": True, "internalDns": "x y"}, None]

    assert ["", "abc123.runpod.internal", "abc123.runpod.internal", ""] == [
        parsed(pod(globalNetworking=one))[0].private_name for one in told
    ]


def test_hostile_text_is_cleaned_and_cut() -> None:
    """Names, images and types from outside are harmless in a terminal."""
    found = parsed(pod(name="\x1b[2Jevil\u202e[b]", image="i" * 10_000))[0]

    assert "[2Jevil[b]" == found.name
    assert 200 == len(found.image)


@pytest.mark.parametrize("bad", ["", "../x", "a b", "a\nb", "x" * 65, "ä", None, 7])
def test_pod_without_usable_id_spoils_the_list(bad: object) -> None:
    """A list in which something cannot be ended is no proof of anything."""
    with pytest.raises(ProviderError, match="without a usable id"):
        parsed(pod("abc"), {"id": bad})


def test_entry_that_is_no_object_spoils_the_list() -> None:
    """As above."""
    bad: object
    for bad in (None, "abc", 7, []):
        with pytest.raises(ProviderError, match="no object"):
            parsed(pod(), bad)


def test_volumes_are_read() -> None:
    """Id and name."""
    raw = json.dumps({"networkVolumes": [{"id": "v1", "name": "models", "size": 50}, {"id": "v2"}]}).encode()

    assert (("v1", "models"), ("v2", "")) == parse_volumes(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(pod())), json_values))
def test_any_field_may_be_anything(told: dict[str, Any]) -> None:
    """Whatever a later API puts in a field, the pod is read, and its text can be printed."""
    found = parsed({**pod(), **told, "id": "abc"})[0]

    assert found.name.isprintable()
    assert found.gpu_type.isprintable()


@given(st.binary(max_size=64))
def test_any_bytes_are_a_list_or_an_error(raw: bytes) -> None:
    """No answer ends in anything but values or an error for a person."""
    with pytest.raises(ProviderError):
        parse_pods(raw)


def test_five_hundred_pods_are_read_in_a_moment() -> None:
    """A large account costs the screen no frame: some 10 ms here, with a wide margin for a busy machine."""
    env = {f"NAME_{number}": "value" * 8 for number in range(20)}
    raw = json.dumps({"pods": [pod(f"pod{number}", env=env) for number in range(MANY)]}).encode()
    began = time.perf_counter()

    found = parse_pods(raw)

    assert MANY == len(found)
    assert MOST_S > time.perf_counter() - began
