"""A front end's view of several daemons: the shares of one cluster, or several clusters side by side."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from app.config.settings import Settings
from app.runtime.options import RuntimeOptions
from app.runtime.reach import open_client
from app.transport.tasks import Tasks

if TYPE_CHECKING:
    from app.services.joined.feed import JoinedFeed

PATIENCE_S = 2.0
"""A view waits so long for all its daemons; who is later comes later, so that one that is down holds nobody up."""


async def join(settings: Settings, options: RuntimeOptions, stack: contextlib.AsyncExitStack) -> JoinedFeed:
    """Follow every `[[member]]` until `stack` is left. Raises DaemonError for a member that cannot be used."""
    from app.services.client import DaemonError  # noqa: PLC0415 - late: for who has several daemons
    from app.services.joined.feed import JoinedFeed  # noqa: PLC0415 - likewise
    from app.services.joined.member import links_of  # noqa: PLC0415 - likewise

    client = await stack.enter_async_context(open_client(options, settings.serve.user))
    base = Path(settings.origin).parent if settings.origin else Path()
    try:
        links = links_of(settings.member, base, client, options.clock)
    except ValueError as error:
        raise DaemonError(str(error)) from error
    feed = JoinedFeed(links, settings.cluster.name, options.clock)
    await feed.load(PATIENCE_S)
    tasks = await stack.enter_async_context(Tasks())
    tasks.start(feed.run(), "members")
    return feed
