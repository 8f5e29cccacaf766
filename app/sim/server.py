"""The simulated cluster as real HTTP over loopback: exporter pages, service discovery, faults on request.

One aiohttp server speaks for all exporters; each has its own path. A fault of a page is a fault of this server: it
hangs, drips, breaks off, answers 500 or rubbish, as the exporter in question would.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from app.sim.address import SimAddress
from app.sim.cluster import Cluster
from app.sim.dice import Dice
from app.sim.faults import KINDS, Fault, PageFault
from app.sim.placing import Placed
from app.sim.render import Renderer
from app.sim.slurm import wire
from app.sim.slurm.service import SlurmService
from app.sim.spec import SimSpec
from app.sim.targets import PageKind, Target, index_html, service_discovery

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
SLURM = "/slurm/"
"""Where Slurm's commands are asked."""
DRIP_S = 1.0
"""Seconds between two bytes of a slow page."""
_QUIET = logging.getLogger("app.sim.server.connections")


@dataclass(slots=True)
class RunningSim:
    """A simulated cluster that is being served; whoever started it must close it."""

    address: SimAddress
    cluster: Cluster
    _clock: Callable[[], float] = field(repr=False)
    _renderer: Renderer = field(repr=False)
    _runner: web.ServerRunner = field(repr=False)

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`, without a slash at its end."""
        return self.address.base_url

    def targets(self) -> list[tuple[str, str, PageKind]]:
        """Every page: its URL, its node, its kind."""
        return self.address.targets()

    def inject(self, fault: Fault) -> Placed:
        """Let a fault happen now (`at_s` is ignored). Raises ValueError, for a person, when it has no place."""
        return _inject_now(self._renderer, self._clock(), fault)

    async def close(self) -> None:
        """Stop serving; requests that hang are cut off."""
        await self._runner.cleanup()


async def serve(
    spec: SimSpec,
    clock: Callable[[], float],
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    origin: float | None = None,
    token: str | None = None,
    home: Path | None = None,
) -> RunningSim:
    """Serve a simulated cluster on a loopback address; port 0 takes any free one.

    `clock` gives epoch seconds; `origin` is the moment of simulated second 0 (now, unless given). Below `home` the
    simulated jobs write their output; without it they write none.
    Raises ValueError for an unknown scenario or an address that others could reach, OSError when it cannot listen.
    """
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the simulated cluster listens on loopback only, not on {host}")
    began = clock() if origin is None else origin
    renderer = Renderer(Cluster(spec), began)
    secret = secrets.token_urlsafe(24) if token is None else token
    desk = _Desk(renderer, clock, secret, SlurmService(renderer.cluster, began, home))
    server = web.Server(desk.answer, handler_cancellation=True, access_log=None, logger=_QUIET)
    runner = web.ServerRunner(server, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except BaseException:
        await runner.cleanup()
        raise
    desk.base_url = _url(runner)
    address = SimAddress(spec, desk.base_url, began, secret, renderer.cluster.targets)
    return RunningSim(address, renderer.cluster, clock, renderer, runner)


def _url(runner: web.ServerRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _inject_now(renderer: Renderer, at: float, fault: Fault) -> Placed:
    now = renderer.second(at)
    return renderer.cluster.inject(Fault(fault.kind, fault.node, fault.gpu, now, fault.for_s))


class _Desk:
    """Answers requests."""

    def __init__(self, renderer: Renderer, clock: Callable[[], float], token: str, slurm: SlurmService) -> None:
        self._renderer, self._clock, self._token, self._slurm = renderer, clock, token, slurm
        self._targets = {target.path: target for target in renderer.cluster.targets}
        self._routes: dict[tuple[str, str], Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]] = {
            ("GET", "/"): self._index,
            ("GET", "/sd/targets.json"): self._discovery,
            ("GET", "/control/faults"): self._list,
            ("POST", "/control/faults"): self._strike,
        }
        self.base_url = ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        target = self._targets.get(request.path)
        self._slurm.keep_logs(self._renderer.second(self._clock()), self._clock())
        if request.path.startswith(SLURM) and request.method == "POST":
            return await self._command(request)
        if target is not None and request.method == "GET":
            return await self._page(request, target)
        route = self._routes.get((request.method, request.path))
        if route is not None:
            return await route(request)
        if target is not None or any(path == request.path for _, path in self._routes):
            return _error(405, f"{request.method} is not for {request.path}")
        return _error(404, f"no page {request.path}; all of them are listed at /")

    async def _page(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        t = self._renderer.second(self._clock())
        trouble = self._renderer.cluster.page_fault(target, t)
        if trouble is None:
            return web.Response(body=self._renderer.page(target, t), headers={"Content-Type": EXPOSITION})
        kind, since = trouble
        if kind == "stale":
            return web.Response(body=self._renderer.page(target, since), headers={"Content-Type": EXPOSITION})
        if kind == "slow":
            return await _drip(request, self._renderer.page(target, t))
        return await _fail(request, kind)

    async def _index(self, request: web.BaseRequest) -> web.StreamResponse:
        del request
        return web.Response(text=index_html(tuple(self._targets.values())), content_type="text/html")

    async def _discovery(self, request: web.BaseRequest) -> web.StreamResponse:
        del request
        text = service_discovery(self.base_url, tuple(self._targets.values()))
        return web.Response(text=text, content_type="application/json")

    async def _list(self, request: web.BaseRequest) -> web.StreamResponse:
        del request
        cluster, now = self._renderer.cluster, self._renderer.second(self._clock())
        return web.json_response(
            {
                "scenario": cluster.spec.scenario,
                "second": round(now, 3),
                "faults": [_described(placed, now) for placed in cluster.faults],
                "kinds": {kind.name: kind.help for kind in KINDS},
            }
        )

    async def _command(self, request: web.BaseRequest) -> web.StreamResponse:
        """One command of Slurm's."""
        if not self._may(request):
            return _error(401, "Slurm's commands run with the token that they were written with")
        try:
            call = wire.call_of(
                request.path.removeprefix(SLURM), await request.read(), request.headers.get("X-Head", "")
            )
        except ValueError as error:
            return _error(400, str(error))
        return await wire.respond(self._slurm.run(call, self._renderer.second(self._clock())))

    def _may(self, request: web.BaseRequest) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), self._token.encode())

    async def _strike(self, request: web.BaseRequest) -> web.StreamResponse:
        if not self._may(request):
            return _error(401, "faults can be injected with the token that was printed when the simulator started")
        try:
            fault = _parse_fault(await request.read())
            placed = _inject_now(self._renderer, self._clock(), fault)
        except ValueError as error:
            return _error(400, str(error))
        return web.json_response(_described(placed, placed.start), status=201)


def _parse_fault(body: bytes) -> Fault:
    """A fault out of `{"name", "node", "gpu", "for_s"}`; all but the name may be left out. Raises ValueError."""
    asked = json.loads(body)
    if not (isinstance(asked, dict) and isinstance(asked.get("name"), str)):
        raise ValueError(  # noqa: TRY004 - bad input, not a bad call
            'say which fault: {"name": "thermal", "node": "gpu-01", "gpu": 3}'
        )
    node, gpu, for_s = asked.get("node", "training"), asked.get("gpu"), asked.get("for_s")
    if not isinstance(node, str) or not (gpu is None or type(gpu) is int):
        raise ValueError("node must be a name and gpu a whole number")
    if not (for_s is None or (isinstance(for_s, int | float) and for_s > 0)):
        raise ValueError("for_s must be a number of seconds above 0")
    return Fault(asked["name"], node, gpu, for_s=for_s)


def _described(placed: Placed, now: float) -> dict[str, object]:
    return {
        "name": placed.kind.name,
        "node": placed.node,
        "gpu": None if placed.gpu is None else placed.gpu.gpu,
        "service": placed.service,
        "since": round(placed.start, 3),
        "for_s": placed.fault.for_s,
        "acts": placed.holds(now),
    }


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


async def _fail(request: web.BaseRequest, kind: PageFault) -> web.StreamResponse:
    """Misbehave in one of the ways that need no page."""
    if kind == "500":
        return web.Response(status=500, text="collector failed: context deadline exceeded\n")
    if kind == "garbage":
        return web.Response(body=_rubbish(), headers={"Content-Type": EXPOSITION})
    if kind == "hang":
        await asyncio.Event().wait()
    if request.transport is not None:
        request.transport.abort()
    raise asyncio.CancelledError


def _rubbish() -> bytes:
    """16 kB that are no text; always the same."""
    dice = Dice("rubbish")
    return bytes(dice.whole(256) for _ in range(16384))


async def _drip(request: web.BaseRequest, page: bytes) -> web.StreamResponse:
    """Answer at one byte a second, until the other side has had enough."""
    response = web.StreamResponse(headers={"Content-Type": EXPOSITION, "Content-Length": str(len(page))})
    await response.prepare(request)
    for place in range(len(page)):
        await response.write(page[place : place + 1])
        await asyncio.sleep(DRIP_S)
    return response
