"""Who has to do with whom: GPUs and their node, jobs where they run, model servers on what they sit. Pure.

A cause reaches what it touches and no further; whom a finding hits is reckoned by the same ties.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, wraps
from typing import TypeVar

from app.domain.affects import Affects
from app.domain.finding import FindingSubject
from app.domain.fleet import gpu_price
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Gpu, Node
from app.engine.diagnosis.fault import Fault, Scope
from app.engine.diagnosis.memory import Held
from app.engine.diagnosis.sign import CLUSTER, Look

SAME, NEAR, NODE, JOB, FAR = 5, 4, 3, 2, 1
"""How close two subjects are: the same; a GPU and its job or server; a node and what is on it; parts of one job; the
cluster."""
_SERVERS = ("vllm", "sglang", "tgi", "text-generation", "tritonserver")
"""Beginnings of the names of processes that serve models."""
SCOPES: tuple[Scope, ...] = ("gpu", "node", "job", "service", "cluster")
_BROKEN = frozenset({"BOOT_FAIL", "FAILED", "LAUNCH_FAILED", "NODE_FAIL", "OUT_OF_MEMORY"})
"""How jobs end that something has hit; those that ended well, or by a person's wish, were hit by nothing."""
MOST_JOBS = 50
"""Jobs that a finding names."""


_T = TypeVar("_T")


def _remembered(asked: Callable[[Places, FindingSubject], _T]) -> Callable[[Places, FindingSubject], _T]:
    """Remember what a method of `Places` says of each subject, as long as the places of one look live.

    In the places themselves: a cache beside them would hold them, and with them whole pictures of the fleet, for hours.
    """
    name = f"_said_{asked.__name__}"

    @wraps(asked)
    def ask(places: Places, subject: FindingSubject) -> _T:
        said: dict[FindingSubject, _T] = places.__dict__.setdefault(name, {})
        if subject not in said:
            said[subject] = asked(places, subject)
        return said[subject]

    return ask


class Places:
    """The ties between the subjects of one look."""

    def __init__(self, look: Look, named: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """`named` are nodes that signs name for a job: where it was, or those that it waits for."""
        self._look = look
        self._named = named or {}

    def lifted(self, subject: FindingSubject, scope: Scope) -> tuple[FindingSubject, ...]:
        """Whose fault of a scope a sign on a subject can be."""
        match scope:
            case "cluster":
                return (CLUSTER,)
            case "node":
                return (FindingSubject(node=subject.node),) if subject.node else ()
            case "gpu":
                return (FindingSubject(node=subject.node, gpu=subject.gpu),) if subject.node else ()
            case "service":
                return (FindingSubject(service=subject.service),) if subject.service else ()
            case "job":
                ids = (subject.job,) if subject.job else self.jobs(subject) if subject.gpu is not None else ()
                # A job that nobody can name is told by its node.
                nobody = subject.node and subject.gpu is None and not ids
                return (FindingSubject(node=subject.node),) if nobody else tuple(FindingSubject(job=one) for one in ids)

    def owners(self, subject: FindingSubject) -> Iterator[FindingSubject]:
        """Everybody whose own a sign on a subject is: the GPU, its node, the jobs on that GPU, the cluster."""
        yield from dict.fromkeys(one for scope in SCOPES for one in self.lifted(subject, scope))

    def around(self, subject: FindingSubject) -> tuple[FindingSubject, ...]:
        """A subject with all that it touches: its GPUs, nodes, jobs and services."""
        found = dict.fromkeys((subject, FindingSubject(node=subject.node, gpu=subject.gpu)))
        for node in self.nodes(subject):
            found[FindingSubject(node=node)] = None
        for gpu in self.gpus(subject):
            found[FindingSubject(node=gpu.node, gpu=gpu.index)] = None
        found |= dict.fromkeys(FindingSubject(job=one) for one in self.jobs(subject))
        found |= dict.fromkeys(FindingSubject(service=one) for one in self.services(subject))
        return tuple(one for one in found if one != CLUSTER or subject == CLUSTER)

    def closeness(self, fault: Fault, cause: FindingSubject, effect: FindingSubject) -> int:
        """How close an effect is to a cause, 0 where it is out of reach."""
        if self.is_same(cause, effect):
            return SAME
        if cause == CLUSTER:
            return FAR
        if effect == CLUSTER:
            return FAR if fault.reach == "cluster" else 0
        if cause.node and cause.node == effect.node:
            if cause.gpu is None or effect.gpu is None:
                return NODE
            return NODE if fault.reach != "own" else self._tied(cause, effect)
        tied = self._tied(cause, effect)
        return tied or (FAR if fault.reach == "cluster" else 0)

    def _tied(self, cause: FindingSubject, effect: FindingSubject) -> int:
        jobs = {*self.jobs(cause), *self._once(cause)}
        if effect.job:
            return NEAR if effect.job in jobs else 0
        if effect.service and not cause.service:
            return NEAR if effect.service in self.services(cause) else 0
        if cause.service or cause.job:
            nodes, mine = self.nodes(cause), {(gpu.node, gpu.index) for gpu in self.gpus(cause)}
            if effect.gpu is not None:
                return NEAR if (effect.node, effect.gpu) in mine else 0
            return NODE if effect.node in nodes else 0
        return JOB if jobs & set(self.jobs(effect)) else 0

    @staticmethod
    def is_same(one: FindingSubject, other: FindingSubject) -> bool:
        """Whether two subjects are one, whatever else each names."""
        if one.gpu is not None or other.gpu is not None:
            return one.node == other.node and one.gpu == other.gpu
        if one.job or other.job:
            return one.job == other.job
        return one.service == other.service and one.node == other.node

    def node(self, name: str) -> Node | None:
        """A node of the snapshot."""
        return self._look.snapshot.nodes.get(name)

    def is_closed(self, name: str) -> bool:
        """Whether Slurm gives a node no new jobs as it is."""
        told = self._look.allocations.node(name) if name else None
        return told is not None and (told.is_draining or told.is_down)

    def gpu(self, subject: FindingSubject) -> Gpu | None:
        """The GPU a subject is."""
        return None if subject.gpu is None else self._look.snapshot.gpu(subject.node, subject.gpu)

    def gpus_on(self, node: str) -> int:
        """How many GPUs a node has, lost ones too."""
        found = self.node(node)
        return len(found.gpus) if found is not None else 0

    @_remembered
    def gpus(self, subject: FindingSubject) -> tuple[Gpu, ...]:
        """The GPUs a subject is, has, holds or serves from."""
        if subject.gpu is not None:
            found = self.gpu(subject)
            return (found,) if found is not None else ()
        if subject.job:
            job = self.job(subject.job)
            return self._look.allocations.gpus_of(job) if job is not None else ()
        if subject.service:
            return self._serving.get(subject.service, ())
        node = self.node(subject.node)
        return node.gpus if node is not None else ()

    @_remembered
    def nodes(self, subject: FindingSubject) -> tuple[str, ...]:
        """The nodes a subject is, or is on."""
        if subject.node:
            return (subject.node,)
        if subject.job:
            job = self.job(subject.job)
            nodes = tuple(map(self._look.boards.node, job.nodes)) if job is not None else ()
            return nodes or self._named.get(subject.job, ())
        if subject.service:
            return self._look.homes.get(subject.service, ())
        return ()

    @_remembered
    def jobs(self, subject: FindingSubject) -> tuple[str, ...]:
        """Ids of the jobs a subject is, or has on it."""
        if subject.job:
            return (subject.job,)
        if subject.gpu is not None:
            gpu = self.gpu(subject)
            ids = self._look.allocations.held(gpu).job_ids if gpu is not None else ()
            return ids or tuple(self._on_node.get(subject.node, ()) if self.gpus_on(subject.node) == 1 else ())
        if subject.node:
            return tuple(self._on_node.get(subject.node, ()))
        return ()

    @_remembered
    def services(self, subject: FindingSubject) -> tuple[str, ...]:
        """Ids of the model servers a subject is, or has on it."""
        if subject.service:
            return (subject.service,)
        if subject.gpu is not None:
            place = (subject.node, subject.gpu)
            return tuple(key for key, gpus in self._serving.items() if place in {(gpu.node, gpu.index) for gpu in gpus})
        nodes = set(self.nodes(subject))
        return tuple(key for key, homes in self._look.homes.items() if nodes & set(homes))

    @_remembered
    def _once(self, subject: FindingSubject) -> tuple[str, ...]:
        """Jobs that were on a node or GPU and are over, or that wait for it, as far as anything still tells."""
        if not subject.node:
            return ()
        ids = dict.fromkeys((*self._on_node.get(subject.node, ()), *self._by_name.get(subject.node, ())))
        if subject.gpu is None:
            return tuple(ids)
        return tuple(one for one in ids if self._may_have_held(one, subject))

    def _may_have_held(self, key: str, gpu: FindingSubject) -> bool:
        """Whether a job that is over may have had a GPU: where its indices are known, that one."""
        job = self.job(key)
        if job is None:
            return True
        here = [one for one in job.gpus_on if self._look.boards.node(one.node) == gpu.node]
        known = all(one.indices is not None or not one.count for one in here)
        return job.is_ended and (not here or not known or any(gpu.gpu in (one.indices or ()) for one in here))

    @cached_property
    def _by_name(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for job, nodes in self._named.items():
            for node in nodes:
                found[node].append(job)
        return found

    def job(self, key: str) -> SlurmJob | None:
        """A job of Slurm's picture."""
        picture = self._look.picture
        return (picture.jobs or {}).get(key) if picture is not None else None

    @cached_property
    def _on_node(self) -> Mapping[str, list[str]]:
        """Node → jobs that are on it, or just were."""
        picture = self._look.picture
        found: dict[str, list[str]] = defaultdict(list)
        for job in ((picture.jobs if picture is not None else None) or {}).values():
            if job.holds_nodes or (job.is_ended and job.end_at and self._look.now - job.end_at < 3600):
                for node in job.nodes:
                    found[self._look.boards.node(node)].append(job.id)
        return found

    @cached_property
    def _serving(self) -> Mapping[str, tuple[Gpu, ...]]:
        """Service → the GPUs it runs on: those with a process of a model server, else all of its node."""
        found: dict[str, tuple[Gpu, ...]] = {}
        for key, homes in self._look.homes.items():
            gpus = [gpu for home in homes for gpu in self._look.snapshot.nodes[home].gpus]
            served = tuple(gpu for gpu in gpus if any(_is_server(one.name) for one in gpu.processes or ()))
            found[key] = served or tuple(gpus)
        return found

    def affects(self, subject: FindingSubject) -> Affects:
        """Jobs, GPUs and $/h that a subject's fault hits."""
        if subject == CLUSTER:
            return Affects()
        gpus = self.gpus(subject)
        prices = [price for gpu in gpus if (price := gpu_price(self._look.snapshot.prices, gpu.model)) is not None]
        running = [one for one in self.jobs(subject) if subject.job or self._is_there(one)]
        return Affects(tuple(running[:MOST_JOBS]), len(gpus), sum(prices) if prices else None)

    def _is_there(self, key: str) -> bool:
        job = self.job(key)
        return job is None or job.holds_nodes or job.state in _BROKEN

    def users(self, jobs: tuple[str, ...]) -> tuple[str, ...]:
        """Whose jobs these are."""
        found = [job.user for one in jobs if (job := self.job(one)) is not None and job.user]
        return tuple(dict.fromkeys(found))


def named_nodes(some: Iterable[Held], look: Look) -> Mapping[str, tuple[str, ...]]:
    """Job → the nodes that signs name for it: also once Slurm lists it no longer, or before it has any."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for held in some:
        sign = held.sign
        if sign.subject.job:
            nodes = sign.details.get("nodes", "")
            told = (*nodes.split(","), sign.subject.node) if nodes else (sign.subject.node,)
            found[sign.subject.job].update((look.allocations.snapshot_name(node), None) for node in told if node)
    return {job: tuple(nodes) for job, nodes in found.items()}


def _is_server(name: str) -> bool:
    """Whether a process serves models, by its name."""
    return any(part in name.casefold() for part in _SERVERS)
