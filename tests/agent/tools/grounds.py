"""Grounds for tests of tools: a fake feed over a frozen snapshot, with Slurm's commands as a stand-in or without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.agent.events import Event
from app.agent.ground import Ground
from app.agent.looking import ToolLooker
from app.config.settings import Settings
from app.domain.chat import ToolUse
from app.domain.diagnosis import Diagnosis
from app.domain.snapshot import Snapshot
from app.services.jobs import Jobs
from tests.engine.diagnosis.world import World
from tests.services.slurm_doors import jobs_of
from tests.standins.slurm_commands import FakeSlurm
from tests.tui.fake_feed import FakeFeed


def ground(
    snapshot: Snapshot,
    diagnosis: Diagnosis | None = None,
    *,
    now: float | None = None,
    settings: Settings | None = None,
    jobs: Jobs | None = None,
    at: float | None = None,
) -> Ground:
    """A ground over a snapshot that stands still; its feed is `feed_of(it)`."""
    feed = FakeFeed(snapshot, now=snapshot.at + 1.0 if now is None else now)
    if diagnosis is not None:
        feed.diagnosed = diagnosis
    return Ground(feed, settings or Settings(), jobs, "ana", at)


def of_world(world: World, *, jobs: Jobs | None = None, settings: Settings | None = None) -> Ground:
    """A ground over a world as it stands now, with its diagnosis."""
    one = ground(world._snapshot, world.diagnosis, now=world.now, jobs=jobs, settings=settings)
    feed_of(one).past[0.0] = world._snapshot
    return one


def feed_of(one: Ground) -> FakeFeed:
    """The fake feed of a ground."""
    assert isinstance(one.feed, FakeFeed)
    return one.feed


def with_slurm(one: Ground, folder: Path, *, read_only: bool = False) -> tuple[Ground, FakeSlurm]:
    """The same ground with a way to Slurm: the stand-in's commands in a folder."""
    place = folder / "slurm"
    place.mkdir(exist_ok=True)
    fake = FakeSlurm(place)
    return replace(one, jobs=jobs_of(fake, folder / "state", read_only=read_only)), fake


def looker(one: Ground, told: list[Event] | None = None, **more: Any) -> ToolLooker:  # noqa: ANN401 - the looker's
    """A looker that tells into a list."""
    return ToolLooker(one, (told if told is not None else []).append, **{"context_tokens": None, **more})


async def use(one: Ground, tool: str, **arguments: Any) -> ToolUse:  # noqa: ANN401 - the tool's
    """One look by a new looker."""
    return await looker(one).look(tool, arguments)


async def seen(one: Ground, tool: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - the tool's
    """What one look brings, as a model would read it."""
    found = await use(one, tool, **arguments)
    assert "" == found.error
    told: dict[str, Any] = json.loads(found.result)
    return told


async def refusal(one: Ground, tool: str, **arguments: Any) -> str:  # noqa: ANN401 - the tool's
    """Why a look brings nothing."""
    found = await use(one, tool, **arguments)
    assert "" == found.result
    assert found.error
    return found.error


def texts(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Every text in nested data, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for key, part in value.items() for text in (str(key), *texts(part))]
    return [text for part in value for text in texts(part)] if isinstance(value, list) else []
