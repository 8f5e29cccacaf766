"""A Slurm cluster for the benchmark: 1,000 nodes with eight GPUs, 10,000 jobs, and what happens to them by the second.

A plan made by dice that always fall alike: who runs where on which GPUs, who waits and why, and which jobs end, start
and are submitted within the next while. `slurm_text` writes it down as Slurm would say it.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

NODES, JOBS, RUNNING = 1000, 10_000, 3000
GPUS_OF_NODE = 8
CPUS_OF_GPU, MIB_OF_GPU = 12, 240_000
BEACON = "@\x01m"
"""Name of the first job, which runs throughout: tells when squeue was called (`slurm_fake.c`)."""
FUTURE_S = 1800
"""Seconds from the beginning for which it is planned what happens."""
EVENTS_EVERY_S = 1
"""Every so often a job ends, one that fits starts, and one is submitted."""
DOWN = frozenset(range(13, NODES, 97))
"""Nodes that do not answer; nothing runs there."""
KINDS = {"h100": (0, 600), "a100": (600, 900), "l40s": (900, 1000)}
"""Partition, which is also the GPUs' type, and its nodes."""
USERS = tuple(f"{name}{number}" for number in range(1, 13) for name in ("ana", "ben", "chen", "devi", "emil", "fay"))
ACCOUNTS = ("vision", "speech", "llm-pretrain", "robotics", "bio-folding", "course-cs336")
NAMES = (
    *("train", "eval", "finetune-llama3-70b-lora-r64-lr2e-5", "sweep", "jupyter", "vllm-serve", "preprocess-tokens"),
    *("alphafold_multimer_v3", "sbatch", "wandb-agent-h5x2k1", "diffusion_xl_stage2_resume_from_ckpt_118000", "bash"),
)
REASONS = {
    "Priority": 62, "Resources": 8, "QOSMaxGRESPerUser": 7, "Dependency": 6, "AssocGrpGRES": 5, "JobHeldUser": 3,
    "BeginTime": 3, "MaxJobsPerAccount": 2, "QOSMaxJobsPerUserLimit": 2, "PartitionTimeLimit": 1,
    "ReqNodeNotAvail, UnavailableNodes:gpu-[0611-0614,0702]": 1,
}  # fmt: skip
"""Why jobs wait, and how many of a hundred."""
_SIZES = ((1, 1), (1, 2), (1, 4), (1, 8), (2, 8), (4, 8), (8, 8))
_WEIGHTS = (66, 13, 10, 9, 1.2, 0.5, 0.15)


@dataclass(frozen=True, slots=True)
class Job:
    """One job, task or component; moments are epoch seconds."""

    number: int
    name: str
    user: str
    account: str
    kind: str
    """Partition, and type of its GPUs."""
    nodes: int
    gpus: int
    """On each node."""
    limit_s: int
    submit: int
    priority: int
    reason: str
    array: tuple[int, int, int] | None = None
    """Number of the array, this task, the last task."""
    het: tuple[int, int] | None = None
    """Number of the heterogeneous job, offset."""
    start: int | None = None
    end: int | None = None
    """When it is over, where that is planned."""
    places: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """Node and the indices of its GPUs there."""


@dataclass(slots=True)
class Plan:
    """Everything that is and will be."""

    begin: int
    jobs: list[Job] = field(default_factory=list)
    uses: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """Of each node: since when it has which GPUs in use, as bits."""


def plan(begin: int, seed: int = 20) -> Plan:
    """A cluster as it is at a moment and for `FUTURE_S` after it."""
    return _Planner(begin, seed).plan()


def host(node: int) -> str:
    """Name of a node."""
    return f"gpu-{node + 1:04d}"


class _Planner:
    def __init__(self, begin: int, seed: int) -> None:
        self._begin = begin
        self._dice = random.Random(seed)
        self._used = [0] * NODES
        self._plan = Plan(begin)
        self._next = 4_100_000

    def plan(self) -> Plan:
        running = self._fill()
        waiting = deque(self._queue(JOBS - len(running)))
        self._plan.uses = {node: [(0, bits)] for node, bits in enumerate(self._used)}
        now = self._begin
        for now in range(self._begin + 1, self._begin + FUTURE_S, EVENTS_EVERY_S):
            # The first job, the beacon, stays.
            ended = running.pop(self._dice.randrange(1, len(running)))
            self._plan.jobs.append(replace(ended, end=now))
            self._take(ended.places, now, free=True)
            for _ in range(min(40, len(waiting))):
                job = waiting.popleft()
                started = self._started(job, now) if job.reason in ("Priority", "Resources") else None
                if started is not None:
                    running.append(started)
                    break
                waiting.append(job)
            waiting.append(self._job(now))
        self._plan.jobs += [*running, *waiting]
        self._plan.jobs.sort(key=lambda job: job.number)
        self._plan.jobs[0] = replace(self._plan.jobs[0], name=BEACON)
        return self._plan

    def _fill(self) -> list[Job]:
        """Jobs that have been running for a while."""
        running: list[Job] = []
        while len(running) < RUNNING:
            job = self._job(self._begin - self._dice.randrange(600, 400_000))
            ran_s = self._dice.randrange(60, job.limit_s - FUTURE_S)
            started = self._started(job, max(job.submit + 30, self._begin - ran_s))
            if started is not None:
                running.append(started)
        return running

    def _queue(self, count: int) -> Iterator[Job]:
        """Jobs that wait: half of them tasks of arrays, some of heterogeneous jobs."""
        while count > 0:
            first = self._job(self._begin - self._dice.randrange(10, 600_000))
            shape = self._dice.random()
            if shape < 0.004:
                size = min(count, self._dice.randrange(20, 400))
                parts = [replace(first, array=(first.number, task, size - 1)) for task in range(size)]
            elif shape < 0.014:
                size = min(count, self._dice.randrange(2, 4))
                parts = [replace(first, het=(first.number, offset)) for offset in range(size)]
            else:
                size, parts = 1, [first]
            for offset, part in enumerate(parts):
                yield replace(part, number=first.number + offset + (1 if part.array else 0))
            self._next = first.number + size + 1
            count -= size

    def _job(self, submit: int) -> Job:
        """A job that somebody submits."""
        dice = self._dice
        self._next += dice.randrange(1, 4)
        nodes, gpus = dice.choices(_SIZES, _WEIGHTS)[0]
        hours = dice.choice((4, 8, 12, 24, 24, 48, 72, 168))
        return Job(
            number=self._next,
            name=dice.choice(NAMES),
            user=dice.choice(USERS),
            account=dice.choice(ACCOUNTS),
            kind=dice.choices(tuple(KINDS), (60, 30, 10))[0],
            nodes=nodes,
            gpus=gpus,
            limit_s=hours * 3600,
            submit=submit,
            priority=dice.randrange(1000, 4_000_000),
            reason=dice.choices(tuple(REASONS), tuple(REASONS.values()))[0],
        )

    def _started(self, job: Job, now: int) -> Job | None:
        """The job on the first nodes that have room for it; None where there are not enough."""
        first, last = KINDS[job.kind]
        found: list[tuple[int, tuple[int, ...]]] = []
        for node in range(first, last):
            if node in DOWN:
                continue
            free = [at for at in range(GPUS_OF_NODE) if not self._used[node] >> at & 1]
            if len(free) >= job.gpus:
                found.append((node, tuple(free[: job.gpus])))
            if len(found) == job.nodes:
                self._take(tuple(found), now, free=False)
                return replace(job, start=now, places=tuple(found))
        return None

    def _take(self, places: tuple[tuple[int, tuple[int, ...]], ...], now: int, *, free: bool) -> None:
        for node, indices in places:
            bits = sum(1 << at for at in indices)
            self._used[node] = self._used[node] & ~bits if free else self._used[node] | bits
            if self._plan.uses:
                self._plan.uses[node].append((now, self._used[node]))
