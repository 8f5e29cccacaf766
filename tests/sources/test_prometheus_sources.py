"""Targets of a Prometheus server as sources: the same readings as from the exporters themselves, at their true age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import pytest

from app.config.settings import Prometheus, Target
from app.domain.reading import NodeReading, Reading, SourceSpec
from app.sources.page import Page
from app.sources.prometheus import PrometheusDiscovery, PrometheusSource, make, target_of
from app.sources.prometheus_names import Key, line_start, page_labels
from app.sources.prometheus_sweep import Sweep
from app.sources.registry import Making, row_for
from app.transport.prometheus import PrometheusServer
from app.transport.prometheus_answer import PrometheusError
from app.transport.scrape import ScrapeClient
from tests.sources.page_files import NAMES, page_bytes
from tests.sources.prometheus_server import Server
from tests.tools.fake_clock import FakeClock

NOW = 1_764_000_000.0
KEY = Key("gpu exporters/eu", "gpu-7:9400")
UTIL = b'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a"} %d\nDCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-b"} %d\n'


class World:
    """A server, a clock and the sweep between them."""

    def __init__(self, scrapes: Mapping[Key, Sequence[tuple[float, bytes]]], **settings: str) -> None:
        self.clock = FakeClock(NOW)
        self.server = Server(scrapes, NOW)
        told = replace(Prometheus(url="http://prom:9090"), **settings)  # type: ignore[arg-type]  # texts alone
        self.sweep = Sweep(cast("PrometheusServer", self.server), told, 5.0, self.clock)
        self.finds = PrometheusDiscovery(self.sweep, frozenset({"gpu-9:9400"}))
        self.sources: dict[str, PrometheusSource] = {}

    async def look(self, later_s: float = 0.0) -> dict[str, Reading]:
        """What every source says some time later."""
        await self.clock.advance(later_s)
        self.server.now += later_s
        for target in (await self.finds.look()).added:
            spec = SourceSpec(target.name, "prometheus", target.url, 5.0, target.node or None)
            making = Making(spec, target, 2.0, ScrapeClient(), self.clock, sweep=self.sweep)
            self.sources[target.name] = make(making)
        return {name: await source.read() for name, source in self.sources.items()}


@pytest.mark.parametrize("name", [one for one in NAMES if one != "federation"])
async def test_a_page_by_way_of_a_server_says_what_the_page_says(name: str) -> None:
    """Every exporter we know: taken apart by the server and put together again, nothing is lost or made up."""
    direct = Page(None, "gpu-7").read(page_bytes(name), NOW - 3)

    reading = (await World({KEY: [(NOW - 3, page_bytes(name))]}).look())["gpu-7:9400"]

    assert reading.error is None
    assert NOW - 3 == reading.at
    assert _said(direct.nodes) == _said(reading.nodes)
    assert {one.model: one for one in direct.services} == {one.model: one for one in reading.services}


def _said(nodes: tuple[NodeReading, ...]) -> dict[str, object]:
    """Machines by name, GPUs by identity: the order of a page's lines says nothing."""
    found: dict[str, object] = {}
    for node in nodes:
        gpus = {(one.index, one.uuid): (one.values, one.facts, one.lost, one.xids) for one in node.gpus or ()}
        found[node.name] = (node.values, node.facts, gpus)
    return found


async def test_values_are_as_old_as_the_servers_scrape() -> None:
    """A look at once after the scrape or a minute later gives the same time: that of the scrape."""
    world = World({KEY: [(NOW - 12, UTIL % (7, 8))]})
    first = (await world.look())["gpu-7:9400"]
    again = (await world.look(20.0))["gpu-7:9400"]

    assert NOW - 12 == first.at
    assert first is again


async def test_the_first_look_knows_rates_already() -> None:
    """The server has the scrape before as well, so counters have grown when this program has just begun."""
    page = b'node_network_receive_bytes_total{device="eth0"} %d\nnode_load1 1\n'
    world = World({KEY: [(NOW - 20, page % 1000), (NOW - 10, page % 6000)]})

    (node,) = (await world.look())["gpu-7:9400"].nodes

    assert 500.0 == node.values["node.network_rx"]


async def test_a_source_is_read_as_often_as_it_is_scraped() -> None:
    """Ages are judged by the server's own interval: a sample of 50 s is fresh where one comes a minute."""
    world = World({KEY: [(NOW - 90, UTIL % (1, 2)), (NOW - 30, UTIL % (3, 4))]})
    await world.look()

    assert 60.0 == world.sources["gpu-7:9400"].spec.interval_s


async def test_a_gpu_that_left_the_page_is_not_on_it() -> None:
    """The server holds its last sample for minutes; the exporter's newest page does not list it."""
    both, one = UTIL % (7, 8), UTIL[: UTIL.index(b"\n") + 1] % 9
    world = World({KEY: [(NOW - 25, both), (NOW - 10, one)]})

    (node,) = (await world.look())["gpu-7:9400"].nodes

    assert [0] == [gpu.index for gpu in node.gpus or ()]


async def test_a_target_that_cannot_be_scraped_is_down() -> None:
    """`up` is 0: the source fails, and says where to look, although old samples are there still."""
    world = World({KEY: [(NOW - 10, UTIL % (1, 2))]})
    await world.look()
    world.server.down = [KEY]

    reading = (await world.look(10.0))["gpu-7:9400"]

    assert "prom:9090 could not scrape gpu-7:9400 the last time (up is 0): see its Targets page" == reading.error


async def test_a_target_whose_samples_went_first_is_down_all_the_same() -> None:
    """`up` turns 0 some looks after the last sample of its whole job was too old; until then its samples are missed."""
    world = World({KEY: [(NOW - 25, UTIL % (1, 2)), (NOW - 10, UTIL % (1, 2))]})
    await world.look()

    missed = [(await world.look(400.0))["gpu-7:9400"].error for _ in range(3)]
    world.server.down = [KEY]
    reading = (await world.look(60.0))["gpu-7:9400"]

    assert ["prom:9090 has no sample of gpu-7:9400 (job gpu exporters/eu) any more"] * 3 == missed
    assert "(up is 0)" in str(reading.error)


async def test_a_target_without_samples_is_looked_at_as_often_as_before() -> None:
    """Else its `up` of 0 would be told only after the seconds of a target nobody knows."""
    world = World({KEY: [(NOW - 10, UTIL % (1, 2)), (NOW - 5, UTIL % (1, 2))]})
    await world.look()

    for _ in range(3):
        await world.look(400.0)

    assert 5.0 == world.sources["gpu-7:9400"].spec.interval_s


async def test_a_server_that_fails_fails_every_source_and_says_so_once() -> None:
    """No old number is told for new; the reason is the server's."""
    world = World({KEY: [(NOW - 10, UTIL % (1, 2))]})
    await world.look()
    world.server.error = PrometheusError("denied", "http://prom:9090 refuses (HTTP 401)")

    reading = (await world.look(10.0))["gpu-7:9400"]

    assert "http://prom:9090 refuses (HTTP 401)" == reading.error
    assert ("http://prom:9090 refuses (HTTP 401)",) == (await world.finds.look()).problems


async def test_all_sources_share_one_look() -> None:
    """Eight targets cost the server as many questions as one."""
    world = World({Key("dcgm", f"gpu-{number}:9400"): [(NOW - 5, UTIL % (1, 2))] for number in range(1, 9)})
    await world.look()
    asked = len(world.server.asked)
    await world.look()

    assert 8 == len(world.sources)
    assert asked == len(world.server.asked)
    assert asked <= 4


async def test_what_is_too_much_at_once_is_asked_for_in_less() -> None:
    """A server with a small bound on samples is asked less far back, instead of not at all."""
    world = World({KEY: [(NOW - 10, UTIL % (1, 2))]})
    world.server.most_reach_s = 100.0

    assert (await world.look())["gpu-7:9400"].error is None


async def test_a_server_without_anything_of_ours_says_so() -> None:
    """Not an empty screen without a word: what is missing, and under which matchers."""
    found = await World({}, only='cluster="lab"').finds.look()

    assert (
        'http://prom:9090 has no series that meets cluster="lab" of a GPU, node or vLLM exporter',
    ) == found.problems


async def test_what_is_read_from_here_is_not_read_from_the_server_too() -> None:
    """The server's copy of a target that this program scrapes itself is left out."""
    world = World({Key("dcgm", "gpu-9:9400"): [(NOW - 5, UTIL % (1, 2))], KEY: [(NOW - 5, UTIL % (3, 4))]})

    assert ["gpu-7:9400"] == list(await world.look())


async def test_a_partial_answer_is_told() -> None:
    """Thanos and VictoriaMetrics answer without a store that is down, and say so; so does the server's source."""
    world = World({KEY: [(NOW - 5, UTIL % (1, 2))]})
    world.server.notes = ("no StoreAPI answers for gpu-east",)

    assert ("prom:9090: no StoreAPI answers for gpu-east",) == (await world.finds.look()).problems


async def test_a_servers_clock_that_is_wrong_makes_no_age_wrong() -> None:
    """Ages are reckoned by the server's own clock, an hour behind here."""
    world = World({KEY: [(NOW - 3610, UTIL % (1, 2))]})
    world.server.now = NOW - 3600

    assert NOW - 10 == pytest.approx((await world.look())["gpu-7:9400"].at)


def test_the_targets_own_labels_are_not_the_pages() -> None:
    """`job` and `instance` are the server's; where it moved the page's own aside, they come back."""
    labels = {"__name__": "x", "job": "j", "instance": "i", "exported_instance": "host-1", "gpu": '0"\n'}

    assert {"instance": "host-1", "gpu": '0"\n'} == page_labels(labels)
    assert 'x{instance="host-1",gpu="0\\"\\n"} ' == line_start(labels)


def test_a_targets_address_names_it_whatever_is_in_it() -> None:
    """Jobs of operators hold slashes; the address of the source must lead back to them."""
    target = target_of(KEY, None, "")

    assert Target(url="prometheus:gpu%20exporters%2Feu/gpu-7:9400", name="gpu-7:9400") == target
    assert "prometheus" == row_for(target.url).kind
