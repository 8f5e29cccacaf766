"""A shape laid against the nodes: where it could run, where there is room now, and when running jobs make room. Pure.

Worked out once a shape and picture. Ends are time limits: jobs mostly end earlier, and who is ahead in line may take
the room first, so what is said about the future is the latest, and for one who is next.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from app.domain.frozen import frozen
from app.engine.supply import Ending, Stock, Supply
from app.engine.want import Want


@frozen
class Release:
    """When room comes free at the latest, and by whose end."""

    at: float
    jobs: tuple[str, ...]
    """In the order of their ends."""
    gpus: int
    """What these jobs give back on the nodes in question."""


@frozen
class Fit:
    """A shape against a picture."""

    known: tuple[Stock, ...]
    """Nodes of its partitions; empty: the picture does not know them."""
    able: tuple[Stock, ...]
    """Of these, nodes that could run a part of it if they were empty and open."""
    closed: tuple[Stock, ...]
    """Able nodes that take no jobs now."""
    open: tuple[Stock, ...]
    """The other able nodes, the one with the most free GPUs of its type (or free CPUs) first."""
    room: tuple[Stock, ...]
    """Able and open nodes with room for a part of it now."""
    best_free: int
    """GPUs of its type (or CPUs) free on the first of the open nodes."""
    free_gpus: int | None
    """GPUs of its type free on able and open nodes; None where some node does not say."""
    starved: Stock | None
    """A node with the GPUs but without the CPUs or memory."""
    release: Release | None
    """When there is room at the latest; None where that is not known, or it is there now."""
    is_sure: bool
    """False where features, a reservation or a node's use could not be read."""

    def has_room(self, want: Want) -> bool:
        """It could start now, going by what is free."""
        if want.is_spread:
            return len(self.room) >= want.nodes and (self.free_gpus or 0) >= (want.gpus or 0)
        return len(self.room) >= want.nodes


def fit(want: Want, supply: Supply) -> Fit:
    """Lay a shape against the nodes; remembered with the supply."""
    found = supply.memo.get(want)
    if not isinstance(found, Fit):
        found = supply.memo[want] = _fit(want, supply)
    return found


def _fit(want: Want, supply: Supply) -> Fit:
    known = supply.nodes_of(want.partitions)
    inside = want.reservation is not None and any(stock.node.reservation == want.reservation for stock in known)
    able, sure = [], inside or want.reservation is None
    for stock in known:
        admitted = want.admits(stock.node)
        sure = sure and admitted is not None
        if (
            admitted is not False
            and _is_able(stock, want)
            and (not inside or stock.node.reservation == want.reservation)
        ):
            able.append(stock)
    closed = tuple(stock for stock in able if not _is_open(stock, want))
    open_now = [stock for stock in able if _is_open(stock, want)]
    open_now.sort(key=lambda stock: -_rank(stock, want))  # nodes come in the order of their names, which is kept
    frees = [stock.gpus_free(want.gpu_type) for stock in open_now]
    lacking = [lacks(stock, want) for stock in open_now]
    room = tuple(stock for stock, lack in zip(open_now, lacking, strict=True) if not lack)
    starved = (stock for stock, lack in zip(open_now, lacking, strict=True) if lack in ("CPUs", "memory"))
    sure = sure and None not in frees
    has_all = len(room) >= want.nodes and not want.is_spread
    return Fit(
        known=known,
        able=tuple(able),
        closed=closed,
        open=tuple(open_now),
        room=room,
        best_free=_rank(open_now[0], want) if open_now else 0,
        free_gpus=None if None in frees else sum(one or 0 for one in frees),
        starved=next(starved, None) if want.gpus else None,
        release=_release(want, open_now, lacking) if sure and not has_all else None,
        is_sure=sure,
    )


def _is_open(stock: Stock, want: Want) -> bool:
    """Open to all, or reserved for this very job's reservation."""
    if stock.is_open:
        return True
    node = stock.node
    reserved = want.reservation is not None and node.reservation == want.reservation
    return reserved and not node.is_down and not node.is_draining


def _is_able(stock: Stock, want: Want) -> bool:
    """The node, empty, would take one node's part of the job."""
    node = stock.node
    return (
        stock.gpus(want.gpu_type) >= want.at_least_per_node
        and not (node.cpus is not None and want.nodes == 1 and (want.cpus_per_node or 0) > node.cpus)
        and not (
            node.memory_mib is not None and want.nodes == 1 and (want.memory_per_node_mib or 0.0) > node.memory_mib
        )
    )


def lacks(stock: Stock, want: Want) -> str:
    """What a node has too little of now: `GPUs`, `CPUs`, `memory`; empty: it has room; `?`: its use is not known."""
    gpus = stock.gpus_free(want.gpu_type)
    if want.at_least_per_node:
        if gpus is None:
            return "?"
        if gpus < want.at_least_per_node:
            return "GPUs"
    # Spread over nodes the even share is a guess, and Slurm may ask much less of one of them.
    if want.nodes > 1 or want.is_spread:
        return "CPUs" if stock.cpus_free == 0 else ""
    if stock.cpus_free is not None and stock.cpus_free < (want.cpus_per_node or 1):
        return "CPUs"
    if stock.memory_free_mib is not None and stock.memory_free_mib < (want.memory_per_node_mib or 0.0):
        return "memory"
    return ""


def _rank(stock: Stock, want: Want) -> int:
    if want.at_least_per_node:
        return stock.gpus_free(want.gpu_type) or 0
    return stock.cpus_free or 0


def _release(want: Want, nodes: Sequence[Stock], lacking: Sequence[str]) -> Release | None:
    """When the open nodes have room for all of it, if nothing else starts."""
    if want.is_spread:
        return _release_spread(want, nodes)
    pairs = zip(nodes, lacking, strict=True)
    ready = [one for stock, lack in pairs if (one := _ready(stock, want, lack)) is not None]
    if len(ready) < want.nodes:
        return None
    first = sorted(ready, key=lambda one: one.at)[: want.nodes]
    jobs = dict.fromkeys(job for one in first for job in one.jobs)
    return Release(first[-1].at, tuple(jobs), sum(one.gpus for one in first)) if jobs else None


def _ready(stock: Stock, want: Want, lack: str) -> Release | None:
    """When one node, which lacks something or nothing now, has room for its part; at 0.0 where it has now."""
    if not lack:
        return Release(0.0, (), 0)
    gpus, cpus, memory = stock.gpus_free(want.gpu_type), stock.cpus_free, stock.memory_free_mib
    if gpus is None:
        return None
    need_cpus = want.cpus_per_node or 1 if want.nodes == 1 else 1
    need_memory = want.memory_per_node_mib or 0.0 if want.nodes == 1 else 0.0
    jobs: list[str] = []
    given = 0
    for one in stock.endings:
        back = one.gpus if _is_of(one, want) else 0
        if back < 0:
            return None
        gpus += back
        cpus = None if cpus is None else cpus + round(one.cpus)
        memory = None if memory is None else memory + one.memory_mib
        if back or not want.at_least_per_node:
            jobs.append(one.job)
            given += back
        elif lack in ("CPUs", "memory"):
            jobs.append(one.job)
        enough = (cpus is None or cpus >= need_cpus) and (memory is None or memory >= need_memory)
        if gpus >= want.at_least_per_node and enough:
            return Release(one.at, tuple(jobs), given)
    return None


def _release_spread(want: Want, nodes: Sequence[Stock]) -> Release | None:
    """When all open nodes together have the GPUs."""
    frees = [stock.gpus_free(want.gpu_type) for stock in nodes]
    if None in frees:
        return None
    free = sum(one or 0 for one in frees)
    jobs: dict[str, None] = {}
    given = 0
    for one in heapq.merge(*(stock.endings for stock in nodes), key=lambda end: end.at):
        if free >= (want.gpus or 0):
            return None
        if not _is_of(one, want) or one.gpus <= 0:
            continue
        free += one.gpus
        given += one.gpus
        jobs[one.job] = None
        if free >= (want.gpus or 0):
            return Release(one.at, tuple(jobs), given)
    return None


def _is_of(one: Ending, want: Want) -> bool:
    return want.gpu_type is None or one.gpu_type is None or one.gpu_type == want.gpu_type
