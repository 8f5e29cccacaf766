"""A deployment whose pods are namespaces and whose hands are real, without Terraform and without a provider."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic

from app.domain.deployment import Node, Offer, Pod, PodStatus, Wish
from app.services.deploy import keys
from app.services.deploy.folder import DeploymentFolder, folder_of
from app.services.deploy.hands import Ground, SshHands
from app.services.deploy.patience import Patience
from app.transport.clock import SystemClock
from tests.real.deploy.pods import Booted, NamespacePods

_DRAWN = count(1)
"""No two pods have one id, as at the provider."""
GPU = "NVIDIA H100 80GB HBM3"
QUICK = Patience(
    reach_s=20.0,
    login_s=15.0,
    exporter_s=15.0,
    gpus_s=3.0,
    join_s=30.0,
    job_s=40.0,
    model_s=40.0,
    model_poll_s=0.3,
    load_s=1.0,
)


@dataclass
class Field:
    """A deployment under way, and what it told."""

    hands: SshHands
    cloud: NamespacePods
    folder: DeploymentFolder
    nodes: tuple[Node, ...]
    pods: dict[str, Pod] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)

    @property
    def head(self) -> Node:
        return self.nodes[0]

    @property
    def workers(self) -> tuple[Node, ...]:
        return self.nodes[1:]

    def tell(self, text: str, node: str = "", fraction: float | None = None, **_: object) -> None:
        """Take what a step tells."""
        self.told.append(text)

    async def boot(self, *nodes: Node) -> None:
        """Let what plays these nodes' pods boot; all of them without a word."""
        env = {"PUBLIC_KEY": await keys.public_key(self.folder)}

        def one(node: Node) -> None:
            pod_id = f"{next(_DRAWN):02d}{node.key}x"
            made = self.cloud.boot(pod_id, f"gw-lab-0-{node.key}", node.offer.gpus, env | {"RUNPOD_POD_ID": pod_id})
            self.pods[node.key] = self.pod_of(made, node)

        await asyncio.gather(*(asyncio.to_thread(one, node) for node in nodes or self.nodes))

    def pod_of(self, made: Booted, node: Node) -> Pod:
        """A pod that runs, as the provider tells it."""
        return Pod(
            made.id,
            made.name,
            PodStatus.RUNNING,
            GPU,
            node.offer.gpus,
            ssh=made.address,
            private_name=made.private_name,
        )

    async def up_to(self, step: str) -> None:
        """From booted pods to a step, this one included: `reach`, `install`, `gpus`, `form`, `job`."""
        hands, everyone = self.hands, self.nodes
        for name in ("reach", "install", "gpus", "form", "job"):
            began = monotonic()
            match name:
                case "reach":
                    await asyncio.gather(*(hands.reach(node, self.pods[node.key], self.tell) for node in everyone))
                case "install":
                    await asyncio.gather(*(hands.install(node, self.tell) for node in everyone))
                case "gpus":
                    await asyncio.gather(*(hands.gpus(node, self.tell, burn_in=False) for node in everyone))
                case "form":
                    await hands.form(self.head, self.workers, self.pods, self.tell)
                case "job":
                    await hands.run_job(self.head, everyone, self.tell)
            self.times[name] = monotonic() - began
            if name == step:
                return

    def show_times(self) -> None:
        """The time of each step, for who runs the tests by hand (`-s`)."""
        sys.stderr.write("  ".join(f"{name} {took_s:.1f} s" for name, took_s in self.times.items()) + "\n")


@asynccontextmanager
async def in_field(
    cloud: NamespacePods, state_dir: Path, wish: Wish, patience: Patience = QUICK
) -> AsyncIterator[Field]:
    """A deployment of that wish whose pods are not booted yet; its connections are ended with it."""
    folder = folder_of(state_dir, wish.name)
    folder.make()
    nodes = tuple(
        Node(key, f"{wish.name}-{key}", Offer(GPU, wish.gpus_per_node, "", "SECURE", 2.5)) for key in wish.keys
    )
    ground = Ground(folder, state_dir, wish, SystemClock(), keys.key_path(folder), patience=patience)
    async with SshHands(ground) as hands:
        found = Field(hands, cloud, folder, nodes)
        try:
            yield found
        finally:
            for node in nodes:
                await hands.forget(node)
