"""A real Alertmanager takes what the daemon sends it: the right labels while it lasts, and its end."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.real import paging
from tests.real.conftest import StartServer
from tests.services.receivers import Hook, webhook
from tests.standins.nvml.state import FakeNvml

pytestmark = pytest.mark.real("gcc", "alertmanager")

INTERVAL_S = 1.0
CONFIG = """[cluster]
name = "lab"
interval_s = {interval_s}
[alerts]
rules = ["rules.toml"]
alertmanager = ["{manager}"]
[[target]]
url = "{page}"
"""
RULES = """[rule.Warm]
metric = "gpu.temperature"
above = "70 °C"
keep_firing_for = "0s"
severity = "info"
text = "{where}: {value} °C"
labels = { team = "vision" }
"""


@dataclass
class Managed:
    """Fake GPUs, a daemon that watches them, and the Alertmanager that it tells."""

    fake: FakeNvml
    manager: httpx.AsyncClient
    hook: Hook

    async def until(self, is_so: Callable[[list[dict[str, Any]]], object]) -> list[dict[str, Any]]:
        """Wait until what the Alertmanager shows as active is so, and return that."""
        shown: list[dict[str, Any]] = []

        def keep(alerts: list[dict[str, Any]]) -> object:
            shown[:] = alerts
            return is_so(alerts)

        await paging.found(self.manager, "/api/v2/alerts", keep)
        return shown

    def told(self, status: str) -> set[str]:
        """Names of alerts that it told its webhook of with this status."""
        return {body["commonLabels"]["alertname"] for body in self.hook.bodies if body["status"] == status}


@pytest.fixture
async def managed(start_server: StartServer, free_port: Callable[[], int], tmp_path: Path) -> AsyncIterator[Managed]:
    """All of them running, with nothing wrong."""
    port = free_port()
    async with webhook() as hook:
        start_server(paging.alertmanager(tmp_path, hook, port), port)
        address = f"http://127.0.0.1:{port}"
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gw-")))
            fake = paging.machine(folder, 1)
            page = stack.enter_context(paging.exporter(fake, "node-1", "--interval", "0.5"))
            (folder / "rules.toml").write_text(RULES)
            config = CONFIG.format(interval_s=INTERVAL_S, manager=address, page=page)
            running = stack.enter_context(paging.daemon(folder, config))
            async with running.client() as asked, httpx.AsyncClient(base_url=address) as manager:
                await paging.found(asked, "/api/diagnosis", lambda answer: answer["at"] > 0)
                yield Managed(fake, manager, hook)


def labels_of(alerts: list[dict[str, Any]], name: str) -> dict[str, str]:
    """The labels of the one alert of this name."""
    (found,) = [one["labels"] for one in alerts if one["labels"]["alertname"] == name]
    assert isinstance(found, dict)
    return found


async def test_alert_is_shown_with_its_labels_and_resolves(managed: Managed) -> None:
    """An alert that fires is there under its rule's name, place, severity and own labels; when it is over it goes."""
    managed.fake.set(3, temp=75)
    shown = await managed.until(lambda alerts: len(alerts) == 1)
    managed.fake.set(3, temp=41)
    await managed.until(lambda alerts: not alerts)
    await paging.seen(lambda: "Warm" in managed.told("resolved"), lambda: f"its end among {managed.hook.bodies}")

    expected = {
        "alertname": "Warm", "severity": "info", "cluster": "lab", "node": "node-1", "gpu": "3", "team": "vision",
    }  # fmt: skip
    assert expected == labels_of(shown, "Warm")
    assert "75 °C" in shown[0]["annotations"]["summary"]
    assert {"Warm"} == managed.told("firing")


async def test_incident_is_shown_with_cause_and_action_beside_its_alerts(managed: Managed) -> None:
    """A GPU off the bus is an `Incident` with fault, code and place; the rule's alert says which is its own."""
    managed.fake.xid(5, 79)
    shown = await managed.until(
        lambda alerts: (
            {"Incident", "GpuXidFatal"} <= {one["labels"]["alertname"] for one in alerts}
            and all("incident" in one["annotations"] for one in alerts if one["labels"]["alertname"] == "GpuXidFatal")
        )
    )

    expected = {
        "alertname": "Incident", "severity": "critical", "cluster": "lab", "node": "node-1", "gpu": "5",
        "fault": "gpu.fell_off_bus", "code": "B1", "incident": "i-1",
    }  # fmt: skip
    assert expected == labels_of(shown, "Incident")
    told = {one["labels"]["alertname"]: one["annotations"] for one in shown}
    assert "GPU node-1/5: gone from the bus" == told["Incident"]["summary"]
    assert "ssh node-1 sudo dmesg" in told["Incident"]["action"]
    assert "i-1" == told["GpuXidFatal"]["incident"]


async def test_incident_that_is_over_resolves(managed: Managed) -> None:
    """An incident whose last finding is gone is told to be over, and its webhook hears that."""
    managed.fake.set(2, remap_pending=1)
    shown = await managed.until(lambda alerts: any(one["labels"]["alertname"] == "Incident" for one in alerts))
    managed.fake.set(2, remap_pending=0)
    await managed.until(lambda alerts: all(one["labels"]["alertname"] != "Incident" for one in alerts))
    await paging.seen(lambda: "Incident" in managed.told("resolved"), lambda: f"its end among {managed.hook.bodies}")

    assert "A3" == labels_of(shown, "Incident")["code"]
