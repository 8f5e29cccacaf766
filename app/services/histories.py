"""Which history answers: the local store, a Prometheus server's, or both as one (`app.store.joined`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.config.settings import Settings
from app.store.history import History
from app.transport.clock import Clock

if TYPE_CHECKING:
    from app.services.embedded import EmbeddedFeed
    from app.store.prometheus import PrometheusHistory


def server_history(settings: Settings, clock: Clock) -> PrometheusHistory | None:
    """The history of the server that `[prometheus]` names, if it names one; nothing is asked before it is needed."""
    if not settings.prometheus.url:
        return None
    from app.sources.prometheus_past import PrometheusPast  # noqa: PLC0415 - late: for who has a server
    from app.store.prometheus import PrometheusHistory  # noqa: PLC0415 - as above
    from app.transport.prometheus import PrometheusServer  # noqa: PLC0415 - as above

    server = PrometheusServer(settings.prometheus)
    past = PrometheusPast(server, settings.prometheus, clock)
    return PrometheusHistory(past, server.shown, clock.now, server.close)


def with_server(local: History, settings: Settings, clock: Clock) -> History:
    """The local store, with the server behind it where one is configured."""
    server = server_history(settings, clock)
    if server is None:
        return local
    from app.store.joined import JoinedHistory  # noqa: PLC0415 - late: as above

    return JoinedHistory(local, server, clock.now)


async def follow_server(feed: EmbeddedFeed, settings: Settings, clock: Clock) -> None:
    """Show a server's alerts until cancelled, and its past until a store of our own stands before it."""
    from app.services.server_alerts import ServerAlerts  # noqa: PLC0415 - late: as above

    history = server_history(settings, clock)
    try:
        if history is not None:
            feed.keep(history)
        if not settings.prometheus.alerts:
            await asyncio.Event().wait()
        beside = ServerAlerts(settings, clock)
        feed.show_beside(beside)
        await beside.run()
    finally:
        if history is not None:
            await history.close()
