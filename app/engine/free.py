"""Free GPUs now: by node, model and partition, and what would start at once. Pure.

Slurm's word counts where it is heard: a GPU is free when Slurm has given it to nobody, its node takes jobs, and its
driver has not lost it. Without Slurm a GPU is free when it does nothing and nothing sits on it, which is said to be a
lesser kind of free: nobody keeps it free for you.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from app.domain.allocation import Allocations, allocations
from app.domain.frozen import frozen
from app.domain.naming import natural, short_model
from app.domain.slurm import SlurmPicture
from app.domain.snapshot import BUSY_PERCENT, Gpu, Node, Snapshot
from app.engine.supply import Stock, closed_words, supply_of
from app.engine.words import count, names, span

HELD_MIB = 1024.0
"""GPU memory in use past this means that somebody is there (a bare driver holds some hundred MiB)."""


@frozen
class NodeFree:
    """The GPUs of one model on one node."""

    node: str
    model: str
    """Slurm's type, `h100`; without one the driver's name without its maker."""
    total: int
    free: int | None
    """That can be had now; None: not known."""
    allocated: int | None
    """Given to jobs, or in use where there is no Slurm; None: not known."""
    unavailable: int
    """Neither: the node takes no jobs, or the GPU is lost."""
    why: str = ""
    """Why some are not available, or not known."""
    partitions: tuple[str, ...] = ()
    cpus_free: int | None = None
    memory_free_mib: float | None = None


@frozen
class FreeRow:
    """GPUs of some nodes together."""

    name: str
    """Model or partition."""
    total: int
    free: int
    """Of the nodes that say it."""
    allocated: int
    unavailable: int
    unknown: int
    """GPUs of which it is not known."""
    largest: int
    """Most free on one node."""
    largest_on: str = ""


@frozen
class Starts:
    """Whether a request would find its GPUs now."""

    ok: bool
    nodes: tuple[str, ...]
    """Where, the tightest fit first; those there are when it is not enough."""
    text: str


@frozen
class FreeGpus:
    """What is free, and by whose word."""

    basis: Literal["slurm", "driver"]
    """`driver`: there is no Slurm to ask; idle and empty GPUs are taken for free."""
    note: str
    """The basis in a sentence, with its age."""
    nodes: tuple[NodeFree, ...]
    """One for each model on each node, by name."""
    total: FreeRow
    by_model: tuple[FreeRow, ...]
    by_partition: tuple[FreeRow, ...]
    """A node in two partitions counts in both. Empty without Slurm."""

    def starts(self, gpus: int, nodes: int = 1, model: str | None = None, partition: str | None = None) -> Starts:
        """Whether so many GPUs on each of so many nodes are free now; limits and others in line are not looked at."""
        wanted = model.casefold() if model else None
        fitting = [
            one
            for one in self.nodes
            if (one.free or 0) >= gpus
            and one.unavailable < one.total
            and (wanted is None or wanted in one.model.casefold())
            and (partition is None or partition in one.partitions)
            and one.cpus_free != 0
        ]
        fitting.sort(key=lambda one: (one.free or 0, natural(one.node)))
        found = tuple(dict.fromkeys(one.node for one in fitting))
        what = f"{count(gpus, 'GPU')} on {'one node' if nodes == 1 else f'each of {nodes:,} nodes'}"
        if len(found) >= nodes:
            return Starts(True, found[:nodes], f"{what}: free on {names(found[:nodes])}")
        if nodes == 1:
            best = max((one.free or 0 for one in self.nodes if _is_asked(one, wanted, partition)), default=0)
            return Starts(False, found, f"{what}: the best has {best:,}")
        return Starts(False, found, f"{what}: {count(len(found), 'node')} {'has' if len(found) == 1 else 'have'} that")


def _is_asked(one: NodeFree, model: str | None, partition: str | None) -> bool:
    return (model is None or model in one.model.casefold()) and (partition is None or partition in one.partitions)


def free_gpus(snapshot: Snapshot, now: float) -> FreeGpus:
    """Free GPUs of a snapshot: by Slurm where its picture holds nodes and is within its age, else by the drivers."""
    joined = allocations(snapshot, now)
    picture = joined.picture
    if picture is not None and picture.nodes:
        rows = tuple(_by_slurm(snapshot, joined, picture, now))
        partitions = tuple(
            _row(name, [one for one in rows if name in one.partitions]) for name in supply_of(picture).by_partition
        )
        old = ", which is old" if picture.is_stale(now) else ""
        note = f"by Slurm, {span(picture.age(now))} ago{old}"
        return FreeGpus("slurm", note, rows, _row("all", rows), _models(rows), partitions)
    rows = tuple(_by_driver(snapshot, now))
    why = "Slurm has not answered within its age" if snapshot.slurm is not None else "no Slurm here"
    note = f"{why}: GPUs that do nothing and hold nothing are taken for free"
    return FreeGpus("driver", note, rows, _row("all", rows), _models(rows), ())


def _models(rows: tuple[NodeFree, ...]) -> tuple[FreeRow, ...]:
    kinds = sorted({one.model for one in rows})
    return tuple(_row(kind, [one for one in rows if one.model == kind]) for kind in kinds)


def _row(name: str, rows: Iterable[NodeFree]) -> FreeRow:
    some = list(rows)
    best = max(some, key=lambda one: one.free or 0, default=None)
    largest = (best.free or 0) if best is not None else 0
    return FreeRow(
        name,
        total=sum(one.total for one in some),
        free=sum(one.free or 0 for one in some),
        allocated=sum(one.allocated or 0 for one in some),
        unavailable=sum(one.unavailable for one in some),
        unknown=sum(one.total - one.unavailable for one in some if one.free is None),
        largest=largest,
        largest_on=best.node if best is not None and largest else "",
    )


def _by_slurm(snapshot: Snapshot, joined: Allocations, picture: SlurmPicture, now: float) -> Iterator[NodeFree]:
    seen = {told.name: node for name, node in snapshot.nodes.items() if (told := joined.node(name)) is not None}
    for stock in supply_of(picture).stocks.values():
        node = seen.get(stock.node.name)
        for kind, total in stock.total.items():
            if total:
                yield _stock_row(stock, kind, total, _lost(node, stock), _model(node), now)


def _model(node: Node | None) -> str:
    models = {short_model(gpu.model) for gpu in node.gpus if gpu.model} if node is not None else set()
    return models.pop() if len(models) == 1 else "GPU"


def _lost(node: Node | None, stock: Stock) -> int:
    """GPUs that the driver lost and Slurm still calls free; 0 where it cannot be told, as on nodes of several types."""
    used = stock.node.indices_used
    if node is None or used is None or len(stock.total) != 1:
        return 0
    return sum(1 for gpu in node.gpus if gpu.is_lost and gpu.index not in used)


def _stock_row(stock: Stock, kind: str, total: int, lost: int, model: str, now: float) -> NodeFree:
    free = stock.gpus_free(kind)
    allocated = None if free is None else total - free
    why = "Slurm does not say how many are used" if free is None else ""
    unavailable = 0
    if not stock.is_open:
        unavailable = total if free is None else free
        free, why = 0, closed_words(stock.node, now)
    elif lost and free:
        unavailable = min(lost, free)
        free -= unavailable
        why = f"{count(unavailable, 'GPU')} lost by the driver, which Slurm does not know"
    return NodeFree(
        stock.node.name,
        kind or model,
        total,
        free,
        allocated,
        unavailable,
        why,
        stock.node.partitions,
        stock.cpus_free,
        stock.memory_free_mib,
    )


def _by_driver(snapshot: Snapshot, now: float) -> Iterator[NodeFree]:
    for node in snapshot.nodes.values():
        for model in sorted({short_model(gpu.model) or "GPU" for gpu in node.gpus}):
            some = [gpu for gpu in node.gpus if (short_model(gpu.model) or "GPU") == model]
            lost = sum(gpu.is_lost for gpu in some)
            known = [idle for gpu in some if not gpu.is_lost and (idle := is_unused(gpu, now)) is not None]
            silent = len(some) - lost - len(known)
            why = f"{count(lost, 'GPU')} lost" if lost else ""
            if silent:
                why = ", ".join(one for one in (why, f"{count(silent, 'GPU')} silent") if one)
            free = sum(known) if known or not silent else None
            allocated = len(known) - sum(known) if free is not None else None
            yield NodeFree(node.name, model, len(some), free, allocated, lost + (silent if known else 0), why)


def is_unused(gpu: Gpu, now: float) -> bool | None:
    """Whether a GPU does nothing and holds nothing; None where that cannot be told."""
    busy = gpu.value("gpu.utilization", now)
    held_mib = gpu.value("gpu.memory_used", now)
    if busy is None:
        return None
    return busy < BUSY_PERCENT and not gpu.processes and not gpu.hpc_jobs and (held_mib or 0.0) < HELD_MIB
