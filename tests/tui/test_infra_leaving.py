"""Leaving the program while it deploys: asked about, stopped where it is safe, waited for."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from app.services.deploy.agreement import Agreement, carrier_folder, read_agreement, write_agreement
from app.services.deploy.folder import folder_of
from app.services.deploy.lock import locked
from app.tui.infra_leaving import Leaving
from tests.tui.infra_driving import a_ready, begin_deploying, infra, said


async def test_leaving_asks_while_a_run_goes_on(tmp_path: Path) -> None:
    """`y` stops it where it is safe, waits for that, and leaves; anything else stays."""
    fake = a_ready(tmp_path)
    fake.gate = asyncio.Event()
    async with infra(tmp_path, fake) as drive:
        await begin_deploying(drive)
        await drive.press("q")
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
        await begin_deploying(drive)

    assert ["lab"] == fake.cancelled


async def test_leaving_hands_what_was_agreed_to_over_to_the_daemon(tmp_path: Path) -> None:
    """The question says who goes on; what was agreed to stays behind for it, and nothing else does."""
    fake = a_ready(tmp_path)
    fake.gate = asyncio.Event()
    folder = folder_of(tmp_path, "lab")
    with locked(carrier_folder(tmp_path), "carry"):
        async with infra(tmp_path, fake) as drive:
            await begin_deploying(drive)
            await drive.press("q")
            assert f"lab: the daemon (process {os.getpid()}) goes on deploying it" in said(drive)
            await drive.press("y")
            await drive.until(lambda: drive.app._exit)

        kept = read_agreement(folder)
    assert ["lab"] == fake.cancelled
    assert kept is not None
    assert ("deploy", 90.0) == (kept.verb, kept.per_hour)  # the most that was wished for


async def test_a_lost_line_hands_over_too_and_a_stop_does_not(tmp_path: Path) -> None:
    """A signal ends the screen without a question; what somebody stopped before, nobody is to go on with."""
    for stops in (False, True):
        fake = a_ready(tmp_path)
        fake.gate = asyncio.Event()
        with locked(carrier_folder(tmp_path), "carry"):
            async with infra(tmp_path, fake) as drive:
                await begin_deploying(drive)
                if stops:
                    await drive.press("x", "y")
            assert ["lab"] == fake.cancelled
            assert stops is (read_agreement(folder_of(tmp_path, "lab")) is None)


async def test_without_a_daemon_nothing_stays_behind(tmp_path: Path) -> None:
    """One that is started next week would rent what nobody waits for."""
    fake = a_ready(tmp_path)
    fake.gate = asyncio.Event()
    async with infra(tmp_path, fake) as drive:
        await begin_deploying(drive)
        while_it_goes_on = read_agreement(folder_of(tmp_path, "lab"))

    assert while_it_goes_on is not None
    assert read_agreement(folder_of(tmp_path, "lab")) is None


async def test_the_daemon_is_told_to_stop_from_the_page(tmp_path: Path) -> None:
    """What it goes on with is shown as under way; `x` asks, and takes back what was agreed to."""
    fake = a_ready(tmp_path)
    folder = folder_of(tmp_path, "lab")
    with locked(carrier_folder(tmp_path), "carry"), locked(folder, "deploy"):
        write_agreement(folder, Agreement(per_hour=80.0))
        async with infra(tmp_path, fake) as drive:
            await drive.press("x")
            assert "stop deploying lab" in said(drive)
            await drive.press("y")
            await drive.shows("the daemon ends first what Terraform is at")

    assert read_agreement(folder) is None
