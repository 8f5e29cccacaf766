"""slurmrestd as a server on loopback or on a unix socket: serves the versions, and says what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

META = {"slurm": {"release": "24.11.5", "cluster": "c1"}, "plugin": {"data_parser": "data_parser/v0.0.42"}}
JOBS = {
    "meta": META,
    "jobs": [
        {
            "job_id": 812,
            "name": "train",
            "user_name": "ana",
            "job_state": ["RUNNING"],
            "partition": "gpu",
            "nodes": "node-1",
            "node_count": {"set": True, "infinite": False, "number": 1},
            "gres_detail": ["gpu:h100:2(IDX:0,3)"],
            "tres_alloc_str": "cpu=8,gres/gpu=2",
            "start_time": {"set": True, "infinite": False, "number": 1763999400},
        }
    ],
    "errors": [],
}
NODES = {"meta": META, "nodes": [{"name": "node-1", "state": ["MIXED"], "gres": "gpu:h100:8"}], "errors": []}
PARTITIONS = {"meta": META, "partitions": [{"name": "gpu", "partition": {"state": ["UP"]}}], "errors": []}
DIAG = {"meta": META, "statistics": {"server_thread_count": 3, "agent_queue_size": 0}}


@dataclass
class FakeRest:
    """What the server says, and what it was asked."""

    versions: tuple[str, ...] = ("v0.0.40", "v0.0.41", "v0.0.42")
    token: str | None = None
    """The only one that is taken; None: none is asked for."""
    bad_token: tuple[int, str] = (511, '{"errors": [{"description": "Protocol authentication error"}]}')
    answers: dict[str, object] = field(default_factory=dict)
    """By the last part of the path: an object to send as JSON, bytes as they are, or (status, text)."""
    delay_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    """Paths, in order."""
    users: set[str] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        self.asked.append(request.path)
        self.users.add(request.headers.get("X-SLURM-USER-NAME", ""))
        await asyncio.sleep(self.delay_s)
        given = request.headers.get("X-SLURM-USER-TOKEN")
        if self.token is not None and given is None:
            return web.Response(status=401, text="Authentication failure")
        if self.token is not None and given != self.token:
            status, text = self.bad_token
            return web.Response(status=status, text=text.replace("TOKEN", given or ""))
        _, _, version, name = request.path.split("/", 3)
        if version not in self.versions:
            return web.Response(status=404, text="Unable find requested URL")
        said = {"jobs": JOBS, "nodes": NODES, "partitions": PARTITIONS, "diag": DIAG, "ping": {}, **self.answers}
        found = said.get(name, (404, "nothing"))
        if isinstance(found, tuple):
            return web.Response(status=found[0], text=found[1])
        return web.Response(body=found) if isinstance(found, bytes) else web.json_response(found)

    @asynccontextmanager
    async def serving(self, socket: Path | None = None) -> AsyncIterator[str]:
        """Serve until the context is left; gives the address."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        if socket is not None:
            await web.UnixSite(runner, str(socket)).start()
            url = f"unix://{socket}"
        else:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield url
        finally:
            await runner.cleanup()
