"""A new start on the store of the run before: real pages over loopback, a real file, what is lost stays lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from app.config.settings import Cluster, Settings, Target
from app.domain.fleet import cluster_facts
from app.domain.snapshot import Gpu, Snapshot
from app.runtime.attaching import attach
from app.runtime.collecting import Collecting, collecting
from app.runtime.options import RuntimeOptions
from app.services import queries
from tests.standins.doors import listening

WAIT_S = 60.0


class Exporter:
    """A page of one node whose GPUs come and go, and which may fail."""

    def __init__(self) -> None:
        self.gpus = [0, 1, 2]
        self.is_down = False
        self.url = ""

    async def page(self, _: web.Request) -> web.Response:
        """The page as a dcgm-exporter writes it."""
        if self.is_down:
            raise web.HTTPServiceUnavailable
        lines = ["# TYPE DCGM_FI_DEV_POWER_USAGE gauge"]
        for index in self.gpus:
            labels = f'gpu="{index}",UUID="GPU-0000000{index}-1111",modelName="NVIDIA H100",Hostname="node-1"'
            lines.append(f"DCGM_FI_DEV_POWER_USAGE{{{labels}}} {100 + index}")
        return web.Response(text="\n".join(lines) + "\n")


@pytest.fixture
async def exporter() -> AsyncIterator[Exporter]:
    """An exporter on a loopback port of its own."""
    made, application = Exporter(), web.Application()
    application.add_routes([web.get("/metrics", made.page)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/metrics"
    yield made
    await runner.cleanup()


@contextlib.asynccontextmanager
async def run(exporter: Exporter, folder: Path, *names: str, write: bool = True) -> AsyncIterator[Collecting]:
    """One run of the program on the exporter; given once it keeps the past, and ended with it."""
    targets = tuple(Target(url=exporter.url, name=name) for name in names or ("page",))
    settings = Settings(cluster=Cluster(name="lab", interval_s=0.2), target=targets)
    async with collecting(settings, RuntimeOptions(state_dir=folder / "state", write=write)) as parts:
        await until(lambda: parts.history is not None)
        yield parts


async def until(ready: Callable[[], bool]) -> None:
    """Let the loop run until `ready()`."""
    async with asyncio.timeout(WAIT_S):
        while not ready():  # noqa: ASYNC110 - what it waits for has no event, and need not have one
            await asyncio.sleep(0.01)


async def stored(parts: Collecting, like: Callable[[Snapshot], bool]) -> None:
    """Wait until the newest picture in the store is like that."""
    assert parts.history is not None
    async with asyncio.timeout(WAIT_S):
        while not ((kept := await parts.history.last(0.0)) is not None and like(kept)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)


def gpu(snapshot: Snapshot, index: int) -> Gpu | None:
    """The GPU in a place of the only node."""
    return snapshot.gpu("node-1", index)


def is_lost(snapshot: Snapshot, index: int) -> bool:
    """Whether the place is there and its GPU is lost."""
    found = gpu(snapshot, index)
    return found is not None and found.is_lost


async def losses(parts: Collecting) -> int:
    """How often the store has a GPU told as lost."""
    return [one.kind for one in await parts.feed.events(0.0, 4e9)].count("gpu.lost")


async def test_a_lost_gpu_survives_a_restart(exporter: Exporter, tmp_path: Path) -> None:
    """It is shown as lost since when it was lost, counted as expected, and told once over three runs."""
    async with run(exporter, tmp_path) as parts:
        await stored(parts, lambda kept: gpu(kept, 2) is not None)
        exporter.gpus = [0, 1]
        await stored(parts, lambda kept: is_lost(kept, 2))
        before = gpu(parts.board.snapshot, 2)
    for _ in range(2):
        async with run(exporter, tmp_path) as parts:
            await until(lambda parts=parts: is_lost(parts.board.snapshot, 2))  # type: ignore[misc]  # a lambda's default
            after = gpu(parts.board.snapshot, 2)
            await asyncio.sleep(0.3)
            status = queries.status(parts.feed.latest(), parts.feed.now())

            assert before is not None
            assert after is not None
            assert (before.lost_at, before.note) == (after.lost_at, after.note)
            assert pytest.approx(before.seen_at, abs=0.001) == after.seen_at  # samples are kept in whole ms
            assert (2, 3, 1) == tuple(status["cluster"][key] for key in ("gpus", "gpus_expected", "gpus_lost"))
            assert 1 == await losses(parts)


async def test_a_gpu_that_went_while_nobody_looked_is_lost(exporter: Exporter, tmp_path: Path) -> None:
    """The first run saw three, the second sees two: the third is lost, and that is told."""
    async with run(exporter, tmp_path) as parts:
        await stored(parts, lambda kept: gpu(kept, 2) is not None)
    exporter.gpus = [0, 1]

    async with run(exporter, tmp_path) as parts:
        await stored(parts, lambda kept: is_lost(kept, 2))
        assert 1 == await losses(parts)


async def test_a_page_that_fails_loses_nothing(exporter: Exporter, tmp_path: Path) -> None:
    """GPUs of a page that does not answer after the restart are unknown; once it does, the missing one is lost."""
    async with run(exporter, tmp_path) as parts:
        await stored(parts, lambda kept: gpu(kept, 2) is not None)
    exporter.is_down = True

    for _ in range(2):
        async with run(exporter, tmp_path) as parts:
            await until(lambda parts=parts: gpu(parts.board.snapshot, 2) is not None)  # type: ignore[misc]  # as above
            await stored(parts, lambda kept: kept.sources["page"].error is not None)
            facts = cluster_facts(parts.board.snapshot, parts.feed.now() + 60)
            assert (3, 3, 3, 0) == (facts.gpus, facts.gpus_unknown, facts.gpus_expected, facts.gpus_lost)
    async with run(exporter, tmp_path) as parts:
        exporter.is_down, exporter.gpus = False, [0, 1]
        await until(lambda: is_lost(parts.board.snapshot, 2))


async def test_a_source_that_is_no_longer_configured_takes_its_gpus_along(exporter: Exporter, tmp_path: Path) -> None:
    """Under another configuration nothing of the old one haunts the screen, nor the one after."""
    async with run(exporter, tmp_path) as parts:
        await stored(parts, lambda kept: gpu(kept, 2) is not None)
    exporter.gpus = [0, 1]

    for name in ("renamed", "page"):
        async with run(exporter, tmp_path, name) as parts:
            await stored(parts, lambda kept, name=name: name in kept.sources)  # type: ignore[misc]  # as above
            assert [0, 1] == [one.index for one in parts.board.snapshot.gpus()]


async def test_a_screen_that_only_reads_remembers_too(exporter: Exporter, tmp_path: Path) -> None:
    """A second screen, which may not write, shows what the first one lost."""
    async with run(exporter, tmp_path) as parts:
        await stored(parts, lambda kept: gpu(kept, 2) is not None)
        exporter.gpus = [0, 1]
        await stored(parts, lambda kept: is_lost(kept, 2))
        async with run(exporter, tmp_path, write=False) as second:
            await until(lambda: is_lost(second.board.snapshot, 2))


async def test_who_attached_before_the_past_was_read_sees_it(exporter: Exporter, tmp_path: Path) -> None:
    """A screen on a daemon's first moment is given the past when the daemon has it."""
    async with run(exporter, tmp_path) as parts:
        await stored(parts, lambda kept: gpu(kept, 2) is not None)
    exporter.gpus = [0, 1]
    exporter.is_down = True
    socket = tmp_path / "run" / "api.sock"
    settings = Settings(cluster=Cluster(name="lab", interval_s=0.2), target=(Target(url=exporter.url, name="page"),))
    options = RuntimeOptions(state_dir=tmp_path / "state")

    async with (
        collecting(settings, options) as parts,
        listening(parts, settings, socket),
        contextlib.AsyncExitStack() as stack,
    ):
        feed = await attach(settings, replace(options, sockets=(socket,), write=False), stack)
        assert feed is not None
        assert parts.history is None
        await until(lambda: gpu(feed.latest(), 2) is not None)
        exporter.is_down = False
        await until(lambda: is_lost(feed.latest(), 2))
