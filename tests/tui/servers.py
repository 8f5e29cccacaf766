"""A board with model servers in every plight, on nodes whose GPUs and jobs are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from app.domain.reading import GpuProcess, SourceSpec
from app.domain.snapshot import Gpu, Layer, Service, Snapshot, SourceState
from tests.present.fleets import INTERVAL_S, NOW, changed, with_values
from tests.present.slurm_fleet import slurm_fleet

BUSY: Mapping[str, float] = {
    "service.requests_running": 14.0,
    "service.requests_waiting": 3.0,
    "service.waiting_capacity": 3.0,
    "service.waiting_deferred": 0.0,
    "service.kv_cache_usage": 61.5,
    "service.tokens_per_s": 1843.2,
    "service.prompt_tokens_per_s": 9120.0,
    "service.requests_per_s": 2.14,
    "service.ttft": 0.214,
    "service.ttft_p50": 0.181,
    "service.ttft_p95": 0.42,
    "service.ttft_p99": 0.91,
    "service.itl": 0.0123,
    "service.itl_p50": 0.011,
    "service.itl_p95": 0.022,
    "service.itl_p99": 0.041,
    "service.e2e_latency": 3.9,
    "service.queue_time": 0.012,
    "service.prefix_hit_rate": 44.0,
    "service.preemptions_per_s": 0.0,
    "service.preemptions": 12.0,
    "service.requests_finished": 81_204.0,
    "service.requests_failed": 2.0,
    "service.requests_aborted": 31.0,
    "service.generation_tokens": 8.1e6,
}
HUNG: Mapping[str, float] = {
    "service.requests_running": 6.0,
    "service.requests_waiting": 22.0,
    "service.kv_cache_usage": 98.0,
    "service.tokens_per_s": 0.0,
    "service.requests_failed": 0.0,
}


def serving() -> Snapshot:
    """One server on two GPUs in a job, one that hangs, one that is down."""
    board = slurm_fleet()
    for index in (0, 1):
        board = changed(board, "gpu-02", index, _worker(index))
    board = changed(board, "gpu-03", 4, _lone)
    board = served(board, "vllm-02", "http://gpu-02:8000/metrics", "nvidia/Nemotron-3-Nano-30B-A3B", BUSY)
    board = served(board, "vllm-03", "http://gpu-03:8001/metrics", "qwen/Qwen3-Coder-30B", HUNG)
    return served(
        board, "vllm-09", "http://gpu-09:8000/metrics", "mistral/Small-24B", {}, "connection refused by gpu-09"
    )


def served(
    board: Snapshot, name: str, url: str, model: str, values: Mapping[str, float], error: str | None = None
) -> Snapshot:
    """The board with one more server; with an error, its page was last had twenty minutes ago."""
    at = NOW - 0.8 if error is None else NOW - 1200
    spec = SourceSpec(name, "vllm", url, INTERVAL_S)
    service = Service("vllm", name, url, model, {}, (Layer(name, at, INTERVAL_S, values),))
    state = SourceState(spec, NOW - 0.8, at, error, 0.012, failures=240 if error else 0)
    return replace(board, services={**board.services, service.id: service}, sources={**board.sources, name: state})


def _worker(index: int) -> Callable[[Gpu], Gpu]:
    """Gives a GPU one of the first server's workers, which its title names and no port."""
    process = GpuProcess(7600 + index, f"VLLM::Worker_TP{index}", "svc", f"VLLM::Worker_TP{index}", 71_000.0)
    return lambda gpu: replace(gpu, processes=(process,))


def _lone(gpu: Gpu) -> Gpu:
    """Idle, its memory held by the server that hangs."""
    command = "python3 -m vllm.entrypoints.openai.api_server --port 8001 --model qwen/Qwen3-Coder-30B"
    idle = with_values(gpu, {"gpu.utilization": 0.0, "gpu.power": 98.0})
    return replace(idle, processes=(GpuProcess(9001, "python3", "bo", command, 70_000.0),))
