"""Routes of the daemon itself: who answers, its OpenAPI document, and its page of metrics."""

from __future__ import annotations

import os

from app.api.hall import Hall
from app.api.row import TEXT, Call, Reply, Row, json_reply
from app.services import metrics_page


async def healthz(hall: Hall, _call: Call) -> Reply:
    """Who answers, for which configuration."""
    snapshot = hall.feed.latest()
    return json_reply(
        {"ok": True, "pid": os.getpid(), "config": hall.served.settings.origin, "cluster": snapshot.cluster}
    )


async def whoami(_hall: Hall, call: Call) -> Reply:
    """Who asks, as the daemon knows it, and which role that has."""
    caller = call.caller
    return json_reply({"name": caller.name, "role": caller.role, "uid": caller.uid})


async def openapi(hall: Hall, _call: Call) -> Reply:
    """This document."""
    return Reply(await hall.document())


async def metrics(hall: Hall, _call: Call) -> Reply:
    """Every value, state, finding and cost as Prometheus text, and what the daemon counts of itself."""
    feed = hall.feed
    snapshot, now, watched, alerts, found = feed.latest(), feed.now(), feed.watched(), feed.alerts(), feed.diagnosis()
    text = await hall.made(lambda: metrics_page.page(snapshot, now, watched, alerts, found))
    return Reply(text + hall.counters.page(), media=TEXT)


ROWS: tuple[Row, ...] = (
    Row("GET", "/healthz", "view", healthz, answer="api#/$defs/health"),
    Row("GET", "/metrics", "view", metrics, media=TEXT, answer={"type": "string"}),
    Row("GET", "/openapi.json", "view", openapi),
    Row("GET", "/api/whoami", "view", whoami, answer="api#/$defs/whoami"),
)
