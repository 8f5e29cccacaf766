"""What a person agreed to in a run, kept beside the record: with it the daemon goes on when whoever began it is gone.

A run of the screen writes it once it is past every question, and takes it away when it ends. One that is still there
while nobody holds the deployment's lock belongs to a run that was left (a closed screen, a lost line, a killed
process), and the daemon of the same user takes it up (`carrying`): no further than what was agreed to, and not after a
long pause, since nobody expects then that money is spent again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, get_args

from app.domain.deployment import InfraPlan
from app.domain.frozen import frozen
from app.services.deploy.folder import DeploymentFolder, deployments_dir
from app.services.deploy.lock import holder
from app.services.deploy.plans import How, Question
from app.services.deploy.ssh_files import write_whole

Verb = Literal["deploy", "destroy"]
MOST_BYTES = 64 * 1024
MOST_PER_HOUR = 1e6
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "id": str, "verb": str, "per_hour": (int, float), "ends": list, "how": str, "volumes": bool, "any_price": bool,
    "tries": int,
}  # fmt: skip
"""What stands in the file; one with other keys is of another version, and nobody goes on by it."""
CENT = 0.005
"""$/h by which a price may differ and be the same."""


@frozen
class Agreement:
    """How far a run may be gone on with."""

    id: str = ""
    """The deployment's: one of the same name that was begun later is another."""
    verb: Verb = "deploy"
    """Towards the cluster that is wished for, or to its end."""
    per_hour: float = 0.0
    """Most $/h that all pods may cost."""
    ends: tuple[str, ...] = ()
    """Names or keys of nodes whose pods may be ended."""
    how: How = "wait"
    volumes: bool = False
    """A network volume goes, too."""
    any_price: bool = False
    """A price was not known, and a person said yes all the same."""
    tries: int = 0
    """How often it was taken up."""

    def with_answer(self, question: Question, cap: float | None) -> Agreement:
        """The same after a person said yes to a question; `cap`: $/h that was wished for as the most, and shown."""
        if isinstance(question, InfraPlan):
            most = max(self.per_hour, question.per_hour_after or 0.0, cap or 0.0)
            is_unknown = question.per_hour_after is None and cap is None
            ends = _joined(self.ends, tuple(_ended(question)))
            return replace(self, per_hour=most, ends=ends, any_price=self.any_price or is_unknown)
        verb: Verb = "destroy" if question.why == "destroy" else "deploy"
        is_more = self.volumes or bool(question.volumes)
        return replace(self, verb=verb, ends=_joined(self.ends, question.nodes), how=question.how, volumes=is_more)

    def covers(self, question: Question) -> bool:
        """Whether a person has said yes to this already, in effect."""
        if isinstance(question, InfraPlan):
            after, now = question.per_hour_after, question.per_hour_before
            # What costs no more than now is no new expense, whatever was said.
            most = max(self.per_hour, now or 0.0) + CENT
            return _ended(question) <= self._ends and (self.any_price or (after is not None and after <= most))
        if question.why == "destroy":
            return self.verb == "destroy" and (self.volumes or not question.volumes)
        return {*question.nodes} <= self._ends

    @property
    def _ends(self) -> frozenset[str]:
        """Names, and keys: a plan calls a node by its key."""
        return frozenset((*self.ends, *(one.rpartition("-")[2] for one in self.ends)))


def _ended(plan: InfraPlan) -> frozenset[str]:
    """Keys of the nodes whose pods a plan ends."""
    return frozenset(one.node for one in plan.changes if one.node and one.action in {"delete", "replace"})


def _joined(before: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *more)))


def write_agreement(folder: DeploymentFolder, agreement: Agreement) -> None:
    """Keep it. Raises OSError."""
    write_whole(folder.agreed, json.dumps(asdict(agreement)) + "\n")


def read_agreement(folder: DeploymentFolder) -> Agreement | None:
    """What is kept; None: nothing, or nothing that can be read: then nobody agreed to anything."""
    try:
        with folder.agreed.open("rb") as file:
            told = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return _decoded(told) if isinstance(told, dict) else None


def _decoded(told: Mapping[str, Any]) -> Agreement | None:
    if told.keys() != _KINDS.keys() or not all(isinstance(told[key], kind) for key, kind in _KINDS.items()):
        return None
    is_one = told["verb"] in get_args(Verb) and told["how"] in get_args(How)
    if not is_one or not 0 <= told["per_hour"] < MOST_PER_HOUR or not all(isinstance(one, str) for one in told["ends"]):
        return None
    return Agreement(**{**told, "ends": tuple(told["ends"])})


def drop_agreement(folder: DeploymentFolder) -> None:
    """Nobody goes on with it any more; whoever does now stops where that is safe."""
    with contextlib.suppress(OSError):
        folder.agreed.unlink(missing_ok=True)


def last_sign(folder: DeploymentFolder) -> float:
    """When a run on a deployment was heard of last, epoch seconds; 0: never."""
    found = []
    for path in (folder.agreed, folder.events):
        with contextlib.suppress(OSError):
            found.append(path.stat().st_mtime)
    return max(found, default=0.0)


def carrier_folder(state_dir: Path) -> DeploymentFolder:
    """Whose lock the daemon holds that goes on with runs; no deployment can have this name."""
    return DeploymentFolder(deployments_dir(state_dir) / ".carrier")


def carrier(state_dir: Path) -> str:
    """The process that goes on with runs that are left, `process 123`; empty: there is none."""
    return holder(carrier_folder(state_dir)).partition(" (")[0]
