"""The catalogue as it is asked for: filters, and what is told of availability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.standins.runpod.catalogue import (
    CPU_TYPES,
    CUDA_VERSIONS,
    DATA_CENTERS,
    GPU_TYPES,
    LEVELS,
    DataCenter,
    GpuType,
)
from tests.standins.runpod.knobs import Knobs
from tests.standins.runpod.placing import stock
from tests.standins.runpod.problems import ProblemError, broken_rule, missing
from tests.standins.runpod.views import center_name, center_view, cpu_view, gpu_view

Query = Mapping[str, str]
ONLY_WITH_AVAILABILITY = ("product", "count", "cloud", "countryCodes", "cudaVersions", "minCudaVersion")
PRODUCTS = ("POD", "CLUSTER", "SERVERLESS")


def gpus(knobs: Knobs, query: Query) -> dict[str, Any]:
    """`GET /v2/catalog/gpus`."""
    wants = _wants_availability(query)
    shown = [_gpu(knobs, kind, query) if wants else gpu_view(kind) for kind in GPU_TYPES]
    if "countryCodes" in query:
        shown = [view for view in shown if "dataCenters" in view]
    return {"gpus": shown}


def gpu(knobs: Knobs, name: str, query: Query) -> dict[str, Any]:
    """`GET /v2/catalog/gpus/{id}`."""
    kind = next((kind for kind in GPU_TYPES if kind.id == name), None)
    if kind is None:
        raise missing("gpu type")
    return _gpu(knobs, kind, query) if _wants_availability(query) else gpu_view(kind)


def _wants_availability(query: Query) -> bool:
    """Whether the query asks for it; ProblemError where it does so in a wrong way."""
    include = query.get("include", "")
    if include not in ("", "AVAILABILITY"):
        raise _unfit("include", include)
    if include and "product" not in query:
        raise broken_rule("product is required with include=AVAILABILITY")
    stray = next((name for name in ONLY_WITH_AVAILABILITY if name in query and not include), None)
    if stray is not None:
        raise broken_rule(f"{stray} is valid only with include=AVAILABILITY")
    if include and not set(query["product"].split(",")) <= set(PRODUCTS):
        raise _unfit("product", query["product"])
    if query.get("cloud", "SECURE") not in ("SECURE", "COMMUNITY"):
        raise _unfit("cloud", query["cloud"])
    if not query.get("count", "1").isdigit() or query.get("count") == "0":
        raise _unfit("count", query["count"])
    return bool(include)


def _unfit(name: str, value: str) -> ProblemError:
    return ProblemError(422, "Request validation failed.", errors=(f"query.{name}: {value!r} is not valid",))


def _gpu(knobs: Knobs, kind: GpuType, query: Query) -> dict[str, Any]:
    """A GPU type with what is in stock; data centres that do not offer it so are left out."""
    count, cloud = int(query.get("count", "1")), query.get("cloud", "SECURE")
    countries = query["countryCodes"].split(",") if "countryCodes" in query else None
    centers = [center.id for center in DATA_CENTERS if countries is None or center.country in countries]
    has_any = kind.price(cloud) is not None
    if cloud == "COMMUNITY":  # machines of many owners: a level, and no data centres
        levels = {"": stock(knobs, kind, kind.data_centers, count)} if has_any else {}
        best = max((LEVELS.index(word) for word in levels.get("", {}).values()), default=0)
        return gpu_view(kind) | {"availability": LEVELS[best]}
    found = stock(knobs, kind, centers, count) if has_any else {}
    best = max((LEVELS.index(word) for word in found.values()), default=0)
    view = gpu_view(kind) | {"availability": LEVELS[best]}
    if found:
        view["dataCenters"] = [
            {"id": center, "name": center_name(center), "availability": word} for center, word in found.items()
        ]
    if kind.manufacturer == "NVIDIA":
        view["cudaVersions"] = [{"version": version, "available": best > 0} for version in CUDA_VERSIONS]
    return view


def cpus(_knobs: Knobs, _query: Query) -> dict[str, Any]:
    """`GET /v2/catalog/cpus`."""
    return {"cpus": [cpu_view(kind) for kind in CPU_TYPES]}


def centers(knobs: Knobs, query: Query) -> dict[str, Any]:
    """`GET /v2/catalog/datacenters`."""
    wanted = [center for center in DATA_CENTERS if _fits(center, query)]
    return {"dataCenters": [_center(knobs, center, query) for center in wanted]}


def center(knobs: Knobs, name: str, query: Query) -> dict[str, Any]:
    """`GET /v2/catalog/datacenters/{id}`."""
    found = next((center for center in DATA_CENTERS if center.id == name), None)
    if found is None:
        raise missing("data center")
    return _center(knobs, found, query)


def _fits(center: DataCenter, query: Query) -> bool:
    regions, types = query.get("regions"), query.get("networkVolumeTypes")
    private = query.get("globalNetwork")
    return (
        (regions is None or center.region in regions.split(","))
        and (types is None or set(types.split(",")) <= set(center.volume_types))
        and (private is None or center.has_private_network == (private == "true"))
    )


def _center(knobs: Knobs, center: DataCenter, query: Query) -> dict[str, Any]:
    include = [word for word in query.get("include", "").split(",") if word]
    unknown = next((word for word in include if word not in ("GPU_AVAILABILITY", "CPU_AVAILABILITY")), None)
    if unknown is not None:
        raise _unfit("include", unknown)
    view = center_view(center)
    if "GPU_AVAILABILITY" in include:
        here = [(kind, stock(knobs, kind, [center.id], 1)) for kind in GPU_TYPES if kind.secure is not None]
        rows = [{"id": kind.id, "name": kind.name, "availability": found[center.id]} for kind, found in here if found]
        view |= {"gpuAvailability": rows} if rows else {}
    if "CPU_AVAILABILITY" in include:
        rows = [{"id": kind.id, "name": kind.name, "availability": "HIGH"} for kind in CPU_TYPES]
        view["cpuAvailability"] = rows
    return view
