"""RunPod's answers as our values: pods and network volumes. Pure; unknown words and fields are borne, missing ids not.

What a list says is a proof of what is billed, so an answer that is not a list, or an entry without a usable id, is an
error and never an empty list.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from app.domain.deployment import Address, Pod, PodStatus
from app.domain.naming import clean
from app.domain.refusals import Kind, ProviderError

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""Ids are parts of addresses, of host names and of ssh's files."""
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.?")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_SSH_PORT = 22
_LONGEST = 200
"""Characters of a name, an image or a type that are kept."""

Record = Mapping[str, object]


def parse_pods(raw: bytes) -> tuple[Pod, ...]:
    """The pods of `GET /v2/pods`. Raises ProviderError."""
    return tuple(_pod(one) for one in records(raw, "pods"))


def parse_volumes(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Id and name of each of `GET /v2/network-volumes`. Raises ProviderError."""
    return tuple((_id(one, "networkVolumes"), text(one.get("name"))) for one in records(raw, "networkVolumes"))


def records(raw: bytes, what: str) -> tuple[Record, ...]:
    """The objects of a wrapped list, `{"pods": [...]}`. Raises ProviderError where it is none."""
    try:
        body: object = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _not_understood(what, "is not JSON") from error
    found = body.get(what) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise _not_understood(what, f"holds no list `{what}`")
    if not all(isinstance(one, dict) for one in found):
        raise _not_understood(what, "has an entry that is no object")
    return tuple(cast("list[Record]", found))


def text(value: object) -> str:
    """Text from outside, harmless; empty where it is none."""
    return clean(value, _LONGEST).strip() if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """A number that is at least 0, as one or as text (`"0.74"`); None otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def record(value: object) -> Record:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def _pod(said: Record) -> Pod:
    pod_id = _id(said, "pods")
    gpu = record(said.get("gpu"))
    return Pod(
        id=pod_id,
        name=text(said.get("name")),
        status=_status(said.get("status")),
        gpu_type=text(gpu.get("id")),
        gpus=int(number(gpu.get("count")) or 0) or (1 if gpu.get("id") else 0),
        data_center=text(said.get("dataCenterId")),
        cloud=text(said.get("cloud")),
        image=text(said.get("image")),
        cost_per_hour=number(said.get("cost")),
        created_at=_moment(said.get("createdAt")),
        ssh=_ssh(said),
        private_name=_private_name(pod_id, record(said.get("globalNetworking"))),
    )


def _id(said: Record, what: str) -> str:
    found = said.get("id")
    if not isinstance(found, str) or not ID.fullmatch(found):
        raise _not_understood(what, "has an entry without a usable id")
    return found


def _status(value: object) -> PodStatus:
    try:
        return PodStatus(value.upper()) if isinstance(value, str) else PodStatus.UNKNOWN
    except ValueError:
        return PodStatus.UNKNOWN


def _moment(value: object) -> float | None:
    """Epoch seconds of an ISO 8601 moment; one without a zone is UTC."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _ssh(said: Record) -> Address | None:
    """Where sshd answers directly: as told, else the mapped port. The proxy is of no use to us: it forwards nothing."""
    direct = record(record(said.get("ssh")).get("direct"))
    found = _address(direct.get("host"), direct.get("port"), direct.get("username"))
    if found is not None:
        return found
    ports = record(said.get("runtime")).get("ports")
    for one in ports if isinstance(ports, list) else ():
        port = record(one)
        if number(port.get("private")) == _SSH_PORT and port.get("type") in (None, "tcp"):
            mapped = _address(port.get("ip"), port.get("public"), "root")
            if mapped is not None:
                return mapped
    return None


def _address(host: object, port: object, user: object) -> Address | None:
    told = number(port)
    if not isinstance(host, str) or told is None or not 1 <= told <= 65535 or not _is_host(host):
        return None
    return Address(host, int(told), user if isinstance(user, str) and _USER.fullmatch(user) else "root")


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _HOST.fullmatch(host) is not None
    return True


def _private_name(pod_id: str, network: Record) -> str:
    told = network.get("internalDns")
    if isinstance(told, str) and _HOST.fullmatch(told):
        return told
    return f"{pod_id}.runpod.internal" if network.get("enabled") is True else ""


def _not_understood(what: str, why: str) -> ProviderError:
    return ProviderError(f"RunPod's list of {what} {why}; nothing is concluded from it", Kind.SERVER)
