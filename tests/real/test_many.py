"""A member of a view behind a real sshd: its daemon's socket is forwarded, and followed as one here is."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.settings import Member
from app.services.joined.feed import JoinedFeed
from app.services.joined.member import links_of
from app.transport.scrape import ScrapeClient
from tests.present.fleets import NOW, fleet
from tests.real.test_ssh_forwards import Sshd, client, clock, folder, forwards, sshd
from tests.services.joined.daemons import Daemon
from tests.tools.fake_clock import FakeClock
from tests.tui.boards import full

__all__ = ["client", "clock", "folder", "forwards", "sshd"]

pytestmark = pytest.mark.real("ssh")


async def test_a_daemon_behind_ssh_is_a_member_like_another(client: ScrapeClient, sshd: Sshd, folder: Path) -> None:
    """Its picture, its alerts and a wish about them go through one login; the near one needs none."""
    now = FakeClock(NOW)
    far, near = Daemon("far", full()), Daemon("near", fleet(1))
    for daemon, socket in ((far, folder / "f" / "s"), (near, folder / "n" / "s")):
        await daemon.answer(socket, now)
        await daemon.judge()
    members = (
        Member(cluster="far", socket=str(far.socket), ssh=sshd.destination),
        Member(cluster="near", socket=str(near.socket)),
    )
    feed = JoinedFeed(links_of(members, folder, client, now), "", now)
    await feed.load(20.0)
    told = await feed.desk().silence('cluster="far", alertname="GpuHot"', 600, "ana", "fan")
    states = {name: one.condition(NOW) for name, one in feed.latest().sources.items() if name.startswith("daemon")}
    silences = [len(one.alerting.now().silences) for one in (far, near)]
    for daemon in (far, near):
        await daemon.die()

    assert {"daemon of far": "ok", "daemon of near": "ok"} == states
    assert ["far:gpu-01", "far:gpu-02", "near:gpu-01"] == list(feed.latest().nodes)
    assert "far:GpuHot" in {one.rule for one in feed.alerts().alerts}
    assert [1, 0] == silences
    assert str(told["id"]).startswith("far:s-")
    assert 1 == sshd.logins
