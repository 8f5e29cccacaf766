"""Model servers under load: full caches, queues, slow answers, requests that fail; and load that is no fault."""

from __future__ import annotations

import pytest

from app.sources.page import Page
from tests.engine.diagnosis.serving_world import SERVER, change, grow, serving, severity

# ── H7, H8, H9 ──


def test_a_full_cache_with_a_queue_is_a_warning_after_five_minutes() -> None:
    """Information at first sight; the queue is its consequence."""
    world = serving()
    change(world, kv_cache_usage=97.0, requests_waiting=25.0)
    world.run(10)
    assert "info" == severity(world, "H7")
    world.run(310)
    assert [("H7", SERVER)] == world.roots
    assert (world.one("H7").id,) == world.one("H9").caused_by


def test_a_full_cache_without_a_queue_is_nothing() -> None:
    """It is what memory is for."""
    world = serving()
    change(world, kv_cache_usage=97.0)
    assert () == world.run(900).findings


def test_preemptions_above_one_a_second_are_a_warning() -> None:
    """Work is done twice."""
    world = serving(kv_cache_usage=99.0)
    grow(world, 90, preemptions=10.0)
    assert [("H8", SERVER)] == world.roots


def test_few_preemptions_at_a_full_cache_are_a_warning_when_they_last() -> None:
    """Ten minutes of a full cache, and somebody thrown out every half minute."""
    world = serving(kv_cache_usage=97.0)
    for _ in range(24):
        grow(world, 25)
        grow(world, 5, preemptions=1.0)
    assert "warning" == severity(world, "H8")


def test_a_few_preemptions_at_a_peak_are_nothing() -> None:
    """And those since start are history."""
    world = serving(preemptions=5000.0)
    grow(world, 10, preemptions=3.0)
    assert () == world.run(60).findings


@pytest.mark.parametrize(("waiting", "running", "after_s"), [(15.0, 8.0, 130), (60.0, 256.0, 310)])
def test_a_queue_that_stays_is_a_warning(waiting: float, running: float, after_s: float) -> None:
    """More than ten for two minutes on a small server, more than fifty for five on a large one."""
    world = serving(requests_running=running)
    change(world, requests_waiting=waiting)
    world.run(10)
    assert "info" == severity(world, "H9")
    world.run(after_s)
    assert [("H9", SERVER)] == world.roots


def test_a_queue_as_long_as_the_batch_is_nothing() -> None:
    """Sixteen run and sixteen wait for a moment: load as it comes."""
    world = serving(requests_running=16.0)
    change(world, requests_waiting=16.0)
    assert () == world.run(600).findings


def test_requests_turned_away_are_a_warning() -> None:
    """The queue is bounded and full."""
    world = serving(requests_rejected=0.0)
    grow(world, 20, requests_rejected=4.0)
    assert ("warning", [("H9", SERVER)]) == (severity(world, "H9"), world.roots)


# ── H10, H14, H17 ──


def test_slow_first_tokens_are_a_warning_after_two_minutes() -> None:
    """8 s where 0.3 s is usual; fine intervals end it."""
    world = serving(ttft_sum=1500.0, ttft_count=5000.0, ttft=0.3)
    change(world, ttft=8.0)
    world.run(10)
    assert "info" == severity(world, "H10")
    world.run(130)
    assert [("H10", SERVER)] == world.roots
    change(world, ttft=0.4)
    assert () == world.run(10).findings


def test_slow_first_tokens_of_long_prompts_are_as_ever() -> None:
    """A server whose prompts are long takes 6 s always."""
    world = serving(ttft_sum=30_000.0, ttft_count=5000.0, ttft=6.0)
    change(world, ttft=7.5)
    assert () == world.run(600).findings


def test_slow_next_tokens_are_a_warning_when_nobody_would_read_so_slowly() -> None:
    """150 ms a token where 30 is usual."""
    world = serving(itl_sum=3000.0, itl_count=100_000.0, itl=0.03)
    change(world, itl=0.15)
    world.run(320)
    assert [("H10", SERVER)] == world.roots


def test_a_fuller_batch_is_no_fault() -> None:
    """70 ms a token instead of 30 at a busy hour: information."""
    world = serving(itl_sum=3000.0, itl_count=100_000.0, itl=0.03)
    change(world, itl=0.07)
    world.run(600)
    assert [] == world.roots


def test_a_queue_explains_slow_first_tokens() -> None:
    """Load is one incident."""
    world = serving(ttft_sum=1500.0, ttft_count=5000.0, ttft=0.3, requests_running=8.0)
    change(world, ttft=9.0, requests_waiting=40.0)
    world.run(180)
    assert [("H9", SERVER)] == world.roots
    assert (world.one("H9").id,) == world.one("H10").caused_by


def test_clients_that_give_up_are_information() -> None:
    """Aborts are the clients' own."""
    world = serving(requests_aborted=0.0, requests_finished=1000.0)
    grow(world, 60, requests_aborted=3.0, requests_finished=6.0)
    assert ("info", []) == (severity(world, "H14"), world.roots)


def test_requests_that_end_in_errors_are_a_warning() -> None:
    """A tenth of them, again and again; one in a thousand is nothing."""
    world = serving(requests_failed=0.0, requests_finished=1000.0)
    grow(world, 60, requests_failed=2.0, requests_finished=20.0)
    assert [("H17", SERVER)] == world.roots
    calm = serving(requests_failed=0.0, requests_finished=1000.0)
    grow(calm, 60, requests_failed=1.0, requests_finished=900.0)
    assert () == calm.diagnosis.findings


def test_requests_pending_at_a_server_without_a_batch_are_no_queue() -> None:
    """Triton tells how many wait, not how many run."""
    world = serving()
    assert world.service is not None
    world.service.clear()
    change(world, requests_waiting=14.0, requests_finished=100.0)
    assert () == world.run(300).findings


def test_broken_off_requests_are_read_from_the_page() -> None:
    """Of the ways in which requests end, `abort` is the clients' own."""
    page = (
        'vllm:request_success_total{engine="0",finished_reason="abort",model_name="m"} 3\n'
        'vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} 9\n'
    )
    (server,) = Page("gpu-1", "gpu-1").read(page.encode(), 0.0).services
    assert (3.0, 12.0) == (server.values["service.requests_aborted"], server.values["service.requests_finished"])
