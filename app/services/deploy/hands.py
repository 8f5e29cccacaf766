"""What is done on the pods of one deployment: `SshHands`, over one connection a pod that screen and daemon share.

Every step may be repeated: what is so already stays as it is. Nothing secret is in an argument or in an environment;
secrets go over standard input, to files in the pod's memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from types import TracebackType
from typing import Self

from app.config.secret import Secret
from app.domain.deployment import Node, Pod, Wish
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.services.deploy import busy, gpu_check, jobs, keys, marks, reach, ssh_files
from app.services.deploy.controller import Controller
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.forming import Forming
from app.services.deploy.guarding import Guarding
from app.services.deploy.install import Installing, read_bundle
from app.services.deploy.login import SETUP, Pods
from app.services.deploy.patience import Patience
from app.services.deploy.ports import DeployError, GpusSeen, Tell
from app.services.deploy.serving import Serving
from app.transport.clock import Clock
from app.transport.destination import SshDestination, SshError
from app.transport.dialer import Dialer
from app.transport.scrape import ScrapeClient
from app.transport.ssh import open_forwards

MOST_LOG_LINES = 5000


@frozen
class Ground:
    """What the hands of one deployment are given."""

    folder: DeploymentFolder
    state_dir: Path
    wish: Wish
    clock: Clock
    key: Path
    """Private ssh key that the pods let in (`keys.key_path`)."""
    hf_token: Callable[[], Secret | None] = lambda: None
    """Asked for when a model is started. Raises DeployError where it cannot be read."""
    patience: Patience = field(default_factory=Patience)


class SshHands:
    """The hands of one deployment; an async context, which closes what is theirs. Every call raises DeployError."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._folder = ground.folder
        self._patience = ground.patience
        self._forwards = open_forwards(ground.state_dir, ground.clock)
        self._client = ScrapeClient(Dialer(self._forwards))
        self._pods = Pods(self._forwards, self._client, ground.clock)
        self._installing: Installing | None = None
        self._packing = asyncio.Lock()

    @property
    def wish(self) -> Wish:
        """What the deployment is to be."""
        return self._ground.wish

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)
        await self._forwards.close()

    async def reach(self, node: Node, pod: Pod, tell: Tell) -> None:
        """Wait for the banner, take the host key once (strict after), log in."""
        if pod.ssh is None:
            raise DeployError(marks.trouble("no_address", node.name, f"the ssh port of {node.name} is not mapped"))
        clock = self._ground.clock
        try:
            ssh_files.host_block(self._folder, node.name, pod.id, pod.ssh, self._ground.key)
        except ValueError as error:
            raise DeployError(marks.trouble("no_address", node.name, f"{node.name} has no address: {error}")) from error
        began = clock.monotonic()
        banner = await reach.await_banner(node, pod.ssh, reach.Waiting(clock, self._patience.reach_s, tell))
        taken = await reach.take_key(node, pod, pod.ssh, self._folder, clock)
        ssh_files.write_include(self._ground.state_dir)
        if ssh_files.write_host(self._folder, node.name, pod.id, pod.ssh, self._ground.key):
            await self._hang_up(node)  # the connection of the address before leads elsewhere
        await reach.log_in(node, self._folder, self._forwards, reach.Waiting(clock, self._patience.login_s, tell))
        passed_s = clock.monotonic() - began
        news = "its host key was taken" if taken else "its host key is the one it had"
        tell(f"{node.name} is reached after {passed_s:.0f} s, {news}", node=node.name, banner=banner)

    async def install(self, node: Node, tell: Tell) -> None:
        """Bring the bundle where the image lacks it, start the exporter, wait for its page."""
        installing = await self._installer()
        await installing.bring(node, tell)
        await installing.set_up(node, tell)
        await installing.start_exporter(node)
        await self._guarding.until_deadline(node)
        tell(f"{node.name}: its exporter answers", node=node.name, fraction=1.0)

    async def gpus(self, node: Node, tell: Tell, *, burn_in: bool) -> GpusSeen:
        """Count the GPUs and look at their health; fewer than were paid for are told as they are."""
        token_file = keys.exporter_token_file(self._folder)
        seen = await gpu_check.see(self._pods, node, token_file, self._patience, tell)
        if not burn_in or not seen.count:
            return seen
        found = await gpu_check.burn_in(self._pods, node, self._patience, tell)
        return GpusSeen(seen.count, seen.model, (*seen.sick, *found))

    async def form(self, head: Node, workers: Sequence[Node], pods: Mapping[str, Pod], tell: Tell) -> None:
        """Start the controller and let every worker join; those that are in it already stay. Pods by node key."""
        wish = self._ground.wish
        computes = not wish.model or not workers
        forming = Forming(self._pods, wish.name, computes, keys.munge_key_id_file(self._folder), self._patience)
        await forming.form(head, workers, pods, tell)
        await self._guarding.whole((head, *workers), tell)

    async def run_job(self, head: Node, nodes: Sequence[Node], tell: Tell) -> None:
        """Run a job on all these nodes at once and see that each answered."""
        await jobs.run_everywhere(self._pods, head, nodes, self._patience, tell)

    async def serve_model(self, head: Node, model: str, tell: Tell) -> None:
        """Start vLLM and follow its log until it answers."""
        token_file = keys.exporter_token_file(self._folder)
        serving = Serving(self._pods, keys.tokens(self._folder), token_file, self._patience)
        await serving.serve(head, model, self._ground.hf_token(), tell)

    async def jobs_on(self, head: Node, node: Node) -> tuple[str, ...]:
        """Ids of the jobs that run on a node."""
        return await Controller(self._pods, head).jobs_on(node.name)

    async def drain(self, head: Node, node: Node, reason: str) -> None:
        """Let a node take no new jobs."""
        await Controller(self._pods, head).drain(node.name, reason)

    async def cancel_jobs(self, head: Node, jobs: Sequence[str]) -> None:
        """Cancel these jobs."""
        await Controller(self._pods, head).cancel(tuple(jobs))

    async def leave(self, head: Node, node: Node) -> None:
        """Take a node off Slurm's list; one that is not on it is fine."""
        await Controller(self._pods, head).remove(node.name)

    async def is_busy(self, head: Node) -> bool | None:
        """Whether a job runs or waits, or a GPU or the model works; None: cannot be told."""
        names = ssh_files.hosts(self._folder)
        return await busy.is_busy(self._pods, head, names, keys.tokens(self._folder))

    async def logs(self, node: Node, name: str, lines: int) -> tuple[str, ...]:
        """The last lines of a log of a pod (`slurmctld`, `slurmd`, `munge`, `exporter`, `vllm`, `boot`), cleaned."""
        wanted = str(min(MOST_LOG_LINES, max(1, lines)))
        argv = ("bash", f"{SETUP}/log.sh", name, wanted)
        result = await self._pods.command(node, argv, within_s=self._patience.script_s)
        if not result.ok:
            raise DeployError(marks.failure(node.name, "log.sh", result))
        return tuple(clean(line, 2000) for line in result.stdout.decode("utf-8", "replace").splitlines())

    async def forget(self, node: Node) -> None:
        """Close the connection to a node, and forget its host key."""
        await self._hang_up(node)
        ssh_files.drop_host(self._folder, node.name)

    @property
    def _guarding(self) -> Guarding:
        return Guarding(self._pods, self._folder, self._ground.wish.idle_s, self._patience)

    async def _hang_up(self, node: Node) -> None:
        """End the connection to a node, for everybody who shares it; one that is gone is fine."""
        destination = SshDestination(node.name)
        self._forwards.forgive(destination)
        try:
            await self._forwards.end(destination)
        except SshError:
            return

    async def _installer(self) -> Installing:
        """Made once: several pods are installed at the same time."""
        async with self._packing:
            if self._installing is None:
                token = keys.tokens(self._folder).exporter
                self._installing = Installing(self._pods, await read_bundle(), token, self._patience)
        return self._installing
