"""What the head's Slurm is asked and told, over the connection to it; failures become troubles."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from app.domain.deployment import Node
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.slurm import SlurmNode
from app.services.deploy import marks
from app.services.deploy.login import SETUP, Pods
from app.services.deploy.ports import DRAINED, DeployError
from app.sources.slurm.commands import SlurmCommands
from app.sources.slurm.environment import SET, UNSET
from app.sources.slurm.node_records import NodeReader
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.trouble import SlurmError
from app.transport.destination import SshDestination
from app.transport.runner import SshRunner

ASK_S = 20.0
_JOB = re.compile(r"[0-9]+(_[0-9]+)?(\+[0-9]+)?")
UNFIT = frozenset(("DOWN", "INVAL", "INVALID", "INVALID_REG", "DRAIN", "FAIL", "NOT_RESPONDING", "FUTURE", "UNKNOWN"))
"""States and flags under which a node takes no jobs."""


@frozen
class Controller:
    """The controller of one deployment."""

    pods: Pods
    head: Node

    async def nodes(self) -> Mapping[str, SlurmNode]:
        """Every node it has, by name. Raises DeployError."""
        try:
            found = NodeReader().read(await self._commands.nodes(ASK_S)).items
        except (SlurmError, SlurmParseError) as error:
            raise self._failed(error) from error
        return {node.name: node for node in found}

    async def jobs_on(self, node: str) -> tuple[str, ...]:
        """Ids of the jobs that hold a node now."""
        known = await self.nodes()
        if node not in known:
            return ()
        text = await self._ask("squeue", "-h", "-w", node, "-t", "R,CF,CG,S,ST,SO", "-o", "%i")
        return ids_of(text)

    async def waiting_or_running(self) -> int:
        """How many jobs there are that are not over."""
        return len(ids_of(await self._ask("squeue", "-h", "-r", "-t", "PD,R,CF,CG,S,ST,SO", "-o", "%i")))

    async def drain(self, node: str, reason: str) -> None:
        """Let a node take no new jobs; one that is not known is fine."""
        if node in await self.nodes():
            words = ("update", f"nodename={node}", "state=drain", f"reason={clean(reason, 100) or 'deploy'}")
            await self._ask("scontrol", *words)

    async def resume(self, node: str) -> None:
        """Let a node take jobs again."""
        await self._ask("scontrol", "update", f"nodename={node}", "state=resume")

    async def cancel(self, jobs: tuple[str, ...]) -> None:
        """Cancel jobs."""
        wanted = [job for job in jobs if _JOB.fullmatch(job)]
        if wanted:
            await self._ask("scancel", *wanted)

    async def remove(self, node: str) -> bool:
        """Take a node off the list; whether it was on it. Raises DeployError (`node_busy`) while jobs hold it."""
        facts = await self.pods.script(self.head, "slurm-leave.sh", "--node", node, within_s=ASK_S + 10)
        return facts.get("removed") == "yes"

    @property
    def _commands(self) -> SlurmCommands:
        return SlurmCommands(SshRunner(SshDestination(self.head.name), self.pods.forwards, SET, UNSET))

    async def _ask(self, name: str, *words: str) -> bytes:
        try:
            return await self._commands.text(name, *words, timeout_s=ASK_S)
        except SlurmError as error:
            raise self._failed(error) from error

    def _failed(self, error: SlurmError | SlurmParseError) -> DeployError:
        name = self.head.name
        return DeployError(marks.trouble("slurmctld_failed", name, f"Slurm on {name} does not answer: {error}"))


def ids_of(text: bytes) -> tuple[str, ...]:
    """Job ids, one a line."""
    lines = (line.strip() for line in text.decode("ascii", "replace").splitlines())
    return tuple(line for line in lines if line and line[0].isdigit())


def unfit(node: SlurmNode) -> bool:
    """It takes no jobs as it is."""
    return not UNFIT.isdisjoint((node.state, *node.flags))


def is_kept_out(node: SlurmNode) -> bool:
    """Somebody took it out of use, or Slurm itself, for a reason that is not ours, and nothing else ails it."""
    told = {node.state, *node.flags}
    return "DRAIN" in told and UNFIT.isdisjoint(told - {"DRAIN"}) and not (node.reason or "").startswith(DRAINED)


def is_full(node: SlurmNode) -> bool:
    """Jobs have all of it, or all its GPUs: another one would only wait for them."""
    used = sum(one.count for one in node.gres_used or () if one.name == "gpu")
    return node.state == "ALLOCATED" or 0 < node.gpus <= used


def standing(node: SlurmNode | None, gpus: int) -> str:
    """What a node lacks to be of use, in words; empty: nothing."""
    if node is None:
        return "it has not joined yet"
    if unfit(node):
        return f"Slurm calls it {node.text}" + (f": {clean(node.reason, 160)}" if node.reason else "")
    if node.gpus != gpus:
        return f"Slurm has it with {node.gpus} GPUs, not {gpus}"
    return ""


async def tail(pods: Pods, node: Node, log: str, lines: int = marks.MOST_DETAILS) -> tuple[str, ...]:
    """The last lines of a log of a pod; none where it cannot be read: it is asked for after a failure."""
    try:
        async with asyncio.timeout(ASK_S):
            result = await pods.command(node, ("bash", f"{SETUP}/log.sh", log, str(lines)), within_s=ASK_S - 1)
    except (DeployError, TimeoutError):
        return ()
    return tuple(marks.text_lines(result.stdout)[-lines:]) if result.ok else ()
