"""Job: one job of the simulated Slurm as it stands at one moment. Times are simulated seconds."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from app.domain.hostlist import compress
from app.sim.jobs import GpuKey
from app.sim.loads import JobKind
from app.sim.slurm.people import account_of, qos_of, uid_of

CPUS_EACH, MIB_EACH = 4, 245_760
"""Cores and memory that come with a GPU."""


@dataclass(frozen=True)
class Job:
    """One job, array task or part of a heterogeneous job."""

    id: int
    user: str
    name: str
    kind: JobKind
    partition: str
    node_count: int
    per_node: int
    """GPUs on each of its nodes."""
    model: str
    """Type of its GPUs; empty where any will do."""
    limit: float
    submit: float
    eligible: float | None
    start: float | None = None
    """When it started; of one that waits the estimate, if there is one."""
    end: float | None = None
    """When it ended; None while it has not."""
    state: str = "PENDING"
    reason: str = "None"
    nodes: tuple[str, ...] = ()
    """The nodes it holds or held."""
    gpus: tuple[GpuKey, ...] = ()
    lasts: float = 1800.0
    """How long it will run if nothing ends it."""
    priority: int = 0
    nice: int = 0
    array: int = 0
    task: int | None = None
    tasks: str = ""
    """`7-99%4` of a row that stands for all waiting tasks of an array."""
    throttle: int = 0
    het: int = 0
    offset: int | None = None
    dependency: str = ""
    required: str = ""
    restarts: int = 0
    exit_code: int = 0
    exit_signal: int = 0
    suspended_at: float | None = None
    paused_s: float = 0.0
    """How long it was suspended before."""
    command: str = ""
    work_dir: str = ""
    stdout: str = ""
    stderr: str = ""
    comment: str = ""
    script: str = ""
    account_name: str = ""
    qos_name: str = ""
    is_own: bool = False
    """Somebody at the keyboard submitted it."""

    @cached_property
    def key(self) -> str:
        """The id as people write it."""
        if self.task is not None:
            return f"{self.array}_[{self.tasks}]" if self.tasks else f"{self.array}_{self.task}"
        return f"{self.het}+{self.offset}" if self.offset is not None else str(self.id)

    @property
    def number(self) -> int:
        """Slurm's own number: of a task that waits the array's."""
        return self.array if self.task is not None and self.state == "PENDING" else self.id

    @cached_property
    def node_list(self) -> str:
        """Its nodes as a host list."""
        return compress(self.nodes)

    @cached_property
    def by_node(self) -> dict[str, tuple[int, ...]]:
        """Indices of its GPUs on each node."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for one in self.gpus:
            found[one.node].append(one.gpu)
        return {node: tuple(sorted(indices)) for node, indices in found.items()}

    @property
    def holds(self) -> bool:
        """It has its nodes now."""
        return self.state in ("RUNNING", "SUSPENDED")

    @property
    def is_pending(self) -> bool:
        """It waits."""
        return self.state == "PENDING"

    @property
    def is_over(self) -> bool:
        """It has ended."""
        return not (self.holds or self.is_pending)

    @property
    def gpu_count(self) -> int:
        """GPUs of the whole job."""
        return len(self.gpus) or self.node_count * self.per_node

    @property
    def cpus(self) -> int:
        """Cores of the whole job."""
        return CPUS_EACH * max(1, self.gpu_count)

    @property
    def mib(self) -> int:
        """Memory of the whole job."""
        return MIB_EACH * max(1, self.gpu_count)

    @property
    def account(self) -> str:
        """Whom it is charged to."""
        return self.account_name or account_of(self.user)

    @property
    def qos(self) -> str:
        """Its quality of service."""
        return self.qos_name or qos_of(self.user)

    @property
    def uid(self) -> int:
        """Number of its user."""
        return uid_of(self.user)

    @property
    def gres(self) -> str:
        """What it asks for on each node: `gres/gpu:h100:8`."""
        if not self.per_node:
            return ""
        return f"gres/gpu:{self.model}:{self.per_node}" if self.model else f"gres/gpu:{self.per_node}"

    def tres(self, between: str = ",") -> str:
        """Its trackable resources."""
        count = self.gpu_count
        parts = [f"cpu={self.cpus}", f"mem={memory(self.mib)}", f"node={self.node_count}", f"billing={self.cpus}"]
        if count:
            parts += [f"gres/gpu={count}", *([f"gres/gpu:{self.model}={count}"] if self.model else [])]
        return between.join(parts)

    def ran(self, t: float) -> float:
        """Seconds it has run by `t`."""
        if self.is_pending or self.start is None:
            return 0.0
        until = min(t, self.end if self.end is not None else math.inf, self.suspended_at or math.inf)
        return max(0.0, until - self.start - self.paused_s)

    def must_end(self) -> float:
        """When its limit is reached, of one that runs or has an estimate; infinite without a limit."""
        return math.inf if self.start is None else self.start + self.limit + self.paused_s


def memory(mib: int) -> str:
    """Memory as Slurm writes it: `240G`, `1000M`."""
    return f"{mib // 1024}G" if mib % 1024 == 0 else f"{mib}M"


def ranges(indices: tuple[int, ...]) -> str:
    """`0-3,5`."""
    parts: list[list[int]] = []
    for one in sorted(indices):
        if parts and one == parts[-1][-1] + 1:
            parts[-1][1:] = [one]
        else:
            parts.append([one])
    return ",".join("-".join(str(edge) for edge in part) for part in parts)
