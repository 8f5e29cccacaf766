"""The whole of `Deploys` over the real Terraform and an emulated RunPod, with hands that find every pod in order.

Also a process to be interrupted and killed: `python -m tests.real.terraform.whole STATE URL NODES`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.config.secret import Secret
from app.domain.deployment import DeployEvent, Deployment, Node, Pod, Wish
from app.services.deploy.deploying import Deploys
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.plans import Options, Proof, Question
from app.services.deploy.ports import DeployError, GpusSeen, Hands, Tell
from app.services.deploy.run import Pace, Parts
from app.services.deploy.secrets import redactor
from app.services.terraform.driver import Setup, Terraform
from app.sources.runpod import pace
from app.sources.runpod.client import RunPod
from app.transport.clock import SystemClock
from tests.real.terraform.ground import A6000, KEY, PUBLIC_KEY, Ground

QUICK = Pace(
    poll_s=0.1,
    ready_s=60.0,
    sweep_s=(0.0, 0.3, 0.6, 1.0),
    again_s=0.3,
    retry_s=0.2,
    proof_s=0.1,
    proof_most_s=30.0,
    jobs_s=0.1,
)
LAB = Wish("lab", 3, gpu_types=(A6000,))
USUAL = Options(retry_s=5.0)


class QuietHands:
    """Hands for which there is nothing to do: every pod is in order, and nobody works on it."""

    async def reach(self, node: Node, pod: Pod, tell: Tell) -> None:
        """It lets us in."""

    async def install(self, node: Node, tell: Tell) -> None:
        """All is there."""

    async def gpus(self, node: Node, tell: Tell, *, burn_in: bool) -> GpusSeen:
        return GpusSeen(1, A6000)

    async def form(self, head: Node, workers: Sequence[Node], pods: Mapping[str, Pod], tell: Tell) -> None:
        """They are one cluster."""

    async def run_job(self, head: Node, nodes: Sequence[Node], tell: Tell) -> None:
        """It ran."""

    async def serve_model(self, head: Node, model: str, tell: Tell) -> None:
        """It answers."""

    async def jobs_on(self, head: Node, node: Node) -> tuple[str, ...]:
        return ()

    async def drain(self, head: Node, node: Node, reason: str) -> None:
        """It takes no new jobs."""

    async def cancel_jobs(self, head: Node, jobs: Sequence[str]) -> None:
        """There are none."""

    async def leave(self, head: Node, node: Node) -> None:
        """It left."""

    async def is_busy(self, head: Node) -> bool | None:
        return False

    async def logs(self, node: Node, name: str, lines: int) -> tuple[str, ...]:
        return ()

    async def forget(self, node: Node) -> None:
        """It is forgotten."""


@dataclass
class Whole:
    """One user's machine before an emulated RunPod."""

    state_dir: Path
    url: str
    environ: Mapping[str, str]
    events: list[DeployEvent] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    @property
    def deploys(self) -> Deploys:
        """As a process that was just started has it."""
        clock = SystemClock()
        return Deploys(
            Parts(
                state_dir=self.state_dir,
                clock=clock,
                provider=lambda: RunPod(Secret(KEY), self.url, clock=clock),
                infra=self._infra,
                hands=_hands,
                public_key=_public_key,
                watch=lambda folder, _deployment, _pods: folder.targets.touch(),
                unwatch=lambda folder: folder.targets.unlink(missing_ok=True),
                redact=lambda: redactor([Secret(KEY)]),
                pace=QUICK,
            )
        )

    def _infra(self, folder: DeploymentFolder, log: Callable[[str], None]) -> Terraform:
        return Terraform(folder.terraform, Setup(self.environ, Secret(KEY), self.url), log, 60.0, 2)

    async def confirm(self, question: Question) -> bool:
        """Whoever is asked agrees."""
        self.questions.append(question)
        return True

    async def deploy(self, wish: Wish | str = LAB, options: Options = USUAL) -> Deployment:
        return await self.deploys.deploy(wish, tell=self.events.append, confirm=self.confirm, options=options)

    async def scale(self, nodes: int) -> Deployment:
        return await self.deploys.scale("lab", nodes, tell=self.events.append, confirm=self.confirm, options=USUAL)

    async def replace(self, node: str) -> Deployment:
        return await self.deploys.replace("lab", (node,), tell=self.events.append, confirm=self.confirm, options=USUAL)

    async def destroy(self) -> Proof:
        return await self.deploys.destroy("lab", tell=self.events.append, confirm=self.confirm, options=USUAL)

    def words(self) -> str:
        """All that was told, a line each."""
        return "\n".join(event.text for event in self.events)


@contextlib.asynccontextmanager
async def _hands(_folder: DeploymentFolder, _deployment: Deployment) -> AsyncIterator[Hands]:
    yield QuietHands()


async def _public_key(_folder: DeploymentFolder) -> str:
    return PUBLIC_KEY


def whole_of(ground: Ground, state_dir: Path) -> Whole:
    """All of it over a test's ground."""
    return Whole(state_dir, ground.runpod.url, ground.environ())


async def run(state_dir: Path, url: str, nodes: int) -> int:
    """Deploy as the command does: SIGINT and SIGTERM cancel the task, each time they come."""
    pace.EVERY_S = 0.01
    whole = Whole(state_dir, url, dict(os.environ))
    task = asyncio.ensure_future(whole.deploy(Wish("lab", nodes, gpu_types=(A6000,))))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return 130
    except DeployError as error:
        sys.stderr.write(f"{error.trouble.code}: {error.trouble.what}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
