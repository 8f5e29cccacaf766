"""One connection to one server: a request goes out, a response is read into a parser. Knows no pool and no deadline."""

from __future__ import annotations

import asyncio

from app.transport.head import HttpError, NoAnswerError
from app.transport.http1 import ResponseParser

HIGH_WATER = 1 << 20
"""Bytes of a stream that may wait for their reader before the server is made to wait."""


class Connection(asyncio.Protocol):
    """A connection in use or kept for later; one exchange at a time, and whoever uses it sets the deadline."""

    def __init__(self) -> None:
        self.is_closed = False
        self.used = 0
        """Responses read to their end."""
        self._transport: asyncio.Transport | None = None
        self._parser: ResponseParser | None = None
        self._news: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._is_stream = False
        self._is_paused = False

    @property
    def received(self) -> int:
        """Bytes of the present response so far."""
        return self._parser.received if self._parser else 0

    async def ask(self, request: bytes, max_body: int) -> ResponseParser:
        """Send a request and read the whole response; cancelled, cut the connection. Raises HttpError or OSError."""
        parser = self._begin(request, max_body)
        await self._wait()
        self._parser = None
        self.used += 1
        return parser

    async def open_stream(self, request: bytes) -> ResponseParser:
        """Send a request and read no further than what comes with the head. Raises like `ask`."""
        self._is_stream = True
        parser = self._begin(request, None)
        while parser.head is None:
            await self._wait()
        return parser

    async def more(self) -> bytes:
        """The next bytes of a stream; none at its end. Raises like `ask`."""
        parser = self._parser
        assert parser is not None, "open_stream comes first"  # noqa: S101 - a mistake of ours, not of the server
        while not parser.buffered and not parser.is_complete:
            await self._wait()
        if self._is_paused and self._transport is not None:
            self._transport.resume_reading()
            self._is_paused = False
        return parser.take()

    def cut(self) -> None:
        """Close at once, whatever is under way."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the types: a stream has a stream transport
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:  # a server that talks without being asked is not asked again
            self.cut()
            return
        try:
            parser.feed(data)
        except HttpError as error:
            self._fail(error)
            return
        if self._is_stream and parser.buffered > HIGH_WATER and not self._is_paused and self._transport is not None:
            self._transport.pause_reading()
            self._is_paused = True
        if parser.is_complete or self._is_stream:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        if self._parser is None or self._error is not None:  # not in use, or we cut it ourselves
            return
        try:
            self._parser.close()
        except HttpError as error:
            self._fail(exc or error)
        else:
            self._wake()

    def _begin(self, request: bytes, max_body: int | None) -> ResponseParser:
        assert self._transport is not None, "connection_made comes first"  # noqa: S101 - asyncio's own order
        self._parser, self._error = ResponseParser(max_body), None
        if self.is_closed:
            self._error = NoAnswerError("closed the connection without an answer")
        self._transport.write(request)
        return self._parser

    async def _wait(self) -> None:
        """Until there is news. Raises what went wrong; cuts the connection when cancelled."""
        if self._error is None and not self.is_closed:
            self._news = asyncio.get_running_loop().create_future()
            try:
                await self._news
            except asyncio.CancelledError:
                self.cut()
                raise
            finally:
                self._news = None
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _fail(self, error: Exception) -> None:
        # Without the way it took, which leads back here: a circle for each server that hangs, at each look.
        self._error = error.with_traceback(None)
        self.cut()
        self._wake()
