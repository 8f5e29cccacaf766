"""Fetching pages: CPU a page of the bounded client beside aiohttp and httpx, and what each costs to import.

The server is a process of its own, so that only the client's CPU is counted. Each round asks every client for the same
pages in turn, so that a busy machine slows all of them.
"""

from __future__ import annotations

import asyncio
import gzip
import random
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

import aiohttp
import httpx

from app.transport.endpoint import parse_endpoint
from app.transport.inflate import inflate
from app.transport.scrape import ScrapeClient
from tests.bench.parse import dcgm_page
from tests.bench.report import Report, Target

ROUNDS, PAGES = 15, 100
AT_ONCE = 1024
IMPORTS = 5
AIOHTTP, HTTPX = "aiohttp", "httpx"
Fetch = Callable[[], Awaitable[bytes]]

SERVER = """
import asyncio, sys

page = sys.stdin.buffer.read()
answer = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain; version=0.0.4; charset=utf-8\\r\\n"
answer += b"Date: Mon, 24 Nov 2025 12:00:00 GMT\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(page) + page

class Exporter(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(answer)

async def main():
    server = await asyncio.get_running_loop().create_server(Exporter, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def run(report: Report) -> None:
    """Measure a page after another over one kept connection, many at once, and the imports."""
    page = dcgm_page(random.Random(1))
    with exporter(page) as url:
        ours, peers = asyncio.run(one_by_one(url, page))
        wall_ms = asyncio.run(all_at_once(url))
    what = f"a page of {len(page) / 1000:.0f} kB over a kept connection, CPU"
    report.add(what, "µs", ours, Target(at_most=1.0, peer=AIOHTTP), peers)
    report.add(f"{AT_ONCE:,} such pages at once, of one server, wall", "ms", wall_ms)
    report.add("inflating such a page, where it comes compressed, CPU", "µs", inflating(page))
    others = {name: import_ms(f"import asyncio, {name}") for name in (AIOHTTP, HTTPX)}
    report.add("importing the client, asyncio included", "ms", import_ms("import app.transport.scrape"), peers=others)


@contextmanager
def exporter(page: bytes) -> Iterator[str]:
    """An exporter of one page, in a process of its own."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(page)
        process.stdin.close()
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/metrics"
        process.kill()


async def one_by_one(url: str, page: bytes) -> tuple[list[float], dict[str, list[float]]]:
    """Microseconds of CPU a page, round by round: ours, and the peers'."""
    endpoint = parse_endpoint(url)
    async with ScrapeClient() as client, aiohttp.ClientSession() as session, httpx.AsyncClient() as asker:

        async def fetch_ours() -> bytes:
            return (await client.get(endpoint, 4.0)).body

        async def fetch_aiohttp() -> bytes:
            async with session.get(url, timeout=aiohttp.ClientTimeout(4.0)) as answer:
                return await answer.read()

        async def fetch_httpx() -> bytes:
            return (await asker.get(url, timeout=4.0)).content

        fetches: dict[str, Fetch] = {"": fetch_ours, AIOHTTP: fetch_aiohttp, HTTPX: fetch_httpx}
        for fetch in fetches.values():
            assert page == await fetch(), "every client brings the whole page"
        taken: dict[str, list[float]] = {name: [] for name in fetches}
        for _ in range(ROUNDS):
            for name, fetch in fetches.items():
                began = process_time()
                for _ in range(PAGES):
                    await fetch()
                taken[name].append((process_time() - began) / PAGES * 1e6)
    return taken.pop(""), taken


async def all_at_once(url: str) -> list[float]:
    """Milliseconds until every page is there, round by round."""
    endpoint = parse_endpoint(url)
    rounds = []
    async with ScrapeClient() as client:
        for _ in range(3):
            began = perf_counter()
            await asyncio.gather(*(client.get(endpoint.at(f"/{number}"), 30.0) for number in range(AT_ONCE)))
            rounds.append((perf_counter() - began) * 1000)
    return rounds


def inflating(page: bytes) -> list[float]:
    """Microseconds of CPU to undo a page's gzip, round by round."""
    packed = gzip.compress(page, 5)
    rounds = []
    for _ in range(ROUNDS):
        began = process_time()
        for _ in range(PAGES):
            b"".join(inflate(packed, len(page)))
        rounds.append((process_time() - began) / PAGES * 1e6)
    return rounds


def import_ms(statement: str) -> list[float]:
    """Milliseconds that a statement adds to the start of Python, round by round; the first, cold one left out."""
    rounds = [seconds_of(statement) - seconds_of("pass") for _ in range(IMPORTS + 1)]
    return [seconds * 1000 for seconds in rounds[1:]]


def seconds_of(statement: str) -> float:
    """Seconds of CPU that a fresh Python takes for a statement; the middle of three."""
    code = f"{statement}\nimport time; print(time.process_time())"
    command = [sys.executable, "-c", code]
    root = Path(__file__).parents[2]
    taken = [float(subprocess.run(command, cwd=root, check=True, capture_output=True).stdout) for _ in range(3)]
    return statistics.median(taken)
