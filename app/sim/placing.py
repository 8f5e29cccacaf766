"""Placing: where a fault strikes, once roles and jobs are known, and whom it drags along."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from app.domain.frozen import frozen
from app.sim.faults import DEAD, Fault, FaultKind, Scope, kind_of
from app.sim.gpu import Pace
from app.sim.jobs import GpuKey, SimJob
from app.sim.layout import Layout
from app.sim.marks import LEAK_MIB_S
from app.sim.targets import Target, pages_of


@frozen
class Slowing:
    """A change of pace on one GPU."""

    gpu: GpuKey
    pace: Pace
    start: float
    end: float
    job: int | None = None
    """The job with which it ends; None: it goes with the board."""


@frozen
class Placed:
    """A fault at its place."""

    fault: Fault
    kind: FaultKind
    start: float
    end: float
    """When it ends; infinite where it does not."""
    node: str
    gpu: GpuKey | None = None
    """The GPU that is marked."""
    service: str | None = None
    pages: tuple[str, ...] = ()
    """Paths of the pages that misbehave."""
    slowings: tuple[Slowing, ...] = ()
    kills: tuple[int, float] | None = None
    """The job that dies of it, and when."""

    def holds(self, t: float) -> bool:
        """Whether it acts at `t`."""
        return self.start <= t < self.end


@frozen
class Ground:
    """What placing must know of the cluster at the moment of the fault."""

    layout: Layout
    targets: Sequence[Target]
    roles: Mapping[str, tuple[GpuKey, ...]]
    """GPUs of `training`, `other`, `serving`, `spare`; a role may be empty."""
    job_on: Callable[[GpuKey, float], SimJob | None]
    room_mib: Callable[[GpuKey, float], int]
    """Device memory still free."""


def place(fault: Fault, ground: Ground) -> Placed:
    """Find out what a fault hits. Raises ValueError, for a person, when there is no such place."""
    kind = kind_of(fault.kind)
    end = math.inf if fault.for_s is None else fault.at_s + fault.for_s
    match kind.scope:
        case "gpu":
            return _on_gpu(fault, kind, end, ground)
        case "service":
            return _on_service(fault, kind, end, ground)
        case "page" | "node":
            node, pages = _pages(fault.node, kind.scope, ground)
            return Placed(fault, kind, fault.at_s, end, node, pages=pages)
        case "slurm":
            node = _pages(fault.node, "node", ground)[0] if kind.name == "slurm-drain" else ""
            return Placed(fault, kind, fault.at_s, end, node)


def _on_gpu(fault: Fault, kind: FaultKind, end: float, ground: Ground) -> Placed:
    key = _gpu(fault, ground)
    job = ground.job_on(key, fault.at_s)
    if job is None and kind.needs_job:
        raise ValueError(f"{kind.name} needs a GPU with a job; {key.node}/{key.gpu} has none at that moment")
    if kind.name == "memory-leak" and job is not None:
        full = fault.at_s + ground.room_mib(key, fault.at_s) / LEAK_MIB_S
        stop = min(end, full, job.end)
        if full > stop:
            return Placed(fault, kind, fault.at_s, stop, key.node, key)
        slowings = tuple(Slowing(one, DEAD, full, job.end, job.id) for one in job.gpus)
        return Placed(fault, kind, fault.at_s, stop, key.node, key, slowings=slowings, kills=(job.id, full))
    jobs_end = job.end if job is not None else fault.at_s
    until = {"board": end, "job": min(end, jobs_end), "death": jobs_end}[kind.bound]
    theirs = jobs_end if kind.bound == "death" else min(end, jobs_end)
    with_job = job.id if job is not None and kind.bound != "board" else None
    slowings = () if kind.own is None else (Slowing(key, kind.own, fault.at_s, until, with_job),)
    if kind.siblings is not None and job is not None:
        others = (one for one in job.gpus if one != key)
        slowings += tuple(Slowing(one, kind.siblings, fault.at_s, theirs, job.id) for one in others)
    kills = (job.id, fault.at_s) if kind.bound == "death" and job is not None else None
    return Placed(fault, kind, fault.at_s, end, key.node, key, slowings=slowings, kills=kills)


def _on_service(fault: Fault, kind: FaultKind, end: float, ground: Ground) -> Placed:
    keys = ground.roles.get(fault.node, ())
    for service in ground.layout.services:
        if fault.node in (service.name, service.node) or set(keys) & set(service.gpus):
            pace = kind.own or Pace()
            slowings = tuple(Slowing(key, pace, fault.at_s, end) for key in service.gpus)
            pages = tuple(one.path for one in ground.targets if one.name == service.name) if kind.page else ()
            return Placed(fault, kind, fault.at_s, end, service.node, None, service.name, pages, slowings)
    raise ValueError(f"{kind.name} needs a model server; there is none at {fault.node!r}")


def _pages(where: str, scope: Scope, ground: Ground) -> tuple[str, tuple[str, ...]]:
    """The node and the pages that a fault of pages hits: all of a node, else its GPU page, or a service's."""
    keys = ground.roles.get(where, ())
    name = keys[0].node if keys else where
    found = pages_of(name, ground.targets)
    if not found:
        raise ValueError(f"no node and no service is called {where!r}")
    node = found[0].node
    if scope == "node":
        return node, tuple(one.path for one in ground.targets if one.node == node)
    return node, (found[0].path,)


def _gpu(fault: Fault, ground: Ground) -> GpuKey:
    if fault.node in ground.roles:
        # A cluster of one GPU has no shared node: whatever plays the part stands in.
        keys = ground.roles[fault.node] or ground.roles["training"]
        return keys[(fault.gpu or 0) % len(keys)]
    for node in ground.layout.nodes:
        if node.name == fault.node:
            index = fault.gpu or 0
            if not 0 <= index < len(node.gpus):
                raise ValueError(f"{node.name} has GPUs 0 … {len(node.gpus) - 1}, no {index}")
            return node.gpus[index].key
    raise ValueError(f"no node is called {fault.node!r}")
