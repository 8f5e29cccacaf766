"""The request bodies that the emulated API takes, as JSON Schemas; what does not fit is a 422 that lists why.

Rules that span fields are no part of the contract: they are 400s, made where a pod is placed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from tests.standins.runpod.problems import ProblemError

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NAMED: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
CUDA: Schema = {"type": "string", "pattern": r"^\d+\.\d+$"}


def closed(properties: Mapping[str, Schema], *required: str, **more: object) -> Schema:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


def at_least(number: int, most: int | None = None) -> Schema:
    """A whole number that is not below another."""
    return {"type": "integer", "minimum": number} | ({} if most is None else {"maximum": most})


CONTAINER: dict[str, Schema] = {
    "image": TEXT,
    "args": TEXT,
    "disk": at_least(1),
    "env": {"type": "object", "additionalProperties": TEXT},
    "ports": TEXTS,
    "registry": {"type": ["string", "null"]},
}
MOUNTS = closed(
    {
        "persistent": closed({"size": at_least(10), "path": TEXT}, "size", "path"),
        "network": {
            "type": "array",
            "maxItems": 1,
            "items": closed({"volumeId": TEXT, "path": TEXT}, "volumeId", "path"),
        },
    }
)
GPU = closed(
    {
        "id": TEXT,
        "count": at_least(1),
        "allowedCudaVersions": {"type": "array", "items": CUDA},
        "minCudaVersion": CUDA,
        # Not in the published contract, yet sent by others and taken: the least a host has for each GPU.
        "minVcpuCountPerGpu": at_least(1),
        "minRamPerGpu": at_least(1),
    },
    "id",
)
CPU = closed({"id": NAMED, "vcpuCount": at_least(2)}, "id", "vcpuCount")
CLOUD: Schema = {"type": "string", "enum": ["SECURE", "COMMUNITY"]}

CREATE_POD = closed(
    CONTAINER
    | {
        "name": NAMED,
        "gpu": GPU,
        "cpu": CPU,
        "cloud": CLOUD,
        "dataCenterIds": TEXTS,
        "globalNetworking": FLAG,
        "mounts": MOUNTS,
        "startSsh": FLAG,
        "startJupyter": FLAG,
        "templateId": NAMED,
    },
    "name",
    **{"if": {"not": {"required": ["templateId"]}}, "then": {"required": ["image"]}},
)
UPDATE_POD = closed(
    CONTAINER | {"name": NAMED, "globalNetworking": FLAG, "locked": FLAG, "mounts": MOUNTS, "templateId": TEXT}
)
POD_ACTION = closed({"action": {"type": "string", "enum": ["start", "stop", "restart", "terminate"]}}, "action")
VOLUME_TYPE: Schema = {"type": "string", "enum": ["STANDARD", "HIGH_PERFORMANCE"]}
CREATE_VOLUME = closed(
    {"name": NAMED, "size": at_least(10, 4096), "dataCenter": NAMED, "type": VOLUME_TYPE}, "name", "size", "dataCenter"
)
UPDATE_VOLUME = closed({"name": NAMED, "size": at_least(10, 4096)}, minProperties=1)
SSH_KEYS = closed({"keys": TEXTS}, "keys")


def checked(body: object, schema: Schema) -> dict[str, Any]:
    """The body, where it fits its schema; else ProblemError 422."""
    found = sorted(Draft202012Validator(schema).iter_errors(body), key=lambda error: error.json_path)
    if found:
        lines = tuple(f"{error.json_path}: {error.message}" for error in found)
        raise ProblemError(422, "Request validation failed.", errors=lines)
    assert isinstance(body, dict)
    return body
