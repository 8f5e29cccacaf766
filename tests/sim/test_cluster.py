"""Cluster: deterministic, physically consistent, and busy in the ways of real clusters."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from app.sim.boards import H100
from app.sim.cluster import Cluster
from app.sim.faults import Fault
from app.sim.gpu import GpuState
from app.sim.spec import SimSpec

COUNTERS = (
    *("energy_mj", "pcie_replays", "power_violation_ns", "thermal_violation_ns", "sbe_volatile", "dbe_volatile"),
    *("sbe_aggregate", "dbe_aggregate", "remapped_uncorrectable", "nvlink_crc", "nvlink_replays", "nvlink_recoveries"),
)


@pytest.fixture(scope="module")
def healthy() -> Cluster:
    """Four nodes with nothing wrong."""
    return Cluster(SimSpec(scenario="healthy"))


def everything(cluster: Cluster, t: float) -> tuple[object, ...]:
    """All that a cluster shows at a moment."""
    names = [node.name for node in cluster.layout.nodes]
    states = [(cluster.gpus_at(name, t), cluster.node_at(name, t)) for name in names]
    return (*states, *(cluster.service_at(one.name, t) for one in cluster.layout.services), cluster.jobs_at(t))


def test_a_moment_is_the_same_whatever_was_asked_before() -> None:
    """Two clusters of one spec agree at every moment, though one was asked in another order and far ahead first."""
    moments = [-80000.0, -3600.0, -0.5, 0.0, 12.25, 700.0, 4000.0]
    one, other = Cluster(SimSpec()), Cluster(SimSpec())
    forward = {t: everything(one, t) for t in moments}
    shuffled = random.Random(3).sample(moments, len(moments))

    assert forward == {t: everything(other, t) for t in shuffled}
    assert forward[0.0] == everything(one, 0.0)


def test_another_seed_is_another_cluster() -> None:
    """The seed decides UUIDs and loads."""
    one, other = Cluster(SimSpec()), Cluster(SimSpec(seed=8))

    assert one.layout.nodes[0].gpus[0].uuid != other.layout.nodes[0].gpus[0].uuid
    assert one.gpus_at("gpu-01", 0.0) != other.gpus_at("gpu-01", 0.0)


def test_energy_is_the_integral_of_power(healthy: Cluster) -> None:
    """Over any two minutes the energy counter grows by the power readings added up, on every GPU."""
    for node in healthy.layout.nodes:
        for start in (-40000, -300, 1000):
            seconds = [healthy.gpus_at(node.name, start + 0.5 + second) for second in range(120)]
            before, after = healthy.gpus_at(node.name, start), healthy.gpus_at(node.name, start + 120)
            for index in range(8):
                read = sum(states[index].power for states in seconds)
                grown = (after[index].energy_mj - before[index].energy_mj) / 1000.0
                assert grown == pytest.approx(read, rel=0.02)


def test_energy_stays_the_integral_of_power_under_faults() -> None:
    """A held and a throttled GPU count no more energy than they draw."""
    cluster = Cluster(SimSpec(scenario="showcase"))
    for name in ("gpu-02", "gpu-03", "gpu-04"):
        before, after = cluster.gpus_at(name, -400), cluster.gpus_at(name, 200)
        read = [0.0] * 8
        for second in range(600):
            for index, state in enumerate(cluster.gpus_at(name, -400 + second + 0.5)):
                read[index] += state.power
        for index in range(8):
            grown = (after[index].energy_mj - before[index].energy_mj) / 1000.0
            assert grown == pytest.approx(read[index], rel=0.01)


def test_gpus_of_a_training_job_move_in_step(healthy: Cluster) -> None:
    """On both nodes of the pinned job, dips fall on the same seconds and the plateau is busy and drawing power."""
    lows = set()
    for t in range(0, 600, 2):
        states = (*healthy.gpus_at("gpu-01", t), *healthy.gpus_at("gpu-02", t))
        is_low = [state.utilization < 25 for state in states]
        assert all(is_low) or not any(is_low)
        if is_low[0]:
            lows.add(t)
            continue
        assert all(state.power < 700 for state in states)
    assert 5 <= len(lows) <= 60


def test_training_stays_within_the_ranges_of_real_clusters(healthy: Cluster) -> None:
    """Plateau: 94-99 % utilisation, 550-690 W, 35-60 % tensor activity, 45-70 °C; memory does not move."""
    states = [state for t in range(0, 900, 7) for state in healthy.gpus_at("gpu-01", t)]
    plateau = [state for state in states if state.utilization >= 90]

    assert len(plateau) > 0.85 * len(states)
    assert all(94 <= state.utilization <= 99 for state in plateau)
    assert all(550 <= state.power <= 690 for state in plateau)
    assert all(0.33 <= state.tensor_active <= 0.62 for state in plateau)
    assert all(45 <= state.temperature <= 70 for state in plateau)
    assert 1 == len({state.memory_used for state in states})


def test_gpus_that_nobody_uses_are_cool_and_empty(healthy: Cluster) -> None:
    """Idle: 4 MiB, 60-78 W, below 37 °C once cooled, lowest clock, and the idle bit."""
    states = [state for t in range(-80000, 0, 900) for state in healthy.gpus_at("gpu-04", t)]
    empty = [state for state in states if state.memory_used == 4]

    assert empty
    assert all(60 <= state.power <= 78 and state.sm_clock == 345 for state in empty)
    assert all(state.clock_events == 1 and state.utilization == 0 for state in empty)
    assert min(state.temperature for state in empty) < 34


def test_values_of_one_gpu_agree_with_each_other(healthy: Cluster) -> None:
    """Memory adds up, bits follow from values, clocks fall under the power cap, nothing leaves its scale."""
    for node in healthy.layout.nodes:
        for t in range(-80000, 4000, 1700):
            for state in healthy.gpus_at(node.name, t):
                check(state)


def check(state: GpuState) -> None:
    """One state is consistent."""
    assert state.memory_used + state.memory_free + H100.reserved_mib == H100.memory_mib
    assert (state.utilization == 0) == bool(state.clock_events & 1)
    assert (state.power >= 0.955 * 700) == bool(state.clock_events & 4)
    assert state.clock_events & 4 == 0 or state.sm_clock < 1700
    assert state.margin == pytest.approx(87 - state.temperature)
    assert 0 <= state.utilization <= 100
    assert all(0 <= getattr(state, name) <= 1 for name in GpuState._fields if name.endswith(("_active", "_occupancy")))
    assert state.sm_clock % 15 == 0


def test_counters_never_fall(healthy: Cluster) -> None:
    """Whatever counts only grows, in the GPU's state and the node's, in the history and under every fault."""
    cluster = Cluster(SimSpec())
    for number, kind in enumerate(("pcie-replay", "nvlink-errors", "thermal", "idle-hold", "ecc-dbe")):
        cluster.inject(Fault(kind, "gpu-01", number, at_s=100.0 + number, for_s=60.0))
    moments = [*range(-86400, -10000, 9000), *range(90, 300, 5)]
    for before, after in pairwise(cluster.gpus_at("gpu-01", t) for t in moments):
        for old, new in zip(before, after, strict=True):
            assert all(getattr(old, name) <= getattr(new, name) for name in COUNTERS)
    for first, then in pairwise(cluster.node_at("gpu-01", t) for t in moments):
        assert first.cpu_s <= then.cpu_s
        assert first.infiniband <= then.infiniband
        assert first.up_s < then.up_s


def test_temperature_follows_power_with_a_lag(healthy: Cluster) -> None:
    """When a checkpoint begins, power is down at once and the GPU still warm; it cools while the dip lasts."""
    dips = [t for t in range(2000) if healthy.gpus_at("gpu-01", t)[0].power < 200]
    first = dips[0]
    before, into = healthy.gpus_at("gpu-01", first - 2)[0], healthy.gpus_at("gpu-01", first + 1)[0]
    late = healthy.gpus_at("gpu-01", first + 10)[0]

    assert into.power < 0.4 * before.power
    assert before.temperature - into.temperature < 3
    assert 2 < before.temperature - late.temperature < 15


def test_jobs_come_and_go_and_never_share_a_gpu(healthy: Cluster) -> None:
    """Within six hours jobs start and end, several nodes work on one job, and no GPU has two at once."""
    seen = set()
    for t in range(-21600, 0, 300):
        jobs = healthy.jobs_at(t)
        keys = [key for job in jobs for key in job.gpus]
        assert len(keys) == len(set(keys))
        seen |= {job.id for job in jobs}
        assert all(set(job.nodes) == {key.node for key in job.gpus} for job in jobs)

    assert len(seen) >= 8
    assert any(len(job.nodes) > 1 for job in healthy.jobs_at(0.0))
    assert {"train", "serve"} <= {job.kind for job in healthy.jobs_at(0.0)}


def test_counters_run_at_the_pace_of_real_time_at_any_speed() -> None:
    """At speed 60 a real second is a simulated minute, yet energy grows by about the power shown, not 60 times it."""
    fast = Cluster(SimSpec(scenario="healthy", speed=60.0))
    before, after = fast.gpus_at("gpu-01", 600.0), fast.gpus_at("gpu-01", 1200.0)
    mean = sum(fast.gpus_at("gpu-01", 600.5 + second)[0].power for second in range(600)) / 600

    assert (after[0].energy_mj - before[0].energy_mj) / 10_000.0 == pytest.approx(mean, rel=0.02)
    assert 10.0 == pytest.approx(fast.node_at("gpu-01", 1200).up_s - fast.node_at("gpu-01", 600).up_s)


def test_memory_fills_while_a_job_loads(healthy: Cluster) -> None:
    """In the first seconds of a job memory grows and the GPU does not compute yet."""
    job = next(job for t in range(-80000, 0, 500) for job in healthy.jobs_at(t) if job.start > healthy.begins + 5000)
    key = job.gpus[0]
    growth = [healthy.gpus_at(key.node, job.start + second)[key.gpu] for second in (5, 20, 35, 45)]

    assert [state.memory_used for state in growth] == sorted({state.memory_used for state in growth})
    assert all(state.utilization == 0 for state in growth[:3])


def test_the_smallest_cluster_works() -> None:
    """One node with one GPU has a job and no model server."""
    cluster = Cluster(SimSpec(nodes=1, gpus=1))

    assert 1 == len(cluster.gpus_at("gpu-01", 0.0))
    assert () == cluster.layout.services
    assert cluster.jobs_at(-60.0)
