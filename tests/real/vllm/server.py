"""The real server of the real tests: installed and trained once, in `.cache/vllm`; started, killed, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.real.vllm.install import install, install_small
from tests.real.vllm.scripts import TEMPLATE
from tests.tools.ports import free_port

CACHE = Path(__file__).resolve().parents[3] / ".cache" / "vllm"
MODEL = "scripted"
CONTEXT = 8192
UP_S = 240.0
"""On a busy machine of two cores it takes 20 to 100 s."""
SMALL = "small"


@dataclass(frozen=True, slots=True)
class Served:
    """A model as a server has it."""

    name: str
    parsers: tuple[str, ...]
    threads: int = 1


SCRIPTED = Served(MODEL, ("--tool-call-parser", "qwen3_coder", "--reasoning-parser", "nemotron_v3"))
"""With the parsers that production has."""
REAL = Served(SMALL, ("--tool-call-parser", "hermes"), threads=2)
_SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}


def prepared() -> Path:
    """The interpreter with vLLM; installs it and trains the model where that was not done yet. Takes minutes then."""
    python = install(CACHE, sys.executable)
    model = CACHE / MODEL
    if not (model / "generation_config.json").is_file():
        model.mkdir(parents=True, exist_ok=True)
        train = Path(__file__).with_name("train.py")
        subprocess.run([python, train.name, str(model)], cwd=train.parent, check=True, env=_environment())
    (model / "chat_template.jinja").write_text(TEMPLATE, "utf-8")
    return python


def prepared_small() -> Path:
    """The interpreter with vLLM, the small real model made beside it. Takes minutes the first time."""
    python = install(CACHE, sys.executable)
    model = CACHE / SMALL
    if not (model / "model.safetensors").is_file():
        package = install_small(CACHE, python)
        make = Path(__file__).with_name("small.py")
        subprocess.run([python, make.name, str(package), str(model)], cwd=make.parent, check=True, env=_environment())
    return python


class Server:
    """One server with one model and its parsers."""

    def __init__(self, python: Path, folder: Path, served: Served = SCRIPTED) -> None:
        self._python = python
        self.served = served
        self.log = folder / "vllm.log"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start it and wait until it is healthy; how many seconds that took."""
        began = time.monotonic()
        argv = [
            *(str(self._python.with_name("vllm")), "serve", str(CACHE / self.served.name)),
            *("--served-model-name", self.served.name),
            *("--host", "127.0.0.1", "--port", str(self.port), "--max-model-len", str(CONTEXT)),
            *("--max-num-seqs", "8", "--enforce-eager", "--enable-auto-tool-choice"),
            *self.served.parsers,
        ]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**_environment(), "OMP_NUM_THREADS": str(self.served.threads)},
                start_new_session=True,
            )
        while not self._is_healthy():
            assert self._process.poll() is None, self.log.read_text("utf-8", "replace")[-3000:]
            assert time.monotonic() - began < UP_S, self.log.read_text("utf-8", "replace")[-3000:]
            time.sleep(0.5)
        return time.monotonic() - began

    def kill(self) -> None:
        """End it at once, as a lost node does: everything it started with it."""
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)
        self._process = None

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return {**kept, **_SETTINGS}
