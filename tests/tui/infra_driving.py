"""Drives the Infra page: opens it, waits for what it asks for, fills its forms in, reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.widgets import Input

from tests.tui.deployments import (
    FakeDeploys,
    ground,
    ready,
    standing,
)
from tests.tui.driving import Drive, driving


@asynccontextmanager
async def infra(
    folder: Path,
    fake: FakeDeploys,
    size: tuple[int, int] = (120, 40),
    settings: dict[str, object] | None = None,
    **more: object,
) -> AsyncIterator[Drive]:
    """The page, with what is on disk and at the provider shown."""
    opened = ground(fake, **(settings or {}))  # type: ignore[arg-type]  # fields of Deploy
    async with driving(folder, None, size, infra=opened, **more) as drive:  # type: ignore[arg-type]  # of ScreenOptions
        await drive.type(":infra")
        await settled(drive)
        yield drive


async def settled(drive: Drive) -> None:
    """Everything asked for has come, also what is only told a moment later."""
    for _ in range(2):
        await drive.app.workers.wait_for_complete()
        drive.app.on_fresh()
        await drive.pilot.pause()


async def begin_deploying(drive: Drive) -> None:
    """Deploy the chosen one, and say yes to its plan."""
    await drive.press("g")
    await drive.shows("4 to rent;")
    await drive.press("y")


async def read_again(drive: Drive) -> None:
    """A second goes by."""
    drive.feed.advance(1.5)
    await settled(drive)


async def fill(drive: Drive, **values: str) -> None:
    """Fill a form in."""
    for key, value in values.items():
        drive.app.screen.query_one(f"#ask-{key}", Input).value = value
    await drive.pilot.pause()


def row(drive: Drive, containing: str) -> str:
    """The first line below the header that contains a text."""
    return next((line for line in drive.text.splitlines()[1:] if containing in line), "")


def said(drive: Drive) -> str:
    """The screen as prose: without frames and line ends."""
    return " ".join(word for word in drive.text.split() if not set(word) & set("│╭╮╰╯─"))


def a_ready(folder: Path) -> FakeDeploys:
    """A deployment that is ready, as the provider lists it."""
    return FakeDeploys(folder, {"lab": standing(ready(folder))})
