"""The MCP server over HTTP (streamable HTTP, `/mcp`), behind its guard.

Each request stands alone: no session is kept, so there is none to steal and none to run out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.api.mcp_guard import LONGEST_BODY, Guard, address_of, hosts_of
from app.config.tokens import Door
from app.transport.tasks import Tasks

PATH = "/mcp"
LONGEST_HEAD = 16 * 1024
MOST_AT_ONCE = 256
"""Connections; more are answered 503 at once."""
IDLE_S = 30
"""A connection on which nothing more is asked is closed."""
HEAD_S = 10.0
"""Seconds in which a new connection must have asked something."""


@contextlib.asynccontextmanager
async def listening(server: Server[Any], door: Door) -> AsyncIterator[str]:
    """Answer until the context is left; gives the address. Raises OSError where it cannot be listened on."""
    taken = _bound(door)
    port = int(taken.getsockname()[1])
    web = _Quiet(_config(server, door, hosts_of(door, port)))
    async with Tasks() as tasks:
        answering = tasks.start(web.serve(sockets=[taken]), "mcp")
        try:
            yield f"http://{address_of(door)}:{port}{PATH}"
        finally:
            web.should_exit = True
            await answering
            taken.close()


def _bound(door: Door) -> socket.socket:
    listening_on = socket.socket(socket.AF_INET6 if ":" in door.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening_on.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening_on.bind((door.host, door.port))
        listening_on.listen(MOST_AT_ONCE)
    except OSError:
        listening_on.close()
        raise
    return listening_on


def _config(server: Server[Any], door: Door, hosts: frozenset[str]) -> uvicorn.Config:
    inner = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=LONGEST_BODY,
        # The guard has looked at Host and Origin, and more closely: the SDK minds capitals in names.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    for name in ("uvicorn.error", "mcp"):  # that a client was refused is no news; a mistake of the program is
        logging.getLogger(name).setLevel(logging.ERROR)
    return uvicorn.Config(
        Guard(inner, door.tokens, hosts),
        http=_Prompt,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_AT_ONCE,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=2,
    )


class _Prompt(H11Protocol):
    """Closes a connection that asks nothing: uvicorn waits for a first request as long as it takes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.loop.call_later(HEAD_S, self._close_if_silent)

    def _close_if_silent(self) -> None:
        cycle: object = self.cycle  # None until a request has come, whatever its annotation says
        if cycle is None and not self.transport.is_closing():
            self.transport.close()


class _Quiet(uvicorn.Server):
    """Leaves signals to whoever runs the program: uvicorn would take them, and raise them again at its end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield
