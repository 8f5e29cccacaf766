"""Targets whose configuration may change while they are read: what stays the same goes on being read as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from app.config.settings import Settings, Target
from app.services.targets import Targets, Turnover
from app.sources.log_targets import SCHEME as LOG
from app.sources.slurm_ways import SCHEME as SLURM

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

MOST_TRIES = 6
"""Looks that a new configuration's discovery has to answer in; what was found by the old one is read until then."""
Make = Callable[[Settings], Targets]
"""The targets of a configuration, none of them read yet."""


class ChangingTargets:
    """The targets of the configuration that is in force."""

    def __init__(self, settings: Settings, make: Make) -> None:
        self._settings = self._was = settings
        self._make = make
        self._now = make(settings)
        self._next: Settings | None = None
        self._woken = asyncio.Event()
        self._taken: dict[str, Target] = {}
        """What is read, by the name of its source."""

    @property
    def names(self) -> frozenset[str] | None:
        """As `Targets.names`."""
        return self._now.names

    @property
    def targets(self) -> tuple[Target, ...]:
        """As `Targets.targets`."""
        return self._now.targets

    @property
    def close(self) -> Callable[[], Awaitable[None]]:
        """As `Targets.close`."""
        return self._now.close

    def change(self, settings: Settings) -> None:
        """Read by another configuration from the next look on."""
        self._next = settings
        self._woken.set()

    async def changes(self) -> AsyncIterator[Turnover]:
        """As `Targets.changes`, over every configuration that comes to be in force."""
        while True:
            tries = 0
            async with aclosing(cast("AsyncGenerator[Turnover]", self._now.changes())) as looks:
                first: Turnover | None = Turnover()
                while (turnover := await self._sooner(looks)) is not None:
                    if first is not None:
                        tries, first = tries + 1, _both(first, turnover)
                        if self._taken and self._now.names is None and tries < MOST_TRIES:
                            continue
                        turnover, first = await self._difference(first), None
                    self._taken = {one.name: one for one in self._now.targets}
                    yield turnover
            before = self._now
            assert self._next is not None, "only another configuration ends the looks"  # noqa: S101 - `_sooner` promises
            self._was, self._settings, self._next = self._settings, self._next, None
            self._now = self._make(self._settings)
            await before.close()

    async def _sooner(self, looks: AsyncGenerator[Turnover]) -> Turnover | None:
        """The next turnover; None once there is another configuration."""
        look = asyncio.ensure_future(anext(looks))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait((look, woken), return_when=asyncio.FIRST_COMPLETED)
            if look.done():
                return look.result()
            self._woken.clear()
            return None
        finally:
            look.cancel()
            woken.cancel()
            await asyncio.wait((look, woken))  # not each by itself: our own end must not be taken for theirs

    async def _difference(self, first: Turnover) -> Turnover:
        """Of the first look by a configuration, what is not read already; those gone, and those read in another way."""
        now = {one.name: one for one in self._now.targets}
        stays = {
            name
            for name, target in now.items()
            if self._taken.get(name) == target and reads_alike(self._was, self._settings, target)
        }
        for source in first.added:
            if source.spec.name in stays:
                await source.close()
        added = tuple(source for source in first.added if source.spec.name not in stays)
        removed = tuple(name for name in self._taken if name not in stays)
        return replace(first, added=added, removed=removed)


def _both(one: Turnover, other: Turnover) -> Turnover:
    """Two looks of a start as one: nothing that came has gone yet."""
    return replace(other, added=(*one.added, *other.added), prices=other.prices or one.prices)


def reads_alike(before: Settings, after: Settings, target: Target) -> bool:
    """Whether a target that is the same in two configurations is read in the same way by both."""
    if before.cluster.interval_s != after.cluster.interval_s or before.deploy != after.deploy:
        return False
    if target.url.startswith(SLURM):
        return before.slurm == after.slurm
    return before.log == after.log if target.url.startswith(LOG) else True
