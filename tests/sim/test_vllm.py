"""The simulated vLLM server: its numbers follow from its requests."""

from __future__ import annotations

import pytest

from app.sim.cluster import SERVING_SINCE_S, Cluster
from app.sim.faults import Fault
from app.sim.spec import SimSpec
from app.sim.vllm import PATIENCE, SLOTS, TOKENS_OUT

NAME = "vllm-llama-70b"


def mean_first_s(cluster: Cluster, since: float, until: float) -> float:
    """Mean time to first token between two moments."""
    before, count = cluster.service_at(NAME, since).first.total, sum(cluster.service_at(NAME, since).first.counts)
    after = cluster.service_at(NAME, until).first
    return (after.total - before) / (sum(after.counts) - count)


def test_a_healthy_server_answers_at_once() -> None:
    """Nobody waits, first tokens come within 0.3 s, the batch is neither empty nor full."""
    cluster = Cluster(SimSpec(scenario="healthy"))
    before = cluster.service_at(NAME, -300.0).generated_tokens
    running = [cluster.service_at(NAME, float(t)).running for t in range(-290, 300, 10)]
    after = cluster.service_at(NAME, 300.0)

    assert 0.05 < mean_first_s(cluster, 300.0, 900.0) < 0.3
    assert 5 < min(running) <= max(running) < SLOTS
    assert 300 < (after.generated_tokens - before) / 600 < 1700
    assert 0 < after.kv_share < 1
    assert after.waiting < 5


def test_tokens_requests_and_histograms_agree() -> None:
    """Every request finished is in each histogram once and brought its mean of tokens."""
    state = Cluster(SimSpec(scenario="healthy")).service_at(NAME, 100.0)
    finished = state.stopped + state.cut

    for histogram in (state.first, state.latency, state.queued, state.sizes_in, state.sizes_out):
        assert finished == sum(histogram.counts)
    assert finished * TOKENS_OUT == sum(state.between.counts)
    assert state.generated_tokens == pytest.approx(finished * TOKENS_OUT, rel=1e-3)


def test_the_load_of_the_server_is_the_load_of_its_gpus() -> None:
    """Over a day of swings the batch is fuller when the GPUs work harder."""
    cluster = Cluster(SimSpec(scenario="healthy"))
    moments = [SERVING_SINCE_S + 600.0 * step for step in range(1, 36)]
    pairs = [(cluster.gpus_at("gpu-04", t)[0].power, cluster.service_at(NAME, t).running) for t in moments]
    strong = [running for power, running in sorted(pairs)[-10:]]
    weak = [running for power, running in sorted(pairs)[:10]]

    assert sum(weak) < sum(strong)


def test_overload_fills_the_cache_and_makes_requests_wait_until_it_is_over() -> None:
    """The queue grows, the cache is full, first tokens take seconds; afterwards the queue drains."""
    cluster = Cluster(SimSpec(scenario="healthy"))
    cluster.inject(Fault("vllm-overload", "serving", at_s=0.0, for_s=120.0))
    worst = cluster.service_at(NAME, 119.0)

    assert 1.0 == worst.kv_share
    assert 100 < worst.waiting <= PATIENCE
    assert worst.preemptions > 0
    assert mean_first_s(cluster, 60.0, 119.0) > 2.0
    assert cluster.service_at(NAME, 1500.0).waiting < 5


def test_a_server_that_was_down_starts_counting_anew() -> None:
    """After a restart the process is young and its counters small."""
    cluster = Cluster(SimSpec(scenario="healthy"))
    before = cluster.service_at(NAME, 9.0).stopped
    cluster.inject(Fault("vllm-down", NAME, at_s=10.0, for_s=60.0))
    after = cluster.service_at(NAME, 100.0)

    assert 69 <= after.started <= 71
    assert after.stopped < 500 < before


def test_asking_for_the_past_gives_what_was_there() -> None:
    """A server asked for an earlier moment answers as one that never went further."""
    travelled, fresh = Cluster(SimSpec(scenario="healthy")), Cluster(SimSpec(scenario="healthy"))
    travelled.service_at(NAME, 500.0)

    assert fresh.service_at(NAME, -1000.0) == travelled.service_at(NAME, -1000.0)
