"""What Terraform's state holds of ours (`state pull`, format 4), which needs no provider to be read. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field

from app.domain.deployment import HEAD
from app.domain.frozen import frozen
from app.services.deploy.ports import InfraError
from app.services.terraform.addresses import POD, VOLUME

FORMAT = 4


@frozen
class Held:
    """The pods and the volume in the state."""

    pods: Mapping[str, str] = field(default_factory=dict)
    """Ids by node key; one whose create failed half-way (tainted) is there and billed."""
    volume: str = ""
    """Empty: none of our own."""
    bare: frozenset[str] = frozenset()
    """Keys of pods of which it is not known what they were made with: the provider did not say when it took them in."""


def parse_state(told: bytes) -> Held:
    """Read the state; nothing where there is none yet. Raises InfraError where it cannot be understood."""
    if not told.strip():
        return Held()
    try:
        state = json.loads(told)
    except ValueError as error:
        raise InfraError("Terraform's state is no JSON; a backup is beside it", "failed") from error
    if not isinstance(state, dict) or state.get("version") != FORMAT:
        raise InfraError("Terraform's state is of a format this program does not know", "version")
    pods: dict[str, str] = {}
    volume = ""
    bare: set[str] = set()
    for resource in _dicts(state.get("resources")):
        for instance in _dicts(resource.get("instances")):
            identity = _attribute(instance, "id")
            kind, name = resource.get("type"), resource.get("name")
            if not identity or resource.get("mode") != "managed" or "module" in resource:
                continue
            if kind == VOLUME and name == "cache":
                volume = identity
            elif kind == POD and name in {HEAD, "worker"}:
                key = HEAD if name == HEAD else str(instance.get("index_key"))
                pods[key] = identity
                bare |= set() if _attribute(instance, "gpu_type_id") else {key}
    return Held(pods, volume, frozenset(bare))


def _dicts(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _attribute(instance: Mapping[str, object], name: str) -> str:
    attributes = instance.get("attributes")
    value = attributes.get(name) if isinstance(attributes, dict) else None
    return value if isinstance(value, str) else ""
