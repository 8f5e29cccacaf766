"""What `stack` writes, run by the distribution's servers: Prometheus, Alertmanager and the door beside our daemon."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.real import paging
from tests.real.conftest import StartServer
from tests.services.receivers import Hook, webhook
from tests.services.stack import dashboard_rules as rules

PLACEHOLDER = "http://127.0.0.1:9/fill-in-where-to-tell-people"
PORTS = ("prometheus", "alertmanager", "grafana", "door")
GPUS = 4
RULES = """
[rule.Warm]
metric = "gpu.temperature"
above = 70
text = "{value} degrees on {gpu}"
[rule.SomethingFound]
expr = "finding > 0"
severity = "critical"
"""
CONFIG = """
[cluster]
name = "lab"
interval_s = 0.5
[[target]]
url = "{page}"
node = "node-1"
[[target]]
url = "http://127.0.0.1:1/metrics"
ssh = "nobody@nowhere.invalid"
[prices]
"NVIDIA H100" = 2.5
[alerts]
rules = ["rules.toml"]
"""
PAGE = {
    "DCGM_FI_DEV_GPU_UTIL": 90,
    "DCGM_FI_DEV_GPU_TEMP": 75,
    "DCGM_FI_DEV_FB_USED": 1000,
    "DCGM_FI_DEV_FB_FREE": 80000,
    "DCGM_FI_DEV_POWER_USAGE": 500,
    "DCGM_FI_DEV_ROW_REMAP_PENDING": 1,
    "DCGM_FI_DEV_SM_CLOCK": 1980,
}
"""Busy and warm GPUs, each with a row that waits for a reset: a finding of the diagnosis'."""


def page() -> bytes:
    """The page of an exporter."""
    lines = []
    for name, value in PAGE.items():
        lines.append(f"# TYPE {name} gauge")
        for gpu in range(GPUS):
            labels = f'gpu="{gpu}",UUID="GPU-{gpu:08}-1111",modelName="NVIDIA H100 80GB HBM3",Hostname="node-1"'
            lines.append(f"{name}{{{labels}}} {value}")
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture
def exporter() -> Iterator[str]:
    """Serve the page on loopback."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(page())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()


@dataclass(frozen=True)
class Stack:
    """A folder that was written, and what runs with it."""

    folder: Path
    told: dict[str, Any]
    """What `stack --json` said."""
    ports: dict[str, int]
    hook: Hook
    prometheus: httpx.AsyncClient

    async def asked(self, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON has any shape
        """What Prometheus answers."""
        answer = (
            await self.prometheus.post(f"/api/v1/{path}", data=query)
            if query
            else await self.prometheus.get(f"/api/v1/{path}")
        )
        assert "success" == answer.json()["status"], answer.text
        return answer.json()["data"]

    async def alerts(self, name: str, *labels: str) -> set[tuple[str, ...]]:
        """These labels of each firing alert of a name."""
        found = (await self.asked("alerts"))["alerts"]
        fires = [one["labels"] for one in found if (one["state"], one["labels"]["alertname"]) == ("firing", name)]
        return {tuple(one[label] for label in labels) for one in fires}


def written(folder: Path, ports: dict[str, int], running: paging.Daemon) -> dict[str, Any]:
    """Run `stack` as the daemon's user."""
    flags = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
    command = [sys.executable, "-m", "app", "stack", str(folder), "--config", str(running.config), "--scrape", "1s"]
    done = subprocess.run(
        [*command, "--json", *flags], cwd=paging.ROOT, env=running.environ, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def checked(folder: Path) -> None:
    """The servers' own tools find nothing wrong."""
    for command in (
        ["promtool", "check", "config", "prometheus/prometheus.yml"],
        ["promtool", "check", "rules", "prometheus/rules/gpu-watchdog.yml", "prometheus/rules/stack.yml"],
        ["amtool", "check-config", "alertmanager/alertmanager.yml"],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert (0, False) == (done.returncode, "WARNING" in done.stdout), done.stdout + done.stderr


def filled_in(folder: Path, hook: Hook) -> None:
    """What a person does."""
    file = folder / "alertmanager" / "alertmanager.yml"
    text = file.read_text().replace(PLACEHOLDER, hook.url).replace("group_wait: 30s", "group_wait: 0s")
    file.write_text(text)


@pytest.fixture
async def stack(
    tmp_path: Path, exporter: str, free_port: Callable[[], int], start_server: StartServer
) -> AsyncIterator[Stack]:
    """The daemon, the door, Prometheus and Alertmanager, all with the files that were written."""
    ports, folder = {name: free_port() for name in PORTS}, tmp_path / "stack"
    async with webhook() as hook:
        with ExitStack() as ended:
            home = Path(ended.enter_context(tempfile.TemporaryDirectory(prefix="gw-")))
            (home / "rules.toml").write_text(RULES)
            running = ended.enter_context(paging.daemon(home, CONFIG.format(page=exporter)))
            told = written(folder, ports, running)
            checked(folder)
            filled_in(folder, hook)
            for command, port in servers(folder, tmp_path, ports):
                start_server(command, port)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['prometheus']}") as client:
                yield Stack(folder, told, ports, hook, client)
            again = written(folder, ports, running)
            kept = [one["path"] for one in again["files"] if one["state"] != "unchanged"]
            assert ["alertmanager/alertmanager.yml"] == kept


def servers(folder: Path, scratch: Path, ports: dict[str, int]) -> Iterator[tuple[list[str], int]]:
    """The commands that the README gives, with folders of their own for what they keep."""
    (scratch / "door").mkdir()
    config = str(folder / "door" / "nginx.conf")
    yield ["nginx", "-p", f"{scratch}/door/", "-c", config, "-g", "daemon off;"], ports["door"]
    yield (
        [
            "prometheus-alertmanager",
            f"--config.file={folder}/alertmanager/alertmanager.yml",
            f"--storage.path={scratch}/alertmanager",
            f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
            "--cluster.listen-address=",
        ],
        ports["alertmanager"],
    )
    yield (
        [
            "prometheus",
            f"--config.file={folder}/prometheus/prometheus.yml",
            f"--storage.tsdb.path={scratch}/prometheus",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
        ],
        ports["prometheus"],
    )


async def until(what: Callable[[], Any], why: str) -> None:
    """Wait for a coroutine's claim."""
    for _ in range(int(paging.WITHIN_S / 0.2)):
        if await what():
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"waited {paging.WITHIN_S:g} s for {why}")


@pytest.mark.real("prometheus", "alertmanager", "nginx")
async def test_stack_scrapes_our_targets_and_tells_of_our_alerts(stack: Stack) -> None:
    """Targets come from our http_sd; rules over exporters' names and over ours fire, and the webhook hears of both."""

    async def scraped() -> bool:
        found = (await stack.asked("targets"))["activeTargets"]
        return sorted(one["labels"]["job"] for one in found if one["health"] == "up") == ["exporters", "gpu-watchdog"]

    found = ("SomethingFound", "code", "node")

    async def fired() -> bool:
        return bool(await stack.alerts("Warm", "job")) and ("A3", "node-1") in await stack.alerts(*found)

    assert ("daemon", ["127.0.0.1:1"]) == (stack.told["targets_from"], [one["name"] for one in stack.told["left_out"]])
    await until(scraped, "both jobs to be scraped")
    await until(fired, "both rules to fire")
    await paging.seen(
        lambda: (
            {"Warm", "SomethingFound"}
            <= {one["labels"]["alertname"] for body in stack.hook.bodies for one in body["alerts"]}
        ),
        lambda: f"both alerts among {stack.hook.bodies}",
    )

    assert {("node-1", "exporters")} == await stack.alerts("Warm", "node", "job")
    assert ("A3", "node-1") in await stack.alerts(*found)  # a busy machine may be a finding beside it
    await _dashboards(stack)
    await _door(stack)


async def _dashboards(stack: Stack) -> None:
    """Prometheus answers every panel's query; those about what is on the daemon's page have values."""
    known = set(await stack.asked("label/__name__/values"))
    files = sorted((stack.folder / "grafana" / "dashboards").glob("*.json"))
    answers = {}
    for made in map(json.loads, (file.read_text() for file in files)):
        values = dict.fromkeys(rules.choices(made), ".*")
        for expr in rules.expressions(made):
            answers[expr] = len((await stack.asked("query", query=rules.plain(expr, values)))["result"])

    expected = {
        'gpu_watchdog_gpu_utilization{node=~"$node",gpu=~"$gpu"}': GPUS,
        "gpu_watchdog_fleet_cost_per_hour": 1,
        "topk(10, avg by (node) (gpu_watchdog_gpu_utilization))": 1,
    }
    told = [expr for expr in answers if rules.series_of(expr) <= known and not re.search(r"==|increase|rate\(", expr)]
    assert (6, True) == (len(files), len(told) > 40)
    assert [] == [expr for expr in told if not answers[expr]]
    assert expected == {expr: answers[expr] for expr in expected}
    assert answers['gpu_watchdog_alerts{alertstate="firing"}'] > 0
    found = await stack.asked("query", query='gpu_watchdog_incident_age{code="A3"}')
    assert GPUS == len(found["result"])
    assert 10.0 == float(
        (await stack.asked("query", query="gpu_watchdog_fleet_cost_per_hour"))["result"][0]["value"][1]
    )


async def _door(stack: Stack) -> None:
    """Two pages are to be read, and nothing else is let through."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{stack.ports['door']}") as client:
        read = [("GET", "/metrics"), ("GET", "/api/sd"), ("POST", "/metrics"), ("DELETE", "/api/sd")]
        others = ["/api/alerts", "/api/silences", "/api/sd/left-out", "/metrics/../api/alerts"]
        asked = [*read, *(("POST", path) for path in others), *(("GET", path) for path in others)]
        codes = [(await client.request(method, path)).status_code for method, path in asked]

    assert [200, 200, 403, 403, *[404] * 8] == codes
