"""Reading pages: from the bytes of an exporter's page to the readings of its GPUs, beside the official parser.

prometheus_client stops at samples; ours goes on to nodes, GPUs and page health, and is measured with all of that. Each
round measures both on the same page, so that a busy machine slows both.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from time import process_time

from prometheus_client.parser import text_string_to_metric_families

from app.sources.page import Page
from tests.bench.report import Report, Target

ROUNDS = 7
OFFICIAL = "prometheus_client"
FASTER, NOT_SLOWER = Target(at_least=30.0, peer=OFFICIAL), Target(at_most=1.0, peer=OFFICIAL)

DCGM_FIELDS = (
    *("SM_CLOCK", "MEM_CLOCK", "MEMORY_TEMP", "GPU_TEMP", "POWER_USAGE", "TOTAL_ENERGY_CONSUMPTION"),
    *("PCIE_REPLAY_COUNTER", "GPU_UTIL", "MEM_COPY_UTIL", "ENC_UTIL", "DEC_UTIL", "XID_ERRORS", "FB_FREE", "FB_USED"),
    *("FB_RESERVED", "UNCORRECTABLE_REMAPPED_ROWS", "CORRECTABLE_REMAPPED_ROWS", "ROW_REMAP_FAILURE"),
    *("NVLINK_BANDWIDTH_TOTAL", "CLOCK_THROTTLE_REASONS"),
)
PROFILING_FIELDS = ("GR_ENGINE_ACTIVE", "PIPE_TENSOR_ACTIVE", "DRAM_ACTIVE", "PCIE_TX_BYTES", "PCIE_RX_BYTES")
VLLM_HISTOGRAMS = (
    *("time_to_first_token_seconds", "inter_token_latency_seconds", "e2e_request_latency_seconds"),
    *("request_queue_time_seconds", "request_prefill_time_seconds", "request_decode_time_seconds"),
    *("request_prompt_tokens", "request_generation_tokens", "iteration_tokens_total", "request_params_max_tokens"),
)
VLLM_NUMBERS = (
    *("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "prefix_cache_queries_total"),
    *("prefix_cache_hits_total", "num_preemptions_total", "prompt_tokens_total", "generation_tokens_total"),
)


def run(report: Report) -> None:
    """Measure each page warm, as it comes every few seconds, and cold, as it comes first."""
    for name, make, target in (
        ("dcgm-exporter page, 8 GPUs × 25, 69 kB", dcgm_page, FASTER),
        ("vLLM page, 501 samples", vllm_page, None),
    ):
        warm, cold, official = measure([make(random.Random(seed)) for seed in range(4)])
        per_second = {OFFICIAL: [1 / seconds for seconds in official]}
        report.add(f"{name}", "pages/s", [1 / seconds for seconds in warm], target, per_second)
        milliseconds = {OFFICIAL: [1000 * seconds for seconds in official]}
        report.add(f"{name}, the first", "ms", [1000 * seconds for seconds in cold], NOT_SLOWER, milliseconds)


def measure(pages: list[bytes]) -> tuple[list[float], list[float], list[float]]:
    """Seconds of CPU a page, round by round: ours warm, ours on a first page, the official parser."""
    page = Page(None, None)
    for body in pages:
        page.read(body, at=0.0)
    warm, cold, official = [], [], []
    for _ in range(ROUNDS):
        warm.append(seconds_each(lambda body: page.read(body, at=0.0), pages, times=25))
        official.append(seconds_each(read_officially, pages, times=2))
        cold.append(seconds_each(lambda body: Page(None, None).read(body, at=0.0), pages, times=2))
    return warm, cold, official


def read_officially(body: bytes) -> int:
    """What prometheus_client has to do: every sample of the page."""
    return sum(len(family.samples) for family in text_string_to_metric_families(body.decode()))


def seconds_each(read: Callable[[bytes], object], pages: list[bytes], times: int) -> float:
    """Seconds of CPU that one page costs."""
    began = process_time()
    for _ in range(times):
        for body in pages:
            read(body)
    return (process_time() - began) / (times * len(pages))


def dcgm_page(chance: random.Random) -> bytes:
    """A dcgm-exporter page of a node with eight GPUs in Kubernetes: 200 samples with ten labels."""
    lines: list[str] = []
    names = [f"DCGM_FI_DEV_{field}" for field in DCGM_FIELDS] + [f"DCGM_FI_PROF_{field}" for field in PROFILING_FIELDS]
    for name in names:
        lines += [f"# HELP {name} A field of DCGM, with its unit in words.", f"# TYPE {name} gauge"]
        for gpu in range(8):
            share = "PROF" in name and "BYTES" not in name
            value = f"{chance.random():.6f}" if share else str(chance.randrange(10 ** chance.randrange(1, 11)))
            lines.append(
                f'{name}{{gpu="{gpu}",UUID="GPU-9b7d1{gpu:03x}-{gpu:04x}-4abc-9def-{gpu:012x}",'
                f'pci_bus_id="00000000:{24 + gpu:02X}:00.0",device="nvidia{gpu}",modelName="NVIDIA H100 80GB HBM3",'
                f'Hostname="gpu-node-017.cluster.example",DCGM_FI_DRIVER_VERSION="580.95.05",container="vllm",'
                f'namespace="inference",pod="llama-70b-deployment-7c9f8b6d5-x2x{gpu}q"}} {value}'
            )
    return "\n".join([*lines, ""]).encode()


def vllm_page(chance: random.Random) -> bytes:
    """A vLLM page: ten histograms of 46 buckets and a few numbers."""
    labels = 'engine="0",model_name="meta-llama/Llama-3.1-70B-Instruct"'
    lines: list[str] = []
    for name in VLLM_HISTOGRAMS:
        lines += [f"# HELP vllm:{name} Histogram of it.", f"# TYPE vllm:{name} histogram"]
        for bucket in range(46):
            lines.append(f'vllm:{name}_bucket{{{labels},le="{0.001 * 2**bucket}"}} {chance.randrange(10**6)}.0')
        lines += [f"vllm:{name}_{part}{{{labels}}} {chance.randrange(10**6)}.0" for part in ("sum", "count", "created")]
    lines += [f"vllm:{name}{{{labels}}} {chance.randrange(10**6)}.0" for name in VLLM_NUMBERS]
    lines += [
        f"process_{name} {chance.randrange(10**6)}.0" for name in ("resident_memory_bytes", "open_fds", "max_fds")
    ]
    return "\n".join([*lines, ""]).encode()
