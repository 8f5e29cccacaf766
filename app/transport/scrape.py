"""The bounded HTTP client: GETs a page from an exporter, or from our own daemon, and never costs more than agreed.

Every page has a deadline that covers name, connection, TLS, headers and body; a bound on its size, before and after
inflating; and no redirects. Connections are kept alive, and are few a server. Proxies of the environment are not used:
a target is scraped where it is, as Prometheus does.

Our own and no library, by measurement (`python -m tests.bench scrape`, medians): a 69 kB page over a kept connection
takes 0.12 ms of CPU here, 0.17 in aiohttp, 0.83 in httpx; neither of them bounds what gzip inflates to. Importing this
takes 60 ms, asyncio included, aiohttp 180, httpx 130, and a cold `status` pays that each time. gzip is asked for of
other machines: undoing it takes 0.04 ms a page and saves nine tenths of the bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin

from app.domain.frozen import frozen
from app.transport.attempt import Attempt
from app.transport.connection import Connection
from app.transport.dialer import Dialer
from app.transport.endpoint import Endpoint, Server, parse_endpoint
from app.transport.failure import ScrapeError, not_ok
from app.transport.head import Head, HttpError
from app.transport.http1 import ResponseParser
from app.transport.inflate import decoded
from app.transport.lines import LineCutter

if TYPE_CHECKING:  # ssh is paid for by those who use it
    from app.transport.ssh import SshForwards

PER_SERVER = 8
"""Connections to one server at a time, in use or kept: a thousand pages behind one address wait for each other."""
MOST_REDIRECTS = 3


@frozen
class Limits:
    """What an answer may cost."""

    max_body: int = 32 * 1024 * 1024
    """Bytes, as sent and once inflated."""
    redirects: int = 0
    """Followed within one server, 3 at most. A target that redirects is misconfigured, so none unless wanted."""
    max_line: int = 64 * 1024 * 1024
    """Bytes of one line of a stream."""


_DEFAULT = Limits()


@frozen
class Answer:
    """A page as it came, inflated."""

    body: bytes
    headers: Mapping[str, str]
    """By lower-case name."""
    wire_bytes: int
    """Bytes received for it, headers included."""


class ScrapeClient:
    """GETs pages, for one event loop. It owns connections and nothing else."""

    def __init__(self, dialer: Dialer | None = None) -> None:
        self._dialer = dialer or Dialer()
        self._lanes: dict[Server, _Lane] = {}

    @property
    def forwards(self) -> SshForwards | None:
        """The connections through ssh hosts, for whoever runs commands there; None: none may be made."""
        return self._dialer.ssh

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def get(self, endpoint: Endpoint, timeout_s: float, limits: Limits = _DEFAULT) -> Answer:
        """The page, within `timeout_s` in all. Raises ScrapeError, for any status but 200 too."""
        attempt = Attempt(endpoint, timeout_s)
        with attempt.explained():
            async with attempt.deadline:
                for _ in range(1 + min(MOST_REDIRECTS, limits.redirects)):
                    parser, head = await self._exchange(attempt, limits)
                    body = await decoded(parser.take(), head.encoding, limits.max_body)
                    if head.status == 200:
                        return Answer(body, head.headers, parser.received)
                    target = _same_server(attempt.endpoint, head) if limits.redirects else None
                    if target is None:
                        raise not_ok(attempt.endpoint, head, body)
                    attempt.endpoint = target
        raise ScrapeError("redirect", f"{endpoint} redirects again and again, last to {attempt.endpoint.path}")

    async def lines(
        self, endpoint: Endpoint, timeout_s: float, quiet_s: float, limits: Limits = _DEFAULT
    ) -> AsyncGenerator[bytes, None]:
        """The lines of a stream, without their ends, as they come; use it in `contextlib.aclosing`.

        The headers must be here within `timeout_s`, and after that something at least every `quiet_s`. The connection
        is the stream's own and ends with it. Raises ScrapeError.
        """
        attempt = Attempt(endpoint, timeout_s)
        rest = LineCutter(limits.max_line)
        try:
            connection = await self._open_stream(attempt)
            while True:
                attempt.deadline, attempt.timeout_s = asyncio.timeout(quiet_s), quiet_s
                try:
                    with attempt.explained():
                        async with attempt.deadline:
                            data = await connection.more()
                        ready = rest.split(data)
                except ScrapeError as error:
                    if error.kind == "timeout":
                        raise ScrapeError("timeout", f"{attempt.endpoint} said nothing for {quiet_s:g} s") from error
                    raise
                for line in ready:
                    yield line
                if not data:
                    return
        finally:
            if attempt.connection is not None:
                attempt.connection.cut()

    def forget(self, server: Server) -> None:
        """Close what is kept for a server that is not read any more."""
        lane = self._lanes.pop(server, None)
        if lane is not None:
            lane.close()

    async def close(self) -> None:
        """Close every kept connection."""
        for server in list(self._lanes):
            self.forget(server)

    async def _open_stream(self, attempt: Attempt) -> Connection:
        endpoint, timeout_s = attempt.endpoint, attempt.timeout_s
        with attempt.explained():
            async with attempt.deadline:
                connection = attempt.connection = await self._dialer.dial(endpoint.server, timeout_s)
                parser = await connection.open_stream(endpoint.request(timeout_s, gzip=False))
            head = parser.head
            assert head is not None, "an open stream has a head"  # noqa: S101 - what open_stream promises
            if head.encoding:
                raise HttpError(f"answered in an encoding nobody asked for ({head.encoding[:40]!r})")
        if head.status != 200:
            raise not_ok(endpoint, head, parser.take())
        return connection

    async def _exchange(self, attempt: Attempt, limits: Limits) -> tuple[ResponseParser, Head]:
        """One request and its response: over a kept connection, else, or where that one turns out dead, a new one."""
        endpoint = attempt.endpoint
        request = endpoint.request(attempt.timeout_s, gzip=not endpoint.server.is_near)
        lane = self._lanes.get(endpoint.server)
        if lane is None:
            lane = self._lanes[endpoint.server] = _Lane()
        attempt.is_queued = True
        async with lane.room:
            attempt.is_queued = False
            kept = lane.take()
            if kept is not None:
                attempt.connection = kept
                try:
                    return await _ask(lane, kept, request, limits.max_body)
                except (HttpError, OSError):
                    if kept.received:
                        raise
                attempt.connection = None
            attempt.connection = await self._dialer.dial(endpoint.server, attempt.left_s)
            return await _ask(lane, attempt.connection, request, limits.max_body)


class _Lane:
    """The connections to one server: those kept, and room for more."""

    def __init__(self) -> None:
        self.room = asyncio.Semaphore(PER_SERVER)
        self._idle: list[Connection] = []
        self._is_closed = False

    def take(self) -> Connection | None:
        """A kept connection that is open as far as we know."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed:
                return connection
        return None

    def keep(self, connection: Connection) -> None:
        """Keep a connection for the next request."""
        if self._is_closed:
            connection.cut()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Close what is kept, and what would be after a request under way."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().cut()


async def _ask(lane: _Lane, connection: Connection, request: bytes, max_body: int) -> tuple[ResponseParser, Head]:
    parser = await connection.ask(request, max_body)
    head = parser.head
    assert head is not None, "a complete response has a head"  # noqa: S101 - the parser's own promise
    if head.stays_open and not parser.has_leftover and not connection.is_closed:
        lane.keep(connection)
    else:
        connection.cut()
    return parser, head


def _same_server(endpoint: Endpoint, head: Head) -> Endpoint | None:
    """Where a redirect leads, if it stays on the server: only then may our credentials follow it."""
    location = head.headers.get("location")
    if head.status not in (301, 302, 303, 307, 308) or not location:
        return None
    here = endpoint.server
    if here.scheme == "unix":
        return endpoint.at(location) if location.startswith("/") and not location.startswith("//") else None
    with suppress(ValueError):
        target = parse_endpoint(urljoin(f"{here.scheme}://{here.authority}{endpoint.path}", location))
        if (target.server.scheme, target.server.authority) == (here.scheme, here.authority):
            return endpoint.at(target.path)
    return None
