"""How the outside is reached: the targets that there are, and the client that reads them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from app.config.paths import deployments_dir
from app.config.settings import Settings
from app.runtime.options import RuntimeOptions
from app.services.targets import Targets, targets_of
from app.sources.registry import Tap
from app.transport.dialer import Dialer
from app.transport.scrape import ScrapeClient
from app.transport.ssh import open_forwards


def targets_for(settings: Settings, options: RuntimeOptions, client: ScrapeClient, tap: Tap | None = None) -> Targets:
    """What there is to read, as `settings` say and deployments add; `tap` hears what comes."""
    environ = options.environ
    targets, deployments = targets_of(settings, environ), deployments_dir(options.state_dir)
    tap = tap or options.tap
    return Targets(settings, targets, client, options.clock, tap, environ=environ, deployments=deployments)


@contextlib.asynccontextmanager
async def open_client(options: RuntimeOptions, user: str | None = None) -> AsyncIterator[ScrapeClient]:
    """The scraping client with its ssh forwards; `user` restricts whose unix sockets it talks to (see `Dialer`)."""
    forwards = open_forwards(options.state_dir, options.clock)
    try:
        async with ScrapeClient(Dialer(forwards, owner=user)) as client:
            yield client
    finally:
        await forwards.close()
