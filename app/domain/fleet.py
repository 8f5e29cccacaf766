"""The fleet as a whole: counts, power and cost for the header and JSON, and the folds that the history keeps.

Lost GPUs take part in no fold of values; they are counted, and they are paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal, NamedTuple

from app.domain.clusters import FACT, prices_in
from app.domain.frozen import frozen
from app.domain.health import gpu_health
from app.domain.per_node import PerNode
from app.domain.pieces import Pieces
from app.domain.rented import has_failed, is_sign_of_life, rent
from app.domain.snapshot import BUSY_PERCENT, Gpu, Mode, Node, Snapshot
from app.domain.values import believed

if TYPE_CHECKING:
    from app.domain.allocation import Allocations

NodeState = Literal["up", "down", "unknown"]
_AT_ONCE = 64
"""Nodes that are summed in one piece: two milliseconds where all of them have changed."""


class SlurmCounts(NamedTuple):
    """What Slurm counts; None where it does not say."""

    gpus_allocated: int | None
    jobs_running: int | None
    jobs_pending: int | None


NO_COUNTS = SlurmCounts(None, None, None)


@frozen
class ClusterFacts:
    """What the header says of the cluster, and JSON's `cluster`."""

    cluster: str
    mode: Mode
    at: float
    gpus: int
    """Present: known and not lost."""
    gpus_expected: int
    gpus_busy: int
    gpus_allocated: int | None
    """None where no scheduler is known."""
    jobs_running: int | None
    """None where no scheduler says, within its age."""
    jobs_pending: int | None
    gpus_lost: int
    gpus_unknown: int
    """Present, but every value is past its age."""
    nodes: int
    nodes_down: int
    power_w: float | None
    """Of the GPUs; None where no GPU says."""
    cost_per_hour: float | None
    """$/h; None where no price is known."""
    idle_cost_per_hour: float | None
    warnings: int
    """GPUs whose health is a warning."""
    criticals: int
    sources_ok: int
    sources: int
    oldest_s: float | None
    """Age of the oldest newest-look among the sources that are well."""

    @property
    def is_stale(self) -> bool:
        """Nobody who should bring news does."""
        return self.sources > 0 and self.sources_ok == 0


@dataclass(slots=True)
class _Sums:
    """Running sums while a node's GPUs are walked, and then while nodes are."""

    present: int = 0
    busy: int = 0
    lost: int = 0
    unknown: int = 0
    power_w: float | None = None
    cost: float | None = None
    idle_cost: float | None = None
    is_alive: bool = False
    """Whether any value within its age says that the node is there."""


class _Verdicts(NamedTuple):
    """How many of a node's GPUs are not well; apart from the sums, since the history asks only for those."""

    warnings: int
    criticals: int


class _Sight(NamedTuple):
    """What was summed of each node, all at the same prices."""

    prices: Mapping[str, float]
    nodes: PerNode[_Sums]
    verdicts: PerNode[_Verdicts]


_sight: list[_Sight] = []
"""Of the fleet that was looked at last; the next look finds most of its nodes as they were."""


def is_busy(gpu: Gpu, now: float) -> bool:
    """Whether a GPU is known to be at work."""
    busy = gpu.value("gpu.utilization", now)
    return busy is not None and busy >= BUSY_PERCENT


def gpu_price(prices: Mapping[str, float], model: str | None) -> float | None:
    """$/h of one GPU of a model: by its name, else by the longest beginning, else by the longest part of it."""
    if not prices or not model:
        return None
    name = model.casefold()
    known = {key.casefold(): price for key, price in prices.items() if key.strip()}
    if name in known:
        return known[name]
    for matches in (name.startswith, name.removeprefix("nvidia ").startswith, name.__contains__):
        fitting = [key for key in known if matches(key)]
        if fitting:
            return known[max(fitting, key=len)]
    return None


def price_of(prices: Mapping[str, float], gpu: Gpu) -> float | None:
    """$/h of a GPU, by what its cluster pays for its model."""
    return gpu_price(prices_in(prices, gpu.facts.get(FACT, "")), gpu.model)


def node_state(snapshot: Snapshot, node: Node, now: float) -> NodeState:
    """`down` when every source that spoke of it fails, `unknown` when nothing of it is within its age, else `up`.

    Slurm's word counts where nobody else is heard: it reaches slurmd there, which a failed exporter need not mean.
    """
    return _state(node, _heard(snapshot, node.sources, now), _join(snapshot, now), is_alive=_is_alive(node, now))


def node_states(snapshot: Snapshot, now: float) -> Iterator[tuple[Node, NodeState]]:
    """Every node with its `node_state`; what they share is looked at once."""
    heard, join = _heard(snapshot, snapshot.sources, now), _join(snapshot, now)
    for node, sums in zip(snapshot.nodes.values(), _sums(snapshot, now), strict=True):
        yield node, _state(node, heard, join, is_alive=sums.is_alive)


def _is_alive(node: Node, now: float) -> bool:
    """Whether any value within its age says that the node is there."""
    own = believed(node.layers, now)
    return is_sign_of_life(own) or any(believed(gpu.layers, now) for gpu in node.gpus)


class _Heard(NamedTuple):
    """One source, as far as it tells whether a node is up."""

    is_down: bool
    is_slurm: bool


def _heard(snapshot: Snapshot, sources: Iterable[str], now: float) -> Mapping[str, _Heard]:
    states = [(name, snapshot.sources[name]) for name in sources if name in snapshot.sources]
    # A provider tells what is billed, not whether the machine is up.
    states = [(name, state) for name, state in states if state.spec.kind != "provider"]
    return {name: _Heard(state.condition(now) == "down", state.spec.kind == "slurm") for name, state in states}


def _join(snapshot: Snapshot, now: float) -> Allocations | None:
    if snapshot.slurm is None:
        return None
    from app.domain.allocation import allocations  # noqa: PLC0415 - only a cluster with Slurm pays for it

    return allocations(snapshot, now)


def _state(node: Node, heard: Mapping[str, _Heard], join: Allocations | None, *, is_alive: bool) -> NodeState:
    own = [heard[name] for name in node.sources if name in heard]
    up = [one for one in own if not one.is_down]
    if own and not up:
        return "down"
    if is_alive:
        return "up"
    others = [one for one in own if not one.is_slurm]
    told = join.node(node.name) if join is not None and len(others) < len(own) else None
    if told is not None and all(one.is_slurm for one in up):
        return "down" if told.is_down or others else "up"
    return "down" if has_failed(node) else "unknown"


def cluster_facts(snapshot: Snapshot, now: float) -> ClusterFacts:
    """Fold a snapshot into the header's facts."""
    sums = _total(_sums(snapshot, now))
    verdicts = list(_verdicts(snapshot, now))
    slurm = _slurm(snapshot, now)
    states = list(snapshot.sources.values())
    well = [state for state in states if state.condition(now) == "ok"]
    ages = [age for state in well if (age := state.age(now)) is not None]
    return ClusterFacts(
        cluster=snapshot.cluster,
        mode=snapshot.mode,
        at=snapshot.at,
        gpus=sums.present,
        gpus_expected=sum(max(len(node.gpus), node.gpus_expected or 0) for node in snapshot.nodes.values()),
        gpus_busy=sums.busy,
        gpus_allocated=slurm.gpus_allocated,
        jobs_running=slurm.jobs_running,
        jobs_pending=slurm.jobs_pending,
        gpus_lost=sums.lost,
        gpus_unknown=sums.unknown,
        nodes=len(snapshot.nodes),
        nodes_down=_nodes_down(snapshot, now),
        power_w=sums.power_w,
        cost_per_hour=sums.cost,
        idle_cost_per_hour=sums.idle_cost,
        warnings=sum(one.warnings for one in verdicts),
        criticals=sum(one.criticals for one in verdicts),
        sources_ok=len(well),
        sources=len(states),
        oldest_s=max(ages, default=None),
    )


def _nodes_down(snapshot: Snapshot, now: float) -> int:
    return sum(state == "down" for _, state in node_states(snapshot, now))


def _slurm(snapshot: Snapshot, now: float) -> SlurmCounts:
    if snapshot.slurm is None:
        return NO_COUNTS
    from app.domain.fleet_slurm import slurm_counts  # noqa: PLC0415 - only a cluster with Slurm pays for it

    return slurm_counts(snapshot.slurm, now)


def _sums(snapshot: Snapshot, now: float) -> Iterable[_Sums]:
    """The sums of every node, in their order; only those of nodes that changed are reckoned anew."""
    return _sight_of(snapshot).nodes.of(snapshot.nodes.values(), now)


def _verdicts(snapshot: Snapshot, now: float) -> Iterable[_Verdicts]:
    """As `_sums`, how well every node's GPUs are."""
    return _sight_of(snapshot).verdicts.of(snapshot.nodes.values(), now)


def _sight_of(snapshot: Snapshot) -> _Sight:
    known = _sight[0] if _sight else None
    if known is None or known.prices is not snapshot.prices:
        known = _Sight(snapshot.prices, PerNode(_summing(snapshot.prices)), PerNode(_judge_node))
        _sight[:] = [known]
    return known


def look_over(snapshot: Snapshot, now: float) -> Pieces[None]:
    """Reckon what `cluster_facts` asks of each node, some nodes a piece: what is reckoned is remembered."""
    for count, _ in enumerate(zip(_sums(snapshot, now), _verdicts(snapshot, now), strict=True), 1):
        if count % _AT_ONCE == 0:
            yield


def _total(sums: Iterable[_Sums]) -> _Sums:
    """What all nodes come to together."""
    total = _Sums()
    for one in sums:
        total.present += one.present
        total.busy += one.busy
        total.lost += one.lost
        total.unknown += one.unknown
        total.power_w = _plus(total.power_w, one.power_w)
        total.cost = _plus(total.cost, one.cost)
        total.idle_cost = _plus(total.idle_cost, one.idle_cost)
    return total


def _plus(sum_of: float | None, more: float | None) -> float | None:
    return sum_of if more is None else more if sum_of is None else sum_of + more


def _summing(prices: Mapping[str, float]) -> Callable[[Node, float], _Sums]:
    """What sums a node's GPUs at these prices; each model's is looked up once."""
    of_model: dict[tuple[str | None, str | None], float | None] = {}

    def price(node: Node, gpu: Gpu) -> float | None:
        if not prices:
            return None
        model = (node.facts.get(FACT), gpu.model)
        if model not in of_model:
            of_model[model] = price_of(prices, gpu)
        return of_model[model]

    def sum_node(node: Node, now: float) -> _Sums:
        sums, billed = _Sums(is_alive=is_sign_of_life(believed(node.layers, now))), rent(node, now)
        if billed is not None:
            _sum_cost(sums, billed)
        for gpu in node.gpus:
            cost = price(node, gpu) if billed is None else billed / len(node.gpus)
            if billed is None and cost is not None:
                _sum_cost(sums, cost)
            values = believed(gpu.layers, now)
            sums.is_alive = sums.is_alive or bool(values)
            if gpu.is_lost:
                sums.lost += 1
                continue
            sums.present += 1
            _sum_values(sums, values, cost)
        return sums

    return sum_node


def _sum_cost(sums: _Sums, price: float) -> None:
    sums.cost = (sums.cost or 0.0) + price
    sums.idle_cost = sums.idle_cost or 0.0


def _sum_values(sums: _Sums, values: Mapping[str, float], price: float | None) -> None:
    if not values:
        sums.unknown += 1
        return
    busy = values.get("gpu.utilization")
    if busy is not None and busy >= BUSY_PERCENT:
        sums.busy += 1
    elif busy is not None and price is not None:
        sums.idle_cost = (sums.idle_cost or 0.0) + price
    power = values.get("gpu.power")
    if power is not None:
        sums.power_w = (sums.power_w or 0.0) + power


def _judge_node(node: Node, now: float) -> _Verdicts:
    states = [gpu_health(gpu, now).state for gpu in node.gpus]
    return _Verdicts(states.count("warning"), states.count("critical"))


def fleet_values(snapshot: Snapshot, now: float) -> dict[str, float]:
    """Every `gpu.*` metric folded over the GPUs that are not lost, and the `fleet.*` counts.

    A metric no GPU has a value of is absent, and so is the cost where no price is known.
    """
    from app.domain.metrics import by_key  # noqa: PLC0415 - the first frame shows no value

    rows = by_key()
    columns = _columns([believed(gpu.layers, now) for gpu in snapshot.gpus() if gpu.lost_at is None])
    folded = {key: _fold(rows[key].fold, values) for key, values in columns.items() if key in rows}
    sums, slurm = _total(_sums(snapshot, now)), _slurm(snapshot, now)
    counts: dict[str, float | None] = {
        "fleet.gpus": sums.present,
        "fleet.gpus_busy": sums.busy,
        "fleet.gpus_lost": sums.lost,
        "fleet.nodes": len(snapshot.nodes),
        "fleet.nodes_down": _nodes_down(snapshot, now),
        "fleet.gpus_allocated": slurm.gpus_allocated,
        "fleet.jobs_running": slurm.jobs_running,
        "fleet.jobs_pending": slurm.jobs_pending,
        "fleet.cost_per_hour": sums.cost,
        "fleet.idle_cost_per_hour": sums.idle_cost,
    }
    return folded | {key: float(value) for key, value in counts.items() if value is not None}


def _columns(said: Iterable[Mapping[str, float]]) -> Mapping[str, list[float]]:
    """Every value by its key. GPUs that say the same keys, nearly all of a fleet, are turned around together."""
    alike: dict[tuple[str, ...], list[Iterable[float]]] = {}
    for values in said:
        alike.setdefault(tuple(values), []).append(values.values())
    columns: dict[str, list[float]] = {}
    for keys, rows in alike.items():
        flat = list(chain.from_iterable(rows))  # each mapping is walked once: a fleet's are more than a cache holds
        for place, key in enumerate(keys):
            columns.setdefault(key, []).extend(flat[place :: len(keys)])
    return columns


def _fold(fold: str, values: list[float]) -> float:
    match fold:
        case "sum":
            return sum(values)
        case "max":
            return max(values)
        case "min":
            return min(values)
        case "last":
            return values[-1]
        case _:
            return sum(values) / len(values)
