"""A small HTTP/1.1 server for GET and HEAD that survives slow, many and hostile clients.

Everything is bounded: connections, the size of a request's head, the time to send one, to take an answer, to stay idle.
Knows nothing of GPUs; `Handler` answers, and is only asked once the bearer token was right.
"""

import asyncio
import contextlib
import gzip
import hmac
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from pod.messages import BadRequestError, Request, Response, accepts_gzip, is_local_name, parse_request

MOST_HEAD_BYTES = 16 * 1024
LEAST_GZIP_BYTES = 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of itself the server gives to clients."""

    connections: int = 64
    """Served at a time; as many again are told that this is so, the rest is cut off."""
    head_s: float = 10.0
    """To send a request, once begun."""
    idle_s: float = 75.0
    """Between two requests of one connection."""
    write_s: float = 10.0
    """To take an answer, or one piece of a streamed one."""
    part_s: float = 1.0
    """To close its side once we have closed ours."""


Handler = Callable[[Request], Awaitable[Response]]


class Server:
    """Listens until closed."""

    def __init__(self, handler: Handler, token: str | None, limits: Limits | None = None) -> None:
        """Without a token everyone is served, but only under names that a foreign web page cannot take."""
        self._handler = handler
        self._token = None if token is None else f"Bearer {token}".encode()
        self._limits = limits or Limits()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port; raises OSError where that is not possible."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=MOST_HEAD_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= 2 * self._limits.connections:
            writer.transport.abort()
            return
        is_full = len(self._connections) >= self._limits.connections
        task = asyncio.create_task(self._attend(reader, writer, is_full=is_full))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_full: bool) -> None:
        # An answer is flushed before the next request is read, so a client that does not read cannot pile answers up.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            if is_full:
                await self._send(
                    writer, None, _plain(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections"), last=True
                )
            else:
                await self._converse(reader, writer)
            await self._part(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            # The client left, or was too slow.
            writer.transport.abort()
        finally:
            writer.close()

    async def _part(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Close in an order that lets the client read the answer: unread input would reset the connection."""
        writer.write_eof()
        async with asyncio.timeout(self._limits.part_s):
            while await reader.read(MOST_HEAD_BYTES):
                continue

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await self._read(reader)
            except BadRequestError as error:
                await self._send(writer, None, _plain(error.status, str(error)), last=True)
                return
            response = self._refusal(request) or await self._answer(request)
            last = request.is_http_1_0 or request.headers.get("connection", "").lower() == "close"
            await self._send(writer, request, response, last=last)
            if last:
                return

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except Exception:  # noqa: BLE001 - logged, and answered with 500
            # A mistake in one answer must not end the connection of a client that waits for it.
            _log.exception("cannot answer %s", request.path)
            return _plain(HTTPStatus.INTERNAL_SERVER_ERROR, "the exporter failed; its standard error says why")

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        async with asyncio.timeout(self._limits.idle_s):
            first = await reader.readexactly(1)
        try:
            async with asyncio.timeout(self._limits.head_s):
                return parse_request(first + await reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError:
            raise BadRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too large") from None

    def _refusal(self, request: Request) -> Response | None:
        if self._token is None:
            if not is_local_name(request.headers.get("host", "")):
                return _plain(HTTPStatus.MISDIRECTED_REQUEST, "ask for this under its own name, or set a token")
        elif not hmac.compare_digest(request.headers.get("authorization", "").encode("utf-8", "replace"), self._token):
            refused = _plain(HTTPStatus.UNAUTHORIZED, "a bearer token is needed")
            return Response(refused.body, refused.status, headers={"WWW-Authenticate": "Bearer"})
        if request.method not in {"GET", "HEAD"}:
            refused = _plain(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD")
            return Response(refused.body, refused.status, headers={"Allow": "GET, HEAD"})
        return None

    async def _send(
        self, writer: asyncio.StreamWriter, request: Request | None, response: Response, *, last: bool
    ) -> None:
        headers = {"Content-Type": response.content_type, "X-Content-Type-Options": "nosniff", **response.headers}
        if last:
            headers["Connection"] = "close"
        if not isinstance(response.body, bytes):
            await self._stream(writer, request, response, headers, response.body)
            return
        body = response.body
        if request is not None and len(body) >= LEAST_GZIP_BYTES and accepts_gzip(request.headers):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        headers["Content-Length"] = str(len(body))
        is_head = request is not None and request.method == "HEAD"
        await self._write(writer, _head(response.status, headers) + (b"" if is_head else body))

    async def _stream(
        self,
        writer: asyncio.StreamWriter,
        request: Request | None,
        response: Response,
        headers: dict[str, str],
        pieces: AsyncGenerator[bytes, None],
    ) -> None:
        is_chunked = request is None or not request.is_http_1_0
        if is_chunked:
            headers["Transfer-Encoding"] = "chunked"
        async with contextlib.aclosing(pieces):
            await self._write(writer, _head(response.status, headers))
            if request is not None and request.method == "HEAD":
                return
            async for piece in pieces:
                await self._write(writer, b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
        if is_chunked:
            await self._write(writer, b"0\r\n\r\n")

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        async with asyncio.timeout(self._limits.write_s):
            await writer.drain()


def _plain(status: HTTPStatus, text: str) -> Response:
    return Response(f"{text}\n".encode(), status)


def _head(status: HTTPStatus, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
