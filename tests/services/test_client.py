"""The attached feed over a real socket: one stream brings the picture, the readings and what was found out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.api import cluster
from app.api.hall import Hall
from app.api.row import Call, RefusedError, Reply
from app.domain.reading import Reading, SourceSpec
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.client import AttachedFeed
from app.services.diagnosing import Diagnosing
from app.services.embedded import EmbeddedFeed
from app.transport.clock import SystemClock
from app.transport.endpoint import Endpoint
from app.transport.scrape import ScrapeClient
from app.transport.tasks import Tasks
from tests.standins.doors import answering

SPEC = SourceSpec("node-1", "exporter", "http://node-1:9400/metrics", 5.0)


@asynccontextmanager
async def attached(folder: Path) -> AsyncIterator[tuple[Board, Diagnosing, AttachedFeed, list[str]]]:
    """A daemon, a feed that follows it, and the routes that were asked for until now."""
    clock, board, asked = SystemClock(), Board(Snapshot()), list[str]()
    feed, diagnosing = EmbeddedFeed(board, None, clock), Diagnosing(board, clock, 5.0)
    feed.diagnose_by(diagnosing)
    async with answering(feed, board, folder / "run" / "api.sock"), ScrapeClient() as client:
        mine = AttachedFeed(folder / "run" / "api.sock", client, clock)
        noting(mine, asked)
        await mine.load()
        async with Tasks() as tasks:
            tasks.start(mine.run(), "attached")
            yield board, diagnosing, mine, asked


def noting(feed: AttachedFeed, paths: list[str]) -> None:
    """Write down every route that a feed asks for."""
    real = feed._endpoint

    def endpoint(path: str, asked: dict[str, object] | None = None) -> Endpoint:
        paths.append(path)
        return real(path, asked)

    feed._endpoint = endpoint  # type: ignore[method-assign]  # to watch it


async def until(feed: AttachedFeed, source: str) -> None:
    """A reading of a source has come."""
    async with asyncio.timeout(10):
        async for snapshot in feed.changes():
            if source in snapshot.sources:
                return


def reading(at: float) -> Reading:
    """One that brought nothing."""
    return Reading.failed(SPEC.name, at, "connection refused")


async def test_the_picture_comes_once_and_what_follows_it_behind(tmp_path: Path) -> None:
    """One stream: it is large, and both processes would pay for it twice."""
    async with attached(tmp_path) as (board, _, feed, asked):
        board.apply(SPEC, reading(SystemClock().now()))
        await until(feed, SPEC.name)

        assert (1, 0) == (asked.count("/api/stream"), asked.count("/api/snapshot"))


async def test_a_new_diagnosis_comes_unasked(tmp_path: Path) -> None:
    """The value that the daemon has, and nobody asks for it again."""
    async with attached(tmp_path) as (board, diagnosing, feed, asked):
        await diagnosing.step(board.snapshot, SystemClock().now())
        async with asyncio.timeout(10):
            async for _ in feed.changes():
                if feed.diagnosis() == diagnosing.now():
                    break

        assert "/api/diagnosis" not in asked


async def test_a_large_diagnosis_comes_as_a_small_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read in a thread, and is the same."""
    monkeypatch.setattr("app.services.client._LARGE", 1)
    async with attached(tmp_path) as (board, diagnosing, feed, _):
        await diagnosing.step(board.snapshot, SystemClock().now())
        async with asyncio.timeout(10):
            async for _snapshot in feed.changes():
                if feed.diagnosis() == diagnosing.now():
                    break


async def test_a_daemon_of_before_is_followed_as_it_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses the form that it does not know, and is asked for the one it does."""

    async def before(hall: Hall, call: Call) -> Reply:
        if call.is_wire:
            raise RefusedError(400, "there is no parameter 'form'")
        return await cluster.stream(hall, call)

    rows = [replace(row, handler=before) if row.path == "/api/stream" else row for row in cluster.ROWS]
    monkeypatch.setattr("app.api.server.ROWS", rows)
    async with attached(tmp_path) as (board, _, feed, asked):
        board.apply(SPEC, reading(SystemClock().now()))
        await until(feed, SPEC.name)

        assert (3, 1) == (asked.count("/api/stream"), asked.count("/api/snapshot"))


async def test_the_picture_is_that_of_now_though_others_were_given_it_before(tmp_path: Path) -> None:
    """What came since the shared picture was packed is in it: a command looks once and goes."""
    async with attached(tmp_path) as (board, _, first, _asked), ScrapeClient() as client:
        board.apply(SPEC, reading(SystemClock().now()))
        await until(first, SPEC.name)
        second = AttachedFeed(tmp_path / "run" / "api.sock", client, SystemClock())
        await second.load()

        assert [SPEC.name] == list(second.latest().sources)
