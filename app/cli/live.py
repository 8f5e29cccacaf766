"""Which feed the screen shows: the daemon's, one collected here, or the simulated cluster's."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from app.config.settings import Settings
from app.runtime.attaching import attach, following
from app.runtime.collecting import collecting
from app.runtime.options import RuntimeOptions
from app.services.feed import Feed

Settle = Callable[[Settings], None]


@contextlib.asynccontextmanager
async def connect(settings: Settings, options: RuntimeOptions, settle: Settle) -> AsyncIterator[Feed]:
    """The daemon's feed; else our own, on what is configured; else on what is found; else the simulated cluster.

    `settle` is told the settings in use where they are not those given. For a login that is the screen alone there is
    the daemon's only. Raises DaemonError where that one does not answer.
    """
    if settings.screen.bastion:
        async with contextlib.AsyncExitStack() as stack:
            attached = await attach(settings, options, stack)
            if attached is None:
                from app.services.client import DaemonError  # noqa: PLC0415 - late: with the daemon that is not there

                raise DaemonError(f"no daemon answers for {settings.origin or 'this machine'}")
            yield attached
        return

    @contextlib.asynccontextmanager
    async def own() -> AsyncIterator[Feed]:
        if settings.is_empty:
            async with unconfigured(settings, options, settle) as feed:
                yield feed
            return
        async with collecting(settings, options) as parts:
            yield parts.feed

    async with following(settings, options, own) as feed:
        yield feed


@contextlib.asynccontextmanager
async def unconfigured(settings: Settings, options: RuntimeOptions, settle: Settle) -> AsyncIterator[Feed]:
    """What is found on this machine, else the simulated cluster, whose first event says why."""
    from app.services.detect import found_here  # noqa: PLC0415 - late: only without a configuration

    here = await found_here(settings, options.clock, options.environ)
    if here.has_something:
        settle(here.settings)
        async with collecting(here.settings, options) as parts:
            yield parts.feed
        return
    from app.cli.simulator import Wish, simulated_feed  # noqa: PLC0415 - late: only without GPUs

    async with simulated_feed(Wish(settings=settings, why=here.text, settle=settle), options.clock) as feed:
        yield feed
