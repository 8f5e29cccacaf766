"""The API's routes for a Prometheus beside us: our targets as http_sd, and why some are not among them."""

from __future__ import annotations

import json
from collections.abc import Callable

from aiohttp import web

from app.config.settings import Target
from app.services.stack.scraping import discovered, groups, left_out_answer

Known = Callable[[], tuple[Target, ...]]
"""The targets there are now, configured and discovered."""


class DiscoveryRoutes:
    """The routes over the targets of one daemon."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [web.get("/api/sd", self.targets), web.get("/api/sd/left-out", self.left_out)]

    async def targets(self, _request: web.Request) -> web.Response:
        """Every target that Prometheus can read, in the form of its http_sd."""
        return _json(groups(discovered(self._known())[0]))

    async def left_out(self, _request: web.Request) -> web.Response:
        """Every other target, and why it is not among them."""
        return _json({"schema": 1, "left_out": left_out_answer(discovered(self._known())[1])})


def _json(value: object) -> web.Response:
    return web.Response(text=json.dumps(value), content_type="application/json")
