"""What deployments on disk say should be there: only names and ids are read, of records that another room writes."""

from __future__ import annotations

import json
from pathlib import Path

from app.domain.deployment import NAME, State
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.sources.runpod.values import ID, Record, number, record

MOST_BYTES = 4 * 1024 * 1024
RECORD = "deployment.json"
_SETTLED = frozenset({State.READY, State.FAILED})
"""Nobody is at work on it: what has changed was changed elsewhere."""


@frozen
class Place:
    """A node of a deployment and the pod that should play it."""

    node: str
    pod_id: str
    gpus: int | None
    gpu_type: str = ""
    price: float | None = None
    """$/h as it was placed."""


@frozen
class Expected:
    """One deployment."""

    name: str
    prefix: str
    """What the names of its pods begin with."""
    state: str
    places: tuple[Place, ...]
    destroyed_at: float | None = None

    @property
    def is_settled(self) -> bool:
        """No run of ours changes it now."""
        return self.state in _SETTLED

    @property
    def is_over(self) -> bool:
        """It was destroyed, and that was proved."""
        return self.state == State.DESTROYED

    def was_over(self, at: float) -> bool:
        """It had been destroyed by then."""
        return self.is_over and (self.destroyed_at or 0.0) <= at


def read_expected(folder: Path) -> tuple[Expected, ...]:
    """The deployments of a folder, by name; a record that cannot be read is passed over: `deploy` tells of it."""
    try:
        names = sorted(one.name for one in folder.iterdir() if NAME.fullmatch(one.name))
    except OSError:
        return ()
    found = (_deployment(folder / name / RECORD) for name in names)
    return tuple(one for one in found if one is not None)


def _deployment(path: Path) -> Expected | None:
    try:
        with path.open("rb") as file:
            told: object = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    said = record(told)
    name, identity = record(said.get("wish")).get("name"), said.get("id")
    if not isinstance(name, str) or not NAME.fullmatch(name) or not isinstance(identity, str) or not identity:
        return None
    nodes = said.get("nodes")
    places = [_place(record(one)) for one in (nodes if isinstance(nodes, list) else [])]
    state = said.get("state")
    kept = tuple(place for place in places if place is not None)
    word = state if isinstance(state, str) else ""
    return Expected(name, f"gw-{name}-{identity}-", word, kept, number(said.get("destroyed_at")))


def _place(said: Record) -> Place | None:
    name, pod_id, offer = said.get("name"), said.get("pod_id"), record(said.get("offer"))
    if not isinstance(name, str) or not name or not isinstance(pod_id, str) or not ID.fullmatch(pod_id):
        return None
    gpus, price, gpu_type = number(offer.get("gpus")), number(offer.get("price_per_gpu")), offer.get("gpu_type")
    return Place(
        clean(name, 64),
        pod_id,
        int(gpus) if gpus else None,
        clean(gpu_type, 128) if isinstance(gpu_type, str) else "",
        None if price is None or not gpus else price * gpus,
    )
