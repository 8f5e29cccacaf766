"""The desk of one member's daemon: wishes about alerts, sent to where the member is."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.services.alert_desk import RemoteDesk, answer_of
from app.services.alerting import AlertingError
from app.transport.destination import SshError
from app.transport.scrape import ScrapeClient

if TYPE_CHECKING:
    from app.services.joined.member import Door

_ASK_S = 10.0


class MemberDesk(RemoteDesk):
    """A daemon's desk behind any door."""

    def __init__(self, door: Door, client: ScrapeClient) -> None:
        self._door = door
        self._client = client

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        import httpx  # noqa: PLC0415 - late: only who wishes something pays for it

        asked, door = self._door.at(path), self._door.begin
        headers = {"Authorization": door.authorization.reveal()} if door.authorization else {}
        base = "http://daemon" if door.server.scheme == "unix" else f"{door.server.scheme}://{door.server.authority}"
        try:
            async with asyncio.timeout(_ASK_S):
                transport = httpx.AsyncHTTPTransport(uds=await self._socket_path(), verify=await self._context())
                async with httpx.AsyncClient(transport=transport, base_url=base, timeout=_ASK_S) as client:
                    sent = None if body is None else dict(body)
                    answer = await client.request(method, asked.path, json=sent, headers=headers)
        except (httpx.HTTPError, OSError, SshError) as error:
            raise AlertingError(f"the daemon at {self._door} does not answer: {error}") from error
        return answer_of(answer)

    async def _socket_path(self) -> str | None:
        """The local socket that leads there; None: it is reached over TCP."""
        server = self._door.begin.server
        if server.scheme != "unix":
            return None
        if server.ssh is None:
            return server.host
        forwards = self._client.forwards
        if forwards is None:
            raise SshError("no ssh is available here")
        await forwards.forward(server.ssh, server.host)
        return forwards.path(server.ssh, server.host)

    async def _context(self) -> ssl.SSLContext | bool:
        server = self._door.begin.server
        if server.insecure:
            return False
        if not server.ca_file:
            return True
        return await asyncio.to_thread(ssl.create_default_context, cafile=server.ca_file)
