"""The watch on each pod: it ends its pod when time is over or nobody uses the cluster, should nobody of us do so."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.deployment import Node
from app.domain.frozen import frozen
from app.services.deploy.crowd import on_each
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.login import Pods
from app.services.deploy.patience import Patience
from app.services.deploy.ports import Tell
from app.services.deploy.record import RecordError, read_record


@frozen
class Guarding:
    """Keeps the watch of each pod of a deployment as it is wished for."""

    pods: Pods
    folder: DeploymentFolder
    idle_s: float | None
    patience: Patience

    @property
    def deadline_at(self) -> float | None:
        """When all of it is to end, epoch seconds, as the record has it now; None: never."""
        try:
            return read_record(self.folder).deadline_at
        except (FileNotFoundError, RecordError):
            return None

    async def until_deadline(self, node: Node) -> None:
        """Watch the time alone: what is still being set up is idle, and is not to be ended for it."""
        if self.deadline_at is not None:
            await self._can_end(node, self.deadline_at, None)

    async def whole(self, nodes: Sequence[Node], tell: Tell) -> None:
        """Watch the time and whether anybody uses the cluster; neither: a watch that was there ends."""
        without: set[str] = set()

        async def one(node: Node) -> None:
            if not await self._can_end(node, self.deadline_at, self.idle_s):
                without.add(node.name)

        await on_each(nodes, one)
        if without:
            names = [node.name for node in nodes if node.name in without]
            tell(keyless(names, len(nodes)), is_warning=True, pods=names)

    async def _can_end(self, node: Node, deadline_at: float | None, idle_s: float | None) -> bool:
        """Set the watch of one pod; whether it has what it needs to end its pod."""
        words = ("--ttl-at", f"{deadline_at:.0f}") if deadline_at is not None else ()
        words = (*words, "--idle-s", f"{idle_s:.0f}") if idle_s is not None else words
        facts = await self.pods.script(node, "watchdog.sh", *words, within_s=self.patience.script_s)
        return "no" not in (facts.get("can_end"), facts.get("watchdog.can_end"))


def keyless(names: Sequence[str], count: int) -> str:
    """One line, however many pods there are."""
    if len(names) == 1:
        return f"{names[0]} has no key to end its own pod with: only this program ends it"
    if len(names) == count:
        return f"none of the {count} pods has a key to end itself with: only this program ends them"
    return f"{', '.join(names)} have no key to end their own pods with: only this program ends them"
