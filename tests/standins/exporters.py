"""Exporters that misbehave, over real loopback sockets: each is a coroutine that answers one connection.

`python -m tests.standins.exporters [CERTIFICATE KEY]` serves them all, prints their addresses as JSON, and ends with
its standard input.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PAGE = b"""# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-5fd4e0ef-2b9a-4f6a-8d52-7c1d4b1f9a01",device="nvidia0",\
modelName="NVIDIA H100 80GB HBM3",Hostname="node-1"} 97
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-5fd4e0ef-2b9a-4f6a-8d52-7c1d4b1f9a01",device="nvidia0",\
modelName="NVIDIA H100 80GB HBM3",Hostname="node-1"} 71000
"""
"""A small page of a dcgm-exporter."""


@asynccontextmanager
async def serving(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Answer every connection with a behaviour; gives the address of the page. Whatever hangs ends with the context."""
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError, ssl.SSLError):
            await behaviour(reader, writer)
        tasks.discard(task)
        writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}/metrics"
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def request(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request."""
    return await reader.readuntil(b"\r\n\r\n")


def head(status: str = "200 OK", **headers: str | int) -> bytes:
    """The head of an answer; `content_length=3` becomes `content-length: 3`."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def whole(body: bytes, status: str = "200 OK", **headers: str | int) -> bytes:
    """A whole answer, with its right length."""
    return head(status, content_length=len(body), **headers) + body


def says(answer: bytes) -> Behaviour:
    """Answers every request with these bytes and keeps the connection."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await request(reader):
            writer.write(answer)
            await writer.drain()

    return behave


def says_and_closes(answer: bytes) -> Behaviour:
    """Answers one request with these bytes, then closes the connection."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return behave


async def hangs(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing, ever."""
    await request(reader)
    await asyncio.Event().wait()


def dribbles(answer: bytes, every_s: float) -> Behaviour:
    """Answers a byte at a time."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        for byte in answer:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(every_s)

    return behave


async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends chunks of comments for as long as somebody takes them: gigabytes, if let."""
    await request(reader)
    writer.write(head(transfer_encoding="chunked"))
    chunk = b"# nothing\n" * 6400
    while True:
        writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        await writer.drain()


async def floods_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends headers for as long as somebody takes them."""
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in count():
        writer.write(b"x-%d: %s\r\n" % (number, b"y" * 200))
        await writer.drain()


def changes_kind(*bodies: bytes) -> Behaviour:
    """Answers with the next of these pages each time, over and over, whoever asks."""
    numbers = count()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await request(reader):
            writer.write(whole(bodies[next(numbers) % len(bodies)]))
            await writer.drain()

    return behave


GIGABYTES = says(head(content_length=2 << 30) + b"# nothing\n" * 6400)
GARBAGE = says(b"\x00\xff\xfe\x80 \x1b[31m" * 1000)
HTML = says(whole(b"<!DOCTYPE html><html><body><h1>It works!</h1></body></html>", content_type="text/html"))
REDIRECT = says(whole(b"", "302 Found", location="http://login.example/?token=s3cret"))
LOOP = says(whole(b"", "301 Moved Permanently", location="/metrics"))
ERROR = says(
    whole(b"\x1b[31mcollector crashed\x1b[0m: nvml: driver gone\nstack follows\n", "500 Internal Server Error")
)
CUT_SHORT = says_and_closes(head(content_length=len(PAGE)) + PAGE[: len(PAGE) // 2])
LONGER_THAN_SAID = says(head(content_length=len(PAGE) - 40) + PAGE)
SENSELESS_LENGTH = says(head(content_length="-1") + PAGE)
BOMB = says(whole(gzip.compress(b"0" * (8 << 20), 9, mtime=0), content_encoding="gzip"))
"""8 KiB that inflate to 8 MiB."""

BEHAVIOURS: dict[str, Behaviour] = {
    "good": says(whole(PAGE)),
    "hangs": hangs,
    "dribbles": dribbles(whole(PAGE), every_s=0.01),
    "gigabytes": GIGABYTES,
    "never ends": never_ends,
    "garbage": GARBAGE,
    "html": HTML,
    "redirects": REDIRECT,
    "redirects to itself": LOOP,
    "500": ERROR,
    "closes in the middle": CUT_SHORT,
    "senseless length": SENSELESS_LENGTH,
    "header flood": floods_headers,
    "gzip bomb": BOMB,
    "changes kind": changes_kind(PAGE, b'{"status": "ok"}', PAGE, b"\x00\x01\x02"),
}


async def main(tls: ssl.SSLContext | None) -> None:
    """Serve every behaviour until standard input ends."""
    async with AsyncExitStack() as stack:
        urls = {name: await stack.enter_async_context(serving(one)) for name, one in BEHAVIOURS.items()}
        if tls is not None:
            urls["self-signed"] = await stack.enter_async_context(serving(BEHAVIOURS["good"], tls))
        print(json.dumps(urls), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if sys.argv[1:] else None
    if context is not None:
        context.load_cert_chain(*sys.argv[1:])
    asyncio.run(main(context))
