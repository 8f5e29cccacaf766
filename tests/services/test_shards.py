"""Shares: every target is read by exactly one daemon, a node's by the same one, and the same as Prometheus would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.config.load import ConfigError, load, parse
from app.config.settings import Settings, Shard, Target
from app.domain.alert import labels_of
from app.domain.finding import FindingSubject
from app.services.alerting import Alerting
from app.services.board import Board
from app.services.shards import WHOLE, Share, key_of, share_in, share_of
from app.services.targets import Targets
from app.transport.scrape import ScrapeClient
from tests.present.fleets import NOW, fleet
from tests.present.slurm_fleet import slurm_fleet
from tests.tools.fake_clock import FakeClock
from tests.tui.alarms import book
from tests.tui.boards import full

THREE = tuple(Share(3, index) for index in range(3))


@pytest.mark.parametrize(("text", "share"), [("baz", 976), ("foo\nbar", 734)])
def test_a_share_is_what_prometheus_reckons(text: str, share: int) -> None:
    """The vectors of Prometheus's own test of `hashmod`, of 1,000."""
    assert share == share_of(text, 1000)


def test_every_target_is_read_once_and_shares_are_about_alike() -> None:
    """A thousand nodes over three daemons: nobody is left out, nobody read twice, no share is a fifth off."""
    targets = [Target(url=f"http://gpu-{number}:9400/metrics") for number in range(1000)]
    readers = [[one.reads(target) for one in THREE] for target in targets]

    assert {1} == {sum(one) for one in readers}
    assert all(267 <= sum(one[index] for one in readers) <= 400 for index in range(3))


@pytest.mark.parametrize(
    "target",
    [
        Target(url="http://gpu-7:9400/metrics"),
        Target(url="gpu-7.lab.example:9100"),
        Target(url="http://10.0.0.7:8000/metrics", node="gpu-7"),
        Target(url="http://127.0.0.1:9400/metrics", ssh="ana@gpu-7:22"),
        Target(url="prometheus:dcgm/gpu-7:9400"),
        Target(url="log:3", node="GPU-7"),
    ],
)
def test_what_is_read_of_a_node_has_its_key(target: Target) -> None:
    """Exporters, logs and a server's series of one node, however they are written, are read by one daemon."""
    assert "gpu-7" == key_of(target)


def test_what_is_each_machines_own_is_read_by_all() -> None:
    """The driver of its own machine, loopback and Slurm by every daemon; the provider by the first only."""
    everywhere = ("nvml:", "http://127.0.0.1:9100/metrics", "slurm:local", "log:0")

    assert [(True, True, True)] * 4 == [tuple(one.reads(Target(url=url)) for one in THREE) for url in everywhere]
    assert (True, False, False) == tuple(one.reads(Target(url="runpod:abc")) for one in THREE)
    assert WHOLE.reads(Target(url="runpod:abc"))


async def test_targets_that_are_another_daemons_are_not_taken() -> None:
    """Of six configured targets three daemons take each its own, and all of them together take all."""
    targets = tuple(Target(url=f"http://gpu-{number}:9400/metrics") for number in range(6))
    taken: list[str] = []
    async with ScrapeClient() as client:
        for index in range(3):
            settings = Settings(target=targets, shard=Shard(3, index))
            found = Targets(settings, targets, client, FakeClock())
            async for turnover in found.changes():
                taken += [one.spec.name for one in turnover.added]
                break

    assert sorted(f"gpu-{number}:9400" for number in range(6)) == sorted(taken)


def test_a_finding_is_told_by_one() -> None:
    """About a node by who reads it; about jobs that wait and the cluster by the first; nobody else repeats it."""
    whole = slurm_fleet()
    mine = [
        replace(whole, nodes={name: one for name, one in whole.nodes.items() if share.has(name)}) for share in THREE
    ]
    subjects = [FindingSubject(node=name) for name in whole.nodes]
    subjects += [FindingSubject(job="812"), FindingSubject(job="831"), FindingSubject()]
    told = [[share.finds(one, seen) for share, seen in zip(THREE, mine, strict=True)] for one in subjects]

    assert {1} == {sum(one) for one in told}
    assert [[True, False, False]] * 2 == told[-2:]
    assert all(share.finds(FindingSubject(service="a#b"), seen) for share, seen in zip(THREE, mine, strict=True))


async def test_an_alert_is_told_by_one() -> None:
    """Two daemons that see the same of a node fire once: the one whose the node is."""
    board, clock = Board(full()), FakeClock(NOW)
    shares = [Share(2, index) for index in range(2)]
    fired: list[set[str]] = []
    for share in shares:
        seen = replace(full(), nodes={name: one for name, one in full().nodes.items() if share.has(name)})
        alerting = Alerting(board, clock, 5.0, book(), share=share)
        for at in (NOW - 1200, NOW):
            await alerting.step(seen, at)
        fired.append({one.id for one in alerting.now().alerts if one.is_active})
    alone = Alerting(board, clock, 5.0, book())
    for at in (NOW - 1200, NOW):
        await alone.step(full(), at)

    assert not fired[0] & fired[1]
    assert {one.id for one in alone.now().alerts if dict(one.labels).get("node")} & (fired[0] | fired[1])
    assert (True, False) == tuple(one.alerts(labels_of({}), fleet(1)) for one in shares)


def test_shares_are_configured_by_two_numbers() -> None:
    """In the file, or one of them by a variable, so that all daemons read one file; a share that is none is refused."""
    assert Share(3, 1) == share_in(load(None, {"GPU_WATCHDOG_SHARD_INDEX": "1", "GPU_WATCHDOG_SHARD_OF": "3"}).shard)
    assert WHOLE is share_in(Shard())
    with pytest.raises(ConfigError, match=r"shard.index must be 0 … 2, not 3"):
        parse("[shard]\nof = 3\nindex = 3\n", "here")
    with pytest.raises(ConfigError, match=r"shard.of must be 0 … 256"):
        parse("[shard]\nof = 1000\n", "here")
