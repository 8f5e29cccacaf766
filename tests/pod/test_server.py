"""The HTTP server: what it answers, and what it does to clients that misbehave."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus

import pytest

from pod.messages import BadRequestError, Request, Response, accepts_gzip, is_local_name, parse_request
from pod.server import MOST_HEAD_BYTES, Limits, Server

PAGE = b"x" * 5000
Ask = Callable[[bytes], AbstractAsyncContextManager[asyncio.StreamReader]]


async def answer(request: Request) -> Response:
    """A page, a stream, or a mistake."""
    if request.path == "/stream":
        return Response(pieces())
    if request.path == "/mistake":
        raise RuntimeError("a mistake")
    return Response(PAGE)


async def pieces() -> AsyncGenerator[bytes, None]:
    """Two pieces."""
    yield b"one"
    yield b"two"


@asynccontextmanager
async def serving(token: str | None = None, limits: Limits | None = None) -> AsyncIterator[int]:
    """A server on a free port of loopback."""
    server = Server(answer, token, limits)
    try:
        yield await server.start("127.0.0.1", 0)
    finally:
        await server.close()


async def exchange(port: int, request: bytes) -> bytes:
    """Send this and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(60):
        received = await reader.read(-1)
    writer.close()
    return received


def get(path: str = "/", *headers: str, method: str = "GET") -> bytes:
    """A request that closes its connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def test_get_answers_with_length_and_head_without_body() -> None:
    """GET gives the page, HEAD the same head and nothing else."""
    async with serving() as port:
        head, _, body = (await exchange(port, get())).partition(b"\r\n\r\n")
        only_head, _, nothing = (await exchange(port, get(method="HEAD"))).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 5000" in head
    assert PAGE == body
    assert (head, b"") == (only_head, nothing)


async def test_gzip_is_given_when_asked_for() -> None:
    """A client that accepts gzip gets it, another does not."""
    async with serving() as port:
        head, _, body = (await exchange(port, get("/", "Accept-Encoding: deflate, gzip"))).partition(b"\r\n\r\n")
        plain = await exchange(port, get("/", "Accept-Encoding: gzip;q=0"))

    assert b"Content-Encoding: gzip" in head
    assert PAGE == gzip.decompress(body)
    assert plain.endswith(PAGE)


async def test_connection_serves_many_requests() -> None:
    """Two requests sent at once over one connection get two answers in order."""
    keep = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with serving() as port:
        received = await exchange(port, keep + get("/stream"))

    assert 2 == received.count(b"HTTP/1.1 200 OK")
    assert received.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


async def test_token_is_asked_for_first() -> None:
    """Without the token even an unknown path or method is only 401; with it the page comes."""
    async with serving("right") as port:
        refused = [
            await exchange(port, get("/")),
            await exchange(port, get("/", "Authorization: Bearer wrong")),
            await exchange(port, get("/", "Authorization: Basic right")),
            await exchange(port, get("/", method="POST")),
        ]
        served = await exchange(port, get("/", "Authorization: Bearer right"))

    assert [b"HTTP/1.1 401 Unauthorized"] * 4 == [answer.splitlines()[0] for answer in refused]
    assert served.endswith(PAGE)


async def test_other_methods_are_refused() -> None:
    """POST is 405 and says what is allowed."""
    async with serving() as port:
        refused = await exchange(port, get(method="POST"))

    assert refused.startswith(b"HTTP/1.1 405 Method Not Allowed")
    assert b"Allow: GET, HEAD" in refused


async def test_foreign_name_is_refused_without_a_token() -> None:
    """A web page whose name points to this machine gets nothing."""
    async with serving() as port:
        refused = await exchange(port, b"GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n")

    assert refused.startswith(b"HTTP/1.1 421 ")


async def test_mistake_of_the_handler_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    """A request that fails inside is answered and logged, and the next one is served."""
    async with serving() as port:
        failed = await exchange(port, get("/mistake"))
        served = await exchange(port, get())

    assert failed.startswith(b"HTTP/1.1 500 ")
    assert "a mistake" in caplog.text
    assert served.endswith(PAGE)


async def test_too_large_a_head_is_refused() -> None:
    """Headers without end are cut off at 16 KiB."""
    async with serving() as port:
        refused = await exchange(port, b"GET / HTTP/1.1\r\nX: " + b"x" * (2 * MOST_HEAD_BYTES) + b"\r\n\r\n")

    assert refused.startswith(b"HTTP/1.1 431 ")


async def test_client_that_never_finishes_its_request_is_dropped() -> None:
    """A request that trickles in is ended when its time is over, and others were served meanwhile."""
    async with serving(limits=Limits(head_s=0.05)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HT")
        served = await exchange(port, get())
        # The abort arrives as an end or as a reset; either way nothing was answered.
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                assert b"" == await reader.read(-1)
        writer.close()

    assert served.endswith(PAGE)


async def test_client_that_does_not_read_is_dropped() -> None:
    """Answers to one that never reads do not pile up: it is cut off when its time is over."""
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield bytes(1 << 16)
        finally:
            ended.set()

    async def handler(request: Request) -> Response:
        return Response(endless())

    server = Server(handler, None, Limits(write_s=0.05))
    port = await server.start("127.0.0.1", 0)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get())
    async with asyncio.timeout(60):
        await ended.wait()
    writer.close()
    await server.close()


async def test_one_client_too_many_is_told_so() -> None:
    """With all places taken by idle connections, the next one is answered 503 at once."""
    async with serving(limits=Limits(connections=2)) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for reader, writer in idle:
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(PAGE)
        refused = await exchange(port, get())
        for _, writer in idle:
            writer.close()

    assert refused.startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET http://x/ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET /?" + b"&".join(b"a=1" for _ in range(40)) + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET //[ HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_a_request_is_refused(head: bytes) -> None:
    """Nothing but a plain HTTP/1 request without a body is taken."""
    with pytest.raises(BadRequestError) as caught:
        parse_request(head)

    assert caught.value.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}


def test_request_is_taken_apart() -> None:
    """Path and query are decoded, header names are in lower case."""
    request = parse_request(b"GET /logs/a%2Fb?offset=5&follow= HTTP/1.0\r\nAccept: text/plain\r\n\r\n")

    assert Request("GET", "/logs/a/b", {"offset": "5", "follow": ""}, {"accept": "text/plain"}, True) == request


def test_gzip_is_told_from_its_refusal() -> None:
    """Only an offer of gzip that is not turned off counts."""
    offers = ("gzip", "br, GZIP;q=0.5", "gzip;q=0", "identity", "")

    assert [True, True, False, False, False] == [accepts_gzip({"accept-encoding": offer}) for offer in offers]


def test_local_names_are_told_from_foreign_ones() -> None:
    """Addresses, short names and private suffixes are ours; a public name never is."""
    ours = ("127.0.0.1:9400", "[::1]:9400", "localhost", "node-1:9400", "abc.runpod.internal", "")

    assert [True] * 6 == [is_local_name(host) for host in ours]
    assert [False] * 2 == [is_local_name(host) for host in ("evil.example", "localhost.evil.example:9400")]
