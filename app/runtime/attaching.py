"""A front end's view: a daemon's where one answers for this configuration, a recording's, or one collected here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from app.config.settings import Settings
from app.runtime.options import RuntimeOptions
from app.runtime.reach import open_client
from app.services.feed import Feed
from app.services.switching import SwitchingFeed
from app.transport.peer import owner_is_trusted
from app.transport.tasks import Tasks

if TYPE_CHECKING:
    from app.services.feed import Attached
    from app.transport.remote_place import Remote

LOOK_OUT_S = 3.0
"""Between two looks whether a daemon has come; one is a look at a socket's name."""

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def feed_for(settings: Settings, options: RuntimeOptions) -> AsyncIterator[Feed]:
    """The daemon's view where one serves this configuration, else one collected here."""
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(settings, options, stack)
        if attached is not None:
            yield attached
            return
        from app.runtime.collecting import collecting  # noqa: PLC0415 - late: who looks once collects nothing

        yield (await stack.enter_async_context(collecting(settings, options))).feed


async def attach(settings: Settings, options: RuntimeOptions, stack: contextlib.AsyncExitStack) -> Attached | None:
    """Attach to the daemon of this configuration, if one of the sockets answers for it; or to a recording."""
    if options.replay is not None:
        from app.services.recorder.replaying import replayed  # noqa: PLC0415 - late: for recordings only

        return await stack.enter_async_context(replayed(options.replay))
    if options.remote is not None:
        return await _attach_remote(options.remote, settings, options, stack)
    if settings.member and options.sockets:
        from app.runtime.joining import join  # noqa: PLC0415 - late: for who has several daemons

        return await join(settings, options, stack)
    paths = [path for path in options.sockets if path.is_socket() and owner_is_trusted(path, settings.serve.user)]
    if not paths:
        return None
    from app.services.client import AttachedFeed, DaemonError  # noqa: PLC0415 - late: most screens have no daemon

    for path in paths:
        client = await stack.enter_async_context(open_client(options, settings.serve.user))
        feed = AttachedFeed(path, client, options.clock)
        try:
            health = await feed.health()
            if health.get("config") != settings.origin:
                continue
            await feed.load()
        except DaemonError:
            continue
        tasks = await stack.enter_async_context(Tasks())
        tasks.start(feed.run(), "attached")
        return feed
    return None


async def _attach_remote(
    remote: Remote, settings: Settings, options: RuntimeOptions, stack: contextlib.AsyncExitStack
) -> Attached:
    """Attach to a daemon of another machine. Raises DaemonError."""
    from app.services.remote import open_remote  # noqa: PLC0415 - late: for who asks for one

    client = await stack.enter_async_context(open_client(options))
    feed = await open_remote(remote, settings.serve.socket, client, options.clock)
    tasks = await stack.enter_async_context(Tasks())
    tasks.start(feed.run(), "attached")
    return feed


Own = Callable[[], contextlib.AbstractAsyncContextManager[Feed]]
"""Opens a feed that is collected here."""


@contextlib.asynccontextmanager
async def following(settings: Settings, options: RuntimeOptions, own: Own) -> AsyncIterator[Feed]:
    """The daemon's view for a screen that stays open; where none serves this configuration, our own until one does.

    Then what was collected here ends, and its lease is free for the daemon. A daemon that goes is waited for: fifty
    screens that begin to collect at once would be worse than one picture that ages.
    """
    try:
        async with contextlib.AsyncExitStack() as stack:
            attached = await attach(settings, options, stack)
            if attached is not None:
                yield attached
                return
            tasks = await stack.enter_async_context(Tasks())
            ours: asyncio.Future[Feed] = asyncio.get_running_loop().create_future()
            is_over = asyncio.Event()
            hosting = tasks.start(_host(own, ours, is_over), "own feed")
            await asyncio.wait((ours, hosting), return_when=asyncio.FIRST_COMPLETED)
            feed = SwitchingFeed(await ours)
            if options.sockets:
                tasks.start(_look_out(settings, options, feed, is_over), "daemon to come")
            yield feed
    except ExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None  # as whoever follows knows it
        raise


async def _host(own: Own, ours: asyncio.Future[Feed], is_over: asyncio.Event) -> None:
    """Keep our own feed open until it is over, all in one task."""
    try:
        async with own() as feed:
            ours.set_result(feed)
            await is_over.wait()
    except Exception as error:
        if ours.done():
            raise
        ours.set_exception(error)  # for whoever waits for it, and not for the group: it is no mistake of ours


async def _look_out(settings: Settings, options: RuntimeOptions, feed: SwitchingFeed, is_over: asyncio.Event) -> None:
    """Switch to a daemon once one serves this configuration, and stay with it."""
    while True:
        await options.clock.sleep(LOOK_OUT_S)
        async with contextlib.AsyncExitStack() as stack:
            attached = await _attached(settings, options, stack)
            if attached is not None:
                feed.switch(attached)
                is_over.set()
                await asyncio.Event().wait()


async def _attached(settings: Settings, options: RuntimeOptions, stack: contextlib.AsyncExitStack) -> Attached | None:
    """As `attach`; a daemon that cannot be understood is none: our own feed goes on."""
    from app.services.wire import WireError  # noqa: PLC0415 - late: with `attach`

    try:
        return await attach(settings, options, stack)
    except (LookupError, WireError) as error:
        _log.warning("a daemon is there and cannot be followed: %s", error)
        return None
