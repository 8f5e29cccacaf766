"""`Deploys` over a world in memory, with what was told and asked on the way."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.domain.deployment import DeployEvent, Deployment, InfraPlan, Pod, Told, Wish
from app.services.deploy.deploying import Deploys
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.plans import How, Options, Proof, Question, Removal
from app.services.deploy.ports import Hands
from app.services.deploy.run import Pace, Parts
from tests.services.deploy.world import FakeHands, FakeInfra, FakeProvider, World

LAB = Wish("lab", nodes=3)
USUAL = Options()
QUICK = Pace(sweep_s=(0.0, 2.0, 4.0))


@dataclass(slots=True)
class Stage:
    """One user's machine before a world."""

    state_dir: Path
    world: World = field(default_factory=World)
    events: list[DeployEvent] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    agrees: bool = True
    watched: dict[str, Mapping[str, Pod]] = field(default_factory=dict)
    pace: Pace = QUICK

    @property
    def deploys(self) -> Deploys:
        """As a process that was just started has it."""
        return Deploys(
            Parts(
                state_dir=self.state_dir,
                clock=self.world.clock,
                provider=lambda: FakeProvider(self.world),
                infra=self._infra,
                hands=self._hands,
                public_key=self._public_key,
                watch=self._watch,
                unwatch=self._unwatch,
                pace=self.pace,
            )
        )

    def _infra(self, folder: DeploymentFolder, _log: Callable[[str], None]) -> FakeInfra:
        folder.terraform.mkdir(exist_ok=True)
        return FakeInfra(self.world, folder.path.name)

    @contextlib.asynccontextmanager
    async def _hands(self, _folder: DeploymentFolder, _deployment: Deployment) -> AsyncIterator[Hands]:
        yield FakeHands(self.world)

    async def _public_key(self, _folder: DeploymentFolder) -> str:
        return "ssh-ed25519 AAAA"

    def _watch(self, folder: DeploymentFolder, deployment: Deployment, pods: Mapping[str, Pod]) -> None:
        self.world.at_point("watch")
        self.watched[deployment.name] = pods

    def _unwatch(self, folder: DeploymentFolder) -> None:
        self.world.at_point("unwatch")
        self.watched.pop(folder.path.name, None)

    async def confirm(self, question: Question) -> bool:
        """Whoever is asked."""
        self.questions.append(question)
        return self.agrees

    async def deploy(self, wish: Wish | str = LAB, options: Options = USUAL) -> Deployment:
        return await self.deploys.deploy(wish, tell=self.events.append, confirm=self.confirm, options=options)

    async def plan(self, wish: Wish | str = LAB) -> InfraPlan:
        return await self.deploys.plan(wish, tell=self.events.append)

    async def destroy(self, name: str = "lab", options: Options = USUAL) -> Proof:
        return await self.deploys.destroy(name, tell=self.events.append, confirm=self.confirm, options=options)

    async def scale(self, nodes: int, how: How = "wait", options: Options = USUAL) -> Deployment:
        deploys = self.deploys
        return await deploys.scale(
            "lab", nodes, tell=self.events.append, confirm=self.confirm, how=how, options=options
        )

    async def replace(self, *nodes: str, how: How = "wait", options: Options = USUAL) -> Deployment:
        deploys = self.deploys
        return await deploys.replace(
            "lab", nodes, tell=self.events.append, confirm=self.confirm, how=how, options=options
        )

    def told(self, kind: Told) -> list[DeployEvent]:
        """The events of a kind."""
        return [event for event in self.events if event.told is kind]

    def words(self) -> str:
        """All that was told, a line each."""
        return "\n".join(event.text for event in self.events)

    @property
    def removal(self) -> Removal:
        """The last question, which was about a removal."""
        question = self.questions[-1]
        assert isinstance(question, Removal)
        return question
