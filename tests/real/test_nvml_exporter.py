"""The exporter as a pod runs it: a process of its own over NVML's ABI, asked over loopback HTTP."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pod.families import FAMILIES
from tests.standins.nvml.state import FakeNvml

pytestmark = pytest.mark.real("gcc")
pytest_plugins = ("tests.standins.nvml.fixture",)

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Exporter:
    """A running exporter."""

    def __init__(self, process: subprocess.Popen[str], line: str) -> None:
        self.process = process
        self.line = line
        found = re.search(r":(\d+)/metrics", line)
        assert found, line
        self.port = int(found[1])

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Status and body of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def value(self, name: str, **labels: str) -> float | None:
        """One sample of the page now; None where it is absent."""
        for (found, own), value in official(self.get("/metrics")[1]).items():
            if found == name and labels.items() <= dict(own).items():
                return value
        return None


def official(page: str) -> Samples:
    """The page as Prometheus's own Python parser reads it."""
    return {
        (sample.name, frozenset(sample.labels.items())): float(sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


@pytest.fixture
def start(fake_nvml: FakeNvml) -> Iterator[Callable[..., Exporter]]:
    """Start exporters on the stand-in; they end with the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*flags: str) -> Exporter:
        process = subprocess.Popen(
            [sys.executable, "-m", "pod.exporter", "--port", "0", "--interval", "0.2", *flags],
            env=fake_nvml.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stderr is not None
        return Exporter(process, process.stderr.readline())

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def until(condition: Callable[[], bool]) -> None:
    """Return as soon as it holds; the exporter reads at its own interval."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_page_is_accepted_by_prometheus_and_says_what_nvml_says(
    fake_nvml: FakeNvml, start: Callable[..., Exporter]
) -> None:
    """prometheus_client reads the page to the stand-in's numbers, under dcgm-exporter's names and labels."""
    fake_nvml.busy(pids=(os.getpid(),))
    exporter = start("--hostname", "node-1")
    until(lambda: exporter.value("DCGM_FI_PROF_SM_ACTIVE", gpu="7") is not None)
    samples = official(exporter.get("/metrics")[1])

    identity = frozenset({
        ("gpu", "3"),
        ("UUID", "GPU-fa4e0000-0000-4000-8000-000000000003"),
        ("pci_bus_id", "00000000:5D:00.0"),
        ("device", "nvidia3"),
        ("modelName", "NVIDIA H100 80GB HBM3"),
        ("Hostname", "node-1"),
        ("DCGM_FI_DRIVER_VERSION", "580.95.05"),
    })  # fmt: skip
    expected = {
        "DCGM_FI_DEV_GPU_UTIL": 97,
        "DCGM_FI_DEV_FB_USED": 70998,
        "DCGM_FI_DEV_POWER_USAGE": 631.95,
        "DCGM_FI_DEV_MEMORY_TEMP": 67,
        # prometheus_client appends _total to counters; on the wire the name is DCGM's.
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION_total": 3_912_345_678,
        "DCGM_FI_DEV_XID_ERRORS": 0,
        "DCGM_FI_PROF_SM_ACTIVE": 0.8825,
        "DCGM_FI_PROF_NVLINK_RX_BYTES": 20480 * 2**20,
    }
    assert expected == {name: samples[name, identity] for name in expected}
    assert 8 == exporter.value("gpu_watchdog_gpus_expected")
    known = {family.name for family in FAMILIES} | {f"{family.name}_total" for family in FAMILIES}
    assert {name for name, _ in samples} <= known


@pytest.mark.real("prometheus")
def test_page_passes_promtool(fake_nvml: FakeNvml, start: Callable[..., Exporter]) -> None:
    """Prometheus's own tool parses the page, MIG and a lost GPU included; it objects only to DCGM's own naming."""
    fake_nvml.slice(0, ("3g.40gb", "1g.10gb"))
    fake_nvml.lose(5)
    exporter = start()
    fake_nvml.xid(2, 63)
    until(lambda: bool(exporter.value("gpu_watchdog_xid_errors_total", gpu="2", xid="63")))
    page = exporter.get("/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)

    # 3 means parsed, with remarks of style.
    assert done.returncode in {0, 3}, done.stderr
    about_ours = {line for line in done.stderr.splitlines() if line.startswith("gpu_watchdog_")}
    assert all("camelCase" in line or "percent" in line for line in about_ours), about_ours


def test_sick_gpus_change_only_their_own_lines(fake_nvml: FakeNvml, start: Callable[..., Exporter]) -> None:
    """One GPU lost and one at 3 s a call: six GPUs have fresh numbers, the lost one is named, the slow one is late."""
    fake_nvml.lose(2)
    fake_nvml.delay(6, 3000)
    exporter = start()
    samples = official(exporter.get("/metrics")[1])

    healthy = {dict(labels)["gpu"] for name, labels in samples if name == "DCGM_FI_DEV_GPU_TEMP"}
    assert {"0", "1", "3", "4", "5", "7"} == healthy
    assert (1, 0) == tuple(exporter.value("gpu_watchdog_gpu_lost", gpu=gpu) for gpu in "26")
    assert (0, 1) == tuple(exporter.value("gpu_watchdog_gpu_late", gpu=gpu) for gpu in "26")
    status, body = exporter.get("/healthz")
    health = json.loads(body)
    assert (200, "degraded", 1, 1) == (status, health["status"], health["gpus_lost"], health["gpus_late"])


def test_stop_is_quick_even_while_the_driver_hangs(fake_nvml: FakeNvml, start: Callable[..., Exporter]) -> None:
    """SIGTERM ends the exporter with 0 while a call into the driver does not come back."""
    fake_nvml.delay(6, 60_000)
    exporter = start()
    began = time.monotonic()
    exporter.process.send_signal(signal.SIGTERM)

    assert 0 == exporter.process.wait(timeout=10)
    assert time.monotonic() - began < 5


def test_machine_without_a_driver_is_served_and_recovers(fake_nvml: FakeNvml, start: Callable[..., Exporter]) -> None:
    """Without NVML the exporter stays up, says why on each page, and serves GPUs once the driver is loaded."""
    fake_nvml.machine(init_error="DRIVER_NOT_LOADED")
    exporter = start("--expect-gpus", "8")

    assert "no GPUs yet: NVML did not start: Driver Not Loaded" in exporter.line
    assert 503 == exporter.get("/healthz")[0]
    assert (1, 8) == (exporter.value("gpu_watchdog_nvml_error", code="9"), exporter.value("gpu_watchdog_gpus_expected"))
    fake_nvml.machine(init_error=None)
    until(lambda: 200 == exporter.get("/healthz")[0])
    assert 41 == exporter.value("DCGM_FI_DEV_GPU_TEMP", gpu="7")


def test_xids_are_on_the_page_and_in_the_event_list(fake_nvml: FakeNvml, start: Callable[..., Exporter]) -> None:
    """An Xid is a counter by code, the last code in DCGM's gauge, and an event with its time."""
    exporter = start()
    fake_nvml.xid(4, 31)
    fake_nvml.xid(4, 79)
    until(lambda: exporter.value("gpu_watchdog_xid_errors_total", gpu="4", xid="79") == 1)

    assert 1 == exporter.value("gpu_watchdog_xid_errors_total", gpu="4", xid="31")
    assert 79 == exporter.value("DCGM_FI_DEV_XID_ERRORS", gpu="4")
    answer = json.loads(exporter.get("/events?since=1")[1])
    assert (2, 1) == (answer["newest"], answer["oldest"])
    assert [(2, 4, 79)] == [(event["id"], event["gpu"], event["xid"]) for event in answer["events"]]


def test_token_guards_every_path(fake_nvml: FakeNvml, start: Callable[..., Exporter], tmp_path: Path) -> None:
    """With a token nothing is told without it, and the token is in no line that the exporter prints."""
    token = tmp_path / "token"
    token.write_text("a-token-of-enough-letters\n")
    token.chmod(0o600)
    log = tmp_path / "kern.log"
    log.write_text("NVRM: Xid (PCI:0000:18:00): 79\n")
    exporter = start("--bind", "0.0.0.0", "--token-file", str(token), "--log", f"kernel={log}")
    right = {"Authorization": "Bearer a-token-of-enough-letters"}

    for path in ("/metrics", "/healthz", "/events", "/logs", "/logs/kernel", "/nothing"):
        assert 401 == exporter.get(path)[0]
        assert 401 == exporter.get(path, {"Authorization": "Bearer wrong"})[0]
    assert [200, 404] == [exporter.get(path, right)[0] for path in ("/metrics", "/nothing")]
    assert "NVRM: Xid (PCI:0000:18:00): 79\n" == exporter.get("/logs/kernel", right)[1]
    assert "enough" not in exporter.line


def test_open_address_without_a_token_is_refused(fake_nvml: FakeNvml) -> None:
    """Listening where others can reach it, without a token, is a settings error: 64."""
    done = subprocess.run(
        [sys.executable, "-m", "pod.exporter", "--bind", "0.0.0.0"], capture_output=True, text=True, check=False
    )

    assert (64, True) == (done.returncode, "a token is needed" in done.stderr)
