"""All that finds targets, at once: deployments, lists and a Prometheus server, each said when it must be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.config.paths import WATCH
from app.config.settings import Discover, Prometheus, Settings, Target
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.looks import Looks
from app.services.monitor import look_once
from app.services.targets import DISCOVERY, Targets, Turnover
from app.sources.deployed import Deployed, text_of
from app.transport.scrape import ScrapeClient
from tests.tools.fake_clock import HastyClock

NOBODY = "http://127.0.0.1:9"
"""Where no server is."""
LAB = Deployed(
    "lab", (Target(url=f"{NOBODY}/metrics", node="lab-w1", name="lab-w1", ssh="lab-w1"),), prices={"H100": 2}
)
SETTINGS = Settings(discover=Discover(local=False))


@pytest.fixture
async def client() -> AsyncIterator[ScrapeClient]:
    """Who fetches pages."""
    async with ScrapeClient() as one:
        yield one


def write(folder: Path, text: str = text_of(LAB)) -> Path:
    """A deployment's file."""
    (folder / "lab").mkdir(exist_ok=True)
    (folder / "lab" / WATCH).write_text(text, "utf-8")
    return folder


def targets_in(folder: Path, client: ScrapeClient, settings: Settings = SETTINGS, *configured: Target) -> Targets:
    """What is to be read, with the deployments of a folder."""
    return Targets(settings, configured, client, HastyClock(), deployments=folder)


async def first(targets: Targets) -> Turnover:
    """What there is at once."""
    return await anext(aiter(targets.changes()))


def told(turnover: Turnover) -> dict[str, bool]:
    """The discoveries that are shown, and whether each is well."""
    return {spec.name: reading.error is None for spec, reading in turnover.discoveries}


async def test_one_address_behind_two_hosts_is_two_machines(tmp_path: Path, client: ScrapeClient) -> None:
    """Each pod answers on its own loopback; one that is configured is not read twice."""
    here, there = replace(LAB.targets[0], ssh="lab-head", name="lab-head"), LAB.targets[0]
    targets = targets_in(write(tmp_path), client, SETTINGS, here, there)

    assert ["lab-head", "lab-w1"] == [one.spec.name for one in (await first(targets)).added]
    assert ("lab-head", "lab-w1") == tuple(one.ssh for one in targets.targets)


async def test_a_pod_that_goes_leaves_another_of_the_same_address(tmp_path: Path, client: ScrapeClient) -> None:
    """What goes is a place, and not everything by its address."""
    targets = targets_in(write(tmp_path), client, SETTINGS, replace(LAB.targets[0], ssh="lab-head", name="lab-head"))
    await first(targets)
    (tmp_path / "lab" / WATCH).unlink()

    assert ("lab-w1",) == (await targets.again()).removed
    assert ["lab-head"] == [one.name for one in targets.targets]


async def test_deployments_are_said_once_they_had_trouble(tmp_path: Path, client: ScrapeClient) -> None:
    """Not to who has rented nothing; from then on also that all is well again."""
    targets = targets_in(write(tmp_path), client)
    quiet = told(await first(targets))
    write(tmp_path, "{")
    broken = told(await targets.again())
    write(tmp_path)

    assert ({}, {DISCOVERY: False}, {DISCOVERY: True}) == (quiet, broken, told(await targets.again()))


async def test_a_server_is_said_beside_deployments(tmp_path: Path, client: ScrapeClient) -> None:
    """A Prometheus server that does not answer costs the deployments' targets nothing."""
    settings = replace(SETTINGS, prometheus=Prometheus(url=NOBODY))
    targets = targets_in(write(tmp_path), client, settings)
    turnover = await first(targets)
    await targets.close()

    assert {"127.0.0.1:9": False} == told(turnover)
    assert ["lab-w1"] == [one.spec.name for one in turnover.added]
    assert targets.names is None


@pytest.mark.parametrize("whole", [True, False])
async def test_prices_of_deployments_reach_the_board(tmp_path: Path, client: ScrapeClient, *, whole: bool) -> None:
    """Whoever looks once, and whoever looks again and again, knows what is paid; what is configured stays."""
    board = Board(Snapshot(prices={"A100": 1.5}))
    targets = targets_in(write(tmp_path), client)
    if whole:
        await look_once(board, targets, HastyClock())
    else:
        looks = Looks(board, targets, HastyClock())
        await looks.look()
        await looks.close()

    assert {"H100": 2.0, "A100": 1.5} == board.snapshot.prices
