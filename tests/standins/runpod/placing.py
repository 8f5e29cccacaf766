"""Where a new pod goes: the rules that span fields, what the account may rent, and what is free.

One GPU type is placed and nothing else is tried; that is the client's work, as with the real one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.standins.runpod.catalogue import CUDA_VERSIONS as CUDA
from tests.standins.runpod.catalogue import DATA_CENTERS, GpuType, cpu_type, data_center, gpu_type, level
from tests.standins.runpod.knobs import Knobs
from tests.standins.runpod.problems import NO_INSTANCES, ProblemError, broken_rule

PORT = re.compile(r"\d{1,5}/(http|tcp)")
MOST_ENV, MOST_HTTP_PORTS = 50, 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pod goes and what an hour of it costs."""

    data_center: str | None
    cost: float


def check_container(body: Mapping[str, Any]) -> None:
    """Refuse container settings that fit the contract and break a rule all the same."""
    ports = body.get("ports", [])
    wrong = next((port for port in ports if not PORT.fullmatch(port)), None)
    if wrong is not None:
        raise broken_rule(f"invalid port {wrong!r}: expected port/protocol")
    if sum(port.endswith("/http") for port in ports) > MOST_HTTP_PORTS:
        raise broken_rule(f"at most {MOST_HTTP_PORTS} HTTP ports are allowed")
    if len(body.get("env", {})) > MOST_ENV:
        raise broken_rule(f"at most {MOST_ENV} environment variables are allowed")


def check_create(body: Mapping[str, Any]) -> None:
    """Refuse a create whose fields contradict each other."""
    mounts = body.get("mounts", {})
    if ("gpu" in body) == ("cpu" in body):
        raise broken_rule("exactly one of gpu or cpu must be set")
    if "persistent" in mounts and "network" in mounts:
        raise broken_rule("mounts.persistent and mounts.network are mutually exclusive")
    if "cpu" in body and "persistent" in mounts:
        raise broken_rule("mounts.persistent is not supported on CPU pods")
    if "cpu" in body and body.get("globalNetworking"):
        raise broken_rule("global networking requires an NVIDIA GPU")
    gpu = body.get("gpu", {})
    if gpu.get("allowedCudaVersions") and "minCudaVersion" in gpu:
        raise broken_rule("allowedCudaVersions and minCudaVersion are mutually exclusive")
    check_container(body)


def place(body: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]], knobs: Knobs, balance: float) -> Place:
    """Where it goes; takes the GPUs off what is free. ProblemError where it can go nowhere."""
    check_create(body)
    if "cpu" in body:
        return _place_cpu(body, volumes, balance)
    kind = gpu_type(body["gpu"]["id"])
    if kind is None:
        raise broken_rule(f"gpu type {body['gpu']['id']!r} does not exist")
    if kind.id in knobs.forbidden:
        raise ProblemError(403, f"your account does not have access to {kind.id}")
    cloud, count = body.get("cloud", "SECURE"), body["gpu"].get("count", 1)
    price = kind.price(cloud)
    centers = _centers(body, kind, volumes)
    if balance <= 0:
        raise ProblemError(402, "insufficient balance: add credits to your account to deploy")
    if price is None or count > kind.most or not _has_cuda(body["gpu"]):
        raise broken_rule(NO_INSTANCES)
    center = next((center for center in centers if is_free(knobs, kind.id, center, count)), None)
    if center is None:
        raise broken_rule(NO_INSTANCES)
    change_free(knobs, kind.id, center, -count)
    return Place(center or None, price * count)


def _place_cpu(body: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]], balance: float) -> Place:
    kind = cpu_type(body["cpu"]["id"])
    if kind is None:
        raise broken_rule(f"cpu flavor {body['cpu']['id']!r} does not exist")
    if body["cpu"]["vcpuCount"].bit_count() != 1:
        raise broken_rule("vcpuCount must be a power of two")
    wanted = _wanted(body, volumes)
    if balance <= 0:
        raise ProblemError(402, "insufficient balance: add credits to your account to deploy")
    return Place(wanted[0] if wanted else DATA_CENTERS[0].id, kind.price_per_vcpu * body["cpu"]["vcpuCount"])


def _centers(body: Mapping[str, Any], kind: GpuType, volumes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The data centres that come into question, in order; an empty text stands for the community's unnamed ones."""
    wanted = _wanted(body, volumes)
    is_private = bool(body.get("globalNetworking"))
    if is_private and (kind.manufacturer != "NVIDIA" or body.get("cloud") == "COMMUNITY"):
        raise broken_rule("global networking requires an NVIDIA GPU in the secure cloud")
    if body.get("cloud") == "COMMUNITY":
        return [""]
    private = {center.id for center in DATA_CENTERS if center.has_private_network}
    if is_private and wanted and not private.intersection(wanted):
        raise broken_rule(f"global networking is not available in {', '.join(wanted)}")
    offered = [center for center in wanted or kind.data_centers if center in kind.data_centers]
    return [center for center in offered if center in private or not is_private]


def _wanted(body: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    wanted = list(body.get("dataCenterIds", []))
    unknown = next((center for center in wanted if data_center(center) is None), None)
    if unknown is not None:
        raise broken_rule(f"data center {unknown!r} does not exist")
    for mount in body.get("mounts", {}).get("network", []):
        volume = volumes.get(mount["volumeId"])
        if volume is None:
            raise broken_rule(f"network volume {mount['volumeId']!r} does not exist")
        if wanted and volume["dataCenter"] not in wanted:
            raise broken_rule(f"network volume {mount['volumeId']} is in {volume['dataCenter']}, not in {wanted}")
        wanted = [volume["dataCenter"]]
    return wanted


def _has_cuda(gpu: Mapping[str, Any]) -> bool:
    allowed = gpu.get("allowedCudaVersions") or CUDA
    least = _version(gpu.get("minCudaVersion", "0.0"))
    return any(version in allowed and _version(version) >= least for version in CUDA)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def free(knobs: Knobs, kind: str, center: str) -> int | None:
    """GPUs of a type that are free in a data centre; None: plenty."""
    known = [left for key, left in knobs.capacity.items() if key in (kind, f"{kind}@{center}")]
    return min(known) if known else None


def is_free(knobs: Knobs, kind: str, center: str, count: int) -> bool:
    """Whether so many GPUs could be had there at once."""
    left = free(knobs, kind, center)
    return left is None or left >= count


def change_free(knobs: Knobs, kind: str, center: str, by: int) -> None:
    """Take GPUs off what is free, or give them back."""
    for key in (kind, f"{kind}@{center}"):
        if key in knobs.capacity:
            knobs.capacity[key] += by


def stock(knobs: Knobs, kind: GpuType, centers: Iterable[str], count: int) -> dict[str, str]:
    """The catalogue's word for how much of a GPU type each data centre has."""
    is_stale = knobs.is_catalogue_stale
    return {
        center: level(None if is_stale else free(knobs, kind.id, center), count)
        for center in centers
        if center in kind.data_centers and count <= kind.most
    }
