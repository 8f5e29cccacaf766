"""The alerts that fire at a Prometheus server, beside ours: shown, counted, marked as the server's, never told by us.

Who is told of them is decided there (its Alertmanager). A server that has no rules, or whose kind has no such page
(VictoriaMetrics without vmalert), has no alerts; one that cannot be asked shows as a source that is down.
"""

from __future__ import annotations

from dataclasses import replace

from app.config.settings import Settings
from app.domain.alert import Alert
from app.domain.alerts_now import AlertsNow
from app.sources.prometheus_alerts import alerts_of
from app.transport.clock import Clock
from app.transport.prometheus import PrometheusError, PrometheusServer

EVERY_S = 15.0
"""Between two looks, at least: rules are evaluated no more often anywhere."""


class ServerAlerts:
    """What a server's rules found at the last look."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._server = PrometheusServer(settings.prometheus)
        self._clock = clock
        self._every_s = max(EVERY_S, settings.cluster.interval_s)
        self._alerts: tuple[Alert, ...] = ()
        self._at = 0.0

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                await self.look()
                await self._clock.sleep(self._every_s)
        finally:
            await self.close()

    async def look(self) -> None:
        """Look once. What cannot be asked leaves no alerts: old ones would not be true."""
        try:
            self._alerts = alerts_of(await self._server.alerts(), self._server.name)
            self._at = self._clock.now()
        except PrometheusError:
            self._alerts = ()

    def beside(self, own: AlertsNow) -> AlertsNow:
        """What we have evaluated, with the server's alerts beside it."""
        if not self._at:
            return own
        at = own.at or max(self._at, self._clock.now() - self._every_s)
        return replace(own, at=at, alerts=(*own.alerts, *self._alerts))

    async def close(self) -> None:
        """Give back the server's connections."""
        await self._server.close()


async def with_server_alerts(own: AlertsNow, settings: Settings, clock: Clock) -> AlertsNow:
    """For a single look: what is known, with the server's alerts beside it where one is configured."""
    if not (settings.prometheus.url and settings.prometheus.alerts):
        return own
    found = ServerAlerts(settings, clock)
    try:
        await found.look()
        return found.beside(own)
    finally:
        await found.close()
