"""The screen on a view of several clusters: whose everything is, what one filters by, where a deed goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.services.joined.jobs import JoinedJobs
from app.tui.app import Watchdog
from tests.present.slurm_fleet import slurm_fleet
from tests.services.joined.daemons import Daemon, viewing
from tests.services.slurm_doors import jobs_of
from tests.standins.slurm_commands import FakeSlurm, row
from tests.tui.boards import full
from tests.tui.driving import Drive, options


@asynccontextmanager
async def screen(folder: Path) -> AsyncIterator[tuple[Drive, FakeSlurm]]:
    """A screen on `lab` and `uni`; only uni's Slurm can be acted on from it."""
    (folder / "bin").mkdir()
    slurm = FakeSlurm(folder / "bin", [row(812)])
    jobs = JoinedJobs(
        {"uni": jobs_of(slurm, folder / "state")}, {"lab": "nothing can be done to jobs of lab from here"}
    )

    @asynccontextmanager
    async def opened() -> AsyncIterator[JoinedJobs]:
        yield jobs

    async with viewing(folder, Daemon("lab", full()), Daemon("uni", slurm_fleet()), judged=True) as view:

        @asynccontextmanager
        async def connect() -> AsyncIterator[object]:
            yield view.feed

        app = Watchdog(connect, options(folder, jobs=opened))  # type: ignore[arg-type]  # a feed, and a way to open jobs
        async with app.run_test(size=(120, 40)) as pilot:
            feeding = asyncio.create_task(app.feeding())
            try:
                drive = Drive(app, view.daemons["uni1"].past, pilot)
                await drive.until(lambda: "uni:gpu-01" in drive.text)
                yield drive, slurm
            finally:
                feeding.cancel()
                await asyncio.wait({feeding})


async def test_home_shows_clusters_one_after_the_other(tmp_path: Path) -> None:
    """Nodes of one name stand in their clusters' order; the filter `cluster:` leaves one cluster's."""
    async with screen(tmp_path) as (drive, _):
        shown = [line.split()[0] for line in drive.text.splitlines() if line.startswith(("lab:", "uni:"))]
        assert "lab, uni" in drive.text
        await drive.type("/cluster:uni")

        assert ["lab:gpu-01", "lab:gpu-02", "uni:gpu-01", "uni:gpu-02", "uni:gpu-03"] == shown
        assert "cluster:uni" in drive.line("lab, uni")
        assert "lab:gpu" not in drive.text
        assert "uni:gpu-01 · 8 × H100" in drive.text


async def test_a_deed_goes_to_its_cluster_or_is_refused(tmp_path: Path) -> None:
    """The dialogue names the cluster and shows what is run there; where no way leads it says so and runs nothing."""
    async with screen(tmp_path) as (drive, slurm):
        await drive.type(":requeue uni:812")
        await drive.until(lambda: "bin/scontrol" in drive.text)  # what follows may stand on the next line
        assert "uni: requeue job 812 (ana, llama-ft)" in drive.text
        await drive.press("y")
        await drive.until(lambda: "scontrol requeue 812" in slurm.calls)
        await drive.press("escape")
        await drive.type(":ssh lab:gpu-01")
        await drive.until(lambda: "log in to its cluster for a shell" in drive.text)


async def test_a_job_of_a_cluster_is_opened_by_its_name(tmp_path: Path) -> None:
    """`:job uni:812` is that one, with the GPUs of its own cluster."""
    async with screen(tmp_path) as (drive, _):
        await drive.type(":job uni:812")
        await drive.until(lambda: "uni:gpu-03/3" in drive.text or "uni:gpu-01/0" in drive.text)

        assert "lab:gpu-01/0" not in drive.text
