"""http_sd over the daemon's socket: our targets for a Prometheus beside us."""

from __future__ import annotations

from pathlib import Path

import httpx

from app.config.settings import Target
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.embedded import EmbeddedFeed
from tests.standins.doors import answering
from tests.tools.fake_clock import FakeClock


async def test_targets_are_told_as_they_are_now(tmp_path: Path) -> None:
    """Those that come and go are seen at the next question; those left out have a page with reasons."""
    known = [Target(url="http://node-1:9400/metrics", node="node-1"), Target(url="nvml:")]
    board = Board(Snapshot())
    socket = tmp_path / "run" / "api.sock"
    async with (
        answering(EmbeddedFeed(board, None, FakeClock(0.0)), board, socket, lambda: tuple(known)),
        httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://d") as client,
    ):
        first = await client.get("/api/sd")
        left = (await client.get("/api/sd/left-out")).json()
        known.append(Target(url="http://node-2:9400/metrics"))
        then = (await client.get("/api/sd")).json()

    labels = {"__scheme__": "http", "__metrics_path__": "/metrics", "node": "node-1", "source": "node-1:9400"}
    assert [{"targets": ["node-1:9400"], "labels": labels}] == first.json()
    assert first.headers["content-type"].startswith("application/json")
    assert ["nvml"] == [one["name"] for one in left["left_out"]]
    assert [["node-1:9400"], ["node-2:9400"]] == [group["targets"] for group in then]
