"""The command that serves a model, and its environment, from what was asked for and the GPUs there are. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pod.vllm.boards import Boards
from pod.vllm.settings import MODEL, Settings, SettingsError, read_secret

_STEP = 4096
"""A context is a multiple of so many tokens."""
_OVERHEAD_GIB = 4.0
"""Of each GPU: activations, CUDA graphs, NCCL."""
_CACHE_SHARE = 0.5
"""Share of the KV cache that one context may fill: two of the longest run at once."""
_LEAST = 8192


@dataclass(frozen=True)
class Known:
    """What is known of a model."""

    weights_gib: float
    bytes_a_token: float
    """Of KV cache, over all GPUs."""
    longest: int
    """Tokens its makers trained it for."""
    heads: int
    """Attention heads: the number of GPUs must divide it."""


KNOWN: Mapping[str, Known] = {
    # 30 billion parameters of two bytes; of its layers six attend, with two KV heads of 128 (its config.json).
    MODEL: Known(59.0, 6 * 2 * 2 * 128 * 2, 262_144, 32),
}


@dataclass(frozen=True)
class Start:
    """What is to be run."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    """Added to the environment there is; never printed whole."""
    dropped: tuple[str, ...] = ()
    """Variables taken out of it."""
    remarks: tuple[str, ...] = ()
    """What a person should know of it."""


def start_of(settings: Settings, found: Boards) -> Start:
    """What to run. Raises SettingsError where it cannot work."""
    remarks: list[str] = []
    gpus = gpus_for(settings, found, remarks)
    length = settings.max_model_len or _length(settings, found, gpus, remarks)
    argv = [settings.vllm, "serve", settings.model, "--host", settings.host, "--port", str(settings.port)]
    argv += ["--served-model-name", settings.name or settings.model]
    if gpus:
        argv += ["--tensor-parallel-size", str(gpus), "--gpu-memory-utilization", f"{settings.memory_share:g}"]
    if length:
        argv += ["--max-model-len", str(length)]
    if settings.tool_parser:
        argv += ["--enable-auto-tool-choice", "--tool-call-parser", settings.tool_parser]
    if settings.reasoning_parser:
        argv += ["--reasoning-parser", settings.reasoning_parser]
    return Start((*argv, *settings.more), *_environment(settings), tuple(remarks))


def gpus_for(settings: Settings, found: Boards, remarks: list[str]) -> int:
    """How many GPUs share the model: the most that divide its heads. Raises SettingsError."""
    if settings.gpus > found.count > 0:
        raise SettingsError(f"--gpus {settings.gpus}: there are {found.count}")
    if not found.count:
        remarks.append("no GPU is to be seen: vLLM is started without saying how many it may use")
        return settings.gpus
    wanted = settings.gpus or found.count
    known = KNOWN.get(settings.model)
    # Heads are a power of two in nearly every model; what is not known to divide is not tried.
    heads = known.heads if known is not None else 2 ** int(math.log2(wanted))
    gpus = max(one for one in range(1, wanted + 1) if heads % one == 0)
    if gpus < wanted and settings.gpus:
        raise SettingsError(f"--gpus {settings.gpus} does not divide the {heads} attention heads; {gpus} would")
    if gpus < found.count:
        remarks.append(f"{gpus} of {found.count} GPUs are used: more do not divide the model")
    return gpus


def _length(settings: Settings, found: Boards, gpus: int, remarks: list[str]) -> int:
    """Tokens of a context that the memory allows; 0: the model's own. Raises SettingsError where it does not fit."""
    known = KNOWN.get(settings.model)
    if known is None or not found.count:
        return 0
    each = min(found.memory_gib[:gpus])
    has = gpus * (each * settings.memory_share - _OVERHEAD_GIB)
    left = has - known.weights_gib
    length = int(max(0.0, left) * 2**30 * _CACHE_SHARE / known.bytes_a_token) // _STEP * _STEP
    if length < _LEAST:
        raise SettingsError(
            f"{settings.model} does not fit: its weights take {known.weights_gib:.0f} GiB and {gpus} GPUs "
            f"of {each:.0f} GiB leave {max(0.0, has):.0f}; use more or larger GPUs, or another --model"
        )
    if length < known.longest:
        remarks.append(
            f"a context may have {length:,} tokens of the model's {known.longest:,}: the memory allows no more"
        )
    return min(length, known.longest)


def _environment(settings: Settings) -> tuple[dict[str, str], tuple[str, ...]]:
    """Caches on the volume; secrets by file or environment, never as words of the command."""
    found = {
        "HF_HOME": str(settings.volume / "huggingface"),
        "VLLM_CACHE_ROOT": str(settings.volume / "vllm"),
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }
    dropped: tuple[str, ...] = ()
    if settings.hf_token_file is not None:
        found["HF_TOKEN_PATH"] = str(settings.hf_token_file)  # the hub's library reads it itself
        dropped = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
    if settings.api_key_file is not None:
        found["VLLM_API_KEY"] = read_secret(settings.api_key_file)
    return found, dropped
