"""Slurm out of pods: clocks compared, one munge key, names, the controller, then every worker at once.

The munge key is made here and goes to the pods on standard input; it is never written on this machine. Once the head
has one, that one is read back, so that a cluster that grows keeps it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.config.secret import Secret
from app.domain.deployment import Node, Pod
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.slurm import SlurmNode
from app.services.deploy import marks
from app.services.deploy.controller import Controller, is_kept_out, standing, tail, unfit
from app.services.deploy.crowd import on_each
from app.services.deploy.login import SETUP, Pods
from app.services.deploy.patience import Patience
from app.services.deploy.ports import DRAINED, DeployError, Tell
from app.services.deploy.ssh_files import write_whole

KEY_BYTES = 1024
MOST_SKEW_S = 120.0
"""munge takes no credential older than five minutes; half of it is used up too soon by a clock that drifts."""
_LEAST_KEY = 32
_ID_DIGITS = 8
PORT = 6817


@frozen
class Forming:
    """Forms the cluster of one deployment."""

    pods: Pods
    name: str
    """The deployment's, and so the cluster's."""
    head_computes: bool
    key_id_file: Path
    """Keeps a few digits of the munge key's hash, by which it is known again on the head."""
    patience: Patience

    async def form(self, head: Node, workers: Sequence[Node], pods: Mapping[str, Pod], tell: Tell) -> None:
        """From running pods to idle nodes; what is so already stays. Raises DeployError."""
        everyone = (head, *workers)
        await self.compare_clocks(everyone, tell)
        names = private_names(everyone, pods)
        await self.share_key(everyone, tell)
        lines = "".join(f"{names[node.key]} {node.name}\n" for node in everyone).encode()

        async def tell_names(node: Node) -> None:
            await self.pods.script(node, "hosts.sh", within_s=self.patience.script_s, stdin=lines)

        await on_each(everyone, tell_names)
        await self.start_head(head, names[head.key], pods[head.key], tell)
        await self.take_back(head, pods, everyone, tell)
        await self.join(head, workers, pods, tell)
        computing = everyone if self.head_computes else tuple(workers)
        await self.await_idle(head, computing, tell)

    async def compare_clocks(self, nodes: Sequence[Node], tell: Tell) -> None:
        """See that no pod's clock is far from the others': munge would refuse it. Raises DeployError."""
        offsets: dict[str, float] = {}

        async def ask(node: Node) -> None:
            before = self.pods.clock.now()
            said = await self.pods.must(node, ("date", "+%s.%N"), within_s=self.patience.script_s)
            there = marks.number({"clock": said.strip()}, "clock")
            if there is not None:
                offsets[node.name] = there - (before + self.pods.clock.now()) / 2

        await on_each(nodes, ask)
        odd = skewed(offsets)
        if odd:
            name, off_s = odd
            direction = "ahead of" if off_s > 0 else "behind"
            sentence = f"the clock of {name} is {abs(off_s):.0f} s {direction} the others; munge would refuse it"
            raise DeployError(marks.trouble("clock_skew", name, sentence))
        spread_s = max(offsets.values(), default=0.0) - min(offsets.values(), default=0.0)
        tell(f"The clocks of {len(offsets)} pods are within {spread_s:.1f} s", skew_s=round(spread_s, 3))

    async def share_key(self, nodes: Sequence[Node], tell: Tell) -> None:
        """Bring the head's munge key, or a new one, to every pod, and start munge there. Raises DeployError."""
        key = await self._key_of(nodes[0])
        is_new = key is None
        key = key or new_key()
        write_whole(self.key_id_file, f"{key_id(key)}\n")
        stdin = key.reveal().encode() + b"\n"

        async def bring(node: Node) -> None:
            await self.pods.script(node, "munge-key.sh", within_s=self.patience.script_s, stdin=stdin)

        await bring(nodes[0])  # the head first: a run that is cut off here reads it back the next time
        await on_each(nodes[1:], bring)
        tell(f"{'A new munge key is' if is_new else 'The munge key of the head is'} on {len(nodes)} pods")

    async def _key_of(self, head: Node) -> Secret | None:
        """The deployment's key, where the head has it; one that its image brought is everybody's who has the image."""
        known = read_known(self.key_id_file)
        if not known:
            return None
        argv = ("bash", f"{SETUP}/munge-key.sh", "--print")
        result = await self.pods.command(head, argv, within_s=self.patience.script_s)
        if not result.ok:
            return None
        text = "".join(result.stdout.decode("ascii", "replace").split())
        found = Secret(text)
        return found if key_id(found) == known else None

    async def start_head(self, head: Node, address: str, pod: Pod, tell: Tell) -> None:
        """Start the controller, and the head's own slurmd where it computes. Raises DeployError."""
        words = ("--cluster", self.name, "--node", head.name, "--address", address)
        compute = ("--compute", "--instance-id", pod.id) if self.head_computes else ()
        within_s = self.patience.script_s + self.patience.join_s
        facts = await self.pods.script(head, "slurm-head.sh", *words, *compute, within_s=within_s)
        tell(f"The controller runs on {head.name}, Slurm {facts.get('slurm_version', '?')}", node=head.name)
        tell_note(head, facts, tell)

    async def take_back(self, head: Node, pods: Mapping[str, Pod], nodes: Sequence[Node], tell: Tell) -> None:
        """Let nodes take jobs again that were to go and have stayed. A person's drain is left as it is."""
        controller = Controller(self.pods, head)
        known = await controller.nodes()
        for node in nodes:
            record = known.get(node.name)
            if record is None or "DRAIN" not in record.flags or of_another_pod(record, pods[node.key]):
                continue
            if (record.reason or "").startswith(DRAINED):
                await controller.resume(node.name)
                tell(f"{node.name} was to go and stays: it takes jobs again", node=node.name)

    async def join(self, head: Node, workers: Sequence[Node], pods: Mapping[str, Pod], tell: Tell) -> None:
        """Let every worker that is not in it join. Raises DeployError."""
        controller = Controller(self.pods, head)
        known = await controller.nodes()
        done = 0

        async def one(node: Node) -> None:
            nonlocal done
            record, pod = known.get(node.name), pods[node.key]
            if record is not None and _is_stale(record, pod) and not await controller.jobs_on(node.name):
                await controller.remove(node.name)  # of the pod that played it before: its record would stay as it is
            where = ("--node", node.name, "--head", f"{head.name}:{PORT}")
            words = (*where, "--instance-id", pod.id, "--within", str(int(self.patience.join_s)))
            within_s = self.patience.script_s + self.patience.join_s
            facts = await self.pods.script(node, "slurm-worker.sh", *words, within_s=within_s)
            done += 1
            tell(f"{node.name} has joined", node=node.name, fraction=done / len(workers))
            tell_note(node, facts, tell)

        await on_each(workers, one)

    async def await_idle(self, head: Node, nodes: Sequence[Node], tell: Tell) -> None:
        """Wait until Slurm would give a job to every node, with the GPUs that are paid for. Raises DeployError."""
        controller, clock = Controller(self.pods, head), self.pods.clock
        began = clock.monotonic()
        while True:
            known = await controller.nodes()
            out = [node for node in nodes if node.name in known and is_kept_out(known[node.name])]
            used = [node for node in nodes if node not in out]
            lacking = {node: why for node in used if (why := standing(known.get(node.name), node.offer.gpus))}
            if not lacking:
                gpus = sum(node.offer.gpus for node in used)
                tell(f"Slurm has {len(used)} nodes with {gpus} GPUs ready", nodes=len(used), gpus=gpus)
                for node in out:
                    tell(_words_of_drain(known[node.name]), node=node.name, is_warning=True)
                return
            if clock.monotonic() - began > self.patience.join_s:
                node, why = next(iter(lacking.items()))
                sentence = f"{node.name} is not ready after {self.patience.join_s:.0f} s: {why}"
                code = "node_invalid" if node.name in known else "slurmd_failed"
                raise DeployError(marks.trouble(code, node.name, sentence, await tail(self.pods, node, "slurmd")))
            await clock.sleep(self.patience.poll_s)


def _is_stale(record: SlurmNode, pod: Pod) -> bool:
    """Its record is another pod's, or it takes no jobs and nobody wanted that."""
    return of_another_pod(record, pod) or (unfit(record) and not is_kept_out(record))


def _words_of_drain(record: SlurmNode) -> str:
    """That a node stays out of use, why, and how it comes back: whoever drained it knows better than we."""
    why = f": {clean(record.reason, 160)}" if record.reason else ""
    back = f"`scontrol update nodename={record.name} state=resume` on the head lets it take jobs again"
    return f"{record.name} is drained and stays so{why}; {back}"


def tell_note(node: Node, facts: Mapping[str, str], tell: Tell) -> None:
    """Tell what a script that succeeded wants a person to know all the same: that Slurm listens where it ought not."""
    note = facts.get("note", "")
    if note:
        tell(f"{node.name}: {note}", node=node.name, is_warning=True)


def of_another_pod(record: SlurmNode, pod: Pod) -> bool:
    """A node's record tells of another pod; older releases of Slurm keep its id in a field of their own."""
    told = {one for one in (record.instance_id, record.extra, record.comment) if one}
    return bool(told) and pod.id not in told


def new_key() -> Secret:
    """A munge key nobody has seen, base64."""
    return Secret(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())


def key_id(key: Secret) -> str:
    """By what a key is known again: it tells nothing of the key. Empty for what is no key."""
    try:
        body = base64.b64decode(key.reveal(), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return hashlib.sha256(body).hexdigest()[:_ID_DIGITS] if len(body) >= _LEAST_KEY else ""


def read_known(path: Path) -> str:
    """The digits that were kept of the key; empty for none."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def skewed(offsets: Mapping[str, float]) -> tuple[str, float] | None:
    """The pod whose clock is furthest from the middle of all, and by how much, where that is too far."""
    if len(offsets) < 2:
        return None
    spread = max(offsets.values()) - min(offsets.values())
    if spread <= MOST_SKEW_S:
        return None
    # Of two pods, that one is odd that is further from this machine's own clock.
    middle = statistics.median(offsets.values()) if len(offsets) > 2 else 0.0
    name = max(offsets, key=lambda one: abs(offsets[one] - middle))
    others = [value for one, value in offsets.items() if one != name]
    return name, offsets[name] - statistics.median(others)


def private_names(nodes: Sequence[Node], pods: Mapping[str, Pod]) -> dict[str, str]:
    """Where the others find each node, by its key. Raises DeployError where there is no private network."""
    missing = [node for node in nodes if not pods[node.key].private_name]
    if missing and len(nodes) > 1:
        sentence = f"{missing[0].name} is on no private network, so the pods cannot talk to each other"
        raise DeployError(marks.trouble("no_network", missing[0].name, sentence))
    return {node.key: pods[node.key].private_name or "127.0.0.1" for node in nodes}
