"""Network volumes of the emulated account: storage that is paid for until it is deleted."""

from __future__ import annotations

from typing import Any

from tests.standins.runpod.account import Account
from tests.standins.runpod.catalogue import data_center
from tests.standins.runpod.problems import ProblemError, broken_rule, missing


def volume(account: Account, volume_id: str) -> dict[str, Any]:
    """One of them; ProblemError 404."""
    found = account.volumes.get(volume_id)
    if found is None:
        raise missing("network volume")
    return found


def create_volume(account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """Make one, in a data centre that has such storage."""
    center = data_center(body["dataCenter"])
    if center is None:
        raise broken_rule(f"data center {body['dataCenter']!r} does not exist")
    if not center.volume_types or body.get("type", center.volume_types[0]) not in center.volume_types:
        raise broken_rule(f"data center {center.id} does not support this network volume type")
    if account.knobs.balance is not None and account.knobs.balance <= account.spent():
        raise ProblemError(402, "insufficient balance: add credits to your account")
    fresh = {
        "id": account.fresh_id(10),
        "name": body["name"],
        "size": body["size"],
        "dataCenter": center.id,
        "type": body.get("type", center.volume_types[0]),
    }
    account.volumes[fresh["id"]] = fresh
    return fresh


def update_volume(account: Account, volume_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Rename or enlarge one."""
    found = volume(account, volume_id)
    if body.get("size", found["size"]) < found["size"]:
        raise broken_rule("network volume size cannot be reduced")
    found |= body
    return found


def delete_volume(account: Account, volume_id: str) -> None:
    """Delete one; not while a pod mounts it."""
    volume(account, volume_id)
    users = [
        pod.id
        for pod in account.pods.values()
        if pod.state != "TERMINATED"
        and any(each["volumeId"] == volume_id for each in pod.body.get("mounts", {}).get("network", []))
    ]
    if users:
        raise broken_rule(f"network volume is in use by {', '.join(users)}")
    del account.volumes[volume_id]
