"""Slurm's values: jobs, nodes, partitions, one look at them, and the picture a snapshot holds.

States, reasons and types are Slurm's own words and kept raw, also those this version has never heard of. Times are
epoch seconds, memory is MiB. What Slurm does not say is None; an unlimited time is infinity. The source of the field
names: squeue(1), scontrol(1), sacct(1) and slurmrestd's OpenAPI from 21.08 to 26.05.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.domain.ages import EXPIRED_INTERVALS, STALE_INTERVALS
from app.domain.frozen import frozen

Certainty = Literal["exact", "node", "guess", "unknown"]
"""How sure it is which GPUs a job holds: their indices, their nodes only, by inference, or not at all."""

ENDED = frozenset(
    {
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
        "REVOKED", "TIMEOUT", "LAUNCH_FAILED",
    }
)  # fmt: skip
"""Base states of jobs that are over."""


@frozen
class Gres:
    """Generic resources of one type: what a node has, or what is used of it."""

    name: str
    """`gpu`, `shard`, `mps`, …"""
    type: str | None
    """`h100`, `nvidia_a100_1g.5gb`; None where untyped (`(null)`)."""
    count: int
    indices: tuple[int, ...] | None = None
    """Of `(IDX:0-3,5)`, node wide; None where Slurm does not say; empty for `(IDX:N/A)`."""


@frozen
class JobGpus:
    """The GPUs a job holds on one node."""

    node: str
    count: int
    type: str | None = None
    indices: tuple[int, ...] | None = None
    """gres.conf indices on the node; None where only the count is known."""


@frozen
class SlurmJob:
    """One job, array task or part of a heterogeneous job."""

    id: str
    """As people write it and as it stays over its life: `812`, `820_3`, `830+1`."""
    job_id: int
    """Slurm's own number; of a pending array task the array's."""
    name: str = ""
    user: str = ""
    account: str = ""
    partition: str = ""
    """`a,b` while several are asked for."""
    qos: str = ""
    state: str = ""
    """Base state as Slurm spells it, `RUNNING`."""
    flags: tuple[str, ...] = ()
    """`CONFIGURING`, `COMPLETING`, `REQUEUE_HOLD`, …"""
    reason: str | None = None
    """Slurm's code for why it waits or how it ended, `Resources`; None for `None`."""
    nodes: tuple[str, ...] = ()
    """That it holds; of a pending one empty."""
    node_count: int | None = None
    cpus: int | None = None
    memory_mib: float | None = None
    """Of the whole job."""
    gpus: int | None = None
    """Of the whole job, asked for or held; 0: none; None: not known."""
    gpus_per_node: int | None = None
    gpu_type: str | None = None
    gpus_on: tuple[JobGpus, ...] = ()
    """Where its GPUs are; empty until the details are read."""
    priority: int | None = None
    submit_at: float | None = None
    eligible_at: float | None = None
    start_at: float | None = None
    """When it started; of a pending one Slurm's estimate, if it has made one."""
    end_at: float | None = None
    """When it ended or must end; None: not known or no limit."""
    time_limit_s: float | None = None
    """Infinity: no limit."""
    run_s: float | None = None
    """Time run by the look's own clock where the start does not say it (suspended, requeued); else None."""
    array_job_id: int | None = None
    array_task: str | None = None
    """`3`, or `7-99%4` for tasks that are still together."""
    het_job_id: int | None = None
    het_offset: int | None = None
    dependency: str | None = None
    reservation: str | None = None
    features: str | None = None
    required_nodes: str | None = None
    excluded_nodes: str | None = None
    comment: str | None = None
    work_dir: str | None = None
    command: str | None = None
    stdin: str | None = None
    stdout: str | None = None
    """As Slurm gives it: patterns (`%j`) may still be in it."""
    stderr: str | None = None
    restarts: int | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    is_requeueable: bool | None = None
    evaluated_at: float | None = None
    """Last time the scheduler looked at it."""

    @property
    def is_running(self) -> bool:
        """It holds its nodes and works."""
        return self.state == "RUNNING"

    @property
    def is_pending(self) -> bool:
        """It waits."""
        return self.state == "PENDING"

    @property
    def holds_nodes(self) -> bool:
        """Its nodes and GPUs are its own now."""
        return self.state in ("RUNNING", "SUSPENDED") or "COMPLETING" in self.flags

    @property
    def is_ended(self) -> bool:
        """It is over."""
        return self.state in ENDED

    @property
    def is_held(self) -> bool:
        """It waits until somebody releases it."""
        return self.is_pending and (self.priority == 0 or (self.reason or "").startswith("JobHeld"))

    def elapsed_s(self, now: float) -> float | None:
        """Seconds it has run, by `now` at the latest; 0 for one that waits; None where the start is not known."""
        if self.is_pending:
            return 0.0
        if self.run_s is not None:
            return self.run_s
        if self.start_at is None:
            return None
        until = self.end_at if self.is_ended and self.end_at is not None else now
        return max(0.0, until - self.start_at)


@frozen
class SlurmNode:
    """One node as slurmctld sees it."""

    name: str
    state: str = ""
    """Base state, `IDLE`, `MIXED`, `ALLOCATED`, `DOWN`, …"""
    flags: tuple[str, ...] = ()
    """`DRAIN`, `DYNAMIC_NORM`, `NOT_RESPONDING`, …"""
    reason: str | None = None
    reason_by: str | None = None
    reason_at: float | None = None
    host: str | None = None
    address: str | None = None
    gres: tuple[Gres, ...] = ()
    gres_used: tuple[Gres, ...] | None = None
    """None where this look does not say."""
    cpus: int | None = None
    cpus_used: int | None = None
    memory_mib: float | None = None
    memory_used_mib: float | None = None
    """Allocated."""
    memory_free_mib: float | None = None
    """Free as the machine sees it."""
    cpu_load: float | None = None
    partitions: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    reservation: str | None = None
    version: str | None = None
    """Of its slurmd."""
    boot_at: float | None = None
    slurmd_at: float | None = None
    busy_at: float | None = None
    comment: str | None = None
    extra: str | None = None
    instance_id: str | None = None
    instance_type: str | None = None

    @property
    def text(self) -> str:
        """State and flags as scontrol writes them: `MIXED+DRAIN`."""
        return "+".join((self.state, *self.flags))

    @property
    def gpus(self) -> int:
        """GPUs it is configured with."""
        return sum(one.count for one in self.gres if one.name == "gpu")

    @property
    def gpus_used(self) -> int | None:
        """GPUs that are allocated; None where it is not said."""
        return None if self.gres_used is None else sum(one.count for one in self.gres_used if one.name == "gpu")

    @property
    def indices_used(self) -> frozenset[int] | None:
        """Indices of the allocated GPUs; None where they are not said."""
        used = [one for one in self.gres_used or () if one.name == "gpu"]
        if self.gres_used is None or any(one.indices is None and one.count for one in used):
            return None
        return frozenset(index for one in used for index in one.indices or ())

    @property
    def is_draining(self) -> bool:
        """It takes no new job, by somebody's or something's order."""
        return bool({"DRAIN", "DRAINED", "DRAINING", "FAIL", "FAILING"} & {self.state, *self.flags})

    @property
    def is_down(self) -> bool:
        """It is down or does not answer."""
        return self.state in ("DOWN", "ERROR", "UNKNOWN") or bool(
            {"NOT_RESPONDING", "POWERED_DOWN", "POWERING_DOWN"} & set(self.flags)
        )

    @property
    def takes_jobs(self) -> bool:
        """New jobs can start here if there is room."""
        closed = {"MAINTENANCE", "REBOOT_REQUESTED", "REBOOT_ISSUED", "RESERVED", "INVALID_REG", "POWER_DOWN", "FUTURE"}
        return not (self.is_down or self.is_draining or closed & {self.state, *self.flags})

    @property
    def is_dynamic(self) -> bool:
        """It joined by itself (`slurmd -Z`) and can be deleted."""
        return bool({"DYNAMIC_NORM", "DYNAMIC_FUTURE"} & set(self.flags))


@frozen
class SlurmPartition:
    """One partition."""

    name: str
    state: str = "UP"
    """`UP`, `DOWN`, `DRAIN`, `INACTIVE`."""
    is_default: bool = False
    nodes: tuple[str, ...] = ()
    time_limit_s: float | None = None
    """Longest a job may run; infinity: no limit."""
    default_time_s: float | None = None
    priority_tier: int | None = None
    max_nodes: int | None = None
    qos: str | None = None
    allow_groups: str | None = None
    allow_accounts: str | None = None
    allow_qos: str | None = None


@frozen
class SlurmReading:
    """What one look at Slurm brought. A part that is None was not asked for this time, and stays as it was."""

    way: str
    """How it was read, for people: `commands 22.05.8`, `slurmrestd v0.0.44`, `exporter`."""
    jobs: tuple[SlurmJob, ...] | None = None
    nodes: tuple[SlurmNode, ...] | None = None
    partitions: tuple[SlurmPartition, ...] | None = None
    version: str = ""
    cluster: str = ""
    counts: Mapping[str, float] = field(default_factory=dict)
    """`jobs_running`, `jobs_pending`, `gpus_allocated`, … where a source has counts only (an exporter)."""
    notes: tuple[str, ...] = ()
    """What was skipped or warned of, one line each."""
    gone: tuple[str, ...] | None = None
    """None: `jobs` are all there are. Else `jobs` are those that changed, and these ids are no longer there."""


@dataclass(frozen=True, slots=True, eq=False)
class SlurmPicture:
    """Slurm as a snapshot holds it. Jobs that did not change are the same objects as in the picture before."""

    source: str
    interval_s: float
    way: str
    version: str = ""
    cluster: str = ""
    jobs: Mapping[str, SlurmJob] | None = None
    """By id, in the order of their numbers; None: this way in does not list jobs."""
    nodes: Mapping[str, SlurmNode] = field(default_factory=dict)
    """By Slurm's own name, in natural order."""
    partitions: Mapping[str, SlurmPartition] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    at: float = 0.0
    """Epoch seconds of the last look that went well."""

    def is_stale(self, now: float) -> bool:
        """Older than two of its intervals."""
        return now - self.at > STALE_INTERVALS * self.interval_s

    def is_expired(self, now: float) -> bool:
        """Too old to be shown as it stands."""
        return now - self.at > EXPIRED_INTERVALS * self.interval_s

    def age(self, now: float) -> float:
        """Seconds since the last look that went well."""
        return max(0.0, now - self.at)

    def current_jobs(self, now: float) -> Mapping[str, SlurmJob] | None:
        """The jobs, or None when they are past their age or not listed."""
        return None if self.is_expired(now) else self.jobs
