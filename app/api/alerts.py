"""The API's alert routes: alerts and rules under `/api/alerts`, silences under `/api/silences`, and `/metrics`.

An id is an alert's (`a-…`) or a rule's name. The socket is its owner's alone, so who can ask may also wish.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from app.services import metrics_page, queries_alerts, wire
from app.services.alert_desk import AlertDesk
from app.services.alerting import AlertingError, UnknownError
from app.services.feed import Feed

_CREATED = 201


class AlertRoutes:
    """The routes over one feed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get("/metrics", self.metrics),
            web.get("/api/alerts", self.list),
            web.post("/api/alerts", self.add),
            web.get("/api/alerts/rules", self.rules),
            web.get("/api/alerts/{id}", self.one),
            web.patch("/api/alerts/{id}", self.change),
            web.put("/api/alerts/{id}", self.change),
            web.delete("/api/alerts/{id}", self.drop),
            web.post("/api/alerts/{id}/ack", self.ack),
            web.get("/api/silences", self.silences),
            web.post("/api/silences", self.silence),
            web.delete("/api/silences/{id}", self.end_silence),
        ]

    @property
    def _desk(self) -> AlertDesk:
        desk = self._feed.desk()
        if desk is None:
            raise web.HTTPServiceUnavailable(text="alerts are not evaluated yet: ask again in a moment")
        return desk

    def _answer(self) -> dict[str, Any]:
        return queries_alerts.answer(self._feed.alerts(), self._feed.now(), self._feed.latest())

    async def list(self, request: web.Request) -> web.Response:
        """Alerts, silences and rules."""
        if request.query.get("form") == "wire":
            return web.Response(text=wire.pack_alerts(self._feed.alerts()), content_type="application/json")
        rules = (await self._desk.rules())["rules"]
        return _json({**self._answer(), "rules": [{"id": one["name"], **one} for one in rules]})

    async def rules(self, _request: web.Request) -> web.Response:
        """Rules, and what is wrong in their files."""
        return _json(await self._desk.rules())

    async def one(self, request: web.Request) -> web.Response:
        """An alert by its id, or a rule by its name with its alerts."""
        wanted = request.match_info["id"]
        alerts = self._answer()["alerts"] or []
        found = next((one for one in alerts if one["id"] == wanted), None)
        if found is not None:
            return _json(found)
        for rule in (await self._desk.rules())["rules"]:
            if rule["name"] == wanted:
                mine = [one for one in alerts if one["rule"] == wanted]
                return _json({"id": wanted, **rule, "alerts": mine})
        raise web.HTTPNotFound(text="there is no such alert or rule")

    async def add(self, request: web.Request) -> web.Response:
        """Make a rule."""
        made = await _wished(self._desk.add_rule(await _body(request)))
        return _json({"id": made["name"], **made}, _CREATED)

    async def change(self, request: web.Request) -> web.Response:
        """Change a rule."""
        changes = await _body(request)
        changes.pop("id", None)
        made = await _wished(self._desk.change_rule(request.match_info["id"], changes))
        return _json({"id": made["name"], **made})

    async def drop(self, request: web.Request) -> web.Response:
        """Delete a rule that was made here, or take back what was changed."""
        await _wished(self._desk.drop_rule(request.match_info["id"]))
        return _json({"deleted": request.match_info["id"]})

    async def ack(self, request: web.Request) -> web.Response:
        """Take an alert on."""
        body = await _body(request)
        wish = self._desk.ack(request.match_info["id"], str(body.get("by", "")), str(body.get("note", "")))
        return _json(await _wished(wish))

    async def silences(self, _request: web.Request) -> web.Response:
        """Silences that hold or will."""
        return _json({"schema": queries_alerts.SCHEMA, "silences": self._answer()["silences"]})

    async def silence(self, request: web.Request) -> web.Response:
        """Make a silence: `matchers`, `lasts_s`, `by`, `comment`."""
        body = await _body(request)
        lasts_s = body.get("lasts_s")
        if isinstance(lasts_s, bool) or not isinstance(lasts_s, int | float):
            raise web.HTTPBadRequest(text="lasts_s must be a number of seconds")
        matchers, by, comment = (str(body.get(key, "")) for key in ("matchers", "by", "comment"))
        return _json(await _wished(self._desk.silence(matchers, float(lasts_s), by, comment)), _CREATED)

    async def end_silence(self, request: web.Request) -> web.Response:
        """End a silence."""
        await _wished(self._desk.end_silence(request.match_info["id"]))
        return _json({"deleted": request.match_info["id"]})

    async def metrics(self, _request: web.Request) -> web.Response:
        """Every value and state as Prometheus text, under the names that exported rules use."""
        feed = self._feed
        text = metrics_page.page(feed.latest(), feed.now(), feed.watched(), feed.alerts(), feed.diagnosis())
        return web.Response(text=text, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return body


async def _wished(wish: Any) -> Any:  # noqa: ANN401 - what the desk answers
    """What came of a wish; refusals as the status they are."""
    try:
        return await wish
    except UnknownError as error:
        raise web.HTTPNotFound(text=str(error)) from error
    except AlertingError as error:
        raise web.HTTPBadRequest(text=str(error)) from error


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(value), status=status, content_type="application/json")
