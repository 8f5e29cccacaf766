"""A stream gives its lines as they come, and waits for whoever reads it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from app.transport.endpoint import parse_endpoint
from app.transport.failure import ScrapeError
from app.transport.scrape import Limits, ScrapeClient
from tests.standins import exporters as bad


@pytest.fixture
async def client() -> AsyncIterator[ScrapeClient]:
    async with ScrapeClient() as made:
        yield made


async def test_a_stream_gives_its_lines_as_they_come(client: ScrapeClient) -> None:
    """Lines arrive one by one, cut anywhere, until the server is done."""
    sent = [b"event: a\ndat", b"a: 1\r\n\r\ndata: ", b"2\nlast"]

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await bad.request(reader)
        writer.write(bad.head(content_type="text/event-stream", transfer_encoding="chunked"))
        for part in sent:
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async with bad.serving(behave) as url, aclosing(client.lines(parse_endpoint(url), 1.0, 1.0)) as lines:
        assert [b"event: a", b"data: 1", b"", b"data: 2", b"last"] == [line async for line in lines]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (bad.head(content_type="text/event-stream") + b"data: 1\n", "said nothing for 0.05 s"),
        (bad.whole(b"no such route\n", "404 Not Found"), "HTTP 404 Not Found: no such route"),
        (bad.head(content_length=100) + b"data: 1\n" + b"x" * 40, "line longer than 20 bytes"),
    ],
    ids=["quiet", "404", "long line"],
)
async def test_a_streams_trouble_is_a_sentence(client: ScrapeClient, answer: bytes, says: str) -> None:
    """A stream that falls silent, is refused or has a line without end is an error."""
    async with bad.serving(bad.says(answer)) as url:
        with pytest.raises(ScrapeError, match=says):
            await drain(client.lines(parse_endpoint(url), 1.0, 0.05, Limits(max_line=20)))


async def drain(lines: AsyncGenerator[bytes, None]) -> None:
    async with aclosing(lines):
        assert [b"data: 1"] == [line async for line in lines]


async def test_a_slow_reader_makes_the_server_wait(client: ScrapeClient) -> None:
    """A stream that nobody reads stops growing in memory, and goes on when it is read."""
    sent = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await bad.request(reader)
        writer.write(bad.head())
        for _ in range(400):
            writer.write(b"x" * 99_999 + b"\n")
            await writer.drain()
            sent += 1

    async with bad.serving(behave) as url, aclosing(client.lines(parse_endpoint(url), 1.0, 2.0)) as lines:
        assert 99_999 == len(await anext(lines))
        for _ in range(50):
            await asyncio.sleep(0.001)
        waiting = sent
        rest = [len(line) async for line in lines]

    assert waiting < 200
    assert [99_999] * 399 == rest
