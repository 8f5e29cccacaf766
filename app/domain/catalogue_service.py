"""Catalogue rows of a model server: vLLM V0 (to 0.8) and V1, whose names differ by release, and Triton.

Source of the names: the metrics each vLLM release declares, read out of its wheels from 0.4 to 0.33 (counters carry
`_total` on the wire, and `vllm:` metrics that Triton passes on carry `model` and `version`); Triton's metrics page.
"""
# ruff: noqa: E501 - a catalogue row reads best as one table line

from __future__ import annotations

from app.domain.metric import Metric, Name, Quantile

_ENGINE = ("engine", "version")
_VERSION = ("version",)
_US = 1e-6
_TTFT = ("vllm:time_to_first_token_seconds",)
_ITL = ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds")

# fmt: off
SERVICE_METRICS: tuple[Metric, ...] = (
    Metric("service.requests_running", "", "running", "Requests in the running batch.", fold="sum", merge="sum", names=(Name("vllm:num_requests_running", parts=_ENGINE),)),
    Metric("service.requests_waiting", "", "waiting", "Requests waiting for a place in the batch.", fold="sum", merge="sum", names=(
        Name("vllm:num_requests_waiting", parts=_ENGINE), Name("nv_inference_pending_request_count", parts=_VERSION))),
    Metric("service.waiting_capacity", "", "waiting for room", "Requests waiting because the batch or the KV cache is full.", fold="sum", merge="sum", names=(
        Name("vllm:num_requests_waiting_by_reason", where=(("reason", "capacity"),), parts=_ENGINE),)),
    Metric("service.waiting_deferred", "", "waiting, deferred", "Requests waiting for something of their own: a LoRA, a grammar, KV blocks of another server.", fold="sum", merge="sum", names=(
        Name("vllm:num_requests_waiting_by_reason", where=(("reason", "deferred"),), parts=_ENGINE),)),
    Metric("service.requests_swapped", "", "swapped", "Requests swapped out to CPU memory (V0).", fold="sum", merge="sum", names=(Name("vllm:num_requests_swapped", parts=_ENGINE),)),
    Metric("service.kv_cache_usage", "%", "KV cache", "Share of the KV cache in use.", quantum=0.1, high=100, merge="max", names=(
        Name("vllm:kv_cache_usage_perc", 100, parts=_ENGINE), Name("vllm:gpu_cache_usage_perc", 100, parts=_ENGINE))),
    Metric("service.cpu_cache_usage", "%", "CPU cache", "Share of the CPU KV cache in use (V0).", quantum=0.1, high=100, merge="max", names=(Name("vllm:cpu_cache_usage_perc", 100, parts=_ENGINE),)),
    Metric("service.prompt_tokens", "", "prompt tokens", "Prompt tokens processed since start.", fold="sum", merge="sum", kind="counter", low=None, names=(Name("vllm:prompt_tokens_total", parts=_ENGINE),)),
    Metric("service.generation_tokens", "", "generated tokens", "Tokens generated since start.", fold="sum", merge="sum", kind="counter", low=None, names=(Name("vllm:generation_tokens_total", parts=_ENGINE),)),
    Metric("service.preemptions", "", "preemptions", "Requests thrown out of the batch for want of KV cache.", fold="sum", merge="sum", kind="counter", low=None, names=(Name("vllm:num_preemptions_total", parts=_ENGINE),)),
    Metric("service.requests_finished", "", "finished", "Requests finished since start, whatever the reason.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("vllm:request_success_total", parts=(*_ENGINE, "finished_reason")), Name("nv_inference_request_success", parts=_VERSION))),
    Metric("service.requests_failed", "", "failed", "Requests that ended in an error since start.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("vllm:request_success_total", where=(("finished_reason", "error"),), parts=_ENGINE), Name("nv_inference_request_failure", parts=(*_VERSION, "reason")))),
    Metric("service.requests_aborted", "", "aborted", "Requests whose clients broke them off.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("vllm:request_success_total", where=(("finished_reason", "abort"),), parts=_ENGINE),)),
    Metric("service.requests_corrupted", "", "corrupted", "Requests whose logits held NaNs: a sick GPU or a broken model.", fold="sum", merge="sum", kind="counter", low=None, names=(Name("vllm:corrupted_requests_total", parts=_ENGINE),)),
    Metric("service.requests_rejected", "", "rejected", "Requests turned away because the queue was full.", fold="sum", merge="sum", kind="counter", low=None, names=(Name("vllm:admission_rejections_total", parts=(*_ENGINE, "reason")),)),
    Metric("service.prefix_cache_queries", "", "prefix queries", "Tokens looked up in the prefix cache.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("vllm:prefix_cache_queries_total", parts=_ENGINE), Name("vllm:gpu_prefix_cache_queries_total", parts=_ENGINE))),
    Metric("service.prefix_cache_hits", "", "prefix hits", "Tokens found in the prefix cache.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("vllm:prefix_cache_hits_total", parts=_ENGINE), Name("vllm:gpu_prefix_cache_hits_total", parts=_ENGINE))),
    Metric("service.ttft_sum", "s", "TTFT sum", "Sum of times to first token since start.", fold="sum", merge="sum", kind="counter", quantum=0.001, low=None, names=(Name("vllm:time_to_first_token_seconds_sum", parts=_ENGINE),)),
    Metric("service.ttft_count", "", "TTFT count", "Requests that got a first token since start.", fold="sum", merge="sum", kind="counter", low=None, names=(Name("vllm:time_to_first_token_seconds_count", parts=_ENGINE),)),
    Metric("service.itl_sum", "s", "ITL sum", "Sum of inter-token latencies since start.", fold="sum", merge="sum", kind="counter", quantum=0.001, low=None, names=(
        Name("vllm:inter_token_latency_seconds_sum", parts=_ENGINE), Name("vllm:time_per_output_token_seconds_sum", parts=_ENGINE))),
    Metric("service.itl_count", "", "ITL count", "Inter-token gaps since start.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("vllm:inter_token_latency_seconds_count", parts=_ENGINE), Name("vllm:time_per_output_token_seconds_count", parts=_ENGINE))),
    Metric("service.e2e_sum", "s", "latency sum", "Sum of whole request latencies since start.", fold="sum", merge="sum", kind="counter", quantum=0.001, low=None, names=(
        Name("vllm:e2e_request_latency_seconds_sum", parts=_ENGINE), Name("nv_inference_request_duration_us", _US, parts=_VERSION))),
    Metric("service.e2e_count", "", "latency count", "Requests whose whole latency is known since start.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("vllm:e2e_request_latency_seconds_count", parts=_ENGINE), Name("nv_inference_request_success", parts=_VERSION))),
    Metric("service.queue_sum", "s", "queue sum", "Sum of times spent waiting in the queue since start.", fold="sum", merge="sum", kind="counter", quantum=0.001, low=None, names=(
        Name("vllm:request_queue_time_seconds_sum", parts=_ENGINE), Name("nv_inference_queue_duration_us", _US, parts=_VERSION))),
    Metric("service.queue_count", "", "queue count", "Requests whose queue time is known since start.", fold="sum", merge="sum", kind="counter", low=None, names=(
        Name("vllm:request_queue_time_seconds_count", parts=_ENGINE), Name("nv_inference_request_success", parts=_VERSION))),
    Metric("service.sleeping", "", "asleep", "1: the engine was put to sleep, its weights offloaded or thrown away.", fold="max", merge="max", high=1, names=(
        Name("vllm:engine_sleep_state", where=(("sleep_state", "weights_offloaded"),), parts=(*_ENGINE, "sleep_state")), Name("vllm:engine_sleep_state", where=(("sleep_state", "discard_all"),), parts=(*_ENGINE, "sleep_state")))),
    Metric("service.resident_memory", "MiB", "RSS", "Resident memory of the server's process.", fold="sum", names=(Name("process_resident_memory_bytes", 1 / 1048576),)),
    # ── rates, from two readings ──
    Metric("service.tokens_per_s", "tok/s", "tokens/s", "Tokens generated a second.", fold="sum", quantum=0.1, rate_of="service.generation_tokens"),
    Metric("service.prompt_tokens_per_s", "tok/s", "prompt tokens/s", "Prompt tokens processed a second.", fold="sum", quantum=0.1, rate_of="service.prompt_tokens"),
    Metric("service.preemptions_per_s", "/s", "preemptions/s", "Requests thrown out of the batch a second.", fold="sum", quantum=0.01, rate_of="service.preemptions"),
    Metric("service.failures_per_s", "/s", "failures/s", "Requests that ended in an error a second.", fold="sum", quantum=0.01, rate_of="service.requests_failed"),
    Metric("service.requests_per_s", "/s", "requests/s", "Requests finished a second.", fold="sum", quantum=0.01, rate_of="service.requests_finished"),
    Metric("service.ttft", "s", "TTFT", "Mean time to first token over the last interval.", fold="max", quantum=0.001, quotient=("service.ttft_sum", "service.ttft_count")),
    Metric("service.itl", "s", "ITL", "Mean inter-token latency over the last interval.", fold="max", quantum=0.0001, quotient=("service.itl_sum", "service.itl_count")),
    Metric("service.e2e_latency", "s", "latency", "Mean request latency over the last interval.", fold="max", quantum=0.001, quotient=("service.e2e_sum", "service.e2e_count")),
    Metric("service.queue_time", "s", "queue", "Mean time in the queue over the last interval.", fold="max", quantum=0.001, quotient=("service.queue_sum", "service.queue_count")),
    Metric("service.ttft_p50", "s", "TTFT p50", "Half of the requests of the last interval had their first token by then.", fold="max", quantum=0.001, quantile=Quantile(0.5, _TTFT)),
    Metric("service.ttft_p95", "s", "TTFT p95", "95 of 100 requests of the last interval had their first token by then.", fold="max", quantum=0.001, quantile=Quantile(0.95, _TTFT)),
    Metric("service.ttft_p99", "s", "TTFT p99", "99 of 100 requests of the last interval had their first token by then.", fold="max", quantum=0.001, quantile=Quantile(0.99, _TTFT)),
    Metric("service.itl_p50", "s", "ITL p50", "Half of the gaps between tokens of the last interval were no longer.", fold="max", quantum=0.0001, quantile=Quantile(0.5, _ITL)),
    Metric("service.itl_p95", "s", "ITL p95", "95 of 100 gaps between tokens of the last interval were no longer.", fold="max", quantum=0.0001, quantile=Quantile(0.95, _ITL)),
    Metric("service.itl_p99", "s", "ITL p99", "99 of 100 gaps between tokens of the last interval were no longer.", fold="max", quantum=0.0001, quantile=Quantile(0.99, _ITL)),
    Metric("service.prefix_hit_rate", "%", "prefix hits", "Share of looked-up tokens found in the prefix cache over the last interval.", quantum=0.1, high=100, quotient=("service.prefix_cache_hits", "service.prefix_cache_queries"), names=(Name("vllm:gpu_prefix_cache_hit_rate", 100),)),
)
# fmt: on
