"""A screen's feed over time: our own until a daemon comes, that daemon's, and that of the one that replaces it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.config.settings import Cluster, Serve, Settings, Slurm, Target
from app.domain.snapshot import Snapshot
from app.runtime import attaching as attaching_module
from app.runtime.attaching import following
from app.runtime.collecting import collecting
from app.runtime.options import RuntimeOptions
from app.services.feed import Feed
from tests.runtime.daemons import Pages
from tests.standins.doors import listening


@pytest.fixture
def pages() -> Iterator[Pages]:
    """An exporter."""
    made = Pages()
    yield made
    made.close()


@pytest.fixture
def settings(pages: Pages, tmp_path: Path) -> Settings:
    """One target, one socket."""
    return Settings(
        cluster=Cluster(name="lab", interval_s=0.2),
        target=(Target(url=pages.url, name="page"),),
        slurm=Slurm(via="off"),
        serve=Serve(socket=str(tmp_path / "run" / "api.sock")),
    )


async def until(ready: Callable[[], bool]) -> None:
    """Let the loop run until `ready()`."""
    async with asyncio.timeout(30):
        while not ready():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.02)


def owner(settings: Settings, options: RuntimeOptions, closed: list[str]) -> Callable[[], contextlib.AbstractAsyncContextManager[Feed]]:  # fmt: skip # noqa: E501 - one signature
    """What a screen collects itself; says when it has ended."""

    @contextlib.asynccontextmanager
    async def own() -> AsyncIterator[Feed]:
        async with collecting(settings, options) as parts:
            yield parts.feed
        closed.append("own")

    return own


async def test_a_daemon_that_comes_is_followed_and_one_that_is_replaced_too(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own collecting ends when the daemon serves; the daemon after it is followed under the same feed."""
    monkeypatch.setattr(attaching_module, "LOOK_OUT_S", 0.05)
    path = Path(settings.serve.socket)
    options = RuntimeOptions(state_dir=tmp_path / "state", sockets=(path,))
    daemons = replace(options, state_dir=tmp_path / "daemon")
    closed: list[str] = []
    seen: list[Snapshot] = []

    async def look(feed: Feed) -> None:
        async for snapshot in feed.changes():
            seen.append(snapshot)  # noqa: PERF401 - it never ends

    async with following(settings, options, owner(settings, options, closed)) as feed:
        looking = asyncio.create_task(look(feed))
        await until(lambda: "node-1" in feed.latest().nodes)
        assert "embedded" == feed.origin
        for _ in range(2):
            async with collecting(settings, daemons) as parts, listening(parts, settings, path):
                await until(lambda: feed.origin == f"attached to {path}" and closed == ["own"])
                count = len(seen)
                await until(lambda before=count: len(seen) > before + 2)  # type: ignore[misc]  # a lambda's default
                assert parts.board.snapshot.at - feed.latest().at < 5
            await until(lambda: getattr(feed, "trouble", "") != "")
        looking.cancel()


class Broken(contextlib.AbstractAsyncContextManager[Feed]):
    """A feed of our own that cannot be opened."""

    async def __aenter__(self) -> Feed:
        raise OSError("the disk is gone")

    async def __aexit__(self, *_: object) -> None:
        """Was never open."""


async def test_what_cannot_be_collected_is_said_as_it_is(settings: Settings, tmp_path: Path) -> None:
    """An error of our own feed's start reaches whoever wanted it, not wrapped in a group."""
    with pytest.raises(OSError, match="the disk is gone"):
        async with following(settings, RuntimeOptions(state_dir=tmp_path), Broken):
            pass
