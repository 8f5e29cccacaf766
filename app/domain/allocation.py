"""The join of jobs and GPUs: which job works on which GPU, and how sure that is. Pure.

Slurm's `IDX` is a place in gres.conf, not a UUID. Where Slurm counts as many GPUs on a node as the driver shows, the
two orders are taken for one (AutoDetect=nvml orders by PCI address as the driver does); where the counts differ, or an
exporter names another job, the index is a guess and said to be one. Sources: gres.conf(5), dcgm-exporter's HPC job
mapping (`hpc_job`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from app.domain.apply_slurm import names_of
from app.domain.clusters import numbers_of
from app.domain.frozen import frozen
from app.domain.slurm import Certainty, JobGpus, SlurmJob, SlurmNode, SlurmPicture
from app.domain.snapshot import Gpu, Node, Snapshot


@frozen
class Held:
    """What is known of who holds a GPU."""

    allocated: bool | None = None
    """None: no scheduler speaks of it, or not within its age."""
    jobs: tuple[SlurmJob, ...] = ()
    """Jobs Slurm ties to it; several share it (MIG, shards, overlapping steps)."""
    job_ids: tuple[str, ...] = ()
    """Ids of these, else those that an exporter names."""
    certainty: Certainty = "unknown"

    @property
    def job(self) -> SlurmJob | None:
        """The one job; None where there is none or several."""
        return self.jobs[0] if len(self.jobs) == 1 else None

    @property
    def user(self) -> str | None:
        """The one user whose jobs hold it."""
        users = {job.user for job in self.jobs}
        return next(iter(users)) if len(users) == 1 else None


NOBODY = Held()


def named_alone(gpu: Gpu) -> Held:
    """Who holds a GPU where no scheduler speaks of it: the jobs that an exporter names, if it names any."""
    ids = jobs_named(gpu)
    return Held(None, (), ids, "exact") if ids else NOBODY


def jobs_named(gpu: Gpu) -> tuple[str, ...]:
    """Jobs that an exporter ties to a GPU (`hpc_job`), else those that its processes belong to."""
    if gpu.hpc_jobs or not gpu.processes:
        return gpu.hpc_jobs
    return tuple(dict.fromkeys(one.job_id for one in gpu.processes if one.job_id))


@frozen
class Claims:
    """All that Slurm's picture says of GPUs, by its own node names: made once a picture."""

    by_index: Mapping[str, Mapping[int, tuple[str, ...]]]
    """Node → GPU index → ids of the jobs that hold it."""
    unplaced: Mapping[str, tuple[str, ...]]
    """Node → ids of the jobs that hold GPUs there whose indices are not known."""
    certainty: Mapping[str, Certainty]
    """Job → how sure it is which GPUs it holds."""


@dataclass(slots=True)
class _Gathering:
    by_index: dict[str, dict[int, tuple[str, ...]]] = field(default_factory=dict)
    unplaced: dict[str, tuple[str, ...]] = field(default_factory=dict)
    certainty: dict[str, Certainty] = field(default_factory=dict)

    def take(self, job: SlurmJob, one: JobGpus, told: SlurmNode | None) -> bool:
        """Note what a job holds on a node; whether its indices are known."""
        indices = one.indices
        if indices is None and told is not None and one.count and one.count == told.gpus:
            indices = tuple(range(one.count))  # all of them
        if indices is None:
            self.unplaced[one.node] = (*self.unplaced.get(one.node, ()), job.id)
            return False
        here = self.by_index.setdefault(one.node, {})
        for index in indices:
            here[index] = (*here.get(index, ()), job.id)
        return True


@lru_cache(maxsize=2)
def claims_of(picture: SlurmPicture) -> Claims:
    """Who holds what, from a picture; remembered for the last two: one of a large cluster is tens of megabytes."""
    found = _Gathering()
    for job in (picture.jobs or {}).values():
        if not job.holds_nodes or job.gpus == 0:
            continue
        on = job.gpus_on or _spread(job)
        if not on:
            found.certainty[job.id] = "unknown"
            for node in job.nodes if job.gpus else ():
                found.unplaced[node] = (*found.unplaced.get(node, ()), job.id)
            continue
        known = [found.take(job, one, picture.nodes.get(one.node)) for one in on]
        found.certainty[job.id] = "exact" if all(known) else "node"
    return Claims(found.by_index, found.unplaced, found.certainty)


def _spread(job: SlurmJob) -> tuple[JobGpus, ...]:
    """What a job holds on each node where Slurm gave only the sum: all on one, or equal parts."""
    if not job.gpus or not job.nodes:
        return ()
    if len(job.nodes) == 1:
        return (JobGpus(job.nodes[0], job.gpus, job.gpu_type),)
    each = job.gpus_per_node or (job.gpus // len(job.nodes) if job.gpus % len(job.nodes) == 0 else 0)
    return tuple(JobGpus(node, each, job.gpu_type) for node in job.nodes) if each else ()


@lru_cache(maxsize=2)
def _slurm_names(nodes: _Names, picture: SlurmPicture) -> Mapping[str, str]:
    """Name in the snapshot → Slurm's name of the same node."""
    return {name: slurm_name for slurm_name, name in names_of(nodes.of, picture.nodes).items()}


class _Names:
    """Nodes of a snapshot, equal where their names are: a key that lasts from one snapshot to the next."""

    __slots__ = ("_names", "of")

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self.of = nodes
        self._names = tuple(nodes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Names) and self._names == other._names

    def __hash__(self) -> int:
        return hash(self._names)


class Allocations:
    """The join for one snapshot at one time; ask it for each GPU."""

    __slots__ = ("_back", "_claims", "_jobs", "_names", "_numbers", "_odd", "_picture", "_snapshot")

    def __init__(self, snapshot: Snapshot, now: float) -> None:
        picture = snapshot.slurm
        self._snapshot = snapshot
        self._picture = picture if picture is not None and not picture.is_expired(now) else None
        self._jobs: Mapping[str, SlurmJob] = {}
        self._names: Mapping[str, str] = {}
        self._claims: Claims | None = None
        self._back: Mapping[str, str] = {}
        self._odd: frozenset[str] = frozenset()
        self._numbers: dict[str, SlurmJob] | None = None
        if self._picture is not None:
            self._jobs = self._picture.jobs or {}
            self._names = _slurm_names(_Names(snapshot.nodes), self._picture)
            self._claims = claims_of(self._picture)
            self._back = {slurm_name: name for name, slurm_name in self._names.items()}
            self._odd = frozenset(name for name, told in self._picture.nodes.items() if self._differs(told))

    @property
    def picture(self) -> SlurmPicture | None:
        """Slurm's picture, if it is within its age."""
        return self._picture

    def node(self, name: str) -> SlurmNode | None:
        """What Slurm says of a node of the snapshot; None where it does not know it or is past its age."""
        return self._picture.nodes.get(self._names.get(name, name)) if self._picture is not None else None

    def snapshot_name(self, slurm_name: str) -> str:
        """The name in the snapshot of one of Slurm's nodes; its own where there is none."""
        return self._back.get(slurm_name, slurm_name)

    def certainty(self, job: SlurmJob) -> Certainty:
        """How sure it is which GPUs a job holds; a mismatch of the counts on one of its nodes makes it a guess."""
        if self._claims is None:
            return "unknown"
        sure = self._claims.certainty.get(job.id, "unknown")
        if sure == "exact" and any(node in self._odd for node in job.nodes):
            return "guess"
        return sure

    def held(self, gpu: Gpu) -> Held:
        """Who holds a GPU."""
        if self._claims is None or self._picture is None:
            return named_alone(gpu)
        name = self._names.get(gpu.node, gpu.node)
        told = self._picture.nodes.get(name)
        if told is None and name not in self._claims.by_index:
            return named_alone(gpu)
        ids = self._claims.by_index.get(name, {}).get(gpu.index, ())
        if ids:
            sure: Certainty = "guess" if self._is_doubtful(gpu, ids) else "exact"
            return Held(True, self._of(ids), ids, sure)
        if named := self._of(jobs_named(gpu)):
            return Held(True, named, tuple(job.id for job in named), "exact")
        unplaced = self._claims.unplaced.get(name, ())
        return self._without_index(gpu, told, unplaced)

    def gpus_of(self, job: SlurmJob) -> tuple[Gpu, ...]:
        """The GPUs a job is known or taken to hold, by place."""
        found: list[Gpu] = []
        for name in job.nodes:
            node = self._snapshot.nodes.get(self._back.get(name, name))
            found += [gpu for gpu in (node.gpus if node else ()) if job.id in self.held(gpu).job_ids]
        return tuple(found)

    def _without_index(self, gpu: Gpu, told: SlurmNode | None, unplaced: tuple[str, ...]) -> Held:
        """A GPU no job is tied to by index."""
        used = told.indices_used if told is not None else None
        if used is not None:
            allocated: bool | None = gpu.index in used
        elif told is not None and told.gpus_used is not None:
            full, none = told.gpus_used >= told.gpus > 0, told.gpus_used == 0
            allocated = True if full else (False if none else None)
        else:
            allocated = None if unplaced else False
        if allocated is False or not unplaced:
            return Held(allocated, certainty="node" if allocated else "unknown")
        jobs = self._of(unplaced)
        mine = tuple(job for job in jobs if job.user in {one.user for one in gpu.processes or ()})
        if len(jobs) == 1 and (allocated or mine):
            return Held(allocated or None, jobs, unplaced, "node" if allocated else "guess")
        if len(mine) == 1:
            return Held(allocated, mine, (mine[0].id,), "guess")
        return Held(allocated, certainty="unknown")

    def _is_doubtful(self, gpu: Gpu, ids: tuple[str, ...]) -> bool:
        """Whether something speaks against the index: counts that differ, or an exporter that names another job."""
        named = jobs_named(gpu)
        if named and not set(named) & {*ids, *(numbers_of(self._jobs[one])[0] for one in ids)}:
            return True
        return self._names.get(gpu.node, gpu.node) in self._odd

    def _differs(self, told: SlurmNode) -> bool:
        """Whether the driver shows another number of GPUs on a node than Slurm counts; slices are counted apart."""
        node = self._snapshot.nodes.get(self._back.get(told.name, told.name))
        if node is None or not node.gpus or not told.gpus:
            return False
        return len(node.gpus) != told.gpus and not any(gpu.mig for gpu in node.gpus)

    def _of(self, ids: tuple[str, ...]) -> tuple[SlurmJob, ...]:
        """Jobs by id, or by their own number, as exporters name them."""
        found = [job for one in ids if (job := self._jobs.get(one) or self._numbered(one)) is not None]
        return tuple(found)

    def _numbered(self, number: str) -> SlurmJob | None:
        if self._numbers is None:
            self._numbers = {numbers_of(job)[0]: job for job in self._jobs.values() if job.holds_nodes}
        return self._numbers.get(number)


@lru_cache(maxsize=2)
def _remembered(snapshot: Snapshot, fresh: bool) -> Allocations:  # noqa: FBT001 - part of the key
    return Allocations(snapshot, snapshot.slurm.at if fresh and snapshot.slurm else float("inf"))


def allocations(snapshot: Snapshot, now: float) -> Allocations:
    """The join for a snapshot; remembered, since every row of a table asks for it."""
    picture = snapshot.slurm
    return _remembered(snapshot, picture is not None and not picture.is_expired(now))
