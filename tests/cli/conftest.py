"""What tests of commands look at: pages on loopback, a store with a little past, and a way to run a command line."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.__main__ import main
from app.cli import deploy_run
from app.domain.apply import Change
from app.domain.series import FLEET, Subject
from app.domain.snapshot import Layer, Snapshot
from app.store.history import Tick
from app.store.sqlite import open_store
from tests.cli.deploying import FakeDeploys
from tests.cli.schema_rules import faults
from tests.standins.slurm_commands import FakeSlurm, row

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command line left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON has no better name
        """Its output as JSON."""
        return json.loads(self.out)


Run = Callable[..., Answer]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process; what it prints as JSON must fit its schema."""

    def answer(*words: str) -> Answer:
        code = main(words)
        shown = capsys.readouterr()
        assert [] == faults(words, shown.out)
        return Answer(code, shown.out, shown.err)

    return answer


@pytest.fixture
def deploys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDeploys:
    """The service that the command asks."""
    fake = FakeDeploys(tmp_path)
    monkeypatch.setattr(deploy_run, "deploying", fake.opened)
    monkeypatch.setenv("GPU_WATCHDOG_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("GPU_WATCHDOG_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("[deploy]\nnodes = 3\n")
    return fake


def schema(name: str) -> Any:  # noqa: ANN401 - JSON has no better name
    """A schema of docs/schema."""
    return json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))


def dcgm_page(gpus: int = 2, *, host: str = "node-1") -> str:
    """A small page as dcgm-exporter writes it: utilization 10, 20, …, and power."""
    lines = []
    for metric, value in (("DCGM_FI_DEV_GPU_UTIL", 10.0), ("DCGM_FI_DEV_POWER_USAGE", 100.5)):
        lines.append(f"# TYPE {metric} gauge")
        for gpu in range(gpus):
            labels = f'gpu="{gpu}",UUID="GPU-0000000{gpu}-1111",device="nvidia{gpu}",modelName="NVIDIA H100 80GB HBM3"'
            lines.append(f'{metric}{{{labels},Hostname="{host}"}} {value * (gpu + 1)}')
    return "\n".join(lines) + "\n"


@pytest.fixture
def serve_page() -> Iterator[Callable[[str], str]]:
    """Serve a text on a loopback port of its own; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(text: str) -> str:
        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/metrics"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def hung_page() -> Iterator[str]:
    """The address of an exporter that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/metrics"


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """A Slurm of stand-ins that the configuration names: ana's 812 runs, bo's 813 waits."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = FakeSlurm(folder)
    fake.queue(row(812), row(813, state="PENDING", gpus=8, UserName="bo"))
    fake.says("squeue -h -a -r -t all", stdout="812 CANCELLED\n")
    monkeypatch.setenv("GPU_WATCHDOG_SLURM_BIN_DIR", str(folder))
    monkeypatch.setenv("GPU_WATCHDOG_DISCOVER_LOCAL", "false")
    return fake


PAST = 1_764_000_000.0
"""Epoch seconds at which the past of `stored_past` begins; it has a sample every 10 s for five minutes."""


@pytest.fixture
def stored_past(tmp_path: Path) -> Path:
    """A store with five minutes of one GPU and of the fleet."""
    path = tmp_path / "history.db"
    asyncio.run(_fill(path))
    return path


async def _fill(path: Path) -> None:
    history = await open_store(path, lambda: PAST + 300, want_lease=True)
    for number in range(30):
        at = PAST + 10.0 * number
        gpu = Change(
            Subject("gpu", node="node-1", index=0), Layer("page", at, 10.0, {"gpu.utilization": 40.0 + number})
        )
        fleet = Change(FLEET, Layer("fold", at, 10.0, {"gpu.power": 1000.0}))
        await history.write(Tick(at, (gpu, fleet), snapshot=Snapshot(version=number, at=at, cluster="lab")))
    await history.close()
