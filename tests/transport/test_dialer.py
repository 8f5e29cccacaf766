"""Connections are opened past dead addresses and past a small limit of open files."""

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from app.transport.dialer import Dialer
from app.transport.endpoint import Server, parse_endpoint
from app.transport.failure import ScrapeError
from app.transport.resolve import Resolver
from app.transport.scrape import ScrapeClient
from tests.standins import exporters

MANY = """
import asyncio, json, resource, sys
from app.transport.endpoint import parse_endpoint
from app.transport.scrape import ScrapeClient

async def main():
    async with ScrapeClient() as client:
        answers = await asyncio.gather(*(client.get(parse_endpoint(url), 10.0) for url in json.loads(sys.argv[1])))
    print(len(answers), resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 32)

resource.setrlimit(resource.RLIMIT_NOFILE, (32, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
asyncio.run(main())
"""


async def test_a_dead_address_before_a_living_one_costs_a_moment_once() -> None:
    """Of several addresses of a name the first that answers is used, and tried first from then on."""
    asked: list[str] = []

    def look_up(host: str) -> tuple[str, ...]:
        asked.append(host)
        return ("::1", "127.0.0.1")  # nothing listens on the first

    resolver = Resolver(look_up)
    async with exporters.serving(exporters.says_and_closes(exporters.whole(b"a 1\n"))) as url:
        port = parse_endpoint(url).server.port
        async with ScrapeClient(Dialer(resolver=resolver)) as client:
            bodies = [(await client.get(parse_endpoint(f"http://node-1:{port}/"), 2.0)).body for _ in range(2)]

    assert [b"a 1\n"] * 2 == bodies
    assert ["node-1"] == asked
    assert ("127.0.0.1", "::1") == await resolver.addresses("node-1")


async def test_more_targets_than_open_files_raise_the_limit() -> None:
    """Sixty servers are read at once by a process that was allowed 32 files: it allows itself more."""
    hosts = [f"127.0.0.{number}" for number in range(1, 61)]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            await exporters.says(exporters.whole(b"a 1\n"))(reader, writer)
        writer.close()

    first = await asyncio.start_server(answer, hosts[0], 0)
    port = first.sockets[0].getsockname()[1]
    async with first, await asyncio.start_server(answer, hosts[1:], port):
        urls = json.dumps([f"http://{host}:{port}/" for host in hosts])
        command = [sys.executable, "-c", MANY, urls]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
        )

    assert ("60 True\n", "") == (done.stdout, done.stderr)


async def test_ssh_without_forwards_is_told() -> None:
    """A program built without ssh says so, rather than go there directly."""
    async with ScrapeClient() as client:
        with pytest.raises(ScrapeError, match="through ssh, which is not available here") as caught:
            await client.get(parse_endpoint("http://127.0.0.1:9/", ssh="head"), 1.0)

    assert "ssh" == caught.value.kind


def test_servers_differ_by_all_that_tells_connections_apart() -> None:
    """A connection that checks certificates never serves a target that does not, nor the other way round."""
    plain = Server("https", "h", 443)
    unchecked = Server("https", "h", 443, insecure=True)
    trusting = Server("https", "h", 443, ca_file="x")

    assert 4 == len({plain, unchecked, trusting, Server("http", "h", 443)})
