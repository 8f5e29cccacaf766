"""The API's routes of the diagnosis over a real unix socket, and the attached feed that asks them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import jsonschema
import pytest

from app.domain.diagnosis import NO_DIAGNOSIS
from app.services import diagnosing as diagnosing_module
from app.services import diagnosis_past
from app.services.board import Board
from app.services.client import AttachedFeed
from app.services.diagnosing import Diagnosing
from app.services.embedded import EmbeddedFeed
from app.transport.dialer import Dialer
from app.transport.scrape import ScrapeClient
from app.transport.ssh import SshForwards
from tests.api.test_alerts import SCHEMAS, asked
from tests.services.diagnosis_builders import NOW, PENDING, cluster, faults, xid
from tests.services.test_diagnosis_past import pictures, stored
from tests.standins.doors import answering
from tests.tools.fake_clock import FakeClock


@pytest.fixture(autouse=True)
def _three_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    table = faults()
    for module in (diagnosing_module, diagnosis_past):
        monkeypatch.setattr(module, "fault_table", lambda: table)


@asynccontextmanager
async def daemon(tmp_path: Path, *, looks: int = 1) -> AsyncIterator[tuple[Path, EmbeddedFeed]]:
    """A daemon that has diagnosed a cause and its effect, with ten minutes of a past; at 700 s after NOW."""
    clock, board = FakeClock(NOW + 700), Board(cluster(NOW + 700))
    history = await stored(tmp_path / "h.db", pictures())
    feed, diagnosing = EmbeddedFeed(board, history, clock), Diagnosing(board, clock, 5.0)
    if looks:
        await diagnosing.step(cluster(NOW + 700, PENDING, xid(NOW + 690)), NOW + 700)
    feed.diagnose_by(diagnosing)
    socket = tmp_path / "run" / "api.sock"
    async with answering(feed, board, socket):
        yield socket, feed
    await history.close()


async def test_the_diagnosis_and_its_incidents_are_listed(tmp_path: Path) -> None:
    """As the command prints them; one incident by its id with its findings, the root first."""
    async with daemon(tmp_path) as (socket, _):
        whole = (await asked(socket, "GET", "/api/diagnosis"))[1].json()
        jsonschema.validate(whole, json.loads((SCHEMAS / "diagnose.json").read_text()))
        listed = (await asked(socket, "GET", "/api/incidents"))[1].json()
        status, one = await asked(socket, "GET", "/api/incidents/i-1")

        assert ["T1", "T2"] == [each["code"] for each in whole["findings"]]
        assert [("i-1", "critical", None)] == [(i["id"], i["severity"], i["ended"]) for i in listed["incidents"]]
        assert (200, ["T1", "T2"]) == (status, [each["code"] for each in one.json()["findings"]])
        assert 404 == (await asked(socket, "GET", "/api/incidents/i-9"))[0]


async def test_the_past_is_diagnosed_where_it_is_kept(tmp_path: Path) -> None:
    """At a time: what was wrong then; nothing kept is 404, a wrong time or span 400."""
    async with daemon(tmp_path) as (socket, _):
        then = (await asked(socket, "GET", f"/api/diagnosis?at={NOW + 250}"))[1].json()
        late = (await asked(socket, "GET", f"/api/incidents?at={NOW + 600}&since_s=240"))[1].json()

        assert (NOW + 250, ["T1", "T2"]) == (then["at"], [each["code"] for each in then["findings"]])
        assert (True, [NOW + 410]) == (late["healthy"], [one["ended"] for one in late["incidents"]])
        for path, status in (
            (f"/api/diagnosis?at={NOW - 9999}", 404),
            ("/api/diagnosis?at=noon", 400),
            (f"/api/diagnosis?at={NOW + 250}&since_s=nan", 400),
            (f"/api/diagnosis?at={NOW + 250}&since_s=1e9", 400),
        ):
            assert status == (await asked(socket, "GET", path))[0]


async def test_an_attached_screen_sees_the_daemons_diagnosis(tmp_path: Path) -> None:
    """The same value, now and at a time."""
    async with (
        daemon(tmp_path) as (socket, feed),
        ScrapeClient(Dialer(SshForwards(tmp_path / "ssh", FakeClock(NOW)))) as client,
    ):
        attached = AttachedFeed(socket, client, FakeClock(NOW + 700))
        assert await attached.load_diagnosis()

        assert feed.diagnosis() == attached.diagnosis()
        known = attached.diagnosis()
        assert await attached.load_diagnosis()
        assert attached.diagnosis() is known
        assert await feed.diagnosis_at(NOW + 250) == await attached.diagnosis_at(NOW + 250)
        assert await attached.diagnosis_at(NOW - 9999) is None


async def test_findings_are_on_the_page_of_metrics(tmp_path: Path) -> None:
    """So that an exported rule over `finding` means the same in Prometheus."""
    async with daemon(tmp_path) as (socket, _):
        lines = (await asked(socket, "GET", "/metrics"))[1].text.splitlines()

    assert 'gpu_watchdog_finding{code="T2",fault="test.effect",gpu="3",node="gpu-1"} 1' in lines


async def test_before_the_first_look_there_is_none(tmp_path: Path) -> None:
    """Time 0 says so; nobody is told that all is well by a daemon that has not looked."""
    async with daemon(tmp_path, looks=0) as (socket, feed):
        told = (await asked(socket, "GET", "/api/diagnosis"))[1].json()

        assert (NO_DIAGNOSIS, 0.0) == (feed.diagnosis(), told["at"])
        assert told["healthy"] is False
