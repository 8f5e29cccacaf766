"""Somebody who rents a cluster with nothing but the program: a home, a key, and an emulated RunPod of namespaces."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real.deploy.cloud import cloud
from tests.real.deploy.pods import NamespacePods, Quirks
from tests.standins.runpod.emulator import Emulator
from tests.standins.runpod.provider.layout import mirror

ROOT = Path(__file__).parents[3]
GPU = "NVIDIA H100 80GB HBM3"
"""What the NVML stand-in says it is."""
WITHIN_S = 300.0
POLL_S = 0.2


@dataclass
class Customer:
    """One user of this machine."""

    home: Path
    """Short: sockets lie in it."""
    runpod: Emulator
    pods: NamespacePods
    extra: Mapping[str, str] = field(default_factory=dict)
    """More of the environment."""
    times: dict[str, float] = field(default_factory=dict)
    """Seconds of what was measured."""

    @property
    def state_dir(self) -> Path:
        """Where the program keeps what it knows."""
        return self.home / "state"

    @property
    def folder(self) -> Path:
        """That of the deployment."""
        return self.state_dir / "deployments/lab"

    def environ(self) -> dict[str, str]:
        """What their shell has; nothing of this machine's own Slurm is configured in it."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "GPU_WATCHDOG_STATE_DIR": str(self.state_dir),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "TF_CLI_CONFIG_FILE": str(mirror(self.home / "terraform")),
            "RUNPOD_API_BASE_URL": self.runpod.url,
            "RUNPOD_API_KEY": self.runpod.key,
            **self.extra,
        }

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of the program to its end; nobody sits at a terminal."""
        return subprocess.run(
            (sys.executable, "-m", "app", *words),
            check=False,
            cwd=ROOT,
            env=self.environ(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )

    def must(self, *words: str, stdin: str = "") -> str:
        """Run one that has to succeed and return what it prints."""
        done = self.run(*words, stdin=stdin)
        assert 0 == done.returncode, f"{' '.join(words)}: {done.returncode}\n{done.stderr}\n{done.stdout}"
        return done.stdout

    def json(self, *words: str, stdin: str = "") -> Any:  # noqa: ANN401 - JSON has any shape
        """The last object that a command prints with `--json`; its exit code may say that something is astray."""
        done = self.run(*words, "--json", stdin=stdin)
        assert done.stdout, f"{' '.join(words)}: {done.returncode}\n{done.stderr}"
        return json.loads(done.stdout.splitlines()[-1])

    def seen(self, command: str, is_so: Callable[[Any], bool], within_s: float = 60.0) -> Any:  # noqa: ANN401 - as above
        """What a command prints once it is so; the last of it, where it never is."""
        deadline = time.monotonic() + within_s
        while not is_so(answer := self.json(command)) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return answer

    def until(self, is_so: Callable[[], bool], within_s: float = 60.0) -> None:
        """Wait for what the cluster does."""
        deadline = time.monotonic() + within_s
        while not is_so():
            assert time.monotonic() < deadline, f"waited {within_s:g} s"
            time.sleep(POLL_S)

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """Note how long something takes."""
        began = time.monotonic()
        yield
        self.times[name] = time.monotonic() - began

    def steps(self) -> dict[str, float]:
        """Seconds of each step of the runs so far, as the journal tells them; those of one name are added up."""
        began: dict[str, float] = {}
        took: dict[str, float] = {}
        for line in (self.folder / "events.ndjson").read_text().splitlines():
            event = json.loads(line)
            step = event.get("step", "")
            if event["told"] == "begun" and step:
                began[step] = event["at"]
            elif event["told"] == "done" and step in began:
                took[step] = took.get(step, 0.0) + event["at"] - began.pop(step)
        return took

    def show_times(self) -> None:
        """Say them, for who runs the tests by hand (`-s`)."""
        for told in (self.times, self.steps()):
            sys.stderr.write("\n" + "  ".join(f"{name} {took_s:.1f} s" for name, took_s in told.items()) + "\n")


@contextmanager
def customer(
    home: Path,
    quirks: Mapping[str, Quirks] | None = None,
    *,
    key: str = "test-key",
    extra: Mapping[str, str] | None = None,
    pods: NamespacePods | None = None,
) -> Iterator[Customer]:
    """A user and their provider; every pod ends with it."""
    with cloud(quirks, key=key, pods=pods) as (runpod, made):
        yield Customer(home, runpod, made, extra or {})
