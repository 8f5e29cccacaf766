"""What the nodes of Slurm's picture have, have free and will have free: worked out once a picture. Pure.

A node whose use the picture does not tell has no known free GPUs (None), never all of them. What a running job gives
back is its share by the node where Slurm says it, else an even part of it. Of thousands of nodes few change hands from
one picture to the next; what is known of the others is taken over from the last one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.domain.frozen import frozen
from app.domain.pieces import Pieces, whole
from app.domain.slurm import Gres, SlurmJob, SlurmNode, SlurmPicture
from app.engine.queue_line import NOBODY, Ahead, Line, Place
from app.engine.reasons import node_reason
from app.engine.words import span

_AT_ONCE = 500
"""Jobs or nodes that are looked at in one piece: a millisecond."""
_CLOSED_WORDS = ("MAINT", "BLOCKED", "POWER_DRAIN", "EXTERNAL")
"""Beyond what `SlurmNode.takes_jobs` looks at."""
_WAITS_FOR_OTHERS = ("Dependency", "BeginTime", "JobHeld", "JobArrayTaskLimit", "Reservation", "DependencyNever")


@frozen
class Ending:
    """What one running job gives back on one node when its time is over, at the latest."""

    at: float
    job: str
    gpus: int
    gpu_type: str | None
    cpus: float
    memory_mib: float


@frozen
class Stock:
    """One node: what it has and what of it is free."""

    node: SlurmNode
    total: Mapping[str, int]
    """GPUs by type, lower case; `` where untyped."""
    free: Mapping[str, int] | None
    """None: not said."""
    is_open: bool
    """New jobs can start on it if there is room."""
    endings: tuple[Ending, ...] = ()
    """By time."""

    def gpus(self, kind: str | None = None) -> int:
        """GPUs of a type, or all."""
        return sum(self.total.values()) if kind is None else self.total.get(kind, 0)

    def gpus_free(self, kind: str | None = None) -> int | None:
        """Free GPUs of a type, or all; None where it is not said."""
        if self.free is None:
            return None
        return sum(self.free.values()) if kind is None else self.free.get(kind, 0)

    @property
    def cpus_free(self) -> int | None:
        """CPUs no job has."""
        node = self.node
        return None if node.cpus is None or node.cpus_used is None else max(0, node.cpus - node.cpus_used)

    @property
    def memory_free_mib(self) -> float | None:
        """Memory no job has."""
        node = self.node
        if node.memory_mib is None or node.memory_used_mib is None:
            return None
        return max(0.0, node.memory_mib - node.memory_used_mib)


@dataclass(slots=True)
class Usage:
    """What some jobs hold together."""

    jobs: int = 0
    gpus: int = 0
    cpus: int = 0
    nodes: int = 0

    def add(self, job: SlurmJob) -> None:
        self.jobs += 1
        self.gpus += job.gpus or 0
        self.cpus += job.cpus or 0
        self.nodes += len(job.nodes) or job.node_count or 0

    def add_all(self, other: Usage) -> None:
        self.jobs += other.jobs
        self.gpus += other.gpus
        self.cpus += other.cpus
        self.nodes += other.nodes


_OWNERS = ("account", "qos", "user")
"""Whose the jobs are that a `Usage` counts."""


class Supply:
    """The picture turned around: nodes with what is free, partitions with their nodes, the line before each job.

    Made by `supply_of`; of a picture that was not taken up yet (`fill`) there is nothing in it.
    """

    __slots__ = (
        "_asked",
        "_lines",
        "_usage",
        "arrays",
        "by_partition",
        "holders",
        "memo",
        "picture",
        "stocks",
        "tasks",
    )

    def __init__(self, picture: SlurmPicture) -> None:
        self.picture = picture
        self.memo: dict[object, object] = {}
        """What was worked out for a shape; belongs to `app.engine.fit`."""
        self.arrays: dict[int, int] = {}
        """Array → its tasks that run."""
        self.tasks: dict[int, list[SlurmJob]] = {}
        """Array → all its tasks."""
        self._usage: dict[tuple[str, ...], Usage] = {}
        """By the values of `_OWNERS`."""
        self._asked: dict[tuple[str, ...], Usage] = {}
        self.holders: dict[str, list[SlurmJob]] = {}
        """Node → the jobs that hold it."""
        self._lines: dict[str, Line] = {}
        self.stocks: dict[str, Stock] = {}
        self.by_partition: dict[str, tuple[str, ...]] = {}

    def fill(self, before: Supply | None = None) -> Pieces[None]:
        """Take the picture up, in pieces.

        `before` is that of an earlier picture: of nodes where the same jobs run, what they give back is known.
        """
        lines: dict[str, list[Place]] = {}
        for number, job in enumerate((self.picture.jobs or {}).values(), 1):
            self._take(job, lines)
            if number % _AT_ONCE == 0:
                yield
        for part, places in lines.items():
            self._lines[part] = Line(sorted(places))
            yield
        for number, (name, node) in enumerate(self.picture.nodes.items(), 1):
            self.stocks[name] = self._stock(node, before)
            if number % _AT_ONCE == 0:
                yield
        self.by_partition = _nodes_by_partition(self.picture)

    def nodes_of(self, partitions: Iterable[str]) -> tuple[Stock, ...]:
        """The nodes of some partitions, each once."""
        found = dict.fromkeys(name for part in partitions for name in self.by_partition.get(part, ()))
        return tuple(self.stocks[name] for name in found if name in self.stocks)

    def ahead(self, job: SlurmJob) -> Ahead:
        """Who of higher priority waits for room in one of the same partitions."""
        lines = [line for part in job.partition.split(",") if (line := self._lines.get(part)) is not None]
        if not job.priority or not lines:
            return NOBODY
        if len(lines) == 1:
            return lines[0].before(job.priority)
        merged = {place.job: place for line in lines for place in line.places if place.order < -job.priority}
        return Line(sorted(merged.values())).before(job.priority)

    def usage(self, *key: str) -> Usage:
        """What the running jobs hold of an account or QOS, or of a user in it: `("qos", "normal", "user", "ana")`."""
        known = self._asked.get(key)
        if known is not None:
            return known
        wanted = [(_OWNERS.index(name), value) for name, value in zip(key[::2], key[1::2], strict=True)]
        found = self._asked[key] = Usage()
        for owners, usage in self._usage.items():
            if all(owners[at] == value for at, value in wanted):
                found.add_all(usage)
        return found

    def _take(self, job: SlurmJob, lines: dict[str, list[Place]]) -> None:
        """Put a job where it belongs: among the tasks of its array, on its nodes, into the lines that it waits in."""
        if job.array_job_id is not None:
            self.tasks.setdefault(job.array_job_id, []).append(job)
        if job.holds_nodes:
            self._hold(job)
        elif job.is_pending and job.priority and not (job.reason or "").startswith(_WAITS_FOR_OTHERS):
            for part in job.partition.split(","):
                lines.setdefault(part, []).append(Place(-job.priority, job.id, job.gpus or 0))

    def _hold(self, job: SlurmJob) -> None:
        for name in job.nodes:
            self.holders.setdefault(name, []).append(job)
        owners = (job.account, job.qos, job.user)
        usage = self._usage.get(owners)
        if usage is None:
            usage = self._usage[owners] = Usage()
        usage.add(job)
        if job.array_job_id is not None:
            self.arrays[job.array_job_id] = self.arrays.get(job.array_job_id, 0) + 1

    def _stock(self, node: SlurmNode, before: Supply | None) -> Stock:
        holders = self.holders.get(node.name, ())
        was = before.stocks.get(node.name) if before is not None else None
        if before is None or was is None or not _is_used_alike(was.node, node):
            return _stock(node, holders)
        if before.holders.get(node.name, ()) != holders:
            return _stock(node, holders)
        return Stock(node, was.total, was.free, was.is_open, was.endings)


_newest: list[Supply] = []
"""Of the last two pictures: while one is made ready to be looked at, the one before is what is looked at."""


def supply_of(picture: SlurmPicture) -> Supply:
    """The supply of a picture; remembered for the last two pictures."""
    return whole(supplying(picture))


def supplying(picture: SlurmPicture) -> Pieces[Supply]:
    """As `supply_of`, in pieces."""
    for known in _newest:
        if known.picture is picture:
            return known
    found, before = Supply(picture), _newest[-1:]
    yield from found.fill(*before)
    _newest[:] = [*before, found]
    return found


def is_open(node: SlurmNode) -> bool:
    """New jobs can start on it if there is room."""
    return node.takes_jobs and not any(word in (node.state, *node.flags) for word in _CLOSED_WORDS)


def closed_words(node: SlurmNode, now: float) -> str:
    """Why a node takes no jobs: `drained: fan swap (ana, 3 d)`, `down: slurmd does not answer (20 min)`."""
    flags = {node.state, *node.flags}
    if node.is_draining:
        state = "draining" if node.state in ("ALLOCATED", "MIXED") else "drained"
    elif "NOT_RESPONDING" in flags and node.state not in ("DOWN", "ERROR"):
        state = "not responding"
    else:
        special = flags & {"POWERED_DOWN", "POWERING_DOWN", "INVALID_REG", "MAINTENANCE", "MAINT", "RESERVED"}
        state = (min(special) if special and node.state != "DOWN" else node.state).lower().replace("_", " ")
    told = node_reason(node.reason)
    why = told.text if told is not None else (node.reason or "")
    by = node.reason_by if node.reason_by and told is None else ""
    since = span(now - node.reason_at) if node.reason_at and node.reason and now >= node.reason_at else ""
    note = ", ".join(one for one in (by, since) if one)
    return state + (f": {why}" if why else "") + (f" ({note})" if note else "")


def _stock(node: SlurmNode, jobs: Iterable[SlurmJob]) -> Stock:
    here = [share for job in jobs if (share := _share(job, node.name)) is not None]
    total = _by_type(node.gres)
    endings = tuple(sorted((one for one in here if math.isfinite(one.at)), key=lambda one: (one.at, one.job)))
    return Stock(node, total, _free(node, total, here), is_open(node), endings)


def _is_used_alike(one: SlurmNode, other: SlurmNode) -> bool:
    """Whether all that a stock says of its node, save what its jobs say, is the same of both."""
    if one.gres_used != other.gres_used or one.state != other.state or one.flags != other.flags:
        return False
    return one.gres == other.gres


def _by_type(gres: Iterable[Gres]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in gres:
        if one.name == "gpu":
            kind = (one.type or "").casefold()
            found[kind] = found.get(kind, 0) + one.count
    return found


def _free(node: SlurmNode, total: Mapping[str, int], here: Iterable[Ending]) -> Mapping[str, int] | None:
    """Free GPUs by type: of what the node says is used, else of what the jobs on it hold."""
    if node.gres_used is not None:
        used = _by_type(node.gres_used)
    else:
        used = {}
        for one in here:
            if one.gpus < 0:
                return None
            used[one.gpu_type or ""] = used.get(one.gpu_type or "", 0) + one.gpus
        if not used and node.state in ("ALLOCATED", "MIXED") and total:
            return None
    untyped = used.pop("", 0) if "" not in total else 0
    if untyped and len(total) == 1:
        kind = next(iter(total))
        used[kind] = used.get(kind, 0) + untyped
    elif untyped:
        return None
    return {kind: max(0, number - used.get(kind, 0)) for kind, number in total.items()}


def _share(job: SlurmJob, node: str) -> Ending | None:
    """What a job holds on a node; -1 GPUs where that is not known."""
    spread = max(1, len(job.nodes))
    on = [one for one in job.gpus_on if one.node == node]
    kind = (on[0].type if on else None) or job.gpu_type
    if on:
        gpus = sum(one.count for one in on)
    elif job.gpus_on:
        gpus = 0
    elif job.gpus_per_node is not None:
        gpus = job.gpus_per_node
    elif job.gpus is not None and job.gpus % spread == 0:
        gpus = job.gpus // spread
    else:
        gpus = -1
    end = job.end_at
    if end is None and job.start_at is not None and job.time_limit_s is not None:
        end = job.start_at + job.time_limit_s
    return Ending(
        end if end is not None and job.state != "SUSPENDED" else math.inf,
        job.id,
        gpus,
        kind.casefold() if kind else None,
        (job.cpus or 0) / spread,
        (job.memory_mib or 0.0) / spread,
    )


def _nodes_by_partition(picture: SlurmPicture) -> dict[str, tuple[str, ...]]:
    """Each partition's nodes: as the nodes say it, and as the partition does."""
    found: dict[str, dict[str, None]] = {name: {} for name in picture.partitions}
    for node in picture.nodes.values():
        for part in node.partitions:
            found.setdefault(part, {})[node.name] = None
    for partition in picture.partitions.values():
        found[partition.name].update(dict.fromkeys(partition.nodes))
    return {name: tuple(nodes) for name, nodes in found.items()}
