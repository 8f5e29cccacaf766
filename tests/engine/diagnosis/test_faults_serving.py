"""Faults of model servers: what is found, on whom, how grave, and what is left alone.

That they are down is told of in `test_dead_servers`, how they bear load in `test_server_load`.
"""

from __future__ import annotations

import pytest

from tests.engine.diagnosis.serving_world import DEAD, OOM, READY, REFUSED, SERVER, change, grow, serving, severity
from tests.engine.diagnosis.world import SERVING, World

# ── H2, H3 ──


def test_a_wedged_engine_is_found_while_its_page_is_green() -> None:
    """Twelve requests in flight and not a token: a warning at the second look, critical after a minute."""
    world = serving()
    change(world, tokens_per_s=0.0, prompt_tokens_per_s=0.0)
    world.run(5)
    assert "warning" == severity(world, "H2")
    world.run(70)
    assert [("H2", SERVER)] == world.roots
    assert "critical" == severity(world, "H2")
    change(world, tokens_per_s=700.0)
    assert "H2" not in [one.code for one in world.run(5).findings]


def test_waiting_requests_with_an_idle_engine_are_wedged() -> None:
    """Nothing runs, three wait, the cache is empty: issue 39863."""
    world = serving(requests_running=0.0, requests_waiting=0.0, tokens_per_s=0.0)
    change(world, requests_waiting=3.0, kv_cache_usage=0.0, prompt_tokens_per_s=0.0)
    world.run(90)
    assert ("critical", [("H2", SERVER)]) == (severity(world, "H2"), world.roots)


def test_a_line_of_waiting_and_none_running_is_a_warning() -> None:
    """Without a page, the log's own summary shows it."""
    world = serving()
    world.vllm(
        "INFO: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 0.0 tokens/s, Running: 0 reqs, "
        "Waiting: 3 reqs, GPU KV cache usage: 0.0%"
    )
    change(world, tokens_per_s=0.0)
    world.run(5)
    assert "warning" == severity(world, "H2")


def test_one_long_prompt_is_no_wedge() -> None:
    """A request that is silent for 15 s while its prompt is read is information at most."""
    world = serving(requests_running=0.0, tokens_per_s=0.0)
    change(world, requests_running=1.0, prompt_tokens_per_s=0.0)
    world.run(15)
    assert [] == world.roots
    change(world, tokens_per_s=40.0, prompt_tokens_per_s=9000.0)
    assert () == world.run(10).findings


def test_requests_that_come_just_before_a_look_are_no_wedge() -> None:
    """Bursts after idle seconds: nothing was in flight at the look before."""
    world = serving(requests_running=0.0, tokens_per_s=0.0, prompt_tokens_per_s=0.0)
    for _ in range(10):
        change(world, requests_running=5.0)
        world.run(5)
        assert [] == world.roots
        change(world, requests_running=0.0)
        world.run(5)


def test_a_sleeping_server_is_left_alone() -> None:
    """Put to sleep with requests waiting: on purpose."""
    world = serving()
    change(world, sleeping=1.0, tokens_per_s=0.0, requests_waiting=80.0, requests_running=0.0)
    assert () == world.run(300).findings


def test_workers_that_do_not_answer_each_other_under_load_are_critical() -> None:
    """Twice within minutes while requests are in flight."""
    world = serving()
    change(world, tokens_per_s=0.0, prompt_tokens_per_s=0.0)
    line = "No available shared memory broadcast block found in 60 seconds. This typically happens when some processes"
    world.vllm(line)
    world.run(60)
    world.vllm(line)
    world.run(5)
    assert ("critical", [("H3", SERVER)]) == (severity(world, "H3"), world.roots)
    assert (world.one("H3").id,) == world.one("H2").caused_by[:1]


@pytest.mark.parametrize("before", ["INFO [api_server.py:1] vLLM API server version 0.11.0", ""])
def test_the_same_line_while_it_compiles_or_idles_is_information(before: str) -> None:
    """Start-up and idleness say it too, and it passes by itself."""
    world = serving(requests_running=0.0, tokens_per_s=0.0)
    if before:
        world.vllm(before)
    world.vllm("No available shared memory broadcast block found in 60 seconds.")
    world.run(10)
    assert "info" == severity(world, "H3")


# ── H4, H5, H6, H13 ──


def test_no_gpu_memory_is_the_root_of_the_dead_engine() -> None:
    """Rule 9: EngineDeadError is never the root while an out-of-memory error explains it."""
    world = serving()
    world.vllm(OOM, DEAD)
    world.errors["vllm"] = REFUSED
    world.run(90)
    assert [("H4", SERVER)] == world.roots
    assert not world.one("H1").root


def test_out_of_memory_that_the_server_outlives_is_a_warning() -> None:
    """It goes on making tokens; it is over when the server is ready anew."""
    world = serving()
    world.vllm(OOM)
    world.run(15)
    assert "warning" == severity(world, "H4")
    world.vllm(READY)
    assert () == world.run(5).findings


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (OOM, "H4"),
        (
            "ValueError: max seq len (9) is larger than the number of tokens that can be stored in KV cache (8).",
            "H5",
        ),
        ("ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`", "H5"),
        (
            "ValueError: Free memory on device (10.2/79.1 GiB) on startup is less than desired GPU memory utilization.",
            "H6",
        ),
    ],
)
def test_a_failed_start_has_its_cause_above(line: str, code: str) -> None:
    """`See root cause above`: the start is the consequence, and the server that is not there too."""
    world = World(service=dict(SERVING))
    world.errors["vllm"] = REFUSED
    world.vllm(line, "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}")
    world.run(15)
    assert [(code, SERVER)] == world.roots
    assert (False, False) == (world.one("H13").root, world.one("H1").root)


@pytest.mark.parametrize(
    "line",
    [
        "RuntimeError: Engine core initialization failed. See root cause above.",
        "[Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use",
        "OSError: [Errno 98] Address already in use",
        "huggingface_hub.errors.GatedRepoError: 401 Client Error.",
        "ValueError: Model architectures ['NewForCausalLM'] are not supported for now.",
    ],
)
def test_a_server_that_does_not_start_is_critical(line: str) -> None:
    """Also where only the failing itself is told."""
    world = World(service=dict(SERVING))
    world.errors["vllm"] = REFUSED
    world.vllm(line)
    world.run(10)
    assert [("H13", SERVER)] == world.roots


def test_a_port_that_is_tried_anew_is_nothing() -> None:
    """Healthy servers look for a free port themselves."""
    world = serving()
    world.vllm(
        "WARNING [parallel.py:1] Address already in use. Retrying with a new port.",
        "INFO [network_utils.py:1] Port 5555 is already in use, trying port 5556",
        READY,
    )
    assert () == world.run(10).findings


# ── H11, H12, H15, H16 ──


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("RuntimeError: CUDA error: uncorrectable NVLink error detected during the execution", "H11"),
        (
            "[Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=2, OpType=ADD, Timeout(ms)=60)",
            "H11",
        ),
        ("torch.AcceleratorError: CUDA error: an illegal memory access was encountered", "H12"),
    ],
)
def test_an_error_of_its_gpus_is_the_root_of_the_dead_engine(line: str, code: str) -> None:
    """Rule 9 again."""
    world = serving()
    world.vllm(line, DEAD)
    world.errors["vllm"] = REFUSED
    world.run(80)
    assert [(code, SERVER)] == world.roots


def test_tool_calls_that_cannot_be_read_are_a_warning_when_many() -> None:
    """One is an answer cut short; twenty in ten minutes are the wrong parser."""
    world = serving()
    line = "ERROR [hermes_tool_parser.py:117] Error in extracting tool call from response."
    world.vllm(line)
    world.run(5)
    assert "info" == severity(world, "H15")
    for _ in range(20):
        world.vllm(line)
        world.run(5)
    assert ("warning", [("H15", SERVER)]) == (severity(world, "H15"), world.roots)


def test_metrics_that_are_missing_while_the_server_answers_are_no_outage() -> None:
    """404 for its page: a warning after five minutes, and never a dead engine."""
    world = serving()
    world.errors["vllm"] = "http://gpu-1:8000/metrics answered HTTP 404 Not Found; is the path right?"
    world.run(20)
    assert "info" == severity(world, "H16")
    world.run(300)
    assert ([("H16", SERVER)], False) == (world.roots, world.ever("H1"))


def test_a_page_without_running_requests_is_missing_metrics() -> None:
    """The page answers, and its main value is gone."""
    world = serving()
    assert world.service is not None
    del world.service["service.requests_running"]
    world.run(310)
    assert "warning" == severity(world, "H16")


def test_a_healthy_server_at_work_has_no_finding() -> None:
    """An hour of load, with a restart's counters in between."""
    world = serving(generation_tokens=1e6, ttft=0.2, itl=0.02)
    grow(world, 600, generation_tokens=4500.0, prompt_tokens=9000.0, requests_finished=10.0)
    change(world, generation_tokens=0.0, prompt_tokens=0.0, requests_finished=0.0)
    grow(world, 600, generation_tokens=4500.0, prompt_tokens=9000.0, requests_finished=10.0)
    assert set() == {one.code for diagnosis in world.history for one in diagnosis.findings}
