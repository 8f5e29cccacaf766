"""Deployments in every phase, written to a state folder as a run writes them; and a stand-in for what does the work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from app.config.settings import Deploy
from app.domain.deployment import (
    STEPS,
    Billing,
    Change,
    DeployEvent,
    Deployment,
    InfraPlan,
    Node,
    Offer,
    Pod,
    PodStatus,
    State,
    Step,
    Told,
    Trouble,
    Wish,
)
from app.services.deploy.deploying import Declined
from app.services.deploy.folder import folder_of
from app.services.deploy.journal import as_json
from app.services.deploy.plans import Confirm, Drift, How, Listen, Look, Options, Proof, Removal, Standing
from app.services.deploy.record import write_record
from app.tui.infra_looks import InfraGround
from tests.present.fleets import NOW

H100 = "NVIDIA H100 80GB HBM3"
ID = "3f9a1c07"
RATE = 2.39 * 8
NO_OPTIONS = Options()


def wish(name: str = "lab", nodes: int = 4) -> Wish:
    """Nodes of eight H100 for twelve hours."""
    return Wish(
        name, nodes, 8, (H100, "NVIDIA H100 PCIe"), data_centers=("US-KS-2",), max_cost_per_hour=90.0, ttl_s=43200.0
    )


def node(name: str, key: str, pod_id: str = "") -> Node:
    """A node in Kansas."""
    return Node(key, f"{name}-{key}", Offer(H100, 8, "US-KS-2", "SECURE", 2.39, "HIGH"), pod_id)


def nodes_of(one: Wish, placed: int) -> tuple[Node, ...]:
    """The first of them have a pod."""
    ids = ("k3j2h1g9f8d7s6", "q8w7e6r5t4y3u2", "z1x2c3v4b5n6m7", "p9o8i7u6y5t4r3", "l5k4j3h2g1f0d9")
    return tuple(node(one.name, key, ids[at] if at < placed else "") for at, key in enumerate(one.keys))


def pod(of: Node, status: PodStatus = PodStatus.RUNNING, age_s: float = 4000.0) -> Pod:
    """The pod that plays a node."""
    name = f"gw-lab-{ID}-{of.key}"
    return Pod(
        of.pod_id, name, status, H100, 8, "US-KS-2", "SECURE", "", RATE, NOW - age_s,
        private_name=f"{of.pod_id}.runpod.internal",
    )  # fmt: skip


def deployment(state: State, done: int, placed: int, *, of: Wish | None = None, age_s: float = 4000.0) -> Deployment:
    """One in a state, with so many steps done and nodes placed."""
    wished = of or wish()
    nodes = nodes_of(wished, placed) if done > 1 or placed else ()
    billing = Billing(0.0, RATE * placed, NOW - age_s) if placed else Billing()
    ends = NOW - age_s + wished.ttl_s if wished.ttl_s is not None else None
    return Deployment(
        wished, ID, NOW - age_s, state, STEPS[:done], nodes, billing=billing, deadline_at=ends if done > 2 else None
    )


def told(at: float, kind: Told, text: str, step: Step | None = None, node: str = "", **more: object) -> DeployEvent:
    """An event so many seconds ago."""
    return DeployEvent(NOW - at, kind, text, step, node, **more)  # type: ignore[arg-type]  # fields of DeployEvent


CHECKED = (
    told(372, Told.BEGUN, "looking at key, Terraform, ssh and prices", Step.CHECK),
    told(371, Told.DONE, "Terraform 1.11.4; 4 x 8 H100 80GB HBM3 from $76.48/h", Step.CHECK),
    told(371, Told.BEGUN, "asking Terraform what it would change", Step.PLAN),
    told(368, Told.DONE, "4 pods to rent, $76.48/h", Step.PLAN),
)
RENTING = (
    *CHECKED,
    told(340, Told.BEGUN, "renting 4 pods", Step.PODS),
    told(322, Told.NOTE, "rented: 8 x H100 80GB HBM3 in US-KS-2", Step.PODS, "lab-head", fraction=0.25),
    told(318, Told.NOTE, "rented: 8 x H100 80GB HBM3 in US-KS-2", Step.PODS, "lab-w1", fraction=0.5),
    told(311, Told.WARNING, "no capacity for 8 x H100 80GB HBM3 in US-KS-2; trying again", Step.PODS, "lab-w2"),
    told(274, Told.NOTE, "rented: 8 x H100 80GB HBM3 in US-KS-2", Step.PODS, "lab-w2", fraction=0.75),
)
REACHED = (
    *RENTING,
    told(252, Told.NOTE, "rented: 8 x H100 80GB HBM3 in US-KS-2", Step.PODS, "lab-w3", fraction=1.0),
    told(251, Told.DONE, "4 pods, $76.48/h", Step.PODS),
    told(250, Told.BEGUN, "waiting for every pod to let us in", Step.REACH),
    told(171, Told.DONE, "4 host keys taken", Step.REACH),
    told(170, Told.BEGUN, "bringing scripts and exporter", Step.INSTALL),
    told(121, Told.PROGRESS, "apt-get install slurm-wlm munge", Step.INSTALL, "lab-w2", fraction=0.62),
)
READY = (
    *REACHED,
    told(118, Told.DONE, "scripts and exporter on 4 pods", Step.INSTALL),
    told(117, Told.BEGUN, "counting GPUs", Step.GPUS),
    told(112, Told.DONE, "32 GPUs, all healthy", Step.GPUS),
    told(111, Told.BEGUN, "forming the cluster", Step.SLURM),
    told(84, Told.DONE, "slurmctld on lab-head, 3 workers joined", Step.SLURM),
    told(83, Told.BEGUN, "running a job on 4 nodes", Step.JOB),
    told(79, Told.DONE, "job 1 ran on 4 nodes in 1.3 s", Step.JOB),
    told(79, Told.SKIPPED, "no model is wished for", Step.MODEL),
    told(78, Told.BEGUN, "writing down what is to be watched", Step.WATCH),
    told(78, Told.DONE, "4 targets", Step.WATCH),
    told(78, Told.ENDED, "lab is ready; 4 pods cost $76.48/h until ended"),
)
ENDING = (
    *READY,
    told(21, Told.BEGUN, "ending 4 pods"),
    told(15, Told.NOTE, "ended", None, "lab-w3", fraction=0.25),
    told(11, Told.NOTE, "ended", None, "lab-w2", fraction=0.5),
    told(8, Told.NOTE, "ended", None, "lab-w1", fraction=0.75),
)
ENDED = (
    *ENDING,
    told(6, Told.NOTE, "ended", None, "lab-head", fraction=1.0),
    told(4, Told.NOTE, "the provider was asked: no pod of ours"),
    told(2, Told.NOTE, "the provider was asked: no pod of ours"),
    told(1, Told.ENDED, "lab is destroyed; it cost $84.98"),
)
FAILED = (
    *RENTING,
    told(92, Told.FAILED, "No capacity for lab-w3: 6 candidates were tried.", Step.PODS, "lab-w3"),
    told(92, Told.ENDED, "3 pods of lab cost $57.36/h until ended"),
)
TROUBLE = Trouble(
    "No capacity for lab-w3: 6 candidates were tried.",
    "Run it again later, name more GPU types or data centres, or end it: gpu-watchdog deploy lab --destroy.",
    Step.PODS,
    "lab-w3",
    (
        "8 x H100 80GB HBM3 in US-KS-2: no instances available",
        "8 x H100 80GB HBM3 in US-GA-2: another data centre than the head's, no private network",
        "8 x H100 PCIe in US-KS-2: $16.88/h more would pass the cap of $90.00/h",
    ),
    "no_capacity",
)
PLAN = InfraPlan(
    tuple(
        Change("runpod_pod.head" if key == "head" else f'runpod_pod.worker["{key}"]', "create", "", (), key, RATE)
        for key in wish().keys
    ),
    (),
    "plan.bin",
    0.0,
    RATE * 4,
)
MENDING = InfraPlan(
    (
        Change('runpod_pod.worker["w2"]', "create", "", (), "w2", RATE),
        Change(
            'runpod_pod.worker["w3"]',
            "replace",
            "cannot_update",
            (("gpu_type_id", H100, "NVIDIA H100 NVL"),),
            "w3",
            0.4,
        ),
    ),
    (Change('runpod_pod.worker["w2"]', "delete", "", (), "w2", None),),
    "plan.bin",
    RATE * 3,
    RATE * 4 + 0.4,
)


def write(folder: Path, one: Deployment, events: Sequence[DeployEvent], *, has_ssh: bool = False) -> None:
    """Write a deployment down as a run does."""
    files = folder_of(folder, one.name)
    write_record(files, one)
    files.events.write_text("".join(json.dumps(as_json(event)) + "\n" for event in events), "utf-8")
    if has_ssh:
        files.ssh_config.write_text("Host lab-head\n", "utf-8")


def under_way(folder: Path) -> Deployment:
    """Scripts are being brought."""
    one = deployment(State.DEPLOYING, 4, 4, age_s=372)
    write(folder, one, REACHED, has_ssh=True)
    return one


def ready(folder: Path) -> Deployment:
    """All is done."""
    one = deployment(State.READY, 10, 4)
    write(folder, one, READY, has_ssh=True)
    return one


def failed(folder: Path) -> Deployment:
    """There was no capacity for the last node."""
    one = replace(deployment(State.FAILED, 2, 3, age_s=372), trouble=TROUBLE)
    write(folder, one, FAILED, has_ssh=True)
    return one


def gone(folder: Path, name: str = "lab", ago_s: float = 1.0) -> Deployment:
    """Nothing is left."""
    one = deployment(State.DESTROYED, 0, 0, of=wish(name))
    one = replace(one, billing=Billing(84.98, 0.0, NOW - ago_s), destroyed_at=NOW - ago_s)
    write(folder, one, ENDED)
    return one


def standing(one: Deployment, **more: object) -> Standing:
    """The provider lists every placed node's pod."""
    pods = {each.key: pod(each) for each in one.nodes if each.pod_id}
    return Standing(one, NOW - 3, **{"pods": pods, **more})  # type: ignore[arg-type]  # fields of Standing


def astray(one: Deployment) -> Standing:
    """A worker's pod was terminated outside, and a pod is billed that is no node."""
    stray = replace(pod(one.nodes[1]), id="h7g6f5d4s3a2q1", name=f"gw-lab-{ID}-w1", created_at=NOW - 7300)
    pods = {each.key: pod(each) for each in one.nodes if each.key != "w2"}
    lost = one.nodes[2]
    return standing(
        one,
        pods=pods,
        orphans=(stray,),
        drift=(Drift(lost.name, lost.pod_id, "its pod was terminated outside", "gone"),),
    )


class FakeDeploys:
    """Implements what the screen uses of `app.services.deploy.deploying.Deploys`."""

    def __init__(self, folder: Path, standings: dict[str, Standing] | None = None) -> None:
        self._folder = folder
        self.standings = standings or {}
        self.asked: list[object] = []
        """What was put to `confirm`."""
        self.done: list[tuple[object, ...]] = []
        """Verbs that were begun, with what they were given."""
        self.plan_made = PLAN
        self.removal: Removal | None = None
        self.gate: asyncio.Event | None = None
        """Verbs wait for it once they were confirmed."""
        self.cancelled: list[str] = []
        self.stopping: asyncio.Event | None = None
        """What is cancelled takes until this to end."""
        self.fails: Exception | None = None
        self.changes: Callable[[], None] = lambda: None
        """Called when a verb has come to its end: writes down what came of it."""

    async def _work(self, name: str, tell: Listen, confirm: Confirm | None, question: object) -> None:
        tell(told(0, Told.BEGUN, f"working on {name}", Step.PLAN))
        try:
            if confirm is not None:
                self.asked.append(question)
                if not await confirm(question):  # type: ignore[arg-type]  # one of both
                    raise Declined
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            if self.stopping is not None:
                await self.stopping.wait()
            self.cancelled.append(name)
            tell(told(0, Told.ENDED, f"4 pods of {name} cost $76.48/h until ended"))
            raise
        if self.fails is not None:
            raise self.fails
        self.changes()

    async def deploy(self, wish: Wish | str, *, tell: Listen, confirm: Confirm, **_more: object) -> Deployment:
        name = wish if isinstance(wish, str) else wish.name
        self.done.append(("deploy", wish))
        await self._work(name, tell, confirm, self.plan_made)
        return deployment(State.READY, 10, 4)

    async def plan(self, wish: Wish | str, *, tell: Listen, **_more: object) -> InfraPlan:
        self.done.append(("plan", wish))
        await self._work(str(wish), tell, None, None)
        return self.plan_made

    async def destroy(self, name: str = "", *, tell: Listen, confirm: Confirm, options: Options = NO_OPTIONS) -> Proof:
        self.done.append(("destroy", name, options.volumes))
        one = self.standings[name]
        asked = self.removal or Removal(name, "destroy", tuple(one.pods.values()), spent=20.1)
        await self._work(name, tell, confirm, asked)
        return Proof(name, f"gw-{name}-", tuple(Look(NOW - at, ()) for at in (3, 2, 1)), spent=84.98)

    async def scale(
        self, name: str, nodes: int, *, tell: Listen, confirm: Confirm, how: How = "wait", **_more: object
    ) -> Deployment:
        self.done.append(("scale", name, nodes, how))
        await self._work(name, tell, confirm, self.plan_made)
        return deployment(State.READY, 10, nodes, of=wish(name, nodes))

    async def replace(
        self, name: str, nodes: tuple[str, ...], *, tell: Listen, confirm: Confirm, how: How = "wait", **_more: object
    ) -> Deployment:
        self.done.append(("replace", name, nodes, how))
        one = self.standings[name]
        named = [node for node in one.deployment.nodes if "all" in nodes or node.name in nodes]
        pods = tuple(one.pods[node.key] for node in named)
        asked = Removal(name, "replace", pods, tuple(node.name for node in named), ("812",), how)
        await self._work(name, tell, confirm, asked)
        return deployment(State.READY, 10, 4)

    async def status(self, name: str) -> Standing:
        return self.standings[name]


def ground(deploys: FakeDeploys, home: Path | None = None, **settings: object) -> Callable[[], InfraGround]:
    """What the screen is told, with this doing the work; paths below `home` are shown with a `~`."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[FakeDeploys]:
        yield deploys

    deploy = Deploy(**settings)  # type: ignore[arg-type]  # fields of Deploy
    environ = {"PATH": "", "RUNPOD_API_KEY": "set", "HOME": str(home or "")}
    return lambda: InfraGround(opened, deploy, environ)  # type: ignore[arg-type]  # the fake is enough
