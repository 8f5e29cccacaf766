"""Which GPUs there are for a server: by the driver's library, else by nvidia-smi."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

_ASK = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")
_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Boards:
    """The GPUs a server may use."""

    memory_gib: tuple[float, ...] = ()
    """Of each; empty: none is to be seen."""

    @property
    def count(self) -> int:
        """How many."""
        return len(self.memory_gib)


def boards(environment: Mapping[str, str]) -> Boards:
    """The GPUs that this environment lets a program see."""
    every = _by_library() or _by_command()
    wanted = environment.get("CUDA_VISIBLE_DEVICES")
    if wanted is None or not every:
        return Boards(every)
    named = [one for one in wanted.split(",") if one.strip()]
    return Boards(tuple(_memory_of(name, every) for name in named))


def _memory_of(name: str, every: tuple[float, ...]) -> float:
    """Of an index that one; of a UUID the least, since its place is not known."""
    return every[int(name)] if name.strip().isdigit() and int(name) < len(every) else min(every)


def _by_library() -> tuple[float, ...]:
    try:
        nvml: Any = import_module("pynvml")
    except ImportError:
        return ()
    try:
        nvml.nvmlInit()
        try:
            count = nvml.nvmlDeviceGetCount()
            found = (nvml.nvmlDeviceGetMemoryInfo(nvml.nvmlDeviceGetHandleByIndex(at)).total for at in range(count))
            return tuple(total / 2**30 for total in found)
        finally:
            nvml.nvmlShutdown()
    except nvml.NVMLError:
        return ()


def _by_command() -> tuple[float, ...]:
    try:
        done = subprocess.run(
            _ASK, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    if done.returncode:
        return ()
    lines = [line.strip() for line in done.stdout.splitlines()]
    return tuple(float(line) / 1024 for line in lines if line.isdigit())
