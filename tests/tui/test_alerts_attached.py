"""The same pages on a screen that is attached: every look and every wish over the daemon's socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from app.services.alerting import Alerting
from app.services.board import Board
from app.services.client import AttachedFeed
from app.services.embedded import EmbeddedFeed
from app.transport.scrape import ScrapeClient
from app.tui import rule_trying
from app.tui.app import Watchdog
from tests.present.fleets import NOW
from tests.standins.doors import answering
from tests.tools.fake_clock import FakeClock
from tests.tui.alarms import book
from tests.tui.boards import EVENTS, full
from tests.tui.driving import Drive, options
from tests.tui.fake_feed import FakeFeed


@asynccontextmanager
async def attached(folder: Path) -> AsyncIterator[tuple[Drive, Alerting, AttachedFeed]]:
    """A daemon whose rules have seen the troubled board for twenty minutes, and a screen attached to it."""
    clock, board, past = FakeClock(NOW), Board(full()), FakeFeed(full(), EVENTS)
    alerting = Alerting(board, clock, 5.0, book())
    for at in (NOW - 1200, NOW):
        await alerting.step(full(), at)
    daemon = EmbeddedFeed(board, past, clock)  # type: ignore[arg-type]  # what a feed asks of a history, it answers
    daemon.alert_by(alerting)
    socket = folder / "run" / "api.sock"
    async with answering(daemon, board, socket), ScrapeClient() as client:
        feed = AttachedFeed(socket, client, clock)
        await feed.load()

        @asynccontextmanager
        async def connect() -> AsyncIterator[AttachedFeed]:
            yield feed

        app = Watchdog(connect, options(folder))
        async with app.run_test(size=(120, 40)) as pilot:
            feeding = asyncio.create_task(app.feeding())
            try:
                drive = Drive(app, past, pilot)
                await drive.until(lambda: bool(app.moment.origin))
                yield drive, alerting, feed
            finally:
                feeding.cancel()
                await asyncio.wait({feeding})


async def settled(drive: Drive) -> None:
    """Everything asked for has come."""
    await drive.app.workers.wait_for_complete()
    await drive.pilot.pause()


async def test_alerts_are_seen_taken_on_and_silenced_at_the_daemon(tmp_path: Path) -> None:
    """What is wished here is there; what is there is seen here."""
    async with attached(tmp_path) as (drive, alerting, feed):
        await drive.type(":alerts")
        await settled(drive)
        assert "GpuHot" in drive.text
        await drive.press("k", "m", "i", "n", "e", "enter")
        await settled(drive)
        assert ["mine"] == [one.note for one in alerting.now().acks]
        await drive.press("z", "enter")
        await settled(drive)
        assert 1 == len(alerting.now().silences)
        await alerting.step(full(), NOW)
        await feed.load_alerts()
        drive.app.on_fresh()
        await drive.shows("acknowledged +1")
        await drive.press("x", "y")
        await settled(drive)
        assert () == alerting.now().silences


async def test_rule_is_tried_on_the_daemons_history_and_made_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """List, problems with their lines, the trial, the new rule; the daemon's own sentence where it refuses."""
    monkeypatch.setattr(rule_trying, "PAUSE_S", 0.0)
    async with attached(tmp_path) as (drive, alerting, _):
        await drive.type(":rules")
        await settled(drive)
        assert "/home/ana/rules.toml:17" in drive.text
        await drive.press("N")
        await settled(drive)
        form = drive.app.screen
        for field, text in (("name", "Toasty"), ("condition", "gpu.temperature"), ("limit", "68"), ("hold", "2m")):
            form.query_one(f"#rule-{field}", Input).value = text
        await drive.pilot.pause()
        await settled(drive)
        await drive.shows("would have fired")
        assert "on 16 of 16" in drive.text
        await drive.press("ctrl+s")
        await settled(drive)
        assert "gpu.temperature > 68" == alerting.book.rules["Toasty"].expr
        await alerting.drop_rule("Toasty")
        form.query_one("#rule-hold", Input).value = "9m"
        await drive.pilot.pause()
        await drive.press("ctrl+s")
        await drive.shows("there is no rule 'Toasty'")
