"""The one module that touches the `openai` package: requests out, pieces of replies in, errors as sentences.

The package is imported late, in a thread: it takes a second. It retries nothing here, reads nothing of the environment
(no key, no proxy, no headers) and follows no redirects, so that a key goes to the configured server alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from app.agent.provider.pieces import Piece, Served, read_model, read_piece
from app.agent.provider.trouble import ProviderError, broken_off, refused, unreachable
from app.config.secret import Secret, SecretError, read_secret_file
from app.config.settings import Agent
from app.transport.destination import SshError
from app.transport.endpoint import Endpoint, Server, bearer, parse_endpoint

if TYPE_CHECKING:
    import httpx2
    import openai

    from app.transport.ssh import SshForwards

CONNECT_S = 10.0
"""Seconds a connection may take."""
_KEPT_HEADERS = frozenset(
    {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "authorization"}
)
_MOST_NAMES = 200
_LATE = ("openai", "httpx2", "h11", "tenacity", "tenacity.asyncio", "anyio._backends._asyncio")


class Wire:
    """One model server."""

    def __init__(self, settings: Agent, base_url: str, forwards: SshForwards | None) -> None:
        """`forwards` is needed where settings name an ssh host; it stays its owner's. Raises ProviderError."""
        self._settings = settings
        self._forwards = forwards
        self._client: openai.AsyncOpenAI | None = None
        self._lock = asyncio.Lock()
        try:
            path = urlsplit(base_url).path.rstrip("/")
            self._endpoint = parse_endpoint(base_url, ssh=settings.ssh).at(path or "/v1")
        except ValueError as error:
            raise ProviderError("settings", f"agent.base_url: {error}") from None

    @property
    def where(self) -> str:
        """The server, for a sentence; without credentials."""
        return str(self._endpoint.server)

    async def load(self) -> None:
        """Load the package, and what it loads when first used: no deadline counts that, and no screen feels it."""
        for name in _LATE:
            await asyncio.to_thread(import_module, name)

    async def models(self) -> tuple[Served, ...]:
        """The models the server lists, in its order. Raises ProviderError."""
        client = await self._connected()
        import openai  # noqa: PLC0415 - late: as the module says

        try:
            page = await client.get("/models", cast_to=object)
        except openai.APIError as error:
            raise await self._explained(error, self._settings.model, has_begun=False) from None
        except ValueError as error:
            raise ProviderError(
                "settings", f"{self.where} lists its models as no JSON: is it a model server?"
            ) from error
        rows = page.get("data") if isinstance(page, Mapping) else page
        if not isinstance(rows, list):
            raise ProviderError("settings", f"{self.where} lists no models: is it a model server?")
        served = (read_model(row) for row in rows[:_MOST_NAMES])
        return tuple(one for one in served if one is not None)

    async def pieces(self, body: Mapping[str, Any]) -> AsyncGenerator[Piece, None]:
        """Ask for a reply and give it as it comes; closing the generator ends the connection. Raises ProviderError."""
        client = await self._connected()
        import openai  # noqa: PLC0415 - late: as the module says

        has_begun = False
        try:
            # Plain values: making objects of the package's own of each chunk takes as long as all the rest.
            asked = client.post(
                "/chat/completions",
                cast_to=object,
                body={**body, "stream": True},
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )
            async with await asked as stream:
                if "/json" in stream.response.headers.get("content-type", ""):
                    yield read_piece(json.loads(await stream.response.aread()))  # it does not stream
                    return
                async for chunk in stream:
                    piece = read_piece(chunk)
                    has_begun = has_begun or piece.says_something
                    yield piece
        except openai.APIError as error:
            raise await self._explained(error, str(body["model"]), has_begun=has_begun) from None
        except (ValueError, RecursionError) as error:
            raise broken_off(self.where, "it sends what is no JSON") from error

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connected(self) -> openai.AsyncOpenAI:
        async with self._lock:
            server = self._endpoint.server
            socket = await self._forwarded(server) if server.ssh is not None else self._socket(server)
            if self._client is None:
                await self.load()
                # In a thread: certificates and the key are read from disk.
                self._client = await asyncio.to_thread(self._made, server, socket)
            return self._client

    def _socket(self, server: Server) -> str | None:
        return server.host if server.scheme == "unix" else None

    async def _forwarded(self, server: Server) -> str:
        """The local socket that leads to the server through ssh. Raises ProviderError."""
        if self._forwards is None or server.ssh is None:
            raise ProviderError("settings", f"{self.where}: ssh is not available here")
        target = server.host if server.scheme == "unix" else server.authority
        try:
            socket = self._forwards.path(server.ssh, target)
            if self._client is None or not await _is_open(socket):
                await self._forwards.forward(server.ssh, target)
        except SshError as error:
            raise ProviderError("offline", str(error)) from error
        return socket

    def _made(self, server: Server, socket: str | None) -> openai.AsyncOpenAI:
        import httpx2  # noqa: PLC0415 - late: as the module says
        import openai  # noqa: PLC0415 - late: as the module says

        # They say whole addresses at INFO; whoever turns logs on must not find credentials there.
        for name in ("httpx2", "httpcore2", "openai"):
            logging.getLogger(name).setLevel(logging.WARNING)
        key = self._authorization()

        async def plain(request: httpx2.Request) -> None:
            """Only what the API needs: no word of this machine, nothing the environment adds."""
            for name in [name for name in request.headers if name.lower() not in _KEPT_HEADERS]:
                del request.headers[name]
            request.headers["User-Agent"] = "gpu-watchdog"
            request.headers.pop("Authorization", None)
            if key is not None:
                request.headers["Authorization"] = key.reveal()

        is_tls = server.scheme == "https"
        transport = httpx2.AsyncHTTPTransport(uds=socket, verify=is_tls, trust_env=False)
        # Only connecting is bounded here: the deadlines of a reply are the provider's.
        timeout = httpx2.Timeout(None, connect=CONNECT_S)
        client = httpx2.AsyncClient(
            transport=transport,
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
            event_hooks={"request": [plain]},
        )
        host = "localhost" if server.scheme == "unix" else server.authority
        base = f"{'https' if is_tls else 'http'}://{host}{self._endpoint.path}"
        return openai.AsyncOpenAI(api_key="-", base_url=base, timeout=timeout, max_retries=0, http_client=client)

    def _authorization(self) -> Secret | None:
        """The header that proves who we are. Raises ProviderError."""
        if not self._settings.api_key_file:
            return self._endpoint.authorization
        try:
            return bearer(read_secret_file(Path(self._settings.api_key_file).expanduser()))
        except SecretError as error:
            raise ProviderError("denied", f"agent.api_key_file: {error}") from None

    async def _explained(self, error: openai.APIError, model: str, *, has_begun: bool) -> ProviderError:
        import openai  # noqa: PLC0415 - late: as the module says

        if isinstance(error, openai.APIStatusError):
            headers = {key.lower(): value for key, value in error.response.headers.items()}
            body = self._hidden(error.body if error.body is not None else error.response.text[:400])
            found = refused(
                error.status_code,
                body,
                headers,
                where=self.where,
                model=model,
                key_file=self._settings.api_key_file,
            )
        elif isinstance(error, openai.APIConnectionError):
            found = self._lost(error.__cause__ or error, has_begun=has_begun)
        else:  # an error that came as an event of the stream
            code = error.code if error.code and error.code.isdigit() else "500"
            body = self._hidden(error.body or error.message)
            found = refused(int(code), body, {}, where=self.where, model=model, key_file="")
            if found.kind in ("failed", "busy") and has_begun:
                found = broken_off(self.where, found.said or "it reports an error")
        if found.kind in ("offline", "denied"):
            await self.close()  # the key, the forward or the address may be another by the next try
        return found

    def _lost(self, error: BaseException, *, has_begun: bool) -> ProviderError:
        if has_begun:
            return broken_off(self.where, "the connection was lost")
        return unreachable(self.where, error, is_forwarded=self._endpoint.server.ssh is not None)

    def _hidden(self, body: object) -> object:
        """What a server says, without our key: some repeat what they were shown."""
        try:
            key = self._authorization()
        except ProviderError:
            return body
        endpoint: Endpoint = replace(self._endpoint, authorization=key)
        return _without(body, endpoint)


async def _is_open(socket: str) -> bool:
    """Whether somebody still listens on a forward's socket: the connection behind it may have died."""
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    writer.close()
    return True


def _without(body: object, endpoint: Endpoint) -> object:
    if isinstance(body, str):
        return endpoint.hide(body)
    if isinstance(body, Mapping):
        return {str(key): _without(value, endpoint) for key, value in list(body.items())[:20]}
    if isinstance(body, list):
        return [_without(value, endpoint) for value in body[:5]]
    return body
