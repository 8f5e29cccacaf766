"""What the start of vLLM can be told: flags, or GPU_WATCHDOG_VLLM_… variables; a flag wins."""

import argparse
import ipaddress
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EXIT_USAGE = 64
"""EX_USAGE of sysexits.h."""
PREFIX = "GPU_WATCHDOG_VLLM_"
MODEL = "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"
LONGEST_TOKEN = 4096


class SettingsError(Exception):
    """A setting is wrong; the text says which and what to do."""


@dataclass(frozen=True)
class Settings:
    """Everything it can be told."""

    model: str = MODEL
    name: str = ""
    """Under which it is served; empty: the model's own."""
    host: str = "127.0.0.1"
    port: int = 8000
    volume: Path = Path("/workspace")
    """Where weights and caches stay when the pod goes."""
    log: Path | None = None
    """None: `logs/vllm.log` on the volume; a single `-`: standard output alone."""
    hf_token_file: Path | None = None
    api_key_file: Path | None = None
    gpus: int = 0
    """How many to use; 0: as many as divide."""
    max_model_len: int = 0
    """Tokens of a context; 0: as the memory allows."""
    memory_share: float = 0.9
    tool_parser: str = "qwen3_coder"
    reasoning_parser: str = "nemotron_v3"
    vllm: str = "vllm"
    """The program that is started."""
    restarts: int = 5
    """Starts in a row that may fail before it gives up."""
    drain_s: float = 30.0
    """Seconds that requests under way may take when it is told to stop."""
    ready_file: Path | None = None
    """None: `run/vllm.ready` on the volume."""
    prints: bool = False
    """Only print what would be run."""
    more: tuple[str, ...] = ()
    """Words for vLLM itself."""

    @property
    def log_file(self) -> Path | None:
        """Where the log goes; None: standard output alone."""
        if self.log is None:
            return self.volume / "logs" / "vllm.log"
        return None if str(self.log) == "-" else self.log

    @property
    def ready(self) -> Path:
        """The file that is there while it serves."""
        return self.ready_file or self.volume / "run" / "vllm.ready"


DEFAULTS = Settings()


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read flags and variables; raises SettingsError. `--help` prints and leaves. What follows `--` is vLLM's own."""
    words = list(arguments)
    more: list[str] = []
    if "--" in words:
        at = words.index("--")
        words, more = words[:at], words[at + 1 :]
    try:
        chosen, unknown = _parser(environment).parse_known_args(words)
    except argparse.ArgumentError as error:
        raise SettingsError(str(error)) from error
    if unknown:
        raise SettingsError(f"unknown argument {unknown[0]}; see --help, and put vLLM's own flags behind --")
    found = Settings(**vars(chosen), more=tuple(more))
    _check(found)
    return found


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m pod.vllm",
        description="Serve a model with vLLM, and start it again when it ends.",
        exit_on_error=False,
    )

    def add(flag: str, kind: type, text: str) -> None:
        name = flag[2:].replace("-", "_")
        default = getattr(DEFAULTS, name)
        given = environment.get(PREFIX + name.upper())
        try:
            default = kind(given) if given is not None else default
        except ValueError as error:
            raise SettingsError(f"{PREFIX}{name.upper()}: {given!r} is no {kind.__name__}") from error
        parser.add_argument(flag, type=kind, default=default, help=f"{text} (default: {default})")

    add("--model", str, "the model, as the hub names it, or a folder")
    add("--name", str, "name it is served under; empty: the model's own")
    add("--host", str, "address to listen on; other than loopback only with --api-key-file")
    add("--port", int, "port to listen on")
    add("--volume", Path, "folder that outlives the pod: weights, caches, log")
    add("--log", Path, "file of the log; -: standard output alone")
    add("--hf-token-file", Path, "file that holds the hub's token (0600)")
    add("--api-key-file", Path, "file that holds the key that callers must bring (0600)")
    add("--gpus", int, "GPUs to use; 0: as many as divide")
    add("--max-model-len", int, "tokens of a context; 0: as the memory allows")
    add("--memory-share", float, "share of the GPUs' memory it may take")
    add("--tool-parser", str, "vLLM's parser of tool calls; empty: none")
    add("--reasoning-parser", str, "vLLM's parser of reasoning; empty: none")
    add("--vllm", str, "the vllm program")
    add("--restarts", int, "starts in a row that may fail before it gives up")
    add("--drain-s", float, "seconds that requests under way may take at a stop")
    add("--ready-file", Path, "file that is there while it serves")
    parser.add_argument("--print", dest="prints", action="store_true", help="print the command and leave")
    return parser


def _check(settings: Settings) -> None:
    """Raises SettingsError."""
    if not 1 <= settings.port <= 65535:
        raise SettingsError(f"--port {settings.port} is no port")
    if not 0.1 <= settings.memory_share <= 0.99:
        raise SettingsError(f"--memory-share {settings.memory_share:g} is not between 0.1 and 0.99")
    if settings.gpus < 0 or settings.max_model_len < 0 or settings.restarts < 1:
        raise SettingsError("--gpus and --max-model-len count from 0, --restarts from 1")
    if not settings.model or settings.model.startswith("-"):
        raise SettingsError(f"--model {settings.model!r} is no model")
    if settings.api_key_file is None and not is_loopback(settings.host):
        raise SettingsError(
            f"--host {settings.host} is not loopback: reach it through ssh, or give --api-key-file, lest everybody may"
        )
    for path in (settings.hf_token_file, settings.api_key_file):
        if path is not None:
            read_secret(path)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_secret(path: Path) -> str:
    """The secret of a file that only its owner may read. Raises SettingsError."""
    try:
        status = path.stat()
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise SettingsError(f"{path} may be read by others than its owner: chmod 600 {path}")
        text = path.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or os.strerror(error.errno or 0)}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} holds no text") from error
    if not text or len(text) > LONGEST_TOKEN or len(text.split()) != 1:
        raise SettingsError(f"{path} must hold one word")
    return text
