"""Leaving the program while it deploys: asked about, stopped where it is safe, waited for."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.tui.infra_leaving import Leaving
from tests.tui.infra_driving import a_ready, infra


async def test_leaving_asks_while_a_run_goes_on(tmp_path: Path) -> None:
    """`y` stops it where it is safe, waits for that, and leaves; anything else stays."""
    fake = a_ready(tmp_path)
    fake.gate = asyncio.Event()
    async with infra(tmp_path, fake) as drive:
        await drive.press("g")
        await drive.shows("4 to rent;")
        await drive.press("y", "q")
        assert "lab is stopped while deploying; 4 pods at $76.48/h" in drive.text
        await drive.press("n")
        assert "infra" == drive.app.page_id
        assert drive.app.is_running

        fake.stopping = asyncio.Event()
        await drive.press("ctrl+c")
        assert isinstance(drive.app.screen, Leaving)
        await drive.press("ctrl+c", "y")
        assert [] == fake.cancelled
        assert drive.app.is_running
        fake.stopping.set()
        await drive.until(lambda: drive.app._exit)

        assert ["lab"] == fake.cancelled


async def test_leaving_asks_nothing_where_nothing_goes_on(tmp_path: Path) -> None:
    """The page alone is no reason to stay."""
    async with infra(tmp_path, a_ready(tmp_path)) as drive:
        await drive.press("q")

        await drive.until(lambda: drive.app._exit)


async def test_end_of_the_screen_stops_runs_before_what_they_work_with_is_closed(tmp_path: Path) -> None:
    """A signal ends the screen without a question; the run still writes down what is billed."""
    fake = a_ready(tmp_path)
    fake.gate = asyncio.Event()
    async with infra(tmp_path, fake) as drive:
        await drive.press("g")
        await drive.shows("4 to rent;")
        await drive.press("y")

    assert ["lab"] == fake.cancelled
