"""The fleet as a whole: counts, power and cost for the header and JSON, and the folds that the history keeps.

Lost GPUs take part in no fold of values; they are counted, and they are paid for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from app.domain.clusters import FACT, prices_in
from app.domain.frozen import frozen
from app.domain.health import values_health
from app.domain.metrics import by_key
from app.domain.rented import has_failed, is_sign_of_life, rent
from app.domain.snapshot import BUSY_PERCENT, Gpu, Mode, Node, Snapshot
from app.domain.values import believed

if TYPE_CHECKING:
    from app.domain.allocation import Allocations

NodeState = Literal["up", "down", "unknown"]


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
    """Running sums while the GPUs are walked once."""

    present: int = 0
    busy: int = 0
    lost: int = 0
    unknown: int = 0
    warnings: int = 0
    criticals: int = 0
    power_w: float | None = None
    cost: float | None = None
    idle_cost: float | None = None


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
    return _state(node, _heard(snapshot, node.sources, now), _join(snapshot, now), now)


def node_states(snapshot: Snapshot, now: float) -> Iterator[tuple[Node, NodeState]]:
    """Every node with its `node_state`; what they share is looked at once."""
    heard, join = _heard(snapshot, snapshot.sources, now), _join(snapshot, now)
    for node in snapshot.nodes.values():
        yield node, _state(node, heard, join, now)


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


def _state(node: Node, heard: Mapping[str, _Heard], join: Allocations | None, now: float) -> NodeState:
    own = [heard[name] for name in node.sources if name in heard]
    up = [one for one in own if not one.is_down]
    if own and not up:
        return "down"
    if is_sign_of_life(believed(node.layers, now)) or (
        node.gpus and any(believed(gpu.layers, now) for gpu in node.gpus)
    ):
        return "up"
    others = [one for one in own if not one.is_slurm]
    told = join.node(node.name) if join is not None and len(others) < len(own) else None
    if told is not None and all(one.is_slurm for one in up):
        return "down" if told.is_down or others else "up"
    return "down" if has_failed(node) else "unknown"


def cluster_facts(snapshot: Snapshot, now: float) -> ClusterFacts:
    """Fold a snapshot into the header's facts."""
    sums = _sum_gpus(snapshot, now)
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
        nodes_down=sum(state == "down" for _, state in node_states(snapshot, now)),
        power_w=sums.power_w,
        cost_per_hour=sums.cost,
        idle_cost_per_hour=sums.idle_cost,
        warnings=sums.warnings,
        criticals=sums.criticals,
        sources_ok=len(well),
        sources=len(states),
        oldest_s=max(ages, default=None),
    )


def _slurm(snapshot: Snapshot, now: float) -> SlurmCounts:
    if snapshot.slurm is None:
        return NO_COUNTS
    from app.domain.fleet_slurm import slurm_counts  # noqa: PLC0415 - only a cluster with Slurm pays for it

    return slurm_counts(snapshot.slurm, now)


def _sum_gpus(snapshot: Snapshot, now: float) -> _Sums:
    sums = _Sums()
    prices: dict[tuple[str | None, str | None], float | None] = {}
    for node in snapshot.nodes.values():
        billed, cluster = rent(node, now), node.facts.get(FACT)
        if billed is not None:
            _sum_cost(sums, billed)
        for gpu in node.gpus:
            model = (cluster, gpu.model)
            if model not in prices:
                prices[model] = price_of(snapshot.prices, gpu)
            price = prices[model] if billed is None else billed / len(node.gpus)
            if billed is None and price is not None:
                _sum_cost(sums, price)
            if gpu.is_lost:
                sums.lost += 1
                sums.criticals += 1
                continue
            sums.present += 1
            _sum_values(sums, believed(gpu.layers, now), price)
    return sums


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
    state = values_health(values).state
    if state == "critical":
        sums.criticals += 1
    elif state == "warning":
        sums.warnings += 1


def fleet_values(snapshot: Snapshot, now: float) -> dict[str, float]:
    """Every `gpu.*` metric folded over the GPUs that are not lost, and the `fleet.*` counts.

    A metric no GPU has a value of is absent, and so is the cost where no price is known.
    """
    rows = by_key()
    columns = _columns([believed(gpu.layers, now) for gpu in snapshot.gpus() if gpu.lost_at is None])
    folded = {key: _fold(rows[key].fold, values) for key, values in columns.items() if key in rows}
    facts = cluster_facts(snapshot, now)
    counts: dict[str, float | None] = {
        "fleet.gpus": facts.gpus,
        "fleet.gpus_busy": facts.gpus_busy,
        "fleet.gpus_lost": facts.gpus_lost,
        "fleet.nodes": facts.nodes,
        "fleet.nodes_down": facts.nodes_down,
        "fleet.gpus_allocated": facts.gpus_allocated,
        "fleet.jobs_running": facts.jobs_running,
        "fleet.jobs_pending": facts.jobs_pending,
        "fleet.cost_per_hour": facts.cost_per_hour,
        "fleet.idle_cost_per_hour": facts.idle_cost_per_hour,
    }
    return folded | {key: float(value) for key, value in counts.items() if value is not None}


def _columns(said: Iterable[Mapping[str, float]]) -> Mapping[str, list[float]]:
    """Every value by its key. GPUs that say the same keys, nearly all of a fleet, are turned around together."""
    alike: dict[tuple[str, ...], list[Iterable[float]]] = {}
    for values in said:
        alike.setdefault(tuple(values), []).append(values.values())
    columns: dict[str, list[float]] = {}
    for keys, rows in alike.items():
        for key, column in zip(keys, zip(*rows, strict=True), strict=True):
            columns.setdefault(key, []).extend(column)
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
