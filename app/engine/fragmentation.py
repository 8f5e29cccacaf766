"""Why eight free GPUs cannot start a job of eight: scatter; which jobs it stops, and what would mend it. Pure.

Only nodes that take jobs count, and only jobs that wait for room (not held, not limited, not for another job).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from app.domain.frozen import frozen
from app.domain.pieces import Pieces, whole
from app.domain.slurm import SlurmJob, SlurmPicture
from app.engine.fit import Release, fit
from app.engine.reasons import reason_said
from app.engine.supply import Stock, Supply, supplying
from app.engine.want import Want, want_of

_AT_ONCE = 500
"""Jobs that are looked at in one piece: a millisecond."""
_WAITS_FOR_ROOM = frozenset({"None", "Priority", "Resources", "NodesUnavailable", "KeptForOthers"})


@frozen
class Move:
    """A node that could be emptied enough: what sits on it would find room elsewhere among the free GPUs."""

    node: str
    jobs: tuple[str, ...]
    """That would have to go: be requeued by their owners, or end."""
    gpus: int
    """That they hold there."""


@frozen
class Stuck:
    """One shape that scatter alone keeps from starting."""

    want: Want
    jobs: tuple[str, ...]
    """Waiting jobs of this shape, by priority."""
    free: int
    """GPUs of its type free on nodes it could use: at least as many as it needs."""
    largest: int
    """Most of them on one node."""
    release: Release | None
    """When an end makes a whole block, at the latest."""
    move: Move | None
    """The cheapest way to make a block by moving jobs; None where there is none, or it needs several nodes."""


@frozen
class Block:
    """Free GPUs of one type on one node."""

    node: str
    kind: str
    free: int
    total: int


@frozen
class Fragmentation:
    """How scattered the free GPUs are."""

    free: int
    largest: int
    blocks: tuple[Block, ...]
    """The largest first; nodes without a free GPU are left out."""
    stuck: tuple[Stuck, ...]
    """Shapes that scatter keeps back, the ones most jobs wait for first."""


_newest: list[tuple[SlurmPicture, Fragmentation]] = []
"""Of the last picture."""


def fragmentation(picture: SlurmPicture) -> Fragmentation:
    """How scattered a picture's free GPUs are, and whom that stops; remembered for the last picture."""
    return whole(fragmenting(picture))


def fragmenting(picture: SlurmPicture) -> Pieces[Fragmentation]:
    """As `fragmentation`, in pieces."""
    for known, told in _newest:
        if known is picture:
            return told
    supply = yield from supplying(picture)
    blocks = sorted(_blocks(supply.stocks.values()), key=lambda one: (-one.free, one.node))
    shapes = yield from _waiting(picture)
    stuck: list[Stuck] = []
    for want, jobs in shapes.items():
        yield
        one = _stuck(want, jobs, supply)
        if one is not None:
            stuck.append(one)
    stuck.sort(key=lambda one: (-len(one.jobs), one.jobs[0]))
    found = Fragmentation(
        sum(one.free for one in blocks), max((one.free for one in blocks), default=0), tuple(blocks), tuple(stuck)
    )
    _newest[:] = [(picture, found)]
    return found


def _waiting(picture: SlurmPicture) -> Pieces[dict[Want, list[SlurmJob]]]:
    """The jobs that wait for several GPUs on one node, by their shapes."""
    shapes: dict[Want, list[SlurmJob]] = {}
    for_room: dict[str | None, bool] = {}
    """Of each reason, of which thousands of jobs have a few."""
    for number, job in enumerate((picture.jobs or {}).values(), 1):
        if number % _AT_ONCE == 0:
            yield
        if not job.is_pending or not job.priority or (job.gpus_per_node or 0) < 2:
            continue
        if job.reason not in for_room:
            for_room[job.reason] = reason_said(job.reason).reason.code in _WAITS_FOR_ROOM
        if for_room[job.reason]:
            want = want_of(job)
            if want.gpus_per_node:  # 0 GPUs in all: Slurm's two numbers speak against each other
                shapes.setdefault(want, []).append(job)
    return shapes


def _blocks(stocks: Iterable[Stock]) -> Iterator[Block]:
    for stock in stocks:
        if stock.is_open:
            for kind, free in (stock.free or {}).items():
                if free:
                    yield Block(stock.node.name, kind, free, stock.total[kind])


def _stuck(want: Want, jobs: list[SlurmJob], supply: Supply) -> Stuck | None:
    found = fit(want, supply)
    each = want.gpus_per_node or 0
    whole_now = sum(1 for stock in found.open if (stock.gpus_free(want.gpu_type) or 0) >= each)
    if found.free_gpus is None or found.free_gpus < each * want.nodes or whole_now >= want.nodes:
        return None
    jobs.sort(key=lambda job: (-(job.priority or 0), job.job_id))
    return Stuck(
        want,
        tuple(job.id for job in jobs),
        found.free_gpus,
        found.best_free,
        found.release,
        _move(want, found.open) if want.nodes - whole_now == 1 else None,
    )


def _move(want: Want, nodes: tuple[Stock, ...]) -> Move | None:
    """The node where the fewest held GPUs would have to go, if each of its jobs fits on free ones of another node."""
    frees = sorted((stock.gpus_free(want.gpu_type) or 0 for stock in nodes), reverse=True)
    moves = [one for stock in nodes if (one := _emptied(stock, want, frees)) is not None]
    return min(moves, key=lambda one: (one.gpus, len(one.jobs), one.node), default=None)


def _emptied(stock: Stock, want: Want, frees: Sequence[int]) -> Move | None:
    """What would have to go from a node; `frees` are the free GPUs of all, the most first."""
    free = stock.gpus_free(want.gpu_type) or 0
    missing = (want.gpus_per_node or 0) - free
    if missing <= 0:
        return None
    holders = sorted((one for one in stock.endings if one.gpus > 0), key=lambda one: (one.gpus, one.job))
    room = list(frees)
    room.remove(free)
    jobs: list[str] = []
    moved = 0
    for one in holders:
        place = next((index for index, free in enumerate(room) if free >= one.gpus), None)
        if place is None:
            return None
        room[place] -= one.gpus
        jobs.append(one.job)
        moved += one.gpus
        if moved >= missing:
            return Move(stock.node.name, tuple(jobs), moved)
    return None
