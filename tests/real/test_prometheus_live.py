"""With nothing but a server's address: a real Prometheus scrapes, and all of it is here, its alerts included."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.config.settings import Cluster, Discover, Prometheus, Settings, Slurm, Target
from app.domain.series import Subject
from app.domain.snapshot import Snapshot
from app.runtime.collecting import collecting
from app.runtime.looking import look_once
from app.runtime.options import RuntimeOptions
from tests.real.conftest import StartServer
from tests.sources.page_files import page_bytes
from tests.standins import exporters

pytestmark = pytest.mark.real("prometheus")
PAGES = ("dcgm", "node", "vllm", "nvidia-gpu-exporter", "all-smi")
RULE = {"alert": "GpuThere", "expr": "DCGM_FI_DEV_GPU_UTIL >= 0", "labels": {"severity": "page"}}


def settings_of(**more: object) -> Settings:
    """A configuration that looks every second."""
    return Settings(cluster=Cluster(interval_s=1.0), discover=Discover(local=False), slurm=Slurm(via="off"), **more)  # type: ignore[arg-type]


def configuration(folder: Path, urls: dict[str, str]) -> Path:
    """A Prometheus' configuration (JSON is YAML) that scrapes these pages every second."""
    rules = folder / "rules.yml"
    rules.write_text(json.dumps({"groups": [{"name": "g", "rules": [RULE]}]}))
    jobs = [
        {
            "job_name": page,
            "static_configs": [{"targets": [url.split("/")[2]], "labels": {"instance": f"{page}-host:9400"}}],
        }
        for page, url in urls.items()
    ]
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    path = folder / "prometheus.yml"
    path.write_text(json.dumps({"global": every, "rule_files": [str(rules)], "scrape_configs": jobs}))
    return path


async def until(look: Callable[[], Awaitable[bool]], within_s: float = 60.0) -> None:
    """Wait for something that comes about by itself."""
    async with asyncio.timeout(within_s):
        while not await look():  # noqa: ASYNC110 - it comes about in other processes
            await asyncio.sleep(0.25)


def values_of(picture: Snapshot) -> dict[str, dict[str, float]]:
    """Every value by subject and source; a machine on loopback goes by its source, one of a server by its host."""
    return {
        f"{name.replace(':9400', '')} {layer.source}": dict(layer.values)
        for name, layers in (
            *((f"{gpu.node}/{gpu.index}", gpu.layers) for gpu in picture.gpus()),
            *((node.name, node.layers) for node in picture.nodes.values()),
            *((one.id, one.layers) for one in picture.services.values()),
        )
        for layer in layers
    }


@dataclass
class Scraped:
    """Pages, and a Prometheus that scrapes them."""

    urls: dict[str, str]
    port: int
    answers: dict[str, bytes]

    @property
    def settings(self) -> Settings:
        """Nothing but the server's address."""
        return settings_of(prometheus=Prometheus(url=f"http://127.0.0.1:{self.port}"))

    @property
    def direct(self) -> Settings:
        """The same pages, read from here."""
        targets = (Target(url=url, name=f"{page}-host:9400") for page, url in self.urls.items())
        return settings_of(target=tuple(targets))


@asynccontextmanager
async def scraped(folder: Path, port: int, start_server: StartServer) -> AsyncIterator[Scraped]:
    """A server once it has every page."""
    answers = {page: exporters.whole(page_bytes(page)) for page in PAGES}

    def behaviour(page: str) -> exporters.Behaviour:
        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await exporters.request(reader):
                writer.write(answers[page])
                await writer.drain()

        return behave

    async with AsyncExitStack() as stack:
        urls = {page: await stack.enter_async_context(exporters.serving(behaviour(page))) for page in PAGES}
        told = [f"--config.file={configuration(folder, urls)}", f"--storage.tsdb.path={folder}/data"]
        start_server(["prometheus", *told, f"--web.listen-address=127.0.0.1:{port}"], port)
        made = Scraped(urls, port, answers)
        options = RuntimeOptions(state_dir=folder / "state", write=False)

        async def all_are_there() -> bool:
            picture = await look_once(made.settings, options)
            return sum(state.error is None for state in picture.sources.values()) == len(PAGES) + 1

        await until(all_are_there)
        yield made


async def test_a_servers_address_is_all_that_is_needed(
    tmp_path: Path, free_port: Callable[[], int], start_server: StartServer
) -> None:
    """GPUs, nodes and models are as if their pages were read from here, and no older than the last scrape."""
    options = RuntimeOptions(state_dir=tmp_path / "state", write=False)
    async with scraped(tmp_path, free_port(), start_server) as world:
        began, by_server = time.time(), await look_once(world.settings, options)
        direct = await look_once(world.direct, options)
        before = [began - layer.at for gpu in by_server.gpus() for layer in gpu.layers]

    wanted, found = values_of(direct), values_of(by_server)
    assert wanted.keys() == found.keys()
    assert [] == [
        f"{name} {key}: {value} and {found[name].get(key)}"
        for name, values in wanted.items()
        for key, value in values.items()
        if found[name].get(key) != value
    ]
    assert max(before) < 5, "of the last scrape when it was asked for"
    assert all(layer.at <= by_server.at for gpu in by_server.gpus() for layer in gpu.layers)


async def test_alerts_the_past_and_what_is_down_come_from_the_server(
    tmp_path: Path, free_port: Callable[[], int], start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its alerts are marked, its past is there from the first second, a target it cannot scrape is down here."""
    monkeypatch.setattr("app.services.server_alerts.EVERY_S", 1.0)
    async with (
        scraped(tmp_path, free_port(), start_server) as world,
        collecting(world.settings, RuntimeOptions(state_dir=tmp_path / "state")) as parts,
    ):

        async def alert_is_there() -> bool:
            return any(dict(one.labels).get("prometheus") for one in parts.feed.alerts().alerts)

        async def node_is_down() -> bool:
            state = parts.board.snapshot.sources.get("node-host:9400")
            return state is not None and "up is 0" in (state.error or "")  # its values may go a moment before

        await until(alert_is_there)
        theirs = [one for one in parts.feed.alerts().alerts if dict(one.labels).get("prometheus")]
        gpu, now = next(iter(parts.board.snapshot.gpus())), time.time()
        past = await parts.feed.series(Subject("gpu", gpu.node, gpu.index), "gpu.utilization", now - 5, now, 0.0)
        world.answers["node"] = exporters.whole(b"busy", "503 Service Unavailable")
        await until(node_is_down)

    assert ({"GpuThere"}, {"critical"}) == ({one.rule for one in theirs}, {one.severity for one in theirs})
    assert [point.mean for point in past.points if point.mean is not None]
