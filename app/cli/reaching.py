"""How commands that answer questions reach the cluster: a daemon's view with its diagnosis, else looks of their own.

Nothing is written. Where nothing is configured, what is found on this machine is looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from app.cli.errors import UNAVAILABLE, CliError
from app.cli.output import Output
from app.cli.session import stored_past
from app.cli.status import stored_alerts
from app.config.settings import Settings
from app.domain.frozen import frozen
from app.runtime.attaching import attach
from app.runtime.collecting import Collecting, collecting
from app.runtime.looking import looking
from app.runtime.options import RuntimeOptions, empty_snapshot
from app.services import queries_diagnosis
from app.services.board import Board
from app.services.embedded import EmbeddedFeed
from app.services.feed import Attached, Feed
from app.transport.tasks import Tasks

if TYPE_CHECKING:
    from app.services.detect import Here
    from app.services.diagnose_once import OwnLooks

SINCE_S = 1800.0
"""How far back log lines and the stored past count for a diagnosis of our own."""
PATIENCE_INTERVALS = 5
"""A daemon that has just begun is given so long to come to its first diagnosis."""
NOT_YET = "the daemon has no diagnosis to give (it has just begun, or it is older): looking here instead"


@frozen
class Reached:
    """The cluster, and the settings that it was reached by."""

    feed: Feed
    settings: Settings
    diagnosed: asyncio.Event
    """Set once there is a diagnosis of it."""


def _at_once() -> asyncio.Event:
    diagnosed = asyncio.Event()
    diagnosed.set()
    return diagnosed


async def has_diagnosed(attached: Attached, settings: Settings, options: RuntimeOptions) -> bool:
    """Whether a daemon gives a diagnosis of now; one that has just begun is waited for.

    Raises CliError where there is none and nothing could be looked at from here either.
    """
    found = await _has_diagnosed(attached, settings, options)
    if not found and settings.member:
        raise CliError(f"no diagnosis of this view is to be had ({attached.origin}); see `doctor`", UNAVAILABLE)
    return found


async def _has_diagnosed(attached: Attached, settings: Settings, options: RuntimeOptions) -> bool:
    interval_s = settings.cluster.interval_s
    clock = options.clock
    until = clock.now() + PATIENCE_INTERVALS * interval_s
    while True:
        if not await attached.load_diagnosis():
            return False
        if queries_diagnosis.is_current(attached.diagnosis(), clock.now(), interval_s):
            return True
        if clock.now() >= until:
            return False
        await clock.sleep(min(0.5, interval_s))


async def found_settings(settings: Settings, options: RuntimeOptions, output: Output) -> Settings:
    """The settings, or what is found on this machine where nothing is configured."""
    here = await _found(settings, options, output)
    return settings if here is None else here.settings


@contextlib.asynccontextmanager
async def reached_once(settings: Settings, options: RuntimeOptions, output: Output) -> AsyncIterator[Reached]:
    """The cluster as it is now, for a command that asks and leaves. Raises CliError where there is none."""
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(settings, options, stack)
        if attached is not None and await has_diagnosed(attached, settings, options):
            yield Reached(attached, settings, _at_once())
            return
        if attached is not None:
            output.note(NOT_YET)
        from app.services.diagnose_once import own_looks  # noqa: PLC0415 - late: a daemon's answer needs no engine

        settings = await _something(settings, options, output)
        if output.has_reader:
            output.note(f"no daemon: looking twice, {settings.cluster.interval_s:g} s apart")
        looks = await own_looks(await stack.enter_async_context(looking(settings, options)), SINCE_S)
        looks.feed.take_alerts(await stored_alerts(settings, options))
        tasks = await stack.enter_async_context(Tasks())
        tasks.start(_look_on(looks, settings, options), "looks")
        yield Reached(looks.feed, settings, _at_once())


@contextlib.asynccontextmanager
async def reached_then(settings: Settings, options: RuntimeOptions, when: float, said: str) -> AsyncIterator[Reached]:
    """The cluster as it was. Raises CliError where nothing was kept; `said` is the time as it was written."""
    async with contextlib.AsyncExitStack() as stack:
        feed: Feed | None = await attach(settings, options, stack)
        if feed is None:
            history = await stack.enter_async_context(stored_past(settings, options))
            feed = EmbeddedFeed(Board(empty_snapshot(settings)), history, options.clock)
        if await feed.at(when) is None:
            raise CliError(f"nothing was kept near {said}", UNAVAILABLE)
        yield Reached(feed, settings, _at_once())


@contextlib.asynccontextmanager
async def reached_live(settings: Settings, options: RuntimeOptions, output: Output) -> AsyncIterator[Reached]:
    """The cluster for a command that stays: a daemon's view, else collected here and diagnosed, without being kept."""
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(settings, options, stack)
        if attached is not None and await has_diagnosed(attached, settings, options):
            yield Reached(attached, settings, _at_once())
            return
        if attached is not None:
            output.note(NOT_YET)
        settings = await _something(settings, options, output)
        parts = await stack.enter_async_context(collecting(settings, options))
        tasks = await stack.enter_async_context(Tasks())
        reached = Reached(parts.feed, settings, asyncio.Event())
        tasks.start(_diagnose(parts, reached, options), "diagnosis")
        yield reached


async def _look_on(looks: OwnLooks, settings: Settings, options: RuntimeOptions) -> None:
    """Look at every interval until cancelled: a model may think for minutes, and what it asks for must not be old."""
    while True:
        await looks.look()
        looks.feed.take_alerts(await stored_alerts(settings, options))


async def _diagnose(parts: Collecting, reached: Reached, options: RuntimeOptions) -> None:
    """Diagnose at every interval until cancelled; alerts are those that somebody else evaluates."""
    from app.services.diagnose_once import diagnosing_live  # noqa: PLC0415 - late: see `reached_once`

    interval_s = reached.settings.cluster.interval_s
    async for _ in diagnosing_live(parts, options.clock, interval_s, SINCE_S):
        parts.feed.take_alerts(await stored_alerts(reached.settings, options))
        reached.diagnosed.set()


async def _something(settings: Settings, options: RuntimeOptions, output: Output) -> Settings:
    """As `found_settings`. Raises CliError where there is nothing to look at."""
    here = await _found(settings, options, output)
    if here is not None and not here.has_something:
        raise CliError("there is no cluster to answer from", UNAVAILABLE)
    return settings if here is None else here.settings


async def _found(settings: Settings, options: RuntimeOptions, output: Output) -> Here | None:
    """What is found on this machine, told to the person; None where something is configured."""
    if not settings.is_empty:
        return None
    from app.services.detect import found_here  # noqa: PLC0415 - late: only without a configuration

    here = await found_here(settings, options.clock, options.environ)
    output.note(here.text)
    return here
