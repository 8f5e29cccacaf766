"""A daemon that is down: its part grows old and says so, the rest lives, and nothing old is passed for new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.config.settings import Member
from app.domain.diagnosis import Diagnosis
from app.domain.fleet import node_state
from app.domain.watched import Watched
from app.services.alerting import AlertingError
from app.services.client import DaemonError
from app.services.joined.feed import JoinedFeed
from app.services.joined.member import SILENT_S, links_of
from app.transport.scrape import ScrapeClient
from tests.present.fleets import INTERVAL_S, NOW, fleet
from tests.present.slurm_fleet import slurm_fleet
from tests.services.joined.daemons import Daemon, View, viewing
from tests.tools.fake_clock import FakeClock
from tests.tui.boards import full


async def later(view: View, seconds: float) -> None:
    """Time passes, and every daemon is asked whether it is there."""
    view.clock.set(view.clock.now() + seconds)
    for link in view.feed.links:
        await link.look()
    await view.feed.load(5.0)


async def test_its_nodes_stay_and_grow_old(tmp_path: Path) -> None:
    """Ten seconds on, the nodes of the one that died are stale and those of the other fresh; the source says why."""
    async with viewing(tmp_path, Daemon("lab", fleet(1)), Daemon("uni", fleet(1))) as view:
        await view.daemons["lab0"].die()
        view.daemons["uni1"].board.replace(replace(fleet(1, at=NOW + 20), version=2))
        await later(view, 20)
        found, now = view.feed.latest(), view.clock.now()

    lab, uni = (found.gpu(f"{name}:gpu-01", 0) for name in ("lab", "uni"))
    assert lab is not None
    assert uni is not None
    assert (True, False) == (lab.layers[0].is_stale(now), uni.layers[0].is_stale(now))
    assert ("down", "ok") == tuple(found.sources[f"daemon of {name}"].condition(now) for name in ("lab", "uni"))
    assert "does not answer" in str(found.sources["daemon of lab"].error)
    assert "up" == node_state(found, found.nodes["uni:gpu-01"], now)
    assert "2 clusters, 1 of 2 daemons answer" == view.feed.origin


async def test_its_jobs_are_left_out_once_they_are_past_their_age(tmp_path: Path) -> None:
    """Old jobs are not shown as present ones beside those of a cluster that is heard; a note says which are missing."""
    lab, uni = slurm_fleet(), slurm_fleet()
    async with viewing(tmp_path, Daemon("lab", lab), Daemon("uni", uni)) as view:
        await view.daemons["lab0"].die()
        assert uni.slurm is not None
        after = NOW + 6 * INTERVAL_S
        view.daemons["uni1"].board.replace(replace(uni, version=2, slurm=replace(uni.slurm, at=after - 1)))
        await later(view, 6 * INTERVAL_S)
        picture = view.feed.latest().slurm

    assert picture is not None
    assert {"uni"} == {key.partition(":")[0] for key in picture.jobs or {}}
    assert after - 1 == picture.at
    assert "lab: Slurm is not heard, its jobs are left out" in picture.notes


async def test_what_it_found_out_is_a_blind_spot(tmp_path: Path) -> None:
    """Its alerts are not shown as firing now, and the diagnosis says what is not known; a wish is refused with why."""
    async with viewing(tmp_path, Daemon("lab", full()), Daemon("uni", full()), judged=True) as view:
        fired = {one.rule for one in view.feed.alerts().alerts}
        await view.daemons["lab0"].die()
        await later(view, SILENT_S + 1)
        alerts, diagnosis = view.feed.alerts(), view.feed.diagnosis()
        with pytest.raises(AlertingError, match="nothing was done: daemon of lab: its daemon has been silent"):
            await view.feed.desk().silence('node="lab:gpu-02"', 60, "ana", "")

    assert {"lab:GpuHot", "uni:GpuHot"} <= fired
    assert {"uni"} == {one.rule.partition(":")[0] for one in alerts.alerts}
    assert "silent for" in alerts.troubles["lab"]
    assert ["lab"] == [one.what for one in diagnosis.blind]
    assert Watched() == view.feed.watched()


async def test_the_past_is_that_of_those_who_answer(tmp_path: Path) -> None:
    """Events say who was not asked; a series of the dead cluster is refused; with nobody left, so is everything."""
    async with viewing(tmp_path, Daemon("lab", fleet(1)), Daemon("uni", fleet(1))) as view:
        await view.daemons["lab0"].die()
        events = await view.feed.events(NOW - 60, NOW)
        health = await view.feed.store_health()
        await view.daemons["uni1"].die()
        with pytest.raises(DaemonError, match="does not answer"):
            await view.feed.moments(NOW - 60, NOW)

    assert ["daemon of lab: not asked"] == [one.text.partition(": the")[0] for one in events]
    assert "daemon of lab does not answer" in health.text


async def test_one_that_comes_back_is_followed_again(tmp_path: Path) -> None:
    """The view needs no restart: once the daemon answers on its socket again its part is fresh."""
    lab = Daemon("lab", fleet(1))
    async with viewing(tmp_path, lab, Daemon("uni", fleet(1))) as view:
        await lab.die()
        await later(view, 20)
        again = Daemon("lab", fleet(2, at=NOW + 20))
        await again.answer(lab.socket, view.clock)
        await later(view, 1)
        found = view.feed.latest()
        await again.die()

    assert ["lab:gpu-01", "lab:gpu-02", "uni:gpu-01"] == list(found.nodes)
    assert "ok" == found.sources["daemon of lab"].condition(NOW + 21)


async def test_a_view_with_nobody_there_opens_all_the_same(tmp_path: Path) -> None:
    """Every part says that it is down; nothing is invented, and nothing waits."""
    clock = FakeClock(NOW)
    async with ScrapeClient() as client:
        members = (Member(cluster="lab", socket=str(tmp_path / "a")), Member(cluster="uni", socket=str(tmp_path / "b")))
        feed = JoinedFeed(links_of(members, tmp_path, client, clock), "", clock)
        await feed.load(5.0)

    assert {"down"} == {one.condition(NOW) for one in feed.latest().sources.values()}
    assert Diagnosis().findings == feed.diagnosis().findings
    assert {"lab", "uni"} == {one.what for one in feed.diagnosis().blind}
    assert not await feed.load_diagnosis()
