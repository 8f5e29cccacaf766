"""What the steps of a deployment need from the world, as protocols: the real parts and the tests' own fit in here.

`Provider` is `app.sources.runpod.RunPod`, `Infra` is `app.services.terraform.driver.Terraform`, `Hands` is
`app.services.deploy.hands.SshHands`; `app.services.deploy.building` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from app.domain.deployment import Deployment, InfraPlan, Node, Offer, Pod, Trouble
from app.domain.frozen import frozen
from app.domain.refusals import ProviderError as ProviderError  # noqa: PLC0414 - offered here, raised a floor below

Tell = Callable[..., None]
"""`tell(text, node="", fraction=None, **data)`: one more thing happened in the step that is under way.

`is_warning=True` says that a person has to know of it.
"""


DRAINED = "gpu-watchdog: its pod is to end"
"""Why Slurm gives a node no new jobs, in its own records; by this a drain of ours is known from a person's."""


class DeployError(Exception):
    """A step cannot go on; says what happened and what to do. Nothing in it is secret."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.what)
        self.trouble = trouble


class Provider(Protocol):
    """The company that rents out the pods. Every call raises ProviderError."""

    async def pods(self) -> tuple[Pod, ...]:
        """Every pod of the account: one request, the list."""

    async def terminate(self, pod_id: str) -> None:
        """End a pod for good; one that is gone already is fine."""

    async def offers(self, gpus: int, cloud: str) -> tuple[Offer, ...]:
        """What the catalogue has for nodes of so many GPUs, one a GPU type and data centre; `placing` chooses."""

    async def volumes(self) -> tuple[tuple[str, str], ...]:
        """Network volumes: id and name."""

    async def delete_volume(self, volume_id: str) -> None:
        """Delete one; one that is gone already is fine."""

    async def close(self) -> None:
        """Let go of connections."""


@frozen
class Applied:
    """What came of one apply."""

    ok: bool
    pods: Mapping[str, str]
    """Pod ids by node key, out of what is in the state now: also after a failure."""
    errors: tuple[tuple[str, str], ...] = ()
    """Node key (empty: none) and Terraform's own words for each error."""
    was_interrupted: bool = False
    """We sent it a signal, and it stopped."""


class Infra(Protocol):
    """Terraform, in the deployment's own folder. Every call raises InfraError."""

    async def prepare(self, deployment: Deployment, public_key: str) -> None:
        """Lay the module and the variables out, and initialise it; repeated, it only writes what changed."""

    async def plan(self, *, destroy: bool = False, replace: Sequence[str] = ()) -> InfraPlan:
        """What it would change; `replace`: keys of nodes to make anew. Changes nothing but the saved plan."""

    async def apply(self, plan: InfraPlan, tell: Tell) -> Applied:
        """Apply exactly that plan. Cancelled, it sends one SIGINT, waits for the end with grace, then raises on."""

    async def pods(self) -> Mapping[str, str]:
        """Pod ids by node key, as the state has them."""

    async def volume(self) -> str:
        """Id of the network volume in the state; empty: none."""

    async def forget(self, key: str) -> None:
        """Take a node's pod off the state without touching the pod."""

    async def adopt(self, key: str, pod_id: str) -> None:
        """Take a pod into the state as a node's (import)."""


class InfraError(Exception):
    """Terraform could not be run, or said no; the message is for a person."""

    def __init__(self, text: str, kind: str = "", details: tuple[str, ...] = ()) -> None:
        """`kind`: `missing`, `version`, `init`, `locked`, `stale`, `config`, `auth`, `failed`, `interrupted`."""
        super().__init__(text)
        self.kind = kind
        self.details = details


@frozen
class GpusSeen:
    """What a node's exporter says of its GPUs."""

    count: int
    model: str = ""
    sick: tuple[str, ...] = ()
    """A sentence each: `GPU 3: Xid 79 …`."""


class Hands(Protocol):
    """What is done on the pods, over one ssh connection each. Every call raises DeployError; all may be repeated."""

    async def reach(self, node: Node, pod: Pod, tell: Tell) -> None:
        """Wait for the banner, take the host key once (strict after), log in."""

    async def install(self, node: Node, tell: Tell) -> None:
        """Bring the bundle where the image lacks it, start the exporter, wait for its page."""

    async def gpus(self, node: Node, tell: Tell, *, burn_in: bool) -> GpusSeen:
        """Count the GPUs and look at their health."""

    async def form(self, head: Node, workers: Sequence[Node], pods: Mapping[str, Pod], tell: Tell) -> None:
        """Start the controller and let every worker join; those that are in it already stay. Pods by node key."""

    async def run_job(self, head: Node, nodes: Sequence[Node], tell: Tell) -> None:
        """Run a job on all these nodes at once and see that each answered."""

    async def serve_model(self, head: Node, model: str, tell: Tell) -> None:
        """Start vLLM and follow its log until it answers."""

    async def jobs_on(self, head: Node, node: Node) -> tuple[str, ...]:
        """Ids of the jobs that run on a node."""

    async def drain(self, head: Node, node: Node, reason: str) -> None:
        """Let a node take no new jobs."""

    async def cancel_jobs(self, head: Node, jobs: Sequence[str]) -> None:
        """Cancel these jobs."""

    async def leave(self, head: Node, node: Node) -> None:
        """Take a node off Slurm's list; one that is not on it is fine."""

    async def is_busy(self, head: Node) -> bool | None:
        """Whether a job runs or waits, or a GPU or the model works; None: cannot be told."""

    async def logs(self, node: Node, name: str, lines: int) -> tuple[str, ...]:
        """The last lines of a log of a pod (`slurmctld`, `slurmd`, `munge`, `exporter`, `vllm`, `boot`), cleaned."""

    async def forget(self, node: Node) -> None:
        """Close the connection to a node, and forget its host key."""
