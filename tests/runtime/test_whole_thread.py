"""The whole thread: real HTTP pages in, snapshot, store and a daemon's answers out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.config.settings import Cluster, Settings, Target
from app.domain.series import Subject
from app.runtime.attaching import attach
from app.runtime.collecting import Collecting, collecting
from app.runtime.looking import look_once
from app.runtime.options import RuntimeOptions
from app.services import queries
from app.sim.server import serve
from app.sim.spec import SimSpec
from app.sources.told import bytes_of
from tests.standins.doors import listening
from tests.standins.exporters import request, serving, whole

WAIT_S = 60.0


@pytest.fixture
async def settings() -> AsyncIterator[Settings]:
    """A simulated cluster of two nodes, looked at five times a second."""
    running = await serve(SimSpec(nodes=2, gpus=4, scenario="healthy", history_s=3600.0), time.time)
    targets = tuple(Target(url=url, node=node if kind != "vllm" else "") for url, node, kind in running.targets())
    yield Settings(cluster=Cluster(name="lab", interval_s=0.2), target=targets)
    await running.close()


def options(tmp_path: Path, *, write: bool = True, sockets: tuple[Path, ...] = ()) -> RuntimeOptions:
    """A runtime with its state in the test's folder."""
    return RuntimeOptions(state_dir=tmp_path / "state", sockets=sockets, write=write)


async def until(ready: Callable[[], bool]) -> None:
    """Let the loop run until `ready()`."""
    async with asyncio.timeout(WAIT_S):
        while not ready():  # noqa: ASYNC110 - what it waits for has no event, and need not have one
            await asyncio.sleep(0.02)


async def test_one_round_sees_the_cluster(settings: Settings, tmp_path: Path) -> None:
    """`status` without a daemon: every GPU of every node with its values, and the badge of a simulation."""
    snapshot = await look_once(settings, options(tmp_path))
    answer = queries.status(snapshot, snapshot.at)

    assert "simulated" == answer["mode"]
    assert (8, 8, 2) == tuple(answer["cluster"][key] for key in ("gpus", "gpus_expected", "nodes"))
    assert {"ok"} == {source["state"] for source in answer["sources"]}
    for node in answer["nodes"]:
        assert node["metrics"]["node.memory_total"]["value"] > 0
        assert all(gpu["power_w"] > 0 and gpu["model"] for gpu in node["gpus"])
    assert not (tmp_path / "state" / "history.db").exists()


async def test_one_round_waits_for_a_page_that_takes_longer_than_the_interval(tmp_path: Path) -> None:
    """Nothing comes after a single round that a slow answer could hold up."""

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await asyncio.sleep(0.5)
        writer.write(whole(b"node_load1 3\nnode_memory_MemTotal_bytes 1024\n"))
        await writer.drain()

    async with serving(late) as url:
        one = Settings(cluster=Cluster(name="lab", interval_s=0.2), target=(Target(url=url),))
        snapshot = await look_once(one, options(tmp_path))

    assert [None] == [state.error for state in snapshot.sources.values()]


async def kept(parts: Collecting, subject: Subject, metric: str) -> list[float]:
    """Values of the last minute, once there are two: they are written a moment after they are shown."""
    values: list[float] = []
    async with asyncio.timeout(WAIT_S):
        while len(values) < 2:
            await asyncio.sleep(0.02)
            now = parts.feed.now()
            with contextlib.suppress(LookupError):  # of whom nothing is written yet
                found = await parts.feed.series(subject, metric, now - 60, now, 0)
                values = [point.mean for point in found.points if point.mean is not None]
    return values


async def test_what_is_collected_is_kept(settings: Settings, tmp_path: Path) -> None:
    """Readings reach the store, the fleet's folds with them, and the picture of a moment can be had again."""
    async with collecting(settings, options(tmp_path)) as parts:
        await until(lambda: parts.board.snapshot.version > 20)
        name = next(iter(parts.board.snapshot.nodes))
        series = await kept(parts, Subject("gpu", node=name, index=1), "gpu.power")
        fleet = await kept(parts, Subject("fleet"), "gpu.utilization")
        now = parts.feed.now()
        moments = await parts.feed.moments(now - 60, now)
        then = await parts.feed.at(moments[-1])

    assert len(series) >= 2
    assert len(fleet) >= 2
    assert then is not None
    assert list(parts.board.snapshot.nodes) == list(then.nodes)
    assert 8 == len(list(then.gpus()))
    assert all(gpu.value("gpu.power", moments[-1] + 0.3) for gpu in then.gpus())


async def test_two_on_one_store(settings: Settings, tmp_path: Path) -> None:
    """The second process on a store collects and shows, but does not write; both read the same past."""
    async with collecting(settings, options(tmp_path)) as first:
        await until(lambda: first.history is not None)
        async with collecting(settings, options(tmp_path)) as second:
            await until(lambda: second.board.snapshot.version > 20)
            assert "ok" == (await first.feed.store_health()).state
            assert "read-only" == (await second.feed.store_health()).state
            now = second.feed.now()
            one: tuple[float, ...] = ()
            other: tuple[float, ...] = ()
            async with asyncio.timeout(WAIT_S):
                while not one or one != other:  # what is shown by now is written a moment later
                    await asyncio.sleep(0.02)
                    one, other = await first.feed.moments(now - 60, now), await second.feed.moments(now - 60, now)


@contextlib.asynccontextmanager
async def daemon(settings: Settings, here: RuntimeOptions, socket: Path) -> AsyncIterator[Collecting]:
    """A daemon in this process."""
    async with collecting(settings, here) as parts, listening(parts, settings, socket):
        yield parts


async def test_screens_attach_to_the_daemon(settings: Settings, tmp_path: Path) -> None:
    """Two attached views show the daemon's picture as it grows, and read its past; the socket is private."""
    socket = tmp_path / "run" / "api.sock"
    there = options(tmp_path, write=False, sockets=(socket,))
    async with daemon(settings, options(tmp_path), socket) as parts, contextlib.AsyncExitStack() as stack:
        await until(lambda: parts.board.snapshot.version > 10)
        feeds = [await attach(settings, there, stack) for _ in range(2)]
        assert all(feed is not None for feed in feeds)
        seen = parts.board.snapshot.version
        for feed in feeds:
            assert feed is not None
            async with asyncio.timeout(WAIT_S):
                async for snapshot in feed.changes():
                    if snapshot.version > seen + 10:
                        break
            assert 8 == len(list(feed.latest().gpus()))
            now = feed.now()
            assert await feed.moments(now - 60, now)
            assert (await feed.series(Subject("fleet"), "gpu.power", now - 60, now, 1.0)).points
        assert 0o600 == socket.stat().st_mode & 0o777
        assert 0o700 == socket.parent.stat().st_mode & 0o777


async def test_a_daemon_of_another_configuration_is_not_used(settings: Settings, tmp_path: Path) -> None:
    """A screen asked for one configuration does not show another's cluster."""
    socket = tmp_path / "run" / "api.sock"
    other = replace(settings, origin="/etc/other.toml")
    async with daemon(other, options(tmp_path), socket), contextlib.AsyncExitStack() as stack:
        assert await attach(settings, options(tmp_path, sockets=(socket,)), stack) is None


async def test_a_raw_tap_hears_every_body(settings: Settings, tmp_path: Path) -> None:
    """Every byte that came in can be recorded as it came."""
    heard: list[tuple[str, bytes]] = []
    tapped = replace(options(tmp_path), tap=lambda _name, part, _at, body: heard.append((part, bytes_of(body))))

    await look_once(settings, tapped)

    pages = [body for part, body in heard if part == "page"]
    assert len(settings.target) == len(pages)
    assert all(b"gpu_watchdog_simulated 1" in body for body in pages)
