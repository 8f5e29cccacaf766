"""A target's page becomes readings; whatever goes wrong is a reading too."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.config.settings import Target
from app.domain.reading import GpuReading, Reading, SourceSpec
from app.sources import exporter
from app.sources.exporter import ExporterSource, endpoint_of, host_of, make
from app.sources.page import Page, PageContents
from app.sources.registry import Making, Tap
from app.sources.told import Told, bytes_of
from app.transport.endpoint import parse_endpoint
from app.transport.scrape import ScrapeClient
from tests.standins import exporters
from tests.tools.fake_clock import FakeClock

NOW = 1_764_000_000.0
NETWORK = b'node_network_receive_bytes_total{device="eth0"} %d\nnode_load1 0.5\n'
Maker = Callable[..., ExporterSource]


@pytest.fixture
async def source_of() -> AsyncIterator[Maker]:
    """Makes a source of a target, on a clock that stands still, over a client of its own."""
    async with ScrapeClient() as client:

        def source(target: Target, tap: Tap | None = None, clock: FakeClock | None = None) -> ExporterSource:
            spec = SourceSpec("node-1", "exporter", target.url, 5.0)
            return make(Making(spec, target, 2.0, client, clock or FakeClock(NOW), tap))

        yield source


def gpu_of(reading: Reading) -> GpuReading:
    """The one GPU of a reading that went well."""
    assert reading.error is None
    (node,) = reading.nodes
    assert node.gpus is not None
    (gpu,) = node.gpus
    return gpu


async def test_a_nameless_machine_on_loopback_goes_by_its_source(source_of: Maker) -> None:
    """Two forwards to two machines that name nobody must not become one node."""
    async with exporters.serving(exporters.says(exporters.whole(b"node_load1 0.5\n"))) as url:
        reading = await source_of(Target(url=url)).read()

    assert ["node-1"] == [node.name for node in reading.nodes]


async def test_a_page_becomes_a_reading(source_of: Maker) -> None:
    """What the page says is in the reading, with the page's own health and the time it was complete."""
    async with exporters.serving(exporters.says(exporters.whole(exporters.PAGE))) as url:
        reading = await source_of(Target(url=url)).read()

    assert ("node-1", NOW, None) == (reading.source, reading.at, reading.error)
    assert 97.0 == gpu_of(reading).values["gpu.utilization"]
    assert reading.page is not None
    assert ("dcgm-exporter", 2, len(exporters.PAGE)) == (
        reading.page.flavour,
        reading.page.samples,
        reading.page.size_bytes,
    )


async def test_two_pages_make_rates(source_of: Maker) -> None:
    """A counter becomes a rate with the second look: 3,000 bytes in 5 s are 600 a second."""
    clock = FakeClock(NOW)
    async with exporters.serving(exporters.changes_kind(NETWORK % 1_000_000, NETWORK % 1_003_000)) as url:
        source = source_of(Target(url=url), clock=clock)
        first = await source.read()
        await clock.advance(5.0)
        second = await source.read()

    assert [None, 600.0] == [reading.nodes[0].values.get("node.network_rx") for reading in (first, second)]


async def test_every_body_reaches_the_tap(source_of: Maker) -> None:
    """The tap sees what came in, garbage too, as the bytes that are read."""
    taped: list[tuple[str, str, float, Told]] = []
    html = b"<html></html>"
    async with exporters.serving(exporters.changes_kind(exporters.PAGE, html)) as url:
        source = source_of(Target(url=url), lambda *told: taped.append(told))
        await source.read()
        failed = await source.read()

    pages = [one for one in taped if one[1] == "page"]
    assert [("node-1", "page", NOW, exporters.PAGE), ("node-1", "page", NOW, html)] == pages
    assert {b""} == {body for _, part, _, body in taped if part == "host"}  # loopback names no machine
    assert failed.error == f"{url}: this is HTML, not Prometheus text: wrong port or path?"


async def test_a_page_like_the_one_before_reaches_the_tap_as_a_sheet(source_of: Maker) -> None:
    """Of pages that differ in numbers the tap is given the words; together with the form they are the page."""
    taped: list[Told] = []
    async with exporters.serving(exporters.says(exporters.whole(exporters.PAGE))) as url:
        source = source_of(
            Target(url=url), lambda _name, part, _at, told: taped.append(told) if part == "page" else None
        )
        for _ in range(3):
            await source.read()

    assert [True, False, False] == [isinstance(told, bytes) for told in taped]
    assert [exporters.PAGE] * 3 == [bytes_of(told) for told in taped]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (Target(url="http://h:port/"), "'http://h:port/' is no address: its host or port is malformed"),
        (Target(url="http://h/", ssh="-oProxyCommand=x"), "is no ssh destination; write user@host:port"),
        (Target(url="http://h/", token_file="/nowhere/token"), "/nowhere/token: cannot be read: No such file"),
    ],
    ids=["url", "ssh", "token"],
)
async def test_a_target_that_cannot_be_asked_is_a_failed_reading(source_of: Maker, target: Target, says: str) -> None:
    """A mistake in the configuration of one target costs that target alone, and is told at every look."""
    reading = await source_of(target).read()

    assert reading.error is not None
    assert says in reading.error
    assert ((), ()) == (reading.nodes, reading.services)


async def test_a_replaced_token_is_picked_up_after_a_refusal(source_of: Maker, tmp_path: Path) -> None:
    """When the exporter refuses the token, its file is read again for the next look."""
    token = tmp_path / "token"
    heads: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await exporters.request(reader))
            good = b"Bearer new\r\n" in heads[-1]
            writer.write(exporters.whole(exporters.PAGE) if good else exporters.whole(b"", "401 Unauthorized"))
            await writer.drain()

    def keep(text: str) -> None:
        token.write_text(text)
        token.chmod(0o600)

    keep("worn-out\n")
    async with exporters.serving(behave) as url:
        source = source_of(Target(url=url, token_file=str(token)))
        refused = await source.read()
        keep("new\n")
        accepted = await source.read()

    assert refused.error is not None
    assert "HTTP 401 Unauthorized; set token_file, or check what it holds" in refused.error
    assert "worn-out" not in refused.error
    assert accepted.error is None


async def test_a_large_page_is_read_aside(source_of: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page above the bound is read in a thread; one below is not worth it."""
    threads: list[str] = []
    read = Page.read

    def watched(page: Page, body: bytes, at: float) -> PageContents:
        threads.append(threading.current_thread().name)
        return read(page, body, at)

    monkeypatch.setattr(Page, "read", watched)
    monkeypatch.setattr(exporter, "FIRST_THREAD_BYTES", len(exporters.PAGE) - 1)
    async with exporters.serving(exporters.says(exporters.whole(exporters.PAGE))) as url:
        source = source_of(Target(url=url))
        readings = [await source.read() for _ in range(2)]

    assert [None, None] == [reading.error for reading in readings]
    assert ["MainThread", False] == [threads[1], threads[0] == "MainThread"]


async def test_a_page_still_being_read_is_not_read_twice_at_once(
    source_of: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a look is given up while its page is being read, the next look leaves its own page out."""
    go_on, entered = threading.Event(), threading.Event()
    read = Page.read

    def slow(page: Page, body: bytes, at: float) -> PageContents:
        entered.set()
        go_on.wait(5)
        return read(page, body, at)

    monkeypatch.setattr(Page, "read", slow)
    monkeypatch.setattr(exporter, "FIRST_THREAD_BYTES", 0)
    async with exporters.serving(exporters.says(exporters.whole(exporters.PAGE))) as url:
        source = source_of(Target(url=url))
        given_up = asyncio.create_task(source.read())
        await asyncio.to_thread(entered.wait, 5)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        busy = await source.read()
        go_on.set()
        await asyncio.gather(*[asyncio.shield(one) for one in [source._parsing] if one is not None])
        after = await source.read()

    assert busy.error == f"{url}: its last page is still being read, so this one is left out"
    assert after.error is None


@pytest.mark.parametrize(
    ("url", "ssh", "host"),
    [
        ("http://node-1:9400/metrics", "", "node-1"),
        ("http://10.0.0.5:9400/metrics", "head", "10.0.0.5"),
        ("http://127.0.0.1:9400/metrics", "", None),
        ("http://localhost:9400/metrics", "ana@node-1:22", "node-1"),
        ("unix:///run/x.sock:/metrics", "", None),
        ("unix:///run/x.sock:/metrics", "node-1", "node-1"),
    ],
)
def test_the_host_of_a_target_is_the_machine_it_is_on(url: str, ssh: str, host: str | None) -> None:
    """Loopback tells nothing, unless it is an ssh host's."""
    assert host == host_of(parse_endpoint(url, ssh=ssh))


def test_everything_a_target_says_reaches_the_endpoint(tmp_path: Path) -> None:
    """Address, token, ssh, certificates: each setting of a target has its place."""
    token = tmp_path / "token"
    token.write_text("abc")
    token.chmod(0o600)
    target = Target(url="https://h:1/x", ssh="head", token_file=str(token), ca_file="/ca.pem", insecure=True)
    endpoint = endpoint_of(target)

    assert "https://h:1/x through ssh head" == str(endpoint)
    assert ("/ca.pem", True) == (endpoint.server.ca_file, endpoint.server.insecure)
    assert endpoint.authorization is not None
    assert "Bearer abc" == endpoint.authorization.reveal()


async def test_closing_a_source_lets_its_connection_go(source_of: Maker) -> None:
    """A source that is gone holds no connection."""
    gone = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await exporters.request(reader)
        writer.write(exporters.whole(exporters.PAGE))
        await reader.read()
        gone.set()

    async with exporters.serving(behave) as url:
        source = source_of(Target(url=url))
        await source.read()
        await source.close()
        await asyncio.wait_for(gone.wait(), 30)
