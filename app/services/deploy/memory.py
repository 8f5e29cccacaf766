"""What the keeper knows of a deployment from its looks, on disk: a restart goes on where the last look was.

For how long nothing was done, and what was said already. A file that cannot be read, is of another version or of
another deployment of the same name, or claims more idle time than the deployment has lived, counts as never looked:
then it lives longer, and nobody loses work.
"""

from __future__ import annotations

import json
import math
from typing import Any

from app.domain.deployment import Deployment
from app.domain.frozen import frozen
from app.engine.lifetime import LONGEST_GAP_S, NEVER_SEEN, Idle
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.ssh_files import write_whole

VERSION = 1
MOST_BYTES = 64 * 1024
MOST_SAID = 40


@frozen
class Memory:
    """What is known of one deployment."""

    idle: Idle = NEVER_SEEN
    said: tuple[str, ...] = ()
    """What was said and is not to be said again, the oldest first."""


NOTHING = Memory()


def recall(folder: DeploymentFolder, deployment: Deployment, now: float) -> Memory:
    """What was kept of a deployment; nothing where that is no use."""
    try:
        with folder.memory.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        told = json.loads(raw) if len(raw) <= MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        return NOTHING
    if not isinstance(told, dict) or told.get("version") != VERSION or not _is_of(told, deployment):
        return NOTHING
    said, seen_at = told.get("said"), _number(told.get("seen_at"))
    idle_s = _number(told.get("idle_s"))
    if idle_s is None or not isinstance(said, list) or (seen_at is None and told.get("seen_at") is not None):
        return NOTHING
    if not 0.0 <= idle_s <= now - deployment.created_at + LONGEST_GAP_S:
        return NOTHING
    return Memory(Idle(idle_s, seen_at), tuple(one for one in said if isinstance(one, str))[-MOST_SAID:])


def keep(folder: DeploymentFolder, deployment: Deployment, memory: Memory) -> None:
    """Write it down, whole or not at all, for its owner alone. Raises OSError."""
    told = {
        "version": VERSION,
        "id": deployment.id,
        "created_at": deployment.created_at,
        "idle_s": memory.idle.idle_s,
        "seen_at": memory.idle.seen_at,
        "said": list(memory.said[-MOST_SAID:]),
    }
    write_whole(folder.memory, json.dumps(told) + "\n")


def _is_of(told: dict[str, Any], deployment: Deployment) -> bool:
    """One that was destroyed and begun anew has its id still, where it left a volume."""
    return told.get("id") == deployment.id and told.get("created_at") == deployment.created_at


def _number(value: object) -> float | None:
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_one else None  # type: ignore[arg-type]  # a number it is
