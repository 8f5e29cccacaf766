"""The ground of the Terraform tests: an emulated RunPod, the stand-in provider, and one deployment's folder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.config.secret import Secret
from app.domain.deployment import Deployment, InfraPlan, Node, Offer, Wish
from app.services.deploy.ports import Applied
from app.services.terraform.driver import GRACE_S, Setup, Terraform
from tests.standins.runpod.emulator import Emulator
from tests.standins.runpod.provider.layout import dev_overrides, mirror

KEY = "rpa_CANARY0123456789abcdef"
"""The account's key; it must be found nowhere but in Terraform's environment and on the wire."""
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8 tests@here"
A6000, H100 = "NVIDIA RTX A6000", "NVIDIA H100 80GB HBM3"
ID = "1a2b3c4d"


@dataclass
class Ground:
    """Everything a test of the driver stands on."""

    runpod: Emulator
    home: Path
    folder: Path
    """The deployment's Terraform folder."""
    way: str = "dev_overrides"
    """How Terraform finds the provider: `mirror` or `dev_overrides`."""
    stop: str = "graceful"
    """What the provider does with a call under way when Terraform is interrupted."""
    told: list[tuple[str, str, Mapping[str, object]]] = field(default_factory=list)
    """Node, text and the rest of what was told, in order."""
    logged: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Terraform has begun to do something to a resource."""

    def environ(self) -> dict[str, str]:
        """The user's environment."""
        lay = mirror if self.way == "mirror" else dev_overrides
        named = {"TF_CLI_CONFIG_FILE": str(lay(self.home)), "STANDIN_STOP": self.stop}
        return {**os.environ, **named, "HOME": str(self.home)}

    def terraform(
        self, *, key: str = KEY, overlay: str = "", grace_s: float = GRACE_S, lock_timeout_s: int = 2, path: str = ""
    ) -> Terraform:
        """The driver, as a new process has it; `path`: where commands are looked for."""
        environ = self.environ() | ({"PATH": path} if path else {})
        setup = Setup(environ, Secret(key), self.runpod.url, overlay=overlay)
        return Terraform(self.folder, setup, self.logged.append, grace_s, lock_timeout_s)

    async def ready(self, nodes: int = 2, volume_gb: int = 0) -> Terraform:
        """The driver, prepared for so many nodes."""
        terraform = self.terraform()
        await terraform.prepare(wished(nodes, volume_gb=volume_gb), PUBLIC_KEY)
        return terraform

    async def up(self, nodes: int = 2, volume_gb: int = 0) -> Terraform:
        """A deployment that stands."""
        terraform = await self.ready(nodes, volume_gb)
        applied = await terraform.apply(await terraform.plan(), self.tell)
        assert applied.ok, applied
        return terraform

    async def changed(self, terraform: Terraform, *, destroy: bool = False, replace: Sequence[str] = ()) -> Applied:
        """Plan and apply."""
        return await terraform.apply(await terraform.plan(destroy=destroy, replace=replace), self.tell)

    def tell(self, text: str, node: str = "", fraction: float | None = None, **more: object) -> None:
        """Take what an apply tells."""
        if more.get("stage") == "start":
            self.begun.set()
        self.told.append((node, text, {"fraction": fraction, **more}))

    def names(self) -> list[str]:
        """Keys of the nodes whose pods are billed at the provider, one a pod."""
        return sorted(pod.name.rpartition("-")[2] for pod in self.runpod.pods.values())

    def ids(self) -> dict[str, str]:
        """Ids of the billed pods, by node key."""
        return {pod.name.rpartition("-")[2]: pod.id for pod in self.runpod.pods.values()}


def wished(
    nodes: int = 2,
    *,
    gpu_type: str = A6000,
    price: float | None = 0.49,
    data_center: str = "US-KS-2",
    keys: Sequence[str] = (),
    volume_gb: int = 0,
) -> Deployment:
    """A deployment of so many equal nodes."""
    wish = Wish("lab", nodes, volume_gb=volume_gb)
    offer = Offer(gpu_type, 1, data_center, wish.cloud, price)
    placed = tuple(Node(key, f"lab-{key}", offer) for key in keys or wish.keys)
    return Deployment(wish, ID, 0.0, nodes=placed)


def actions(plan: InfraPlan) -> dict[str, str]:
    """What a plan does, by node key or address."""
    return {change.node or change.address: change.action for change in plan.changes}
