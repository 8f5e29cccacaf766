"""The served cluster: real HTTP over loopback, and faults that a real client feels."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest

from app.sim.faults import Fault
from app.sim.server import EXPOSITION, RunningSim, serve
from app.sim.spec import SimSpec
from tests.sim.readings import ORIGIN, by_gpu, one

SHORT = aiohttp.ClientTimeout(total=0.3)
DCGM = "/nodes/gpu-01/dcgm/metrics"
NODE = "/nodes/gpu-01/node/metrics"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = ORIGIN

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The simulator's clock."""
    return Clock()


@pytest.fixture
async def sim(clock: Clock) -> AsyncIterator[RunningSim]:
    """Two healthy nodes, served."""
    running = await serve(SimSpec(nodes=2, scenario="healthy", history_s=3600.0), clock)
    yield running
    await running.close()


@pytest.fixture
async def client(sim: RunningSim) -> AsyncIterator[aiohttp.ClientSession]:
    """A client whose addresses begin at the simulator."""
    async with aiohttp.ClientSession(sim.base_url, timeout=SHORT) as session:
        yield session


async def read(client: aiohttp.ClientSession, path: str) -> bytes:
    """A page that answers."""
    async with client.get(path) as answer:
        assert 200 == answer.status
        return await answer.read()


async def test_every_target_answers_in_exposition_format(sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """All pages are there, on loopback, with Prometheus' content type."""
    targets = sim.targets()
    for url, node, kind in targets:
        async with client.get(urlsplit(url).path) as answer:
            assert (200, EXPOSITION) == (answer.status, answer.headers["Content-Type"])
            assert 1.0 == one(await answer.read(), "gpu_watchdog_simulated"), (node, kind)

    assert {("gpu-01", "dcgm"), ("gpu-01", "node"), ("gpu-02", "vllm")} <= {(node, kind) for _, node, kind in targets}
    assert sim.base_url.startswith("http://127.0.0.1:")


async def test_time_is_the_clocks(clock: Clock, sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """A page stands still while the clock does and moves on with it."""
    first, again = await read(client, DCGM), await read(client, DCGM)
    clock.now += 3.0
    then = await read(client, DCGM)

    assert first == again != then


async def test_speed_lets_more_simulated_time_pass(clock: Clock) -> None:
    """At speed 20 a fault due at second 40 is there after two real seconds."""
    running = await serve(SimSpec(nodes=2, scenario="gpu-lost", speed=20.0, history_s=3600.0), clock)
    try:
        async with aiohttp.ClientSession(running.base_url, timeout=SHORT) as client:
            before = by_gpu(await read(client, DCGM), "DCGM_FI_DEV_GPU_UTIL")
            clock.now += 2.0
            after = by_gpu(await read(client, DCGM), "DCGM_FI_DEV_GPU_UTIL")
    finally:
        await running.close()

    assert {2} == set(before) - set(after)


async def test_discovery_and_configuration_name_every_page(sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """Prometheus' http_sd form and our own configuration file list the same URLs, with the node of each."""
    groups = json.loads(await read(client, "/sd/targets.json"))
    found = {
        (f"http://{group['targets'][0]}{group['labels']['__metrics_path__']}", group["labels"]["node"])
        for group in groups
    }
    config = tomllib.loads(sim.address.config_text())

    assert {(url, node) for url, node, _ in sim.targets()} == found
    assert found == {(target["url"], target["node"]) for target in config["target"]}
    assert {"name": "simulated", "interval_s": 1} == config["cluster"]


async def test_index_links_every_page(sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """A browser finds all pages from the first one."""
    text = (await read(client, "/")).decode()

    assert all(f'href="{urlsplit(url).path}"' in text for url, _, _ in sim.targets())


async def test_a_hung_page_never_answers_while_others_do(sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """The client's own time-out ends the wait; the node's other page is not held up."""
    sim.inject(Fault("exporter-hang", "gpu-01"))

    with pytest.raises(TimeoutError):
        await client.get(DCGM)
    assert await read(client, NODE)


async def test_a_slow_page_sends_one_byte_and_then_another(sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """Headers promise a whole page; within the time-out only its first byte comes."""
    sim.inject(Fault("exporter-slow", "gpu-01"))

    answer = await client.get(DCGM)

    assert int(answer.headers["Content-Length"]) > 10_000
    assert b"#" == await answer.content.readexactly(1)
    with pytest.raises(TimeoutError):
        await answer.content.readexactly(1)


async def test_a_failing_page_answers_500(sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """The exporter is up and its collector is not."""
    sim.inject(Fault("exporter-500", "gpu-01"))

    async with client.get(DCGM) as answer:
        assert 500 == answer.status


async def test_a_garbled_page_is_no_text(sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """The bytes are not UTF-8, though the answer says success."""
    sim.inject(Fault("exporter-garbage", "gpu-01"))

    with pytest.raises(UnicodeDecodeError):
        (await read(client, DCGM)).decode()


async def test_a_dead_node_drops_connections_to_all_its_pages(sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """Exporters and model servers of the node are gone; the other node answers."""
    sim.inject(Fault("node-down", "gpu-02"))

    for url, node, _ in sim.targets():
        if node == "gpu-02":
            with pytest.raises(aiohttp.ClientError):
                await client.get(urlsplit(url).path)
    assert await read(client, DCGM)


async def test_a_stale_page_keeps_its_values(clock: Clock, sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """From the fault on the same page comes again and again, until the fault is over."""
    sim.inject(Fault("stale", "gpu-01", for_s=60.0))
    first = await read(client, DCGM)
    clock.now += 30.0
    later = await read(client, DCGM)
    clock.now += 31.0

    assert first == later != await read(client, DCGM)


async def test_faults_are_injected_with_the_token_only(sim: RunningSim, client: aiohttp.ClientSession) -> None:
    """Without the token nothing happens; with it the fault acts at once and is listed."""
    wish = {"name": "row-remap-failure", "node": "gpu-01", "gpu": 4}
    async with client.post("/control/faults", json=wish) as answer:
        assert 401 == answer.status
    assert 0 == by_gpu(await read(client, DCGM), "DCGM_FI_DEV_ROW_REMAP_FAILURE")[4]

    headers = {"Authorization": f"Bearer {sim.address.token}"}
    async with client.post("/control/faults", json=wish, headers=headers) as answer:
        assert 201 == answer.status
    listed = json.loads(await read(client, "/control/faults"))["faults"]

    assert 1 == by_gpu(await read(client, DCGM), "DCGM_FI_DEV_ROW_REMAP_FAILURE")[4]
    assert [("row-remap-failure", "gpu-01", 4, True)] == [
        (one["name"], one["node"], one["gpu"], one["acts"]) for one in listed
    ]


@pytest.mark.parametrize(
    "wish",
    [
        "rubbish",
        "[]",
        '{"name": "hot"}',
        '{"name": "thermal", "node": "gpu-77"}',
        '{"name": "thermal", "gpu": true}',
        '{"name": "thermal", "gpu": "3"}',
        '{"name": "thermal", "for_s": -1}',
        '{"name": 5}',
    ],
)
async def test_a_wrong_wish_is_refused_with_a_reason(sim: RunningSim, client: aiohttp.ClientSession, wish: str) -> None:
    """What cannot be done is answered with 400 and a sentence, and changes nothing."""
    headers = {"Authorization": f"Bearer {sim.address.token}"}
    async with client.post("/control/faults", data=wish, headers=headers) as answer:
        assert 400 == answer.status
        assert (await answer.json())["error"]
    assert [] == sim.cluster.faults


async def test_unknown_pages_and_methods_are_refused(client: aiohttp.ClientSession) -> None:
    """No other path, no other verb."""
    async with client.get("/nodes/gpu-09/dcgm/metrics") as answer:
        assert 404 == answer.status
    async with client.post(DCGM) as answer:
        assert 405 == answer.status


async def test_closing_does_not_wait_for_hung_pages(clock: Clock) -> None:
    """A simulator with a request that hangs for ever still ends at once."""
    running = await serve(SimSpec(nodes=1, gpus=1, scenario="healthy", history_s=3600.0), clock)
    running.inject(Fault("exporter-hang", "gpu-01"))
    async with aiohttp.ClientSession(running.base_url) as client, asyncio.TaskGroup() as group:
        hung = group.create_task(swallow(client))
        await asyncio.wait({hung}, timeout=0.05)
        await asyncio.wait_for(running.close(), 3.0)
        hung.cancel()


async def swallow(client: aiohttp.ClientSession) -> None:
    """Ask for a page that will never come."""
    try:
        await client.get(DCGM)
    except aiohttp.ClientError:
        return


async def test_only_loopback_is_served(clock: Clock) -> None:
    """An address that other machines reach is refused."""
    with pytest.raises(ValueError, match="loopback"):
        await serve(SimSpec(nodes=1), clock, host="0.0.0.0")


def test_the_token_is_not_in_the_address_text(clock: Clock) -> None:
    """Printing an address does not give the token away."""
    running = asyncio.run(_served_once(clock))

    assert running.address.token not in repr(running.address)
    assert len(running.address.token) >= 32


async def _served_once(clock: Clock) -> RunningSim:
    running = await serve(SimSpec(nodes=1, gpus=1, history_s=3600.0), clock)
    await running.close()
    return running
