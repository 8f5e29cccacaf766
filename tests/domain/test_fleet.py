"""The fleet's arithmetic: counts, folds and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from app.domain.fleet import cluster_facts, fleet_values, gpu_price, look_over, node_state
from app.domain.reading import SourceSpec
from app.domain.snapshot import Gpu, Layer, Node, Snapshot, SourceState, samples
from app.domain.values import believed

NOW = 1000.0
H100 = "NVIDIA H100 80GB HBM3"


def gpu(index: int, *layers: Layer, lost: bool = False, model: str = H100) -> Gpu:
    return Gpu("n", index, None, {"model": model}, layers, lost_at=NOW if lost else None)


def layer(values: Mapping[str, float], at: float = NOW, source: str = "s", rank: int = 0) -> Layer:
    return Layer(source, at, 5.0, values, rank)


def fleet(*gpus: Gpu, prices: Mapping[str, float] | None = None, error: str | None = None) -> Snapshot:
    spec = SourceSpec("s", "exporter", "http://n:9400", 5.0)
    state = SourceState(spec, NOW, NOW, error)
    node = Node("n", gpus=gpus, gpus_expected=len(gpus), sources=("s",))
    return Snapshot(at=NOW, sources={"s": state}, nodes={"n": node}, prices=prices or {})


def test_lost_gpus_are_counted_and_paid_for_but_folded_into_nothing() -> None:
    """A lost GPU's last values are in no sum; its price is in the cost."""
    busy = gpu(0, layer({"gpu.utilization": 97.0, "gpu.power": 600.0}))
    idle = gpu(1, layer({"gpu.utilization": 0.0, "gpu.power": 100.0}))
    lost = gpu(2, layer({"gpu.utilization": 50.0, "gpu.power": 500.0}), lost=True)

    facts = cluster_facts(fleet(busy, idle, lost, prices={"H100": 2.0}), NOW)

    assert (2, 1, 1, 3) == (facts.gpus, facts.gpus_busy, facts.gpus_lost, facts.gpus_expected)
    assert (700.0, 6.0, 2.0) == (facts.power_w, facts.cost_per_hour, facts.idle_cost_per_hour)


def test_unknown_is_none_not_nought() -> None:
    """Without a power reading or a price, power and cost are None."""
    facts = cluster_facts(fleet(gpu(0, layer({"gpu.utilization": 1.0}))), NOW)

    assert (None, None, None) == (facts.power_w, facts.cost_per_hour, facts.idle_cost_per_hour)


def test_fleet_values_fold_by_the_catalogue() -> None:
    """Utilization is averaged, power summed, temperature the hottest; counts come along."""
    one = gpu(0, layer({"gpu.utilization": 90.0, "gpu.power": 600.0, "gpu.temperature": 60.0}))
    two = gpu(1, layer({"gpu.utilization": 10.0, "gpu.power": 200.0, "gpu.temperature": 70.0}))

    folded = fleet_values(fleet(one, two), NOW)

    assert (50.0, 800.0, 70.0) == tuple(folded[f"gpu.{key}"] for key in ("utilization", "power", "temperature"))
    assert (2.0, 2.0) == (folded["fleet.gpus"], folded["fleet.gpus_busy"])
    assert "fleet.cost_per_hour" not in folded


def test_a_second_look_sees_what_changed_since_the_first() -> None:
    """What is remembered of nodes is that of these nodes, at these prices, at this time."""
    busy = layer({"gpu.utilization": 97.0, "gpu.power": 600.0})
    first = fleet(gpu(0, busy), gpu(1, busy), prices={"H100": 2.0})
    dearer, fewer = replace(first, prices={"H100": 3.0}), fleet(gpu(0, busy), prices=first.prices)

    facts = [cluster_facts(one, NOW + later) for one, later in ((first, 0), (dearer, 0), (fewer, 1), (first, 60))]

    assert [(2, 4.0), (2, 6.0), (1, 2.0), (0, 4.0)] == [(one.gpus_busy, one.cost_per_hour) for one in facts]


def test_a_look_ahead_says_the_same_as_a_look() -> None:
    """Whoever reckons a fleet in pieces finds the facts of one who does not."""
    one = fleet(gpu(0, layer({"gpu.utilization": 97.0, "gpu.power": 600.0})), prices={"H100": 2.0})
    many = replace(one, nodes={str(number): replace(one.nodes["n"], name=str(number)) for number in range(300)})

    pieces = len(list(look_over(many, NOW)))

    assert (4, 180_000.0, 600.0) == (pieces, cluster_facts(many, NOW).power_w, cluster_facts(many, NOW).cost_per_hour)


def test_values_past_their_age_take_no_part() -> None:
    """A GPU whose values are too old counts as unknown, and is in no fold."""
    old = gpu(0, layer({"gpu.utilization": 90.0}, at=NOW - 60))

    assert 1 == cluster_facts(fleet(old), NOW).gpus_unknown
    assert "gpu.utilization" not in fleet_values(fleet(old), NOW)


@pytest.mark.parametrize(
    ("prices", "price"),
    [
        ({"NVIDIA H100 80GB HBM3": 3.0, "H100": 2.0}, 3.0),
        ({"NVIDIA H100": 2.5, "NVIDIA": 1.0}, 2.5),
        ({"h100": 2.0}, 2.0),
        ({"A100": 1.0}, None),
        ({"": 1.0}, None),
        ({}, None),
    ],
)
def test_a_price_is_found_by_name_beginning_or_part(prices: dict[str, float], price: float | None) -> None:
    """The whole name wins, then the longest beginning, then the longest part."""
    assert price == gpu_price(prices, H100)


def test_a_node_is_down_when_all_its_sources_fail() -> None:
    """One failing source of one makes the node down."""
    snapshot = fleet(gpu(0, layer({"gpu.utilization": 1.0})), error="timed out")

    assert "down" == node_state(snapshot, snapshot.nodes["n"], NOW)


def test_believed_agrees_with_samples() -> None:
    """The one mapping holds what `samples` would give, fresh over stale, better rank over worse."""
    layers = (
        layer({"a": 1.0, "b": 1.0}, at=NOW - 12, source="near", rank=0),
        layer({"a": 2.0, "c": 2.0}, at=NOW, source="far", rank=10),
        layer({"a": 3.0, "d": 3.0}, at=NOW, source="farther", rank=20),
        layer({"e": 4.0}, at=NOW - 60, source="gone", rank=30),
    )

    assert {key: one.value for key, one in samples(layers, NOW).items()} == dict(believed(layers, NOW))
    assert {"a": 2.0, "b": 1.0, "c": 2.0, "d": 3.0} == dict(believed(layers, NOW))
