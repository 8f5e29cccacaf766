"""Nodes of the simulated Slurm at one moment: state, flags, what is used of them, and what people do to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from app.domain.frozen import frozen
from app.sim.cluster import GIVEN_UP_S
from app.sim.faults import Fault
from app.sim.layout import SimNode
from app.sim.slurm.book import Book
from app.sim.slurm.job import CPUS_EACH, MIB_EACH, Job
from app.sim.slurm.people import is_operator
from app.sim.slurm.refusals import BUSY, INVALID_NODE, INVALID_STATE, INVALID_USER, RefusedError

DRAINED = ("GPU 5: uncorrectable ECC errors, RMA 4711", "root")
"""Why and by whom a scenario's node is drained."""


_FEW_NODES = 64


@frozen
class Node:
    """One node."""

    sim: SimNode
    model: str
    state: str
    flags: tuple[str, ...]
    reason: tuple[str, str, float] | None
    """Why it is out, who says so, since when."""
    used: tuple[int, ...]
    """Indices of the GPUs that are given out."""
    partitions: tuple[str, ...]
    cores_busy: float
    busy_at: float

    @property
    def name(self) -> str:
        """Its name."""
        return self.sim.name

    @property
    def gpus(self) -> int:
        """GPUs it has."""
        return len(self.sim.gpus)

    @property
    def cpus_used(self) -> int:
        """Cores that are given out."""
        return min(self.sim.cpus, CPUS_EACH * len(self.used))

    @property
    def mib_used(self) -> int:
        """Memory that is given out."""
        return MIB_EACH * len(self.used)

    @property
    def text(self) -> str:
        """State and flags as scontrol writes them."""
        return "+".join((self.state, *self.flags))

    @property
    def gres(self) -> str:
        """What it has."""
        half = self.gpus // 2
        return f"gpu:{self.model}:{self.gpus}" + ("(S:0-1)" if half else "(S:0)")

    @property
    def word(self) -> str:
        """The state as sinfo writes it."""
        star = "*" if "NOT_RESPONDING" in self.flags else ""
        if self.state == "DOWN":
            return f"down{star}"
        if "DRAIN" in self.flags:
            return ("draining" if self.used else "drained") + star
        if "PLANNED" in self.flags:
            return f"planned{star}"
        return self.state.lower() + star


def nodes(book: Book, jobs: Iterable[Job], t: float) -> list[Node]:
    """All nodes; `jobs` are those of the moment."""
    used: defaultdict[str, list[int]] = defaultdict(list)
    for job in jobs:
        if job.holds:
            for node, indices in job.by_node.items():
                used[node] += indices
    planned = {name for sim in book.cluster.work.upcoming(t) if len(sim.nodes) > 1 for name in sim.nodes}
    found = []
    for sim in book.cluster.layout.nodes:
        if sim.name in book.deleted:
            continue
        state, flags, reason = _state(book, sim, len(used[sim.name]), t)
        if state == "IDLE" and not reason and sim.name in planned:
            flags = (*flags, "PLANNED")
        found.append(
            Node(
                sim, book.models[sim.name], state, flags, reason, tuple(sorted(used[sim.name])),
                book.parts_of[sim.name],
                _load(book, sim.name, len(used[sim.name]), t),
                t,
            )
        )  # fmt: skip
    return found


def _load(book: Book, name: str, used: int, t: float) -> float:
    """Cores at work; of a large cluster about, since it costs to reckon."""
    return book.cluster.node_at(name, t).cores_busy if len(book.models) <= _FEW_NODES else 1.7 * used


def _state(book: Book, sim: SimNode, used: int, t: float) -> tuple[str, tuple[str, ...], tuple[str, str, float] | None]:
    state = "IDLE" if not used else "ALLOCATED" if used == len(sim.gpus) else "MIXED"
    flags: tuple[str, ...] = ("DYNAMIC_NORM",)
    reason = None
    for one in book.cluster.faults:
        if one.node == sim.name and one.holds(t):
            if one.kind.name == "slurm-drain":
                flags = ("DRAIN", *flags)
                reason = book.drains.get(sim.name, (*DRAINED, one.start))
            elif one.kind.name == "node-down":
                flags = (*flags, "NOT_RESPONDING")
                if t >= one.start + GIVEN_UP_S:
                    state, reason = "DOWN", reason or ("Not responding", "slurm", one.start + GIVEN_UP_S)
    return state, flags, reason


def change(book: Book, names: Iterable[str], state: str, reason: str, user: str, t: float) -> None:
    """Drain nodes, or give them back. Raises RefusedError."""
    if not is_operator(user):
        raise RefusedError(INVALID_USER)
    wanted = list(names)
    known = {node.name for node in book.cluster.layout.nodes} - book.deleted
    if not wanted or not known.issuperset(wanted):
        raise RefusedError(INVALID_NODE)
    for name in wanted:
        match state.upper():
            case "DRAIN":
                if not reason and name not in book.drains:
                    raise RefusedError("You must specify a reason when DRAINING a node. Request denied")
                book.take_over(book.cluster.work.evict((gpu.key for gpu in book.cluster.node(name).gpus), t))
                book.cluster.lift("slurm-drain", name, t)
                book.cluster.inject(Fault("slurm-drain", name, at_s=t))
                book.drains[name] = (reason or book.drains[name][0], user, t)
            case "RESUME" | "UNDRAIN" | "IDLE":
                book.cluster.lift("slurm-drain", name, t)
                book.drains.pop(name, None)
            case "":
                book.drains[name] = (reason, user, t)
            case _:
                raise RefusedError(INVALID_STATE)
    book.touched()


def delete(book: Book, name: str, user: str, t: float) -> None:
    """Forget a node, as for one that left. Raises RefusedError."""
    if not is_operator(user):
        raise RefusedError(INVALID_USER)
    if name not in book.models or name in book.deleted:
        raise RefusedError(INVALID_NODE)
    if any(job.holds and name in job.nodes for job in book.jobs(t)):
        raise RefusedError(BUSY)
    book.take_over(book.cluster.work.evict((gpu.key for gpu in book.cluster.node(name).gpus), t))
    book.cluster.work.bar(name, float("inf"))
    book.deleted.add(name)
    book.touched()
