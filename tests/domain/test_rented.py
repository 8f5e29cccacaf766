"""A rented machine: what its provider bills beats a price list, and is no sign of life."""

from app.domain.apply import apply
from app.domain.fleet import cluster_facts, fleet_values, node_state
from app.domain.reading import GpuReading, NodeReading, PageHealth, Reading, SourceSpec
from app.domain.rented import WAS_ENDED
from app.domain.series import Event
from app.domain.snapshot import Snapshot

RUNPOD = SourceSpec("runpod", "provider", "runpod:/deployments", 30.0)
DCGM = SourceSpec("dcgm", "exporter", "http://lab-w1:9400/metrics", 5.0)
NOW = 1000.0


def rented(
    status: str = "RUNNING", cost: float | None = 2.5, note: str = "", pod: str = "p1", at: float = NOW
) -> Reading:
    values = {} if cost is None else {"node.cost_per_hour": cost}
    facts = {"pod_id": pod, "pod_status": status, "pod_note": note}
    return Reading("runpod", at, 0.1, nodes=(NodeReading("lab-w1", values, facts, gpus_expected=2),))


def exported(at: float = NOW, error: str | None = None) -> Reading:
    gpus = tuple(GpuReading(i, f"GPU-{i}", {"gpu.utilization": 50.0 * i}, {"model": "NVIDIA H100"}) for i in (0, 1))
    if error:
        return Reading.failed("dcgm", at, error)
    return Reading("dcgm", at, 0.1, nodes=(NodeReading("lab-w1", gpus=gpus),), page=PageHealth("dcgm-exporter"))


def grown(*steps: tuple[SourceSpec, Reading]) -> tuple[Snapshot, list[Event]]:
    snapshot, events = Snapshot(prices={"H100": 9.0}), list[Event]()
    for spec, reading in steps:
        applied = apply(snapshot, spec, reading)
        snapshot = applied.snapshot
        events.extend(applied.events)
    return snapshot, events


def test_bill_beats_the_price_list() -> None:
    """Where the provider says what a machine costs, the header shows that, and its idle GPUs cost their share."""
    alone, _ = grown((DCGM, exported()))
    both, _ = grown((DCGM, exported()), (RUNPOD, rented()))

    assert (18.0, 9.0) == (cluster_facts(alone, NOW).cost_per_hour, cluster_facts(alone, NOW).idle_cost_per_hour)
    assert (2.5, 1.25) == (cluster_facts(both, NOW).cost_per_hour, cluster_facts(both, NOW).idle_cost_per_hour)
    assert 2.5 == fleet_values(both, NOW)["fleet.cost_per_hour"]


def test_machine_without_gpus_yet_is_paid_for() -> None:
    """A pod that boots costs money before anybody sees a GPU of it, and its GPUs are expected."""
    snapshot, _ = grown((RUNPOD, rented("PROVISIONING")))
    facts = cluster_facts(snapshot, NOW)

    assert (2.5, 0, 2) == (facts.cost_per_hour, facts.gpus, facts.gpus_expected)


def test_bill_that_is_old_gives_way_to_the_price_list() -> None:
    """A provider that is silent for five intervals is not believed any more."""
    later = NOW + 151
    snapshot, _ = grown((RUNPOD, rented()), (DCGM, exported(later)))

    assert 18.0 == cluster_facts(snapshot, later).cost_per_hour


def test_what_is_gone_costs_nothing_however_old_the_word() -> None:
    """Lost GPUs of a pod that was ended are not paid for."""
    snapshot, _ = grown((DCGM, exported()), (RUNPOD, rented("TERMINATED", 0.0)), (DCGM, exported(NOW + 900, "refused")))

    assert 0.0 == cluster_facts(snapshot, NOW + 900).cost_per_hour


def test_bill_is_no_sign_of_life() -> None:
    """A pod that runs as far as its provider knows is up only when something on it answers."""
    billed, _ = grown((RUNPOD, rented()))
    silent, _ = grown((DCGM, exported()), (RUNPOD, rented()), (DCGM, exported(NOW + 5, "refused")))
    alive, _ = grown((DCGM, exported()), (RUNPOD, rented("ERROR")))

    assert "unknown" == node_state(billed, billed.nodes["lab-w1"], NOW)
    assert "down" == node_state(silent, silent.nodes["lab-w1"], NOW + 5)
    assert "up" == node_state(alive, alive.nodes["lab-w1"], NOW)


def test_pod_that_ended_is_down() -> None:
    """Stopped, failed or gone: nothing runs there."""
    for status in ("EXITED", "ERROR", "TERMINATED"):
        snapshot, _ = grown((RUNPOD, rented(status)))
        assert "down" == node_state(snapshot, snapshot.nodes["lab-w1"], NOW)
        assert 1 == cluster_facts(snapshot, NOW).nodes_down


def test_node_that_was_ended_on_purpose_is_not_down() -> None:
    """A destroyed deployment leaves no alarm behind."""
    snapshot, _ = grown((RUNPOD, rented("TERMINATED", 0.0, WAS_ENDED)))

    assert "unknown" == node_state(snapshot, snapshot.nodes["lab-w1"], NOW)
    assert 0 == cluster_facts(snapshot, NOW).nodes_down


def test_end_of_a_pod_is_told_once() -> None:
    """A termination outside is critical news once; one of ours is none to wake anybody for."""
    outside = rented("TERMINATED", 0.0, "was terminated outside")
    _, events = grown((RUNPOD, rented()), (RUNPOD, outside), (RUNPOD, outside))
    _, ours = grown((RUNPOD, rented()), (RUNPOD, rented("TERMINATED", 0.0, WAS_ENDED)))

    assert [("node.pod", "critical", "lab-w1: its pod was terminated outside")] == [
        (one.kind, one.severity, one.text) for one in events if one.kind == "node.pod"
    ]
    assert ["info"] == [one.severity for one in ours if one.kind == "node.pod"]


def test_another_pod_of_the_node_may_end_too() -> None:
    """The next pod of the same node is news of its own."""
    _, events = grown(
        (RUNPOD, rented("TERMINATED", note="was terminated outside")),
        (RUNPOD, rented("RUNNING", pod="p2")),
        (RUNPOD, rented("TERMINATED", note="was terminated outside", pod="p2")),
    )

    assert 2 == sum(one.kind == "node.pod" for one in events)
