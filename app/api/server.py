"""The daemon's HTTP face: read routes and the event stream, on a private unix socket.

Routes answer through `app.services.queries` and the `Feed`; they collect nothing and decide nothing. `aiohttp` is
imported here and nowhere else of the daemon's parts, so that one-shot commands never pay for it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import web

from app.api.alerts import AlertRoutes
from app.api.discovery import DiscoveryRoutes, Known
from app.api.incidents import IncidentRoutes
from app.api.stream import stream
from app.config.paths import private_dir
from app.domain.metrics import find
from app.domain.series import parse_subject, span_for
from app.domain.times import parse_time
from app.services import queries, queries_slurm, wire
from app.services.board import Board
from app.services.feed import Feed

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SERVER = "gpu-watchdog"
_MOST_POINTS = 100_000
_log = logging.getLogger(__name__)


class Api:
    """The routes over one feed and its board."""

    def __init__(self, feed: Feed, board: Board, config_id: str, targets: Known = tuple) -> None:
        self._feed = feed
        self._board = board
        self._config_id = config_id
        self._targets = targets

    def application(self) -> web.Application:
        """All routes."""
        application = web.Application(middlewares=[_errors], client_max_size=65536)
        application.add_routes(
            [
                web.get("/healthz", self.healthz),
                web.get("/api/cluster/status", self.cluster_status),
                web.get("/api/metrics/current", self.metrics_current),
                web.get("/api/metrics/history", self.metrics_history),
                web.get("/api/events", self.events),
                web.get("/api/jobs", self.jobs),
                web.get("/api/jobs/history", self.jobs_history),
                web.get("/api/moments", self.moments),
                web.get("/api/snapshot", self.snapshot),
                web.get("/api/store", self.store),
                web.get("/api/watched", self.watched),
                web.get("/api/stream", self.stream),
                *AlertRoutes(self._feed).routes(),
                *IncidentRoutes(self._feed).routes(),
                *DiscoveryRoutes(self._targets).routes(),
            ]
        )
        return application

    async def healthz(self, _request: web.Request) -> web.Response:
        """Who answers, for which configuration."""
        snapshot = self._feed.latest()
        return _json({"ok": True, "pid": os.getpid(), "config": self._config_id, "cluster": snapshot.cluster})

    async def cluster_status(self, request: web.Request) -> web.Response:
        """`status --json`, now or at a time."""
        when = _time(request, "at", self._feed.now())
        if when is None:
            return _json(
                queries.status(self._feed.latest(), self._feed.now(), self._feed.watched(), self._feed.alerts())
            )
        then = await self._feed.at(when)
        if then is None:
            raise web.HTTPNotFound(text="nothing was kept near that time")
        return _json(queries.status(then, when))

    async def metrics_current(self, request: web.Request) -> web.Response:
        """Current values, filtered by `node`, `gpu` and `metric`."""
        wanted = {key: request.query[key] for key in ("node", "gpu", "metric") if key in request.query}
        rows = queries.current(self._feed.latest(), self._feed.now(), wanted)
        return _json({"schema": queries.SCHEMA, "at": self._feed.now(), "values": rows})

    async def metrics_history(self, request: web.Request) -> web.Response:
        """The past of `what` and `metric` from `since` to `until` in steps of `step` seconds."""
        what = request.query.get("what", "fleet")
        subject = parse_subject(what)
        metric = find(request.query.get("metric", "utilization"))
        if metric is None:
            raise web.HTTPBadRequest(text=f"unknown metric {request.query['metric']!r}")
        now = self._feed.now()
        end = _time(request, "until", now) or now
        start = _time(request, "since", now) or end - 3600
        step = float(request.query.get("step", span_for(start, end)))
        if end <= start or (step and (end - start) / step > _MOST_POINTS):
            raise web.HTTPBadRequest(text="since must lie before until, and the step must leave at most 100,000 points")
        series = await self._feed.series(subject, metric.key, start, end, step)
        if request.query.get("form") == "wire":
            return _text(wire.pack_series(series))
        return _json(queries.history(series, what))

    async def events(self, request: web.Request) -> web.Response:
        """Events from `since` to `until`."""
        now = self._feed.now()
        end = _time(request, "until", now) or now
        start = _time(request, "since", now) or end - 3600
        subject = parse_subject(request.query["what"]) if "what" in request.query else None
        found = tuple(await self._feed.events(start, end, subject, int(request.query.get("limit", "500"))))
        if request.query.get("form") == "wire":
            return _text(wire.pack_events(found))
        return _json({"schema": queries.SCHEMA, "events": queries.event_list(found)})

    async def jobs(self, request: web.Request) -> web.Response:
        """`jobs --json`, now or at a time."""
        when = _time(request, "at", self._feed.now())
        then = self._feed.latest() if when is None else await self._feed.at(when)
        if then is None:
            raise web.HTTPNotFound(text="nothing was kept near that time")
        return _json(queries_slurm.jobs_answer(then, self._feed.now() if when is None else when))

    async def jobs_history(self, request: web.Request) -> web.Response:
        """Jobs that were there from `since` to `until`, each as it stood last."""
        now = self._feed.now()
        end = _time(request, "until", now) or now
        start = _time(request, "since", now) or end - 86400
        found = tuple(await self._feed.jobs(start, end, int(request.query.get("limit", "500"))))
        if request.query.get("form") == "wire":
            return _text(wire.pack_jobs(found))
        snapshot = self._feed.latest()
        listed = [queries_slurm.job_status(one, snapshot, now) for one in found]
        return _json({"schema": queries.SCHEMA, "jobs": listed})

    async def moments(self, request: web.Request) -> web.Response:
        """Times at which something was kept."""
        now = self._feed.now()
        end = _time(request, "until", now) or now
        start = _time(request, "since", now) or end - 3600
        return _json({"schema": queries.SCHEMA, "moments": list(await self._feed.moments(start, end))})

    async def snapshot(self, request: web.Request) -> web.Response:
        """The whole picture in the form our own screens read, now or at a time."""
        when = _time(request, "at", self._feed.now())
        found = self._feed.latest() if when is None else await self._feed.at(when)
        if found is None:
            raise web.HTTPNotFound(text="nothing was kept near that time")
        return _text(wire.pack_snapshot(found))

    async def watched(self, _request: web.Request) -> web.Response:
        """What watching for a while has shown, in the form our own screens read."""
        return _text(wire.pack_watched(self._feed.watched()))

    async def store(self, _request: web.Request) -> web.Response:
        """How the store is doing."""
        return _text(wire.pack_health(await self._feed.store_health()))

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: a snapshot first, then every reading as it is applied."""
        return await stream(request, self._board)


@contextlib.asynccontextmanager
async def listen(feed: Feed, board: Board, config_id: str, path: Path, targets: Known = tuple) -> AsyncIterator[None]:
    """Answer on a unix socket that only its owner can open; takes over the file of a daemon that is gone."""
    application = Api(feed, board, config_id, targets).application()
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, _bind(path)).start()
        yield
    finally:
        _unbind(path)
        await runner.cleanup()


def _bind(path: Path) -> socket.socket:
    """A private socket at `path`, in a private folder."""
    private_dir(path.parent)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(mask)
    return listening


def _unbind(path: Path) -> None:
    path.unlink(missing_ok=True)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as JSON with one sentence; never a traceback."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _json({"error": error.text or error.reason}, error.status)
    except LookupError as error:
        return _json({"error": str(error.args[0]) if error.args else "not found"}, 404)
    except ValueError as error:
        return _json({"error": str(error)}, 400)
    except ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 - one answer fails, not the daemon
        _log.exception("cannot answer %s", request.path)
        return _json({"error": f"a mistake of the daemon's, please report it: {error!r}"}, 500)


def _time(request: web.Request, key: str, now: float) -> float | None:
    text = request.query.get(key)
    return None if text is None else parse_time(text, now)


def _json(value: object, status: int = 200) -> web.Response:
    return _text(json.dumps(value, separators=(",", ":")), status)


def _text(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="application/json", headers={"Server": SERVER})
