"""What vLLM says while it comes up: one row a sentence, with the phase it speaks of.

Sources: the messages that vLLM's own modules log, as read out of its releases 0.4.3, 0.5.5, 0.6.0, 0.6.6, 0.7.3, 0.8.5,
0.9.2, 0.11.2, 0.16.0, 0.22.1, 0.28.0 and 0.33.0 (`v1/worker/gpu_model_runner.py`, `v1/worker/gpu_worker.py`,
`v1/core/kv_cache_utils.py`, `compilation/backends.py`, `compilation/monitor.py`, `model_executor/model_loader/`,
`v1/engine/core.py`, `entrypoints/`); progress bars of tqdm as vLLM and huggingface_hub name them; uvicorn's.

Groups of a pattern: `done` and `of` count parts, `percent` is a share, `took` seconds, `what` a few words to show,
`model` and `version` name what is started.
"""
# ruff: noqa: E501 - a row reads best as one table line

from __future__ import annotations

import re

from app.domain.frozen import frozen
from app.domain.model_start import PhaseName


@frozen
class StartSign:
    """One sentence of a start."""

    phase: PhaseName
    needle: str
    """A part that every such line has: looked for first, since most lines have none."""
    pattern: re.Pattern[str]
    is_end: bool = False
    """The phase is over with it."""
    is_begin: bool = False
    """A start begins with it; said again later, it is another start."""


def _sign(phase: PhaseName, needle: str, pattern: str = "", *, end: bool = False, begin: bool = False) -> StartSign:
    return StartSign(phase, needle, re.compile(pattern or re.escape(needle)), end, begin)


_BAR = r"(?:: | )+(?P<percent>\d{1,3})%"
_PARTS = r"[^|]{0,40}\|[^|]{0,80}\| *(?P<done>\d{1,6})/(?P<of>\d{1,6})\b"
_SHARDS = r"(?: Completed)? \| (?P<done>\d{1,6})/(?P<of>\d{1,6})\b"

# fmt: off
START_SIGNS: tuple[StartSign, ...] = (
    # ── start ──
    _sign("start", "vLLM API server version", r"vLLM API server version (?P<version>[\w.+-]{1,40})", begin=True),
    _sign("start", " version ", r"^[\s▀▄█]*[▀▄█]+[\s▀▄█]* version (?P<version>[\w.+-]{1,40})", begin=True),
    _sign("start", " model ", r"^[\s▀▄█]*[▀▄█]+[\s▀▄█]* model +(?P<model>\S{1,160})"),
    _sign("start", "non-default args", r"non-default args: .{0,2000}?'model': '(?P<model>[^']{1,160})'"),
    _sign("start", "Resolved architecture", r"Resolved architecture: (?P<what>\S{1,60})"),
    _sign("start", "LLM engine", r"Initializing an? (?:V\d )?LLM engine \(v(?P<version>[\w.+-]{1,40})\) with config: .{0,20}?model='(?P<model>[^']{1,160})'"),
    _sign("start", "LLM engine", r"Initializing an? (?:V\d )?LLM engine"),
    _sign("start", "vLLM is using nccl", r"vLLM is using nccl==(?P<what>[\w.]+)"),
    _sign("start", "world_size=", r"world_size=(?P<what>\d+) rank=\d+ local_rank=\d+"),
    _sign("start", "is assigned as DP rank", r"rank (?P<what>\d+) in world size \d+ is assigned"),
    # ── download ──
    _sign("download", "Fetching ", r"Fetching (?P<of>\d{1,6}) files" + _BAR + r"[^|]{0,40}\|[^|]{0,80}\| *(?P<done>\d{1,6})/"),
    _sign("download", "Downloading shards", r"Downloading shards" + _BAR + _PARTS),
    _sign("download", "%|", r"(?P<what>[\w.-]{1,80}\.(?:safetensors|bin|pt|gguf))" + _BAR + r"\|"),
    _sign("download", "%|", r"(?:Downloading|Reconstructing)[^:|]{0,80}" + _BAR + r"\|"),
    _sign("download", "Time spent downloading weights", r"Time spent downloading weights for (?P<model>\S{1,160}): (?P<took>\d{1,9}\.?\d{0,9}) seconds", end=True),
    # ── weights ──
    _sign("weights", "Starting to load model", r"Starting to load model (?P<model>\S{1,160}?)\.\.\.$"),
    _sign("weights", "Starting to load model"),
    _sign("weights", "Using model weights format"),
    _sign("weights", "Loading weights with", r"Loading weights with (?P<what>\w{1,40}) quantization"),
    _sign("weights", "checkpoint shards", r"Loading (?:\w{1,20} ){1,3}checkpoint shards" + _BAR + _SHARDS),
    _sign("weights", "checkpoint shards", r"Loading (?:\w{1,20} ){1,3}checkpoint shards" + _BAR),
    _sign("weights", "Loading weights took", r"Loading weights took (?P<took>\d{1,9}\.?\d{0,9}) seconds", end=True),
    _sign("weights", "Loading model weights took", r"Loading model weights took (?P<what>[\d.]{1,12} Gi?B)", end=True),
    _sign("weights", "Model loading took", r"Model loading took (?P<what>[\d.]{1,12} Gi?B)(?: memory)? and (?P<took>\d{1,9}\.?\d{0,9}) seconds", end=True),
    # ── compile ──
    _sign("compile", "Starting torch.compile"),
    _sign("compile", "for vLLM's torch.compile", r"Using cache directory: (?P<what>\S{1,200}) for vLLM's torch\.compile"),
    _sign("compile", "Dynamo bytecode transform time", r"Dynamo bytecode transform time: (?P<what>[\d.]{1,12} s)"),
    _sign("compile", "ompiling a graph for", r"ompiling a graph for (?P<what>.{1,60}?) takes [\d.]{1,12} s"),
    _sign("compile", "load the compiled graph", r"Directly load the compiled graph\(s\) for (?P<what>.{1,60}?) from the cache"),
    _sign("compile", "Cache the graph", r"Cache the graph (?:for|of) (?P<what>.{1,60}?) for later use"),
    _sign("compile", "Directly load AOT compilation"),
    _sign("compile", "ompile and warming up model for size", r"ompile and warming up model for size (?P<what>\d{1,9})"),
    _sign("compile", "Warming up model for the compilation"),
    _sign("compile", "torch.compile takes", r"torch\.compile takes (?P<took>\d{1,9}\.?\d{0,9}) s in total", end=True),
    _sign("compile", "torch.compile and initial profiling", r"torch\.compile and initial profiling/warmup run together took (?P<took>\d{1,9}\.?\d{0,9}) s", end=True),
    _sign("compile", "Warming up done", end=True),
    # ── memory for the KV cache ──
    _sign("memory", "Initial profiling/warmup run took", r"Initial profiling/warmup run took (?P<took>\d{1,9}\.?\d{0,9}) s"),
    _sign("memory", "Memory profiling takes", r"Memory profiling takes (?P<took>\d{1,9}\.?\d{0,9}) seconds"),
    _sign("memory", "the current vLLM instance can use"),
    _sign("memory", "Estimated CUDA graph memory", r"Estimated CUDA graph memory: (?P<what>[\d.]{1,12} GiB)"),
    _sign("memory", "Available KV cache memory", r"Available KV cache memory: (?P<what>[\d.]{1,12} GiB)"),
    _sign("memory", "GiB for KV cache", r"set \(?(?P<what>[\d.]{1,12})[/\d.]*\)? GiB for KV cache"),
    _sign("memory", "KV cache size", r"KV cache size: (?P<what>[\d,]{1,20} tokens)"),
    _sign("memory", "Maximum concurrency for", r"Maximum concurrency for [\d,]{1,20} tokens per request: (?P<what>[\d.]{1,12}x)"),
    _sign("memory", " blocks: ", r"# (?:GPU|cuda|CPU|rocm) blocks: (?P<what>\d{1,12})"),
    # ── CUDA graphs ──
    _sign("graphs", "Capturing the model for CUDA graphs"),
    _sign("graphs", "Capturing cudagraphs for", r"Capturing cudagraphs for (?P<what>.{1,60})"),
    _sign("graphs", "Capturing model for", r"Capturing model for (?P<what>.{1,60}?)\.\.\."),
    _sign("graphs", "Capturing CUDA graph", r"Capturing CUDA graphs?(?: shapes)?(?: \((?P<what>[^)]{1,60})\))?" + _BAR + _PARTS),
    _sign("graphs", "Capturing CUDA graph", r"Capturing CUDA graphs?"),
    _sign("graphs", "Graph capturing finished in", r"Graph capturing finished in (?P<took>\d{1,9}\.?\d{0,9}) secs", end=True),
    # ── warm-up ──
    _sign("warmup", "init engine (profile", r"init engine \(profile, create kv cache, warmup model\) took (?P<took>\d{1,9}\.?\d{0,9}) s"),
    _sign("warmup", "Warming up", r"Warming up (?P<what>.{1,60}?)\.\.\."),
    _sign("warmup", "warmup completed in", r"(?P<what>[\w ]{1,60}?) warmup completed"),
    _sign("warmup", "Supported tasks", r"Supported (?:_)?tasks: (?P<what>.{1,80})"),
    _sign("warmup", "Starting vLLM", r"Starting vLLM (?:API )?server(?: \d+)? on (?P<what>\S{1,120})"),
    _sign("warmup", "Available routes are"),
    _sign("warmup", "Waiting for application startup"),
    # ── ready ──
    _sign("ready", "Application startup complete"),
    _sign("ready", "Uvicorn running on", r"Uvicorn running on (?P<what>\S{1,120})"),
    _sign("ready", "Server is ready to accept requests"),
)
# fmt: on
