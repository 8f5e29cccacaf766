"""A deployment's record on disk: written whole, synced and renamed; read with tolerance for older and newer writers.

A key that is not known is passed over, one that is missing has its default; a word of a newer version (a step, a state)
is dropped or read as what makes the next run look again. What is no record at all is an error, never an empty one.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from app.domain.deployment import HEAD, NAME, STEPS, Billing, Deployment, Node, Offer, State, Step, Trouble, Turn, Wish
from app.domain.naming import clean
from app.services.deploy.folder import DeploymentFolder, deployments_dir
from app.services.deploy.ssh_files import write_whole

VERSION = 1
MOST_BYTES = 4 * 1024 * 1024


class RecordError(Exception):
    """A record cannot be read; the message is for a person."""


def write_record(folder: DeploymentFolder, deployment: Deployment) -> None:
    """Keep a deployment so that a power cut leaves this record or the one before. Raises OSError."""
    folder.make()
    write_whole(folder.record, json.dumps(encode(deployment), indent=1, ensure_ascii=False) + "\n")
    descriptor = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)  # the rename itself
    finally:
        os.close(descriptor)


def read_record(folder: DeploymentFolder) -> Deployment:
    """The deployment of a folder. Raises FileNotFoundError where there is none, RecordError where it cannot be read."""
    try:
        with folder.record.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RecordError(f"{folder.record}: {error.strerror or error}") from error
    if len(raw) > MOST_BYTES:
        raise RecordError(f"{folder.record}: larger than {MOST_BYTES} bytes; that is no record")
    try:
        told = json.loads(raw)
        return decode(told if isinstance(told, dict) else {})
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{folder.record}: {clean(str(error), 200) or 'no record'}") from error


def names(state_dir: Path) -> tuple[str, ...]:
    """Names of the folders that hold, or should hold, a deployment."""
    try:
        found = sorted(one.name for one in deployments_dir(state_dir).iterdir() if one.is_dir())
    except OSError:
        return ()
    return tuple(name for name in found if NAME.fullmatch(name))


def encode(deployment: Deployment) -> dict[str, object]:
    """A deployment as JSON values."""
    return {"version": VERSION, **asdict(deployment)}


def decode(told: Mapping[str, Any]) -> Deployment:
    """A deployment out of JSON values. Raises ValueError where name or id are missing or cannot be ones."""
    wish = _wish(_table(told.get("wish")))
    identity = told.get("id")
    if not NAME.fullmatch(wish.name) or not isinstance(identity, str) or not _is_id(identity):
        raise ValueError("it names no deployment")
    return Deployment(
        wish,
        identity,
        _number(told.get("created_at")) or 0.0,
        _state(told.get("state")),
        _steps(told.get("done")),
        tuple(_node(_table(one)) for one in _list(told.get("nodes")) if _table(one).get("key")),
        _trouble(told.get("trouble")),
        _billing(_table(told.get("billing"))),
        _number(told.get("deadline_at")),
        _number(told.get("destroyed_at")),
        _text(told, "volume_id"),
        _text(told, "volume_center"),
        tuple(_turn(_table(one)) for one in _list(told.get("turns")) if _text(_table(one), "key")),
        _formed_on(told),
    )


def _is_id(text: str) -> bool:
    return len(text) == 8 and all(letter in "0123456789abcdef" for letter in text)


def _wish(told: Mapping[str, Any]) -> Wish:
    known: dict[str, Any] = {}
    for one in fields(Wish):
        if one.name not in told:
            continue
        value, standard = told[one.name], one.default
        if isinstance(standard, tuple):
            known[one.name] = tuple(str(each) for each in _list(value))
        elif isinstance(standard, bool):
            known[one.name] = value is True
        elif isinstance(standard, int):
            known[one.name] = int(_number(value) or 0)
        elif standard is None:
            known[one.name] = _number(value)
        else:
            known[one.name] = str(value)
    return Wish(**{"name": "", **known})


def _node(told: Mapping[str, Any]) -> Node:
    return Node(str(told["key"]), str(told.get("name", "")), _offer(_table(told.get("offer"))), _text(told, "pod_id"))


def _turn(told: Mapping[str, Any]) -> Turn:
    return Turn(_text(told, "key"), _text(told, "pod_id"))


def _formed_on(told: Mapping[str, Any]) -> str:
    """The head's pod that Slurm was formed on; an older record says only that it was."""
    if "formed_on" in told or Step.SLURM not in _steps(told.get("done")):
        return _text(told, "formed_on")
    nodes = (_table(one) for one in _list(told.get("nodes")))
    return next((_text(one, "pod_id") for one in nodes if one.get("key") == HEAD), "")


def _offer(told: Mapping[str, Any]) -> Offer:
    return Offer(
        _text(told, "gpu_type"),
        int(_number(told.get("gpus")) or 0),
        _text(told, "data_center"),
        _text(told, "cloud"),
        _number(told.get("price_per_gpu")),
        _text(told, "availability"),
        told.get("has_private_network", True) is not False,
    )


def _trouble(value: object) -> Trouble | None:
    told = _table(value)
    if not told:
        return None
    step = told.get("step")
    return Trouble(
        _text(told, "what"),
        _text(told, "next"),
        Step(step) if step in STEPS else None,
        _text(told, "node"),
        tuple(str(one) for one in _list(told.get("details"))),
        _text(told, "code"),
    )


def _billing(told: Mapping[str, Any]) -> Billing:
    return Billing(*(_number(told.get(key)) or 0.0 for key in ("spent", "per_hour", "at")))


def _state(value: object) -> State:
    """A state of a newer version is one that the next run must look into."""
    return State(value) if isinstance(value, str) and value in set(State) else State.FAILED


def _steps(value: object) -> tuple[Step, ...]:
    told = _list(value)
    return tuple(step for step in STEPS if step.value in told)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Iterable[Any] | tuple[Any, ...]:
    return value if isinstance(value, list) else ()


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
