"""Looks of the past, read again: the same answers make the same readings, for each kind of source and way to Slurm."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from app.config.settings import Prometheus, Slurm, Target
from app.domain.codec import encode
from app.domain.reading import Reading, SourceKind, SourceSpec
from app.sources import prometheus
from app.sources.again import Answer, PastLook, again
from app.sources.machine_text import MachineText
from app.sources.nvml import reading_of
from app.sources.prometheus import target_of
from app.sources.prometheus_names import Key
from app.sources.prometheus_sweep import Sweep
from app.sources.registry import Making
from app.sources.slurm.source import make
from app.sources.told import Told, bytes_of
from app.transport.clock import SystemClock
from app.transport.prometheus import PrometheusServer
from app.transport.scrape import ScrapeClient
from pod.gpu import GpuReading, Identity, MachineReading
from tests.sources.prometheus_server import Server
from tests.standins import exporters
from tests.standins.slurm_commands import FakeSlurm, detail, row
from tests.standins.slurmrestd import FakeRest
from tests.tools.fake_clock import FakeClock

NOW = 1_764_000_000.0


class Ear:
    """A tap that remembers one look."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def __call__(self, _source: str, part: str, at: float, told: Told) -> None:
        self.answers.append(Answer(part, at, bytes_of(told)))

    def look(self, spec: SourceSpec, reading: Reading) -> PastLook:
        """The look that was heard, and gives it up."""
        answers, self.answers = tuple(self.answers), []
        said = reading.slurm
        notes, way = (said.notes, said.way) if said is not None else ((), "")
        return PastLook(spec, reading.at, reading.duration_s, answers, notes, way)


async def same_again(kind: SourceKind, read: Callable[[], Awaitable[Reading]], ear: Ear, looks: int = 1) -> Reading:
    """Look so many times, read each look again, and assert that it is the same; gives the last."""
    spec = SourceSpec("it", kind, "where it is", 5.0)
    reader = again(kind)
    assert reader is not None
    for _ in range(looks):
        reading = replace(await read(), source="it")
        found = await reader.read(ear.look(spec, reading))
        assert encode(reading) == encode(found)
    return found


@pytest.fixture
def fake(tmp_path: Path) -> FakeSlurm:
    """Slurm's commands: 812 runs on GPUs that only its details tell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    made = FakeSlurm(folder)
    made.queue(row(812))
    made.says("scontrol -o -d show job", stdout=detail(812))
    return made


def slurm_source(slurm: Slurm, url: str, ear: Ear, client: ScrapeClient) -> Callable[[], Awaitable[Reading]]:
    """Looks at a Slurm."""
    spec = SourceSpec("slurm", "slurm", url, 60.0)
    return make(
        Making(spec, Target(url=url), 20.0, client, SystemClock(), tap=ear, slurm=slurm, environ=dict(os.environ))
    ).read


async def test_commands_are_read_again(fake: FakeSlurm) -> None:
    """Three looks, of which later ones ask for less: jobs keep the GPUs that an earlier look told."""
    ear = Ear()
    read = slurm_source(Slurm(via="local", bin_dir=str(fake.folder)), "slurm:local", ear, ScrapeClient())

    last = await same_again("slurm", read, ear, looks=3)

    assert last.slurm is not None
    assert [True] == [bool(job.gpus_on) for job in last.slurm.jobs or ()]


async def test_a_part_that_failed_fails_again(fake: FakeSlurm) -> None:
    """The nodes did not come: they stay unknown, and the note of then is told."""
    fake.says("scontrol -o -d show node", code=1, stderr="slurm_load_node error: timed out\n")
    ear = Ear()
    read = slurm_source(Slurm(via="local", bin_dir=str(fake.folder)), "slurm:local", ear, ScrapeClient())

    last = await same_again("slurm", read, ear)

    assert last.slurm is not None
    assert last.slurm.nodes is None
    assert last.slurm.notes


async def test_slurmrestd_is_read_again() -> None:
    """Jobs, nodes and partitions, with the version that was spoken."""
    ear = Ear()
    async with FakeRest().serving() as url:
        last = await same_again(
            "slurm", slurm_source(Slurm(via="rest", rest_url=url), "slurm:rest", ear, ScrapeClient()), ear, looks=2
        )

    assert last.slurm is not None
    assert "slurmrestd v0.0.42" == last.slurm.way


async def test_a_page_of_counts_is_read_again() -> None:
    """What an exporter counts."""
    page = b'slurm_exporter_collector_success{collector="gpus"} 1\nslurm_gpus_alloc 6\nslurm_gpus_total 8\n'
    ear = Ear()
    async with exporters.serving(exporters.says(exporters.whole(page))) as url, ScrapeClient() as client:
        slurm = Slurm(via="exporter", exporter_url=url)
        last = await same_again("slurm", slurm_source(slurm, "slurm:exporter", ear, client), ear)

    assert last.slurm is not None
    assert last.slurm.counts


async def test_the_driver_s_own_reading_is_read_again() -> None:
    """A machine's reading goes into a recording and comes back the same."""
    values = {"DCGM_FI_DEV_GPU_UTIL": 50.0, "DCGM_FI_DEV_POWER_USAGE": 612.5}
    gpu = GpuReading(Identity(0, 0, "GPU-0", "NVIDIA H100 80GB HBM3"), NOW, values)
    lost = GpuReading(Identity(1, 1, "GPU-1"), NOW - 60, is_lost=True)
    machine = MachineReading(1, NOW, "580", "13.0", (gpu, lost), 2)
    expected = reading_of(machine, "it", "node-1", 0.25)
    told = MachineText().sheet(machine).text()
    spec = SourceSpec("it", "nvml", "nvml:", 5.0)
    reader = again("nvml")
    assert reader is not None

    answers = (Answer("node", NOW, b"node-1"), Answer("machine", NOW, told))
    found = await reader.read(PastLook(spec, NOW, 0.25, answers))

    assert expected == found


async def test_a_server_s_page_is_read_again() -> None:
    """A target of a Prometheus server: scraped anew, not scraped anew, and with the rates of both scrapes."""
    key, page = Key("node", "gpu-7:9100"), b'node_network_receive_bytes_total{device="eth0"} %d\nnode_load1 1\n'
    clock, server, ear = FakeClock(NOW), Server({key: [(NOW - 5, page % 1000)]}, NOW), Ear()
    sweep = Sweep(cast("PrometheusServer", server), Prometheus(url="http://prom:9090"), 5.0, clock)
    spec, target = SourceSpec("it", "prometheus", "where it is", 5.0), target_of(key, None, "")
    source = prometheus.make(Making(spec, target, 2.0, ScrapeClient(), clock, tap=ear, sweep=sweep))

    async def read() -> Reading:
        reading = await source.read()
        await clock.advance(10.0)
        server.now += 10.0
        if server.now == NOW + 20:
            server.scrapes[key] = [(NOW - 5, page % 1000), (NOW + 15, page % 3000)]
        return reading

    last = await same_again("prometheus", read, ear, looks=4)

    assert (NOW + 15, 100.0) == (last.at, last.nodes[0].values["node.network_rx"])


async def test_what_no_look_brings_is_refused() -> None:
    """A missing answer is an error that says which."""
    reader = again("exporter")
    assert reader is not None

    with pytest.raises(LookupError, match="'host' is missing"):
        await reader.read(PastLook(SourceSpec("it", "exporter", "x", 5.0), NOW, 0.1, ()))
