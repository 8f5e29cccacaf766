"""Where a model server runs, what it is up to, and where its numbers and its GPUs' do not agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.evidence import LogEvidence
from app.domain.reading import GpuProcess
from app.domain.service_place import ServicePlace, place_of
from app.domain.service_state import contradictions, load_state
from app.domain.snapshot import Service, Snapshot
from tests.present.fleets import NOW, changed, fleet, lost
from tests.tui.servers import BUSY, HUNG, served, serving


def one(board: Snapshot, source: str) -> Service:
    """The server of a source."""
    return next(service for service in board.services.values() if service.source == source)


def placed(board: Snapshot, source: str) -> ServicePlace:
    return place_of(one(board, source), board, NOW)


def ran(name: str, command: str = "", pid: int = 500) -> GpuProcess:
    return GpuProcess(pid, name, "svc", command or name, 70_000.0)


def holding(board: Snapshot, node: str, index: int, process: GpuProcess) -> Snapshot:
    """The board with a process alone on a GPU."""
    return changed(board, node, index, lambda gpu: replace(gpu, processes=(process,)))


def test_a_port_in_a_command_line_is_exact() -> None:
    """The process that was started with the server's port is its own; its job is the one that holds the GPU."""
    found = placed(serving(), "vllm-03")

    assert ("gpu-03", ("gpu-03/4",), ("815",), "exact") == (
        found.node,
        tuple(gpu.id for gpu in found.gpus),
        found.jobs,
        found.certainty,
    )


def test_workers_that_name_nothing_belong_to_the_only_server_of_their_node() -> None:
    """`VLLM::Worker_TP0` has neither port nor model: with one server on the node it is likely that one's."""
    found = placed(serving(), "vllm-02")

    assert (("gpu-02/0", "gpu-02/1"), ("816",), "node") == (
        tuple(gpu.id for gpu in found.gpus),
        found.jobs,
        found.certainty,
    )


def test_two_servers_of_a_node_are_told_apart_or_guessed() -> None:
    """One that is named takes its own; what is left is a guess for the other, and said to be one."""
    board = holding(fleet(1), "gpu-01", 0, ran("python3", "vllm serve a/b --port 8000"))
    board = holding(board, "gpu-01", 1, ran("VLLM::EngineCore"))
    board = served(board, "one", "http://gpu-01:8000/metrics", "a/b", BUSY)
    board = served(board, "two", "http://gpu-01:8001/metrics", "c/d", BUSY)

    assert ("exact", ["gpu-01/0"]) == (placed(board, "one").certainty, [gpu.id for gpu in placed(board, "one").gpus])
    assert ("guess", ["gpu-01/1"]) == (placed(board, "two").certainty, [gpu.id for gpu in placed(board, "two").gpus])


def test_a_command_without_a_port_is_known_by_its_model() -> None:
    """`vllm serve MODEL` names the model it serves."""
    board = holding(fleet(1), "gpu-01", 3, ran("vllm", "/usr/bin/python /usr/bin/vllm serve qwen/Qwen3-8B"))
    board = served(board, "one", "http://gpu-01:9000/metrics", "Qwen3-8B", BUSY)

    assert ["gpu-01/3"] == [gpu.id for gpu in placed(board, "one").gpus]
    assert "exact" == placed(board, "one").certainty


def test_a_training_job_is_no_server() -> None:
    """Processes of others are left alone, and it is said that none is a server's."""
    board = served(fleet(1), "one", "http://gpu-01:8000/metrics", "a/b", BUSY)

    assert (("gpu-01"), (), "no model server is among its processes") == (
        placed(board, "one").node,
        placed(board, "one").gpus,
        placed(board, "one").why,
    )


def test_without_processes_the_job_that_is_called_like_the_model_is_guessed() -> None:
    """Nobody lists processes: of two jobs on its node the one with more of the model's words, said to be a guess."""
    board = serving()
    for index in range(8):
        board = changed(board, "gpu-02", index, lambda gpu: replace(gpu, processes=None))
    assert (("816",), "guess") == (placed(board, "vllm-02").jobs, placed(board, "vllm-02").certainty)
    board = served(board, "eval", "http://gpu-02:8003/metrics", "org/Notebook-LM", BUSY)

    assert (("817",), "guess") == (placed(board, "eval").jobs, placed(board, "eval").certainty)


def test_a_server_elsewhere_has_no_place() -> None:
    """An address of no node that is known: nothing is claimed."""
    found = placed(serving(), "vllm-09")

    assert ("", (), "unknown") == (found.node, found.gpus, found.certainty)


def test_a_full_cache_over_idle_gpus_is_told() -> None:
    """Requests in flight, the KV cache full, no token, and the GPU idle."""
    board = serving()
    service = one(board, "vllm-03")
    place = place_of(service, board, NOW)
    (found,) = contradictions(service, place, NOW, "serving")

    assert "warning" == found.severity
    assert "the KV cache 98 % full and its GPUs idle" in found.text


def test_a_busy_server_on_busy_gpus_is_no_contradiction() -> None:
    """All agrees: nothing is said."""
    board = serving()
    service = one(board, "vllm-02")

    assert [] == list(contradictions(service, place_of(service, board, NOW), NOW, "serving"))


def test_a_lost_gpu_and_held_memory_are_told() -> None:
    """A GPU that is gone, and memory that is still held while the page is silent."""
    board = changed(serving(), "gpu-03", 4, lost)
    service = one(board, "vllm-03")
    assert ["its GPU gpu-03/4 is lost"] == [
        told.text for told in contradictions(service, place_of(service, board, NOW), NOW, "serving")
    ]
    service = one(serving(), "vllm-02")
    (held,) = contradictions(service, place_of(service, serving(), NOW), NOW, "down")

    assert "G are held on its GPUs" in held.text


def test_requests_that_wait_for_nothing_and_work_without_requests_are_told() -> None:
    """Waiting with room in the cache: the batch is full. Busy GPUs without a request: somebody else's work."""
    board = holding(fleet(1), "gpu-01", 0, ran("VLLM::EngineCore"))
    waiting = {**BUSY, "service.kv_cache_usage": 20.0}
    board = served(board, "one", "http://gpu-01:8000/metrics", "a/b", waiting)
    service = one(board, "one")
    place = place_of(service, board, NOW)
    assert ["the batch is full" in told.text for told in contradictions(service, place, NOW, "serving")] == [True]
    idle = {"service.requests_running": 0.0, "service.requests_waiting": 0.0, "service.kv_cache_usage": 0.0}
    service = one(served(board, "one", "http://gpu-01:8000/metrics", "a/b", idle), "one")

    assert ["something else" in told.text for told in contradictions(service, place, NOW, "idle")] == [True]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (BUSY, "serving"),
        (HUNG, "serving"),
        ({"service.requests_running": 0.0}, "idle"),
        ({"service.sleeping": 1.0}, "asleep"),
    ],
)
def test_what_a_server_is_up_to(values: dict[str, float], expected: str) -> None:
    """By its page while that answers."""
    board = served(fleet(1), "one", "http://gpu-01:8000/metrics", "a/b", values)

    assert expected == load_state(one(board, "one"), board, NOW, placed(board, "one"))[0]


def test_a_server_that_loads_is_not_down() -> None:
    """While its page does not answer yet, its log tells how far its weights are."""
    board = served(fleet(1), "one", "http://gpu-01:8000/metrics", "a/b", {}, "connection refused by gpu-01")
    told = LogEvidence("vllm.weights_loading", NOW - 3, "", source="log", node="gpu-01", details={"percent": "31"})
    board = replace(board, logs=(told,), logs_count=1)

    assert ("loading", "weights 31 %") == load_state(one(board, "one"), board, NOW, placed(board, "one"))
    old = replace(board, logs=(replace(told, at=NOW - 7200),))
    assert "down" == load_state(one(old, "one"), old, NOW, placed(old, "one"))[0]
