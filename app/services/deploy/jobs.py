"""The proof that the cluster is one: a job on all its nodes at once, each with a GPU, each answering for itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.domain.deployment import Node
from app.services.deploy import marks
from app.services.deploy.controller import Controller, is_full, is_kept_out, tail
from app.services.deploy.login import Pods
from app.services.deploy.patience import Patience
from app.services.deploy.ports import DeployError, Tell

_ANSWER = re.compile(r"^node=(\S+) host=(\S*) gpus=(\S*)$")
_SAY = 'echo "node=$SLURMD_NODENAME host=$(uname -n) gpus=$SLURM_STEP_GPUS${SLURM_STEP_GPUS:+,}$CUDA_VISIBLE_DEVICES"'
"""What every node runs; the variables are Slurm's own."""
_MARGIN_S = 10.0
NAME = "gpu-watchdog-check"


async def run_everywhere(pods: Pods, head: Node, nodes: Sequence[Node], patience: Patience, tell: Tell) -> None:
    """Run one step on all of these nodes; each must answer with a GPU of its own. Raises DeployError.

    Left out are those that jobs have whole, and those that are drained.
    """
    known = await Controller(pods, head).nodes()
    out = {node.name for node in nodes if node.name in known and is_kept_out(known[node.name])}
    full = [node.name for node in nodes if node.name in known and is_full(known[node.name])]
    free = [node for node in nodes if node.name not in (*full, *out)]
    if full:
        tell(f"{', '.join(full)}: all taken by jobs, which is proof enough")
    if not free:
        return
    clock = pods.clock
    began = clock.monotonic()
    within_s = patience.job_s
    result = await pods.command(head, words_of(free, within_s), within_s=within_s + 2 * _MARGIN_S)
    took_s = clock.monotonic() - began
    answers = answers_of(result.stdout)
    silent = [node for node in free if node.name not in answers]
    if silent or not result.ok:
        first = silent[0] if silent else head
        who = f"{', '.join(node.name for node in silent)} did not answer" if silent else "it failed"
        sentence = f"a job on {len(free)} nodes did not go through: {who}"
        said = tuple(marks.text_lines(result.stderr))[-6:]
        details = (*said, *await tail(pods, first, "slurmd", 6))
        raise DeployError(marks.trouble("job_failed", first.name, sentence, details))
    blind = [node.name for node in free if not answers[node.name]]
    if blind:
        sentence = f"a job on {blind[0]} was given no GPU, though it asked for one"
        raise DeployError(marks.trouble("job_without_gpu", blind[0], sentence))
    where = f"{len(free)} nodes at once" if len(free) > 1 else free[0].name
    tell(f"A job ran on {where} in {took_s:.1f} s", nodes=sorted(answers))


def words_of(nodes: Sequence[Node], within_s: float) -> tuple[str, ...]:
    """The step as a command: one task and one GPU a node, or none at all."""
    count = str(len(nodes))
    where = ("-N", count, "-n", count, "--ntasks-per-node=1", "-w", ",".join(node.name for node in nodes))
    what = ("--gres=gpu:1", "--cpus-per-task=1", "--mem=64M", "-t", "5", "-J", NAME)
    patient = (f"--immediate={max(1, int(within_s - _MARGIN_S))}", "--kill-on-bad-exit=1", "--chdir=/")
    return ("srun", *where, *what, *patient, "sh", "-c", _SAY)


def answers_of(stdout: bytes) -> dict[str, str]:
    """By node: the GPUs it says it was given; empty for none."""
    found = (_ANSWER.match(line) for line in marks.text_lines(stdout))
    return {match[1]: match[3].strip(",") for match in found if match}
