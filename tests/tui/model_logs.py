"""Logs of model servers for tests of the screen: our own words in the forms that vLLM writes, in a test's file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from app.config.settings import Log
from app.services.log_tail import ModelLogs, open_model_logs
from tests.tui.boards import NOW

API = "(APIServer pid=411) "
ENGINE = "(EngineCore pid=760) "
_STARTED = (
    API + "INFO {0} [api_utils.py:286] non-default args: {{'model': 'nvidia/Nemotron-3-Nano-30B-A3B', 'port': 8000}}",
    API + "INFO {0} [utils.py:233] vLLM API server version 0.33.0",
    API + "WARNING {0} [system_utils.py:255] The limit of open files is low.",
    ENGINE + "INFO {1} [core.py:133] Initializing a V1 LLM engine (v0.33.0) with config: model='nvidia/Nemotron'",
    ENGINE + "INFO {2} [gpu_model_runner.py:5001] Starting to load model nvidia/Nemotron-3-Nano-30B-A3B...",
    "Loading safetensors checkpoint shards:  31% Completed | 4/13 [00:09<00:20,  2.27s/it]",
    "Loading safetensors checkpoint shards: 100% Completed | 13/13 [00:31<00:00,  2.36s/it]",
    ENGINE + "INFO {3} [default_loader.py:308] Loading weights took 31.02 seconds",
    ENGINE + "INFO {3} [gpu_model_runner.py:5100] Model loading took 58.91 GiB memory and 34.120011 seconds",
    ENGINE
    + "INFO {3} [backends.py:560] Using cache directory: /volume/vllm/torch_compile_cache for vLLM's torch.compile",
    ENGINE + "INFO {4} [monitor.py:34] torch.compile takes 41.80 s in total",
    ENGINE + "INFO {4} [gpu_worker.py:298] Available KV cache memory: 12.60 GiB",
    ENGINE + "INFO {4} [kv_cache_utils.py:1087] GPU KV cache size: 1,204,992 tokens",
    "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  45%|████▌     | 23/51 [00:05<00:06,  4.3it/s]",
)
_READY = (
    ENGINE + "INFO {4} [gpu_model_runner.py:4200] Graph capturing finished in 12 secs, took 0.71 GiB",
    ENGINE + "INFO {4} [core.py:259] init engine (profile, create kv cache, warmup model) took 60.10 s",
    API + "INFO {4} [entry.py:140] Starting vLLM server on http://127.0.0.1:8000",
    "INFO:     Application startup complete.",
)
_OFFSETS = (95.0, 88.0, 84.0, 47.0, 0.0)
"""Of the stamps, seconds before the newest."""


def starting(age_s: float = 6.0) -> str:
    """A start up to the middle of its CUDA graphs, its newest line so old."""
    return "".join(f"{line.format(*_stamps(age_s))}\n" for line in _STARTED)


def ready(age_s: float = 6.0) -> str:
    """A start to its end."""
    return starting(age_s) + "".join(f"{line.format(*_stamps(age_s))}\n" for line in _READY)


def _stamps(age_s: float) -> tuple[str, ...]:
    return tuple(f"{datetime.fromtimestamp(NOW - age_s - one, UTC):%m-%d %H:%M:%S}" for one in _OFFSETS)


class StoppedClock:
    """Stands at the boards' moment."""

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return NOW

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits {seconds} s here")


def opened(path: Path, node: str = "gpu-02") -> Callable[[], AbstractAsyncContextManager[ModelLogs]]:
    """The logs of a configuration that names one file."""

    @asynccontextmanager
    async def opening() -> AsyncIterator[ModelLogs]:
        log = Log(kind="vllm", node=node, path=str(path), name="vllm log")
        async with open_model_logs((log,), path.parent, StoppedClock(), {}, UTC) as found:
            yield found

    return opening
