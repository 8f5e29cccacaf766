"""The page of a vLLM V1 server: its gauges, counters (with `_total` on the wire) and histograms."""
# ruff: noqa: E501 - a row reads best as one table line

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, chain

from app.sim.layout import SimService
from app.sim.pages.text import Family, Series, Sheet, labelled, lead
from app.sim.vllm import HIT_SHARE, Histogram, ServerState

# fmt: off
PLAIN: tuple[tuple[Family, str, tuple[str, ...]], ...] = (
    (Family("vllm:num_requests_running", "gauge", "Number of requests in model execution batches.", "%.1f"), "", ("",)),
    (Family("vllm:num_requests_waiting", "gauge", "Number of requests waiting to be processed.", "%.1f"), "", ("",)),
    (Family("vllm:engine_sleep_state", "gauge", "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.", "%.1f"), "sleep_state", ("awake", "weights_offloaded", "discard_all")),
    (Family("vllm:kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.", "%.6f"), "", ("",)),
    (Family("vllm:prefix_cache_queries_total", "counter", "Prefix cache queries, in terms of number of queried tokens.", "%.1f"), "", ("",)),
    (Family("vllm:prefix_cache_hits_total", "counter", "Prefix cache hits, in terms of number of cached tokens.", "%.1f"), "", ("",)),
    (Family("vllm:num_preemptions_total", "counter", "Cumulative number of preemption from the engine.", "%.1f"), "", ("",)),
    (Family("vllm:prompt_tokens_total", "counter", "Number of prefill tokens processed.", "%.1f"), "", ("",)),
    (Family("vllm:generation_tokens_total", "counter", "Number of generation tokens processed.", "%.1f"), "", ("",)),
    (Family("vllm:request_success_total", "counter", "Count of successfully processed requests.", "%.1f"), "finished_reason", ("stop", "length", "abort")),
)
"""Families, the label that tells their series apart, and its values."""
HISTOGRAMS: tuple[tuple[Family, str], ...] = (
    (Family("vllm:time_to_first_token_seconds", "histogram", "Histogram of time to first token in seconds."), "first"),
    (Family("vllm:inter_token_latency_seconds", "histogram", "Histogram of inter-token latency in seconds."), "between"),
    (Family("vllm:e2e_request_latency_seconds", "histogram", "Histogram of e2e request latency in seconds."), "latency"),
    (Family("vllm:request_queue_time_seconds", "histogram", "Histogram of time spent in WAITING phase for request."), "queued"),
    (Family("vllm:request_prompt_tokens", "histogram", "Number of prefill tokens processed."), "sizes_in"),
    (Family("vllm:request_generation_tokens", "histogram", "Number of generation tokens processed."), "sizes_out"),
)
PROCESS: tuple[Family, ...] = (
    Family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes."),
    Family("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.", "%.2f"),
    Family("process_open_fds", "gauge", "Number of open file descriptors.", "%.1f"),
)
CACHE = Family("vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig", "%.1f")
# fmt: on
_RESIDENT_BYTES = 9_663_676_416


class VllmPage:
    """The page of one server."""

    def __init__(self, service: SimService) -> None:
        self._engine: tuple[tuple[str, str], tuple[str, str]] = (("engine", "0"), ("model_name", service.model))
        self._sheet = Sheet(chain(self._plain(), *(self._histogram(*row) for row in HISTOGRAMS), self._cache()))

    def render(self, state: ServerState, started: float, per_wall: float) -> bytes:
        """The page of a state; the process started at `started` (epoch seconds), counters run at real time's pace."""
        values: list[float] = [_RESIDENT_BYTES, started, 66 + int(state.running)]
        values += (int(state.running), int(state.waiting), 1, 0, 0, state.kv_share)
        counts = (state.prompt_tokens, HIT_SHARE * state.prompt_tokens, state.preemptions, state.prompt_tokens)
        values += [
            int(count * per_wall)
            for count in (*counts, state.generated_tokens, state.stopped, state.cut, state.aborted)
        ]
        for _, source in HISTOGRAMS:
            histogram: Histogram = getattr(state, source)
            buckets = [int(count * per_wall) for count in accumulate(histogram.counts)]
            values += (*buckets, buckets[-1], histogram.total * per_wall)
        return self._sheet.fill((*values, 1)).encode("ascii")

    def _plain(self) -> Iterable[Series]:
        for family in PROCESS:
            yield Series(lead(family, is_first=True), " ", family.form)
        for family, label, choices in PLAIN:
            for place, choice in enumerate(choices):
                pairs = sorted((*self._engine, (label, choice))) if label else self._engine
                yield Series(lead(family, is_first=place == 0), labelled(pairs), family.form)

    def _histogram(self, family: Family, source: str) -> Iterable[Series]:
        bounds = getattr(ServerState(0.0), source).bounds
        for place, bound in enumerate((*bounds, "+Inf")):
            labels = labelled((self._engine[0], ("le", f"{bound}"), self._engine[1]))
            yield Series(lead(family, "_bucket", is_first=place == 0), labels, "%.1f")
        yield Series(lead(family, "_count", is_first=False), labelled(self._engine), "%.1f")
        yield Series(lead(family, "_sum", is_first=False), labelled(self._engine), "%.6f")

    def _cache(self) -> Iterable[Series]:
        pairs = (("block_size", "16"), ("cache_dtype", "auto"), self._engine[0], ("gpu_memory_utilization", "0.9"))
        yield Series(lead(CACHE, is_first=True), labelled(pairs), CACHE.form)
