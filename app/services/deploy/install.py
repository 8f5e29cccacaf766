"""Our scripts and the exporter on a pod: brought where its image lacks them, started, and waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.config.secret import Secret
from app.domain.deployment import Node, Trouble
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.services.deploy import marks
from app.services.deploy.crowd import told_meanwhile
from app.services.deploy.login import EXPORTER, HOME, SETUP, Pods
from app.services.deploy.patience import Patience
from app.services.deploy.ports import DeployError, Tell

if TYPE_CHECKING:
    from collections.abc import Mapping

METRICS = f"{EXPORTER}/metrics"
_UNPACK = f"mkdir -p {HOME} && exec tar -xzf - -C {HOME} --no-same-owner"
LOOK_S = 5.0


@frozen
class Bundle:
    """What is brought: `app.services.deploy.bundle`, read once."""

    body: bytes
    fingerprint: str


async def read_bundle() -> Bundle:
    """Pack what lies in this installation. Raises DeployError."""
    from app.services.deploy.bundle import BundleError, bundle, fingerprint  # noqa: PLC0415 - late: read when needed

    try:
        body, digits = await asyncio.to_thread(lambda: (bundle(), fingerprint()))
    except BundleError as error:
        what = f"The scripts for the pods cannot be packed: {error}."
        raise DeployError(Trouble(what, marks.next_of("no_bundle", ""), code="no_bundle")) from error
    return Bundle(body, digits)


@frozen
class Installing:
    """Installs on the pods of one deployment."""

    pods: Pods
    bundle: Bundle
    token: Secret
    """The exporter's."""
    patience: Patience

    async def bring(self, node: Node, tell: Tell) -> bool:
        """Unpack the bundle on a pod; whether that was needed."""
        asked = await self.pods.command(node, ("bash", f"{SETUP}/fingerprint.sh"), within_s=self.patience.script_s)
        there = clean(asked.stdout.decode("ascii", "replace").strip(), 40) if asked.ok else ""
        if there == self.bundle.fingerprint:
            tell(f"{node.name} has our scripts already", node=node.name)
            return False
        size_kb = len(self.bundle.body) / 1000
        tell(f"{node.name}: {size_kb:.0f} kB of scripts are brought", node=node.name)
        await self._unpack(node)
        return True

    async def _unpack(self, node: Node) -> None:
        argv = ("sh", "-c", _UNPACK)
        result = await self.pods.command(node, argv, within_s=self.patience.upload_s, stdin=self.bundle.body)
        if result.ok:
            return
        said = marks.text_lines(result.stderr)
        if any("No space left" in line for line in said):
            sentence = f"the disk of {node.name} is full: our scripts do not fit on it"
            raise DeployError(marks.trouble("disk_full", node.name, sentence, tuple(said[-3:])))
        raise DeployError(marks.failure(node.name, "tar", result))

    async def set_up(self, node: Node, tell: Tell) -> Mapping[str, str]:
        """Install what the image lacks; the facts of the pod."""
        facts = await told_meanwhile(
            self.pods.script(node, "install.sh", within_s=self.patience.install_s),
            self.pods.clock,
            self.patience.still_s,
            lambda passed_s: tell(f"{node.name}: packages are installed, {passed_s:.0f} s so far", node=node.name),
        )
        told = [f"Python {facts.get('python', '?')}", f"Slurm {facts.get('slurm_version', '?')}"]
        gpus = facts.get("gpus")
        told += [f"{gpus} x {facts.get('gpu_model') or 'GPU'}"] if gpus else []
        tell(f"{node.name}: {', '.join(told)}", node=node.name, facts=dict(facts))
        return facts

    async def start_exporter(self, node: Node) -> None:
        """Start the exporter and wait for its page. Raises DeployError."""
        words = ("--node", node.name, "--expect-gpus", str(node.offer.gpus), "--token")
        stdin = f"{self.token.reveal()}\n".encode()
        await self.pods.script(node, "start-exporter.sh", *words, within_s=self.patience.script_s, stdin=stdin)
        clock, began = self.pods.clock, self.pods.clock.monotonic()
        while why := await self.pods.answers(node, METRICS, self.token, within_s=LOOK_S):
            if clock.monotonic() - began > self.patience.exporter_s:
                sentence = f"the exporter of {node.name} does not answer: {why.rstrip('.')}"
                raise DeployError(marks.trouble("exporter_failed", node.name, sentence))
            await clock.sleep(self.patience.poll_s)
