"""The API's alert routes over a real unix socket, and the desk that speaks to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import jsonschema
import pytest

from app.domain.alerts_now import AlertsNow
from app.engine.alerting.rulebook import built_in
from app.services.alert_desk import RemoteDesk
from app.services.alerting import Alerting, AlertingError, UnknownError
from app.services.board import Board
from app.services.embedded import EmbeddedFeed
from tests.services.test_alerting import NOW, hot
from tests.standins.doors import answering
from tests.tools.fake_clock import FakeClock

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"


@asynccontextmanager
async def daemon(tmp_path: Path) -> AsyncIterator[tuple[Path, Alerting]]:
    """A daemon whose rules have seen a hot GPU for ten minutes."""
    clock, board = FakeClock(NOW + 600), Board(hot(NOW + 600))
    feed, alerting = EmbeddedFeed(board, None, clock), Alerting(board, clock, 5.0, built_in())
    for after in (0.0, 600.0):
        await alerting.step(hot(NOW + after), NOW + after)
    feed.alert_by(alerting)
    socket = tmp_path / "run" / "api.sock"
    async with answering(feed, board, socket):
        yield socket, alerting


async def asked(socket: Path, method: str, path: str, body: object = None) -> tuple[int, httpx.Response]:
    """One request."""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://d") as client:
        answer = await client.request(method, path, content=None if body is None else json.dumps(body))
        return answer.status_code, answer


async def test_alerts_and_rules_are_listed(tmp_path: Path) -> None:
    """As the schemas of the command say; one alert by its id, one rule by its name with its alerts."""
    async with daemon(tmp_path) as (socket, alerting):
        status, answer = await asked(socket, "GET", "/api/alerts")
        jsonschema.validate(answer.json(), json.loads((SCHEMAS / "alerts.json").read_text()))
        alert = alerting.now().alerts[0]

        assert (200, ["GpuHot"], 42) == (
            status, [one["rule"] for one in answer.json()["alerts"]], len(answer.json()["rules"]),
        )  # fmt: skip
        assert "GPU-3" == (await asked(socket, "GET", f"/api/alerts/{alert.id}"))[1].json()["subject"]["uuid"]
        assert 1 == len((await asked(socket, "GET", "/api/alerts/GpuHot"))[1].json()["alerts"])
        assert 404 == (await asked(socket, "GET", "/api/alerts/Nothing"))[0]
        told = (await asked(socket, "GET", "/api/cluster/status"))[1].json()
        assert (1, "firing") == (told["cluster"]["alerts_firing"], told["alerts"][0]["state"])
        jsonschema.validate(told, json.loads((SCHEMAS / "status.json").read_text()))


async def test_rules_are_made_changed_and_deleted(tmp_path: Path) -> None:
    """With the statuses that say what came of it, and a sentence where it cannot be."""
    rule = {"name": "Idle", "metric": "gpu.utilization", "below": 5, "for_s": 60}
    async with daemon(tmp_path) as (socket, alerting):
        assert 201 == (await asked(socket, "POST", "/api/alerts", rule))[0]
        assert 400 == (await asked(socket, "POST", "/api/alerts", rule))[0]
        changed = (await asked(socket, "PATCH", "/api/alerts/Idle", {"below": 10}))[1].json()
        assert (10.0, 60.0) == (changed["below"], changed["for_s"])
        wrong = (await asked(socket, "PATCH", "/api/alerts/Idle", {"below": "5 °C"}))[1]
        assert (400, True) == (wrong.status_code, "gpu.utilization is in %" in wrong.json()["error"])
        assert 200 == (await asked(socket, "DELETE", "/api/alerts/Idle"))[0]
        assert 404 == (await asked(socket, "DELETE", "/api/alerts/Idle"))[0]
        assert 400 == (await asked(socket, "DELETE", "/api/alerts/GpuHot"))[0]
        assert 400 == (await asked(socket, "POST", "/api/alerts", [1]))[0]
        assert "Idle" not in alerting.book.rules


async def test_the_desk_speaks_for_the_command_line(tmp_path: Path) -> None:
    """Acknowledge, silence, end the silence; refusals are sentences."""
    async with daemon(tmp_path) as (socket, alerting):
        desk = RemoteDesk(socket)
        alert = alerting.now().alerts[0]
        await desk.ack(alert.id, "ana", "on it")
        silence = await desk.silence('alertname="GpuHot"', 60.0, "ana", "")

        assert ["on it"] == [one.note for one in alerting.now().acks]
        assert 1 == len(alerting.now().silences)
        await desk.end_silence(silence["id"])
        assert () == alerting.now().silences
        with pytest.raises(UnknownError):
            await desk.ack("a-nothing", "", "")
        with pytest.raises(AlertingError, match="labels"):
            await desk.silence("GpuHot", 60.0, "", "")


async def test_the_metrics_page_has_what_rules_ask_for(tmp_path: Path) -> None:
    """Values, signals and alerts, under the names that exported rules use."""
    async with daemon(tmp_path) as (socket, _):
        lines = (await asked(socket, "GET", "/metrics"))[1].text.splitlines()

    assert 'gpu_watchdog_gpu_temperature{gpu="3",node="gpu-1"} 90' in lines
    assert 'gpu_watchdog_node_gpus_missing{node="gpu-1"} 0' in lines
    assert any(line.startswith('gpu_watchdog_alerts{alertname="GpuHot",alertstate="firing"') for line in lines)


async def test_before_anything_is_evaluated_the_api_says_so(tmp_path: Path) -> None:
    """503 with a sentence, and `alerts` is null."""
    board = Board(hot(NOW))
    feed = EmbeddedFeed(board, None, FakeClock(NOW))
    async with answering(feed, board, tmp_path / "run" / "api.sock"):
        status, answer = await asked(tmp_path / "run" / "api.sock", "GET", "/api/alerts")
        told = (await asked(tmp_path / "run" / "api.sock", "GET", "/api/cluster/status"))[1].json()

    assert (503, None) == (status, told["alerts"])
    assert "not evaluated yet" in answer.json()["error"]
    assert AlertsNow() == feed.alerts()
    await asyncio.sleep(0)
