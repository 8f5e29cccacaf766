"""The stage: a fleet's pages, our daemon and Prometheus over the same ones, each a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from tests.bench.scale.pages import address
from tests.bench.stage import ROOT, free_port
from tests.real import paging
from tests.tools.parts import find

INTERVAL_S = 5.0
PEER = "Prometheus"
CONFIG = """[cluster]
name = "scale"
interval_s = {interval_s}
[discover]
files = ["targets.json"]
[slurm]
via = "off"
"""
PROMETHEUS = """global: {{scrape_interval: {every:g}s, scrape_timeout: {timeout:g}s, evaluation_interval: {every:g}s}}
rule_files: [{rules}]
scrape_configs: [{{job_name: gpu, file_sd_configs: [{{files: [targets.json]}}]}}]
"""
_START_S = 240.0


@dataclass(frozen=True, slots=True)
class Pages:
    """A fleet whose pages are being served."""

    nodes: int
    port: int
    process: subprocess.Popen[str]

    def say(self, node: int, line: str) -> None:
        """Add a line to a node's page."""
        wishes: IO[str] | None = self.process.stdin
        assert wishes is not None, "started with a pipe"
        wishes.write(f"set {node} {line}\n")
        wishes.flush()


@dataclass(frozen=True, slots=True)
class Peer:
    """A Prometheus that scrapes the pages."""

    process: subprocess.Popen[str]
    port: int

    def ask(self, query: str) -> float | None:
        """What an instant query gives: its first value; None where it gives none yet."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query"
        answer = httpx.get(url, params={"query": query}, timeout=30.0).raise_for_status()  # 503 while it starts
        result = answer.json()["data"]["result"]
        return float(result[0]["value"][1]) if result else None


@contextmanager
def pages(folder: Path, nodes: int, interval_s: float = INTERVAL_S) -> Iterator[Pages]:
    """Serve a fleet, and list its targets in `targets.json` of a folder."""
    command = [sys.executable, "-m", "tests.bench.scale.pages", str(nodes), str(interval_s)]
    pipe = subprocess.PIPE
    with paging.ending(subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)) as process:
        assert process.stdout is not None, "started with a pipe"
        port = int(process.stdout.readline())
        folder.mkdir(parents=True, exist_ok=True)
        targets = [f"{address(node)}:{port}" for node in range(nodes)]
        (folder / "targets.json").write_text(json.dumps([{"targets": targets}]))
        yield Pages(nodes, port, process)


@contextmanager
def ours(folder: Path, more: str = "", interval_s: float = INTERVAL_S) -> Iterator[paging.Daemon]:
    """Our daemon over the targets of a folder; `more` is appended to its configuration."""
    with paging.daemon(folder, CONFIG.format(interval_s=interval_s) + more) as running:
        yield running


@contextmanager
def prometheus(folder: Path, rules: str = "", interval_s: float = INTERVAL_S) -> Iterator[Peer]:
    """Debian's Prometheus over the targets of a folder, with a file of rules there if one is named."""
    config, port = folder / "prometheus.yml", free_port()
    config.write_text(PROMETHEUS.format(every=interval_s, timeout=0.8 * interval_s, rules=rules))
    path = find("prometheus")
    assert path is not None, "asked for before"
    command = [path, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.min-block-duration=2h"]
    quiet = subprocess.DEVNULL
    with paging.ending(subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet, text=True)) as process:
        peer = Peer(process, port)
        wait_for(lambda: peer.ask("vector(1)") == 1.0, "Prometheus answers")
        yield peer


def status(daemon: paging.Daemon, path: str = "/api/cluster/status") -> Any:  # noqa: ANN401 - JSON has no better name
    """What a route of the daemon answers."""
    transport = httpx.HTTPTransport(uds=str(daemon.socket))
    with httpx.Client(transport=transport, base_url="http://daemon", timeout=30.0) as client:
        return client.get(path).raise_for_status().json()


def wait_for(is_so: Callable[[], object], what: str, within_s: float = _START_S) -> None:
    """Wait until something is so; failures to connect count as not yet. Raises TimeoutError."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if is_so():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"waited {within_s:g} s until {what}")


def is_full() -> bool:
    """Whether the long forms are wanted: `GPU_WATCHDOG_BENCH=full`."""
    return os.environ.get("GPU_WATCHDOG_BENCH") == "full"
