"""The API's routes of the diagnosis: what is wrong now or was at a time, and incidents with their findings."""

from __future__ import annotations

import asyncio
import json
import math

from aiohttp import web

from app.domain.diagnosis import Diagnosis
from app.domain.times import parse_time
from app.services import queries_diagnosis, wire
from app.services.feed import Feed

SINCE_S, LONGEST_S = 1800.0, 86400.0
STEP_S, LONGEST_WAIT_S = 0.1, 5.0
"""Who waits for another diagnosis (`wait_s`) looks this often, and no longer than that at once."""


class IncidentRoutes:
    """The routes over one feed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._packed: tuple[Diagnosis | None, str] = (None, "")
        """The last diagnosis that was asked for by a screen, and its text: all screens are given one."""

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get("/api/diagnosis", self.diagnosis),
            web.get("/api/incidents", self.incidents),
            web.get("/api/incidents/{id}", self.incident),
        ]

    async def diagnosis(self, request: web.Request) -> web.Response:
        """`diagnose --json`, now or at a time, by what `since_s` seconds before it brought."""
        if request.query.get("form") == "wire" and "than" in request.query:
            await self._another(request.query["than"], _wait_s(request))
        found = await self._found(request)
        if request.query.get("form") == "wire":
            is_known = request.query.get("than") == wire.mark_of(found)
            text = wire.pack_diagnosis(None) if is_known else await self._pack(found)
            return web.Response(text=text, content_type="application/json")
        return _json(queries_diagnosis.answer(found, found.at - _since_s(request)))

    async def _another(self, known: str, wait_s: float) -> None:
        """Wait until there is another diagnosis than the one that is known, or for so long."""
        for _ in range(int(wait_s / STEP_S)):
            if wire.mark_of(self._feed.diagnosis()) != known:
                return
            await asyncio.sleep(STEP_S)

    async def _pack(self, found: Diagnosis) -> str:
        if self._packed[0] is not found:
            self._packed = (found, await asyncio.to_thread(wire.pack_diagnosis, found))
        return self._packed[1]

    async def incidents(self, request: web.Request) -> web.Response:
        """Incidents of now and of the last day."""
        return _json(queries_diagnosis.incidents(await self._found(request)))

    async def incident(self, request: web.Request) -> web.Response:
        """One incident with its findings."""
        found = queries_diagnosis.incident(await self._found(request), request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound(text="there is no such incident now, nor was there within a day")
        return _json(found)

    async def _found(self, request: web.Request) -> Diagnosis:
        if "at" not in request.query:
            return self._feed.diagnosis()
        when = parse_time(request.query["at"], self._feed.now())
        found = await self._feed.diagnosis_at(when, _since_s(request))
        if found is None:
            raise web.HTTPNotFound(text="nothing was kept near that time")
        return found


def _since_s(request: web.Request) -> float:
    since_s = float(request.query.get("since_s", SINCE_S))
    if not math.isfinite(since_s) or not 0 < since_s <= LONGEST_S:
        raise web.HTTPBadRequest(text="since_s must be more than 0 and at most a day")
    return since_s


def _wait_s(request: web.Request) -> float:
    """Seconds to wait for another diagnosis than `than`; 0 where nothing such is asked for, or the past is."""
    wait_s = float(request.query.get("wait_s", 0.0))
    if not math.isfinite(wait_s) or not 0 <= wait_s <= LONGEST_WAIT_S:
        raise web.HTTPBadRequest(text=f"wait_s must be 0 to {LONGEST_WAIT_S:g}")
    return 0.0 if "at" in request.query else wait_s


def _json(value: object) -> web.Response:
    return web.Response(text=json.dumps(value), content_type="application/json")
