"""A Prometheus server's alerts stand beside ours, and are nobody's to tell but the server's."""

from __future__ import annotations

from typing import cast

from app.config.settings import Prometheus, Settings
from app.domain.alert import Alert
from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.embedded import EmbeddedFeed
from app.services.histories import server_history, with_server
from app.services.server_alerts import ServerAlerts
from app.transport.prometheus import FiringAlert, PrometheusServer
from app.transport.prometheus_answer import PrometheusError
from tests.sources.prometheus_server import Server
from tests.tools.fake_clock import FakeClock

NOW = 1_764_000_000.0
OURS = Alert("GpuHot", "warning", (("node", "gpu-7"),), "firing", NOW - 60)
THEIRS = FiringAlert("GpuHot", {"node": "gpu-7"}, "91 °C", "firing", NOW - 90, 91.0)
SETTINGS = Settings(prometheus=Prometheus(url="http://prom:9090"))


def beside() -> tuple[ServerAlerts, Server]:
    """Who looks at a server on which one alert fires."""
    made, server = ServerAlerts(SETTINGS, FakeClock(NOW)), Server({}, NOW)
    server.firing = (THEIRS,)
    made._server = cast("PrometheusServer", server)
    return made, server


async def test_a_servers_alerts_are_shown_beside_ours() -> None:
    """The feed tells of both; they differ by the label that says whose an alert is."""
    found, _ = beside()
    await found.look()
    feed = EmbeddedFeed(Board(Snapshot()), None, FakeClock(NOW))
    feed.take_alerts(AlertsNow(NOW, 5.0, (OURS,)))
    feed.show_beside(found)

    assert [None, "prom:9090"] == [dict(one.labels).get("prometheus") for one in feed.alerts().alerts]


async def test_without_an_evaluation_of_ours_the_servers_are_current_all_the_same() -> None:
    """A screen that evaluates nothing shows them; that nobody evaluates at all stays told where there is no server."""
    found, _ = beside()
    assert NO_ALERTS == found.beside(NO_ALERTS)
    await found.look()

    shown = found.beside(NO_ALERTS)
    assert shown.is_current(NOW)
    assert ["GpuHot"] == [one.rule for one in shown.alerts]


async def test_a_server_that_cannot_be_asked_has_no_alerts() -> None:
    """What fired a minute ago is not said to fire now."""
    found, server = beside()
    await found.look()
    server.error = PrometheusError("unreachable", "connection refused")
    await found.look()

    assert (OURS,) == found.beside(AlertsNow(NOW, 5.0, (OURS,))).alerts


async def test_without_a_server_there_is_the_store_alone() -> None:
    """Nothing of a server is made where none is configured."""
    assert server_history(Settings(), FakeClock(NOW)) is None
    history = server_history(SETTINGS, FakeClock(NOW))
    assert history is not None
    assert history is with_server(history, Settings(), FakeClock(NOW))
    await history.close()
