"""As much of an HTTP/1.1 server as a scripted model needs: whole answers, and streams that can stall and die."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Literal

from tests.standins import llm_wire as wire
from tests.standins.llm_steps import Fail


class GoneError(Exception):
    """The client has gone, or we have left it."""


async def read_request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes]:
    """Method, path, headers (names in small letters) and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:] if line)}
    return method, path, headers, await reader.readexactly(int(headers.get("content-length", "0")))


class Out:
    """The answer to one request, on its way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def whole(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        lines = {"server": "uvicorn", "content-length": str(len(body)), "content-type": "application/json"}
        await self._head(status, {**lines, **(headers or {})}, body)

    async def fail(self, step: Fail) -> None:
        body = wire.error(step.status, step.message, step.kind) if step.body is None else step.body
        await self.whole(step.status, body, step.headers)

    async def begin(self, first: bytes) -> None:
        kind = "text/event-stream; charset=utf-8"
        await self._head(200, {"server": "uvicorn", "content-type": kind, "transfer-encoding": "chunked"}, b"")
        await self.send(first)

    async def send(self, piece: bytes) -> None:
        if self._reader.at_eof() or self._writer.is_closing():
            raise GoneError
        self._writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await self._writer.drain()

    async def end(self, piece: bytes) -> None:
        await self.send(piece)
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def wait(self, seconds: float | None) -> None:
        """Wait, and notice when the client goes meanwhile."""
        try:
            await asyncio.wait_for(self._reader.read(1), seconds)
        except TimeoutError:
            return
        raise GoneError

    async def die(self, how: Literal["reset", "eof", "end"]) -> None:
        if how == "end":
            self._writer.write(b"0\r\n\r\n")
        if how == "reset":
            self._writer.transport.abort()
        self._writer.close()
        raise asyncio.IncompleteReadError(b"", None)

    async def _head(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{key}: {value}" for key, value in headers.items()), "", ""]
        self._writer.write("\r\n".join(lines).encode("latin-1") + body)
        await self._writer.drain()
