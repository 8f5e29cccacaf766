"""A service of deployments that plays a story instead of renting anything; what tests of `deploy` give the command."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

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
from app.services.deploy.folder import DeploymentFolder, folder_of
from app.services.deploy.plans import Confirm, Listen, Look, Options, Proof, Removal, Standing
from app.services.deploy.ports import DeployError

AT = 1_764_000_000.0
A40 = Offer("NVIDIA A40", 1, "EU-SE-1", "SECURE", 0.40)
Story = Callable[["FakeDeploys", str, Listen], Awaitable[None]]


def node(key: str, pod_id: str = "", name: str = "lab") -> Node:
    """A node of a deployment."""
    return Node(key, f"{name}-{key}", A40, pod_id)


def pod(key: str, pod_id: str, status: PodStatus = PodStatus.RUNNING, name: str = "lab") -> Pod:
    """A pod that plays a node."""
    return Pod(pod_id, f"gw-{name}-ab12cd34-{key}", status, "NVIDIA A40", 1, "EU-SE-1", "SECURE", "", 0.40, AT)


def deployment(name: str = "lab", **changed: Any) -> Deployment:  # noqa: ANN401 - fields of a value
    """A deployment of two nodes that is ready."""
    nodes = (node("head", "p0", name), node("w1", "p1", name))
    made = Deployment(Wish(name), "ab12cd34", AT, State.READY, STEPS, nodes, billing=Billing(0.02, 0.80, AT))
    return replace(made, **changed)


PLAN = InfraPlan(
    (
        Change("runpod_pod.head", "create", node="head", price=0.40),
        Change('runpod_pod.worker["w1"]', "create", node="w1", price=0.40),
    ),
    per_hour_before=0.0,
    per_hour_after=0.80,
)


async def all_well(deploys: FakeDeploys, name: str, tell: Listen) -> None:
    """Every step is told and done."""
    for number, step in enumerate(STEPS):
        tell(DeployEvent(AT + number, Told.BEGUN, f"{step.value} begins", step))
        if step is Step.PODS:
            tell(DeployEvent(AT + number, Told.PROGRESS, "creating", step, f"{name}-w1", 0.5, 0.40, 0.01))
        tell(DeployEvent(AT + number + 0.5, Told.DONE, f"{step.value} is done", step, per_hour=0.80, spent=0.02))


@dataclass
class FakeDeploys:
    """Plays the service; `story` happens between the question and the end."""

    state_dir: Path
    records: dict[str, Deployment] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Why records cannot be read."""
    story: Story = all_well
    trouble: Trouble | None = None
    """How the story ends."""
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    """Every verb that was called, with what it was given."""
    standing: Standing | None = None
    removal: Removal | None = None
    proof: Proof | None = None

    def unreadable(self) -> dict[str, str]:
        return self.broken

    def listed(self) -> tuple[Deployment, ...]:
        return tuple(self.records[name] for name in sorted(self.records))

    def read(self, name: str) -> Deployment:
        if name not in self.records:
            raise DeployError(Trouble(f"There is no deployment called {name}.", "See --list.", code="no_such"))
        return self.records[name]

    def folder(self, name: str) -> DeploymentFolder:
        return folder_of(self.state_dir, name)

    def chosen(self, name: str = "") -> str:
        if name:
            return name
        living = [one.name for one in self.listed() if one.state is not State.DESTROYED]
        if len(living) != 1:
            raise DeployError(Trouble(f"There are {', '.join(living) or 'none'}.", "Say which one.", code="which_one"))
        return living[0]

    async def deploy(self, wish: Wish | str, *, tell: Listen, confirm: Confirm, options: Options) -> Deployment:
        self.asked.append(("deploy", wish, options))
        name = wish if isinstance(wish, str) else wish.name
        if not await confirm(PLAN):
            raise Declined
        kept = wish if isinstance(wish, Wish) else self.records[name].wish
        self.records[name] = deployment(name, wish=kept, state=State.DEPLOYING, done=STEPS[:2])
        await self._play(name, tell)
        self.records[name] = deployment(name, wish=kept)
        return self.records[name]

    async def plan(self, wish: Wish | str, *, tell: Listen, options: Options) -> InfraPlan:
        self.asked.append(("plan", wish, options))
        if self.trouble is not None:
            raise DeployError(self.trouble)
        return PLAN

    async def destroy(self, name: str, *, tell: Listen, confirm: Confirm, options: Options) -> Proof:
        self.asked.append(("destroy", name, options))
        pods = (pod("head", "p0", name=name), pod("w1", "p1", name=name))
        if not await confirm(self.removal or Removal(name, "destroy", pods, spent=0.02)):
            raise Declined
        await self._play(name, tell)
        gone = replace(self.read(name), state=State.DESTROYED, billing=Billing(0.03, 0.0, AT), destroyed_at=AT)
        self.records[name] = gone
        looks = tuple(Look(AT + number, ()) for number in range(3))
        return self.proof or Proof(name, gone.prefix, looks, ("p0", "p1"), spent=0.03)

    async def scale(
        self, name: str, nodes: int, *, tell: Listen, confirm: Confirm, how: str, options: Options
    ) -> Deployment:
        self.asked.append(("scale", name, nodes, how))
        if not await confirm(Removal(name, "scale", (pod("w1", "p1"),), jobs=("812",), how="cancel", spent=0.02)):
            raise Declined
        return self.read(name)

    async def replace(
        self, name: str, nodes: tuple[str, ...], *, tell: Listen, confirm: Confirm, how: str, options: Options
    ) -> Deployment:
        self.asked.append(("replace", name, nodes, how))
        pods = (pod("w1", "p1"), pod("head", "p0"))
        names = ("lab-w1", "lab-head")[: 2 if "all" in nodes else len(nodes)]
        if not await confirm(Removal(name, "replace", pods[: len(names)], names, ("812",), "wait", spent=0.02)):
            raise Declined
        if self.trouble is not None:
            raise DeployError(self.trouble)
        return self.read(name)

    async def status(self, name: str) -> Standing:
        return self.standing or Standing(self.read(name), AT, {"head": pod("head", "p0"), "w1": pod("w1", "p1")})

    async def logs(self, name: str, node: str, log: str, lines: int = 100) -> tuple[str, ...]:
        self.asked.append(("logs", name, node, log, lines))
        return ("slurmctld: ready", "\x1b[31mred\x07")

    async def _play(self, name: str, tell: Listen) -> None:
        await self.story(self, name, tell)
        if self.trouble is not None:
            self.records[name] = replace(self.records[name], state=State.FAILED, trouble=self.trouble)
            raise DeployError(self.trouble)

    @contextlib.asynccontextmanager
    async def opened(self, *_: object) -> AsyncIterator[FakeDeploys]:
        """In place of `building.deploying`."""
        yield self


async def for_ever(deploys: FakeDeploys, name: str, tell: Listen) -> None:
    """A step that does not end; stopped, it writes down how far it came."""
    tell(DeployEvent(AT, Told.BEGUN, "pods", Step.PODS, per_hour=0.80, spent=0.0))
    tell(DeployEvent(AT, Told.NOTE, "2 pods are created", Step.PODS))
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        deploys.records[name] = deployment(name, state=State.FAILED, done=STEPS[:2])
        raise


async def for_ever_twice(deploys: FakeDeploys, name: str, tell: Listen) -> None:
    """A step that does not end, and that takes its time to stop as well."""
    try:
        await for_ever(deploys, name, tell)
    finally:
        tell(DeployEvent(AT, Told.NOTE, "Terraform ends what it began", Step.PODS))
        await asyncio.sleep(60)
