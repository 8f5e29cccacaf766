"""Jobs that stand in the simulated queue from the start, one for each reason that people ask about.

None of them can start while nobody interferes: what they ask for is never free at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.sim.cluster import Cluster
from app.sim.dice import Dice
from app.sim.slurm.job import Job
from app.sim.slurm.partitions import Partition

MINUTE, HOUR = 60.0, 3600.0
SWEEP_TASKS, SWEEP_RUNNING = 24, 7
"""Tasks of the array to which the pinned `lora-sweep` belongs, and which of them that job is."""


def standing(cluster: Cluster, parts: dict[str, Partition]) -> Iterator[Job]:
    """The jobs that wait, still without numbers and files."""
    train, shared = parts["train"].nodes, parts["shared"].nodes
    board = cluster.spec.gpus
    half = board if len(shared) > 6 else max(1, board // 2)
    dice = Dice(cluster.spec.seed, "standing")
    if all(len(unit) == 1 for pool in cluster.layout.pools for unit in pool.units):
        # GPUs are handed out one by one: there are always enough of them, and never all on one node.
        yield _job("dmitri", "vit-22b-ft", "train", 1, board, 48 * MINUTE, priority=10_900)
    yield _job("chen", "llama3-405b-pretrain", "train", len(train), board, dice.between(20, 50) * MINUTE, priority=9120)
    yield _job("hana", "protein-fold-eval", "shared", 1, half, dice.between(8, 40) * MINUTE, priority=6210)
    yield _job("bogdan", "dpo-run5", "train", 1, board, 3.2 * HOUR, reason="JobHeldUser")
    yield _job("ivo", "genome-lm-ft", "train", 1, board, 5.5 * HOUR, reason="JobHeldAdmin")
    yield _job("ana", "llama3-70b-eval", "train", 1, board, 70 * MINUTE, priority=7400, dependency="afterok:hero")
    later = _job("elif", "nightly-vision-bench", "gpu", 1, min(2, board), 90 * MINUTE, priority=5100)
    yield replace(later, eligible=2.5 * HOUR)
    yield _job("goran", "whisper-large-sweep", "gpu", 2, board, 2 * HOUR, priority=5900, reason="QOSMaxGRESPerUser")
    yield _job(
        "jun", "md-long", "shared", 1, 1, 26 * MINUTE, priority=3100, reason="PartitionTimeLimit", limit=48 * HOUR
    )
    actor = _job("fatima", "rlhf-actor", "train", len(train), board, 34 * MINUTE, priority=8350)
    yield replace(actor, offset=0)
    yield replace(_job("fatima", "rlhf-critic", "shared", 1, half, 34 * MINUTE, priority=8350), offset=1)


def sweep_tasks(owner: str) -> Iterator[Job]:
    """The tasks of the sweep's array that still wait: one runs at a time."""
    for task in range(SWEEP_RUNNING + 1, SWEEP_TASKS):
        job = _job(owner, "lora-sweep", "shared", 1, 1, 7300.0, priority=4400, limit=8 * HOUR)
        yield replace(job, task=task, throttle=1, kind="train")


def _job(user: str, name: str, partition: str, nodes: int, gpus: int, ago: float, **more: Any) -> Job:  # noqa: ANN401
    """A waiting job of these; `more` are fields of Job."""
    usual: dict[str, Any] = {"priority": 0, "limit": 24 * HOUR, "lasts": 1.5 * HOUR, "reason": ""}
    return Job(
        id=0,
        user=user,
        name=name,
        kind="train",
        partition=partition,
        node_count=nodes,
        per_node=gpus,
        model="",
        submit=-ago,
        eligible=-ago,
        **{**usual, **more},
    )
