"""The whole thread on real parts: NVML's ABI, a real Prometheus, a real node_exporter, the program as a process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import pytest

from tests.real.conftest import StartServer
from tests.standins.nvml.state import FakeNvml

pytest_plugins = ("tests.standins.nvml.fixture",)
Answer = TypeVar("Answer")


def program(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run one command of ours to its end."""
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, **environ},
    )


def status(*words: str) -> dict[str, Any]:
    """`status --json` as it prints it."""
    done = program("status", "--json", *words)
    assert done.stdout, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def until(ask: Callable[[], Answer], is_so: Callable[[Answer], object], within_s: float = 60.0) -> Answer:
    """Ask until the answer is so; the last one, where it never is."""
    deadline = monotonic() + within_s
    while not is_so(answer := ask()) and monotonic() < deadline:
        sleep(0.2)
    return answer


@pytest.fixture
def exporter(fake_nvml: FakeNvml) -> Iterator[str]:
    """Our pod exporter as a process over eight fake GPUs; the address of its page."""
    fake_nvml.busy(pids=(os.getpid(),))
    process = subprocess.Popen(
        [sys.executable, "-m", "pod.exporter", "--port", "0", "--interval", "0.5"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    port = re.search(r":(\d+)/metrics", line)
    assert port, line
    yield f"http://127.0.0.1:{port[1]}/metrics"
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=10)
    process.stderr.close()


@pytest.mark.real("gcc")
def test_the_driver_and_our_exporter_say_the_same(exporter: str, fake_nvml: FakeNvml) -> None:
    """Every value of the local driver is on the exporter's page too, with the same number, and nothing is unknown."""
    paged, local = status("--target", exporter), status("--embedded")

    assert 8 == paged["cluster"]["gpus"] == local["cluster"]["gpus"]
    source = paged["sources"][0]
    assert ("gpu-watchdog", 0, {}) == (source["flavour"], source["bad_lines"], source["unknown"])
    ours, theirs = paged["nodes"][0]["gpus"][3], local["nodes"][0]["gpus"][3]
    moving = {"gpu.energy", "gpu.sm_active", "gpu.engine_active"}
    keys = {key for key in theirs["metrics"] if key not in moving}
    assert {} == {
        key: (theirs["metrics"][key]["value"], ours["metrics"].get(key, {}).get("value"))
        for key in keys & ours["metrics"].keys()
        if theirs["metrics"][key]["value"] != pytest.approx(ours["metrics"][key]["value"], rel=0.01)
    }
    untold = {"gpu.xid_errors"}  # the page has a row a code: none before the first Xid
    assert not [key for key in keys - ours["metrics"].keys() - untold if not re.search("pcie_|nvlink_", key)]
    assert os.getpid() in [process["pid"] for process in ours["processes"]]


@pytest.mark.real("gcc")
def test_a_lost_gpu_stays_in_its_place(exporter: str, fake_nvml: FakeNvml) -> None:
    """A GPU that falls off the bus is listed at its index as lost; the seven others keep theirs."""
    fake_nvml.lose(5)
    fake_nvml.xid(5, 79)
    gpus = until(lambda: status("--target", exporter)["nodes"][0]["gpus"], lambda gpus: gpus[5]["state"] == "lost")

    assert list(range(8)) == [gpu["index"] for gpu in gpus]
    assert ["lost"] == [gpu["state"] for gpu in gpus if gpu["state"] != "ok"]
    assert "critical" == gpus[5]["health"]
    assert gpus[5]["power_w"] is None
    assert all(gpu["power_w"] > 0 for gpu in gpus if gpu["index"] != 5)


@pytest.mark.real("gcc")
def test_a_gpu_that_hangs_costs_its_own_row_only(fake_nvml: FakeNvml) -> None:
    """With every call on one GPU taking 3 s, `status` prints the seven others' numbers within two seconds.

    Of these the program's own start takes less than one half; what a busy machine makes of that start is let off.
    """
    fake_nvml.busy()
    began = monotonic()
    status("--embedded")
    usual_s = monotonic() - began
    fake_nvml.delay(2, 3000)

    began = monotonic()
    gpus = status("--embedded")["nodes"][0]["gpus"]
    took_s = monotonic() - began

    assert took_s < max(2.0, usual_s + 1.5)
    assert [2] == [gpu["index"] for gpu in gpus if gpu["power_w"] is None]


@pytest.mark.real("gcc", "prometheus")
def test_a_real_prometheus_takes_the_exporters_page(
    exporter: str, start_server: StartServer, free_port: Callable[[], int], tmp_path: Path
) -> None:
    """Prometheus scrapes our pod exporter and answers the queries dashboards ask of dcgm-exporter."""
    port, target = free_port(), urllib.parse.urlsplit(exporter).netloc
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: gpu, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    start_server(
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        port,
    )

    assert 8 == len(ask(port, "DCGM_FI_DEV_GPU_UTIL"))
    assert {"97"} == {row["value"][1] for row in ask(port, "DCGM_FI_DEV_GPU_UTIL")}
    assert [{"job": "gpu"}] == [
        {"job": row["metric"]["job"]} for row in ask(port, "sum by (job) (DCGM_FI_DEV_POWER_USAGE)")
    ]


def ask(port: int, query: str) -> list[dict[str, Any]]:
    """Rows of an instant query, once there are any (a minute at most); it answers 503 until it is ready."""
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    deadline = monotonic() + 60
    while monotonic() < deadline:
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(url, timeout=5) as answer:
            rows: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            if rows:
                return rows
        sleep(0.2)
    pytest.fail(f"Prometheus has no answer to {query}")


@pytest.mark.real("node_exporter")
def test_a_real_node_exporter_is_a_node(start_server: StartServer, free_port: Callable[[], int]) -> None:
    """The host's own node_exporter gives a node with memory, load and disk, and no GPUs."""
    port = free_port()
    start_server(["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"], port)

    answer = status("--target", f"http://127.0.0.1:{port}/metrics")

    (node,) = answer["nodes"]
    assert "node_exporter" == answer["sources"][0]["flavour"]
    assert [] == node["gpus"]
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
    assert total == pytest.approx(node["metrics"]["node.memory_total"]["value"], rel=0.01)
    assert {"node.load_1m", "node.disk_free", "node.cpu_seconds", "node.boot_time"} <= node["metrics"].keys()


def power_of_the_fleet(config: Path) -> list[tuple[float, float | None]]:
    """What the daemon has kept of the last minute; nothing before its store is open and the first tick is written."""
    history = program("history", "fleet", "power", "--since", "1m", "--json", "--config", str(config))
    if history.returncode:
        assert 69 == history.returncode, history.stderr
        return []
    points: list[tuple[float, float | None]] = json.loads(history.stdout)["points"]
    return points


@pytest.mark.real("gcc")
def test_the_daemon_serves_and_leaves_cleanly(exporter: str, tmp_path: Path) -> None:
    """`serve` listens on its private socket, `status` attaches to it, and SIGTERM ends it with nothing left behind."""
    config = tmp_path / "config.toml"
    config.write_text(f'[cluster]\nname = "lab"\ninterval_s = 0.5\n[[target]]\nurl = "{exporter}"\n')
    daemon = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--config", str(config)], stderr=subprocess.PIPE, text=True
    )
    assert daemon.stderr is not None
    line = daemon.stderr.readline()
    socket = Path(os.environ["XDG_RUNTIME_DIR"]) / "gpu-watchdog" / "api.sock"
    assert str(socket) in line
    assert 0o600 == socket.stat().st_mode & 0o777
    second = program("serve", "--config", str(config))
    answer = until(lambda: status("--config", str(config)), lambda answer: answer["cluster"]["gpus"])
    points = until(lambda: power_of_the_fleet(config), lambda points: any(value for _, value in points))
    daemon.send_signal(signal.SIGTERM)

    assert 0 == daemon.wait(timeout=10)
    daemon.stderr.close()
    assert 69 == second.returncode
    assert (8, "lab") == (answer["cluster"]["gpus"], answer["cluster"]["name"])
    assert any(value for _, value in points)
    assert not socket.exists()
