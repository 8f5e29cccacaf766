"""What goes into and comes out of the verbs on a deployment: options, a removal to confirm, a standing, a proof."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import Literal

from app.domain.deployment import DeployEvent, Deployment, InfraPlan, Pod
from app.domain.frozen import frozen

How = Literal["wait", "cancel"]
"""What becomes of the jobs on a node that is to go: waited for, or cancelled."""
Why = Literal["destroy", "scale", "replace"]
Listen = Callable[[DeployEvent], None]
"""Is told each event as it happens; must neither wait nor raise."""


@frozen
class Options:
    """How a verb is carried out; none of it is kept."""

    timeout_s: float | None = None
    """Seconds for all of it; None: only the steps' own deadlines hold."""
    skip_infra: bool = False
    """Leave the pods as they are: go on with those the record names (`--skip-infra`)."""
    retry_s: float = 600.0
    """Seconds during which candidates without capacity are tried again."""
    jobs_s: float | None = None
    """Seconds that jobs on a node that is to go may still run; None: as long as they do."""
    volumes: bool = False
    """Destroy the network volume, and the model's weights on it, as well."""
    keeps_agreement: bool = False
    """It goes on with what was agreed to before (`agreement`); any other run takes that's place."""


@frozen
class Removal:
    """Pods that are to be ended, as a person is asked before it is done."""

    name: str
    """The deployment's."""
    why: Why
    pods: tuple[Pod, ...]
    nodes: tuple[str, ...] = ()
    """Names of the nodes that go, those without a pod included."""
    jobs: tuple[str, ...] = ()
    """Jobs that run on them; empty where nobody could be asked."""
    how: How = "wait"
    volumes: tuple[tuple[str, str], ...] = ()
    """Id and name of network volumes that go with them."""
    spent: float = 0.0
    """$ so far."""

    @property
    def per_hour(self) -> float:
        """$/h that is no longer paid then."""
        return sum(pod.cost_per_hour or 0.0 for pod in self.pods if pod.is_billed)


Question = InfraPlan | Removal
Confirm = Callable[[Question], Awaitable[bool]]
"""Asks whoever decides; False: nothing is done."""


class Declined(Exception):  # noqa: N818 - it is an answer, not an error
    """Whoever was asked said no; nothing was done."""


@frozen
class Drift:
    """What somebody else changed: a node whose pod is not as this deployment left it."""

    node: str
    """Its name."""
    pod_id: str
    what: str
    """One sentence: `its pod was terminated outside`."""
    code: str
    """`gone`, `stopped`, `error`, `unplaced` or `foreign`; stays the same."""


@frozen
class Standing:
    """How a deployment stands: what was written down, what the provider says, and where the two differ."""

    deployment: Deployment
    asked_at: float
    """Epoch seconds."""
    pods: Mapping[str, Pod] = field(default_factory=dict)
    """By node key: the pods that play its nodes and that the provider lists."""
    drift: tuple[Drift, ...] = ()
    orphans: tuple[Pod, ...] = ()
    """Billed pods of this deployment that no node of it uses."""
    problem: str = ""
    """Why the provider could not be asked; then pods, drift and orphans are not known."""
    held_by: str = ""
    """Who works on it now, `process 123`; empty: nobody."""

    @property
    def per_hour(self) -> float | None:
        """$/h of all that is billed, orphans included; None: the provider could not be asked."""
        if self.problem:
            return None
        return sum(pod.cost_per_hour or 0.0 for pod in (*self.pods.values(), *self.orphans) if pod.is_billed)

    @property
    def spent(self) -> float:
        """$ until now, by our own clock."""
        return self.deployment.billing.until(self.asked_at)


@frozen
class Look:
    """One question to the provider after a destroy."""

    at: float
    """Epoch seconds."""
    pods: tuple[Pod, ...]
    """Billed pods of ours that it still listed."""


@frozen
class Proof:
    """That nothing of a deployment is left: what was asked, and what was answered."""

    name: str
    prefix: str
    """What was looked for."""
    looks: tuple[Look, ...] = ()
    ended: tuple[str, ...] = ()
    """Ids of the pods that were ended, oldest first."""
    volumes_deleted: tuple[str, ...] = ()
    volumes_kept: tuple[tuple[str, str], ...] = ()
    """Id and name of what stays and is billed on: deleted only where it was asked for."""
    spent: float = 0.0
    """$ by our own clock."""
    finished_at: float = 0.0

    @property
    def left(self) -> tuple[Pod, ...]:
        """What the last look still found."""
        return self.looks[-1].pods if self.looks else ()

    @property
    def is_clean(self) -> bool:
        """The last three looks found no pod of ours."""
        return len(self.looks) >= CLEAN_LOOKS and all(not look.pods for look in self.looks[-CLEAN_LOOKS:])


CLEAN_LOOKS = 3
"""Looks in a row without a pod of ours that are a proof: one that was asked for late may be listed late."""
