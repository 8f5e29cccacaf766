"""Slurm by an exporter's page: counts, asked for seldom."""

from __future__ import annotations

import asyncio

from app.config.settings import Slurm, Target
from app.domain.reading import SourceSpec
from app.sources.registry import Making
from app.sources.slurm.source import SlurmSource, make
from app.transport.clock import SystemClock
from app.transport.scrape import ScrapeClient
from tests.standins import exporters

SCKYZO = b"""slurm_exporter_collector_success{collector="gpus"} 1
slurm_gpus_alloc 6
slurm_gpus_total 8
"""
LIST = b"/metrics/jobs\n/metrics/nodes\n/metrics/partitions\n/metrics/scheduler\n"
NATIVE = {
    "/metrics/jobs": b"slurm_jobs_running 3\nslurm_jobs_pending 2\n",
    "/metrics/nodes": b"slurm_nodes 4\nslurm_nodes_dyn_normal 4\n",
}


def source_of(url: str, client: ScrapeClient) -> SlurmSource:
    """A source on a page of counts, every 5 s as far as it may."""
    slurm = Slurm(via="exporter", exporter_url=url)
    spec = SourceSpec("slurm", "slurm", "slurm:exporter", 5.0)
    target = Target(url="slurm:exporter", timeout_s=4.0)
    return make(Making(spec, target, 4.0, client, SystemClock(), slurm=slurm))


async def test_a_page_gives_counts_and_no_jobs() -> None:
    """Jobs are not known, which is not the same as none; the page is asked for every 15 s at most."""
    async with exporters.serving(exporters.says(exporters.whole(SCKYZO))) as url, ScrapeClient() as client:
        source = source_of(url, client)
        reading = await source.read()

    assert reading.slurm is not None
    assert (None, 6.0, 8.0) == (
        reading.slurm.jobs,
        reading.slurm.counts["gpus_allocated"],
        reading.slurm.counts["gpus"],
    )
    assert (15.0, url) == (source.spec.interval_s, source.spec.target)


async def test_slurmctlds_own_pages_are_found_by_their_list() -> None:
    """`/metrics` lists them; each is asked for, once a minute at most."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            path = (await exporters.request(reader)).split()[1].decode()
            writer.write(exporters.whole(LIST if path == "/metrics" else NATIVE.get(path, b"")))
            await writer.drain()

    async with exporters.serving(behave) as url, ScrapeClient() as client:
        source = source_of(url, client)
        reading = await source.read()

    assert reading.slurm is not None
    assert ("slurmctld's own metrics", 3.0, 4.0) == (
        reading.slurm.way,
        reading.slurm.counts["jobs_running"],
        reading.slurm.counts["nodes"],
    )
    assert 60.0 == source.spec.interval_s


async def test_another_page_is_refused_with_a_sentence() -> None:
    """An exporter of GPUs named as Slurm's is told."""
    async with exporters.serving(exporters.says(exporters.whole(exporters.PAGE))) as url, ScrapeClient() as client:
        error = (await source_of(url, client).read()).error

    assert error is not None
    assert error.startswith("Slurm exporter page line 1: no count here that I know")
