"""A rented cluster as values: what is wished for, what a provider has, which step it is at, what happened on the way.

Nothing here ever holds a secret: keys and tokens travel beside these values, never in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import StrEnum

from app.domain.frozen import frozen

NAME = re.compile(r"[a-z]([a-z0-9-]{0,22}[a-z0-9])?")
"""A deployment's name: it is part of host names, of folder names and of the provider's pod names."""
HEAD = "head"
"""Key of the node that holds slurmctld and the model; workers are `w1`, `w2`, … and keep their key for life."""
SECURE, COMMUNITY = "SECURE", "COMMUNITY"
"""RunPod's two clouds; only the secure one has a private network between pods."""


class Step(StrEnum):
    """The way from nothing to a running cluster, in order; a run goes on at the first step that is not done."""

    CHECK = "check"
    """Key, Terraform, ssh, prices and budget are looked at; nothing is changed."""
    PLAN = "plan"
    """Terraform says what it would change, and what that costs."""
    PODS = "pods"
    """Terraform applies it; where there is no capacity, the next candidate is tried."""
    REACH = "reach"
    """Each pod runs, its sshd sends a banner, its host key is taken once, a login works."""
    INSTALL = "install"
    """The scripts and the exporter are on every pod, and run."""
    GPUS = "gpus"
    """As many GPUs as were paid for are seen, and healthy."""
    SLURM = "slurm"
    """The head's controller is up and every worker has joined it."""
    JOB = "job"
    """A job ran on all nodes at once."""
    MODEL = "model"
    """The model server answers."""
    WATCH = "watch"
    """Targets, prices and addresses stand where screen, commands and daemon look for them."""


STEPS: tuple[Step, ...] = tuple(Step)


class PodStatus(StrEnum):
    """RunPod's words for how a pod stands (REST v2), and one of ours for a word that is new to us."""

    PROVISIONING = "PROVISIONING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"
    UNKNOWN = "UNKNOWN"


@frozen
class Wish:
    """What a deployment should be; written down when it is first made, changed by `--scale` alone."""

    name: str
    nodes: int = 2
    """The head counted."""
    gpus_per_node: int = 1
    gpu_types: tuple[str, ...] = ()
    """The provider's ids, `NVIDIA H100 80GB HBM3`, in the user's order; empty: any that fits, the cheapest first."""
    by_price: bool = False
    """Try the cheapest of them first instead of keeping the user's order."""
    data_centers: tuple[str, ...] = ()
    """Empty: any that has a private network between pods."""
    cloud: str = SECURE
    image: str = ""
    """Empty: a stock image, and our scripts are brought over ssh."""
    disk_gb: int = 50
    volume_gb: int = 0
    """Size of the network volume that keeps the model's weights; 0: none."""
    model: str = ""
    """What vLLM serves on the head; empty: no model, and the head computes like a worker."""
    max_cost_per_hour: float | None = None
    """$/h that all pods together may cost."""
    ttl_s: float | None = None
    """Seconds after which all of it is destroyed, whoever uses it."""
    idle_s: float | None = None
    """Seconds without a job, a busy GPU or a request after which all of it is destroyed."""
    burn_in: bool = False
    """Load every GPU for some seconds before it is given to anybody."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the nodes a fresh deployment has."""
        return (HEAD, *(f"w{number}" for number in range(1, self.nodes)))


@frozen
class Offer:
    """One way to get a node, out of the provider's catalogue; an ordering, never a reservation."""

    gpu_type: str
    gpus: int
    data_center: str
    """Empty: any of the cloud's."""
    cloud: str
    price_per_gpu: float | None
    """$/h; None: the catalogue does not say."""
    availability: str = ""
    """`NONE`, `LOW`, `MEDIUM`, `HIGH`; empty: not told."""
    has_private_network: bool = True
    """Pods there can be on the provider's private network."""

    @property
    def price(self) -> float | None:
        """$/h of the whole node."""
        return None if self.price_per_gpu is None else self.price_per_gpu * self.gpus

    @property
    def words(self) -> str:
        """For people: `8 x NVIDIA H100 80GB HBM3 in US-KS-2`."""
        return f"{self.gpus} x {self.gpu_type}" + (f" in {self.data_center}" if self.data_center else "")


@frozen
class Address:
    """Where a pod's sshd answers from outside."""

    host: str
    port: int
    user: str = "root"


@frozen
class Pod:
    """A pod as the provider tells it."""

    id: str
    name: str
    status: PodStatus
    gpu_type: str = ""
    gpus: int = 0
    data_center: str = ""
    cloud: str = ""
    image: str = ""
    cost_per_hour: float | None = None
    created_at: float | None = None
    """Epoch seconds."""
    ssh: Address | None = None
    """None until its port is mapped."""
    private_name: str = ""
    """Name on the provider's private network, `PODID.runpod.internal`; empty without one."""

    @property
    def is_billed(self) -> bool:
        """It costs money as long as it is listed and not terminated: a stopped one still pays for its disk."""
        return self.status is not PodStatus.TERMINATED


@frozen
class Node:
    """One node of a deployment: a key that stays, and the pod that plays it now."""

    key: str
    """`head`, `w1`, …"""
    name: str
    """As Slurm, targets and ssh call it: `lab-head`, `lab-w1`."""
    offer: Offer
    pod_id: str = ""
    """Empty: not placed yet."""

    @property
    def is_head(self) -> bool:
        """It holds the controller."""
        return self.key == HEAD


@frozen
class Turn:
    """A node that is to get another pod, and the one that it is to lose: once that is gone, its turn is over."""

    key: str
    """The node's."""
    pod_id: str = ""
    """Empty: it had none when it was agreed on."""


class State(StrEnum):
    """How a deployment stands as a whole."""

    NEW = "new"
    PLANNED = "planned"
    DEPLOYING = "deploying"
    READY = "ready"
    FAILED = "failed"
    """A step failed, or was interrupted; running `deploy` again goes on there."""
    DESTROYING = "destroying"
    DESTROYED = "destroyed"
    """The provider was asked, and nothing of it is left."""


@frozen
class Trouble:
    """Why a step failed, for a person who pays by the hour."""

    what: str
    """What happened, on what: one sentence."""
    next: str
    """What to do: one sentence."""
    step: Step | None = None
    node: str = ""
    details: tuple[str, ...] = ()
    """The last lines of a log, the reason of each candidate, …: cleaned and free of secrets."""
    code: str = ""
    """A word that stays the same, `no_capacity`, for tests and for `--json`."""


@frozen
class Billing:
    """What has been paid for so far, by our own clock: the provider's bill is the truth."""

    spent: float = 0.0
    """$ until `at`."""
    per_hour: float = 0.0
    """$/h from `at` on."""
    at: float = 0.0
    """Epoch seconds; 0: nothing was ever billed."""

    def until(self, now: float) -> float:
        """$ spent by `now`."""
        return self.spent + (self.per_hour * max(0.0, now - self.at) / 3600 if self.at else 0.0)

    def changed(self, now: float, per_hour: float) -> Billing:
        """The same from now on at another rate."""
        return Billing(self.until(now), per_hour, now)


@frozen
class Deployment:
    """Everything that is kept of one deployment, in its `deployment.json`."""

    wish: Wish
    id: str
    """Eight hex digits, drawn once: with the name it marks what is ours at the provider."""
    created_at: float
    state: State = State.NEW
    done: tuple[Step, ...] = ()
    nodes: tuple[Node, ...] = ()
    trouble: Trouble | None = None
    billing: Billing = field(default_factory=Billing)
    deadline_at: float | None = None
    """When it is destroyed by itself (time to live)."""
    destroyed_at: float | None = None
    volume_id: str = ""
    """Of its network volume, which is billed until it is deleted, after a destroy as well; empty: none is known."""
    volume_center: str = ""
    """Data centre of that volume, chosen with the head's; once there is the volume, the head is bound to it."""
    turns: tuple[Turn, ...] = ()
    """Nodes that are to get another pod, one after another, and have not joined with it yet."""
    formed_on: str = ""
    """Id of the head's pod on which Slurm was formed last: with it go the jobs. Empty: never."""

    @property
    def is_formed(self) -> bool:
        """Its head holds a cluster on which jobs may run, even if not every node of it is whole."""
        return self.head is not None and bool(self.formed_on) and self.head.pod_id == self.formed_on

    @property
    def to_replace(self) -> tuple[Node, ...]:
        """The nodes that still have the pod that they are to lose, in the order of their turns."""
        nodes = {node.key: node for node in self.nodes}
        return tuple(nodes[one.key] for one in self.turns if one.key in nodes and nodes[one.key].pod_id == one.pod_id)

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.wish.name

    @property
    def prefix(self) -> str:
        """What the names of all its pods at the provider begin with; a pod's is this and its node's key."""
        return f"gw-{self.wish.name}-{self.id}-"

    @property
    def head(self) -> Node | None:
        """The node with the controller; None before there is one."""
        return next((node for node in self.nodes if node.is_head), None)

    @property
    def workers(self) -> tuple[Node, ...]:
        """The others."""
        return tuple(node for node in self.nodes if not node.is_head)

    @property
    def next_step(self) -> Step | None:
        """Where a run goes on; None: all is done."""
        return next((step for step in STEPS if step not in self.done), None)


class Told(StrEnum):
    """What kind of thing an event tells."""

    BEGUN = "begun"
    NOTE = "note"
    PROGRESS = "progress"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    WARNING = "warning"
    ENDED = "ended"
    """The last event of a run, whatever came of it."""


@frozen
class DeployEvent:
    """One thing that happened on the way; also a line of `deploy --json` and of the deployment's log."""

    at: float
    told: Told
    text: str
    """One sentence, cleaned and free of secrets."""
    step: Step | None = None
    node: str = ""
    """A node's name; empty: all of it."""
    fraction: float | None = None
    """0 to 1 of the step; None: nobody knows."""
    per_hour: float | None = None
    """$/h that is billed now."""
    spent: float | None = None
    """$ so far."""
    data: Mapping[str, object] = field(default_factory=dict)
    """More, for programs: JSON values only."""


@frozen
class Change:
    """One resource that Terraform would change, or has found changed."""

    address: str
    """`runpod_pod.worker["w1"]`."""
    action: str
    """`create`, `update`, `replace`, `delete`, `no-op`, `read`, `forget`."""
    reason: str = ""
    """Terraform's own word, `cannot_update`; empty: none given."""
    attributes: tuple[tuple[str, str, str], ...] = ()
    """Name, before and after of what differs; what is sensitive is masked."""
    node: str = ""
    """Key of the node it is; empty: something else."""
    price: float | None = None
    """$/h it adds (or takes away, below 0); None: not known."""


@frozen
class InfraPlan:
    """What Terraform would do, as a person is shown it before it is done."""

    changes: tuple[Change, ...]
    """Without those that change nothing."""
    drift: tuple[Change, ...] = ()
    """What was changed outside: a pod terminated in the console, …"""
    file: str = ""
    """The saved plan that will be applied."""
    per_hour_before: float | None = None
    per_hour_after: float | None = None
    """$/h of all pods together; None: some price is not known."""
    is_destroy: bool = False

    @property
    def is_empty(self) -> bool:
        """Nothing is to be changed."""
        return not self.changes


@frozen
class Decision:
    """What the keeper of a deployment found due, decided but not done."""

    verb: str
    """`destroy` or `warn`."""
    reason: str
    """One sentence: `the time to live of 12 h is over`."""
    at: float


ALL_NODES = "all"
"""In place of the names of nodes: every one that has a pod."""


def replacing(name: str, nodes: Iterable[Node]) -> str:
    """The command that gives these nodes of a deployment other pods."""
    return " ".join((f"gpu-watchdog deploy {name}", *(f"--replace {node.name}" for node in nodes)))
