"""What is to be read: the configured targets and those discovered, as sources that come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from app.config.settings import Settings, Target
from app.domain.reading import Reading, SourceSpec
from app.sources import registry
from app.sources.discovery import Difference, Discovery
from app.sources.source import Source
from app.transport.clock import Clock
from app.transport.scrape import ScrapeClient

DISCOVERY = "discovery"
"""Name of the source that stands for file_sd and http_sd themselves."""


@dataclass(frozen=True, slots=True)
class Turnover:
    """Sources that came and went at one look, and how the discovery itself is doing (None: there is none)."""

    added: tuple[Source, ...] = ()
    removed: tuple[str, ...] = ()
    discovery: tuple[SourceSpec, Reading] | None = None


class Targets:
    """The configured targets, and a discovery where one is configured."""

    def __init__(
        self,
        settings: Settings,
        configured: tuple[Target, ...],
        client: ScrapeClient,
        clock: Clock,
        tap: registry.Tap | None = None,
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        discover = settings.discover
        base = Path(settings.origin).parent if settings.origin else Path()
        self._configured = configured
        self._interval_s = settings.cluster.interval_s
        self._make: Callable[[Target], Source] = lambda one: registry.make(
            one, self._interval_s, client, clock, tap, slurm=settings.slurm, environ=environ, logs=settings.log
        )
        self._clock = clock
        self._discovery = Discovery(discover, base, clock) if discover.files or discover.http else None
        self._spec = SourceSpec(DISCOVERY, "prometheus", ", ".join((*discover.files, *discover.http)), self._interval_s)
        self._taken: dict[str, str] = {}
        """Name of each source there is → the address it reads."""
        self._is_known = False

    @property
    def names(self) -> frozenset[str] | None:
        """Names of the sources there are; None until all of them are known: a discovery may not have answered yet."""
        return frozenset(self._taken) if self._is_known else None

    async def changes(self) -> AsyncIterator[Turnover]:
        """The sources there are, then what changes of them, for ever."""
        turnover = Turnover(added=self._take(self._configured))
        self._is_known = self._discovery is None
        while True:
            if self._discovery is not None:
                turnover = await self._look(self._discovery, turnover.added)
            yield turnover
            turnover = Turnover()
            await self._clock.sleep(self._interval_s if self._discovery else 3600.0)

    async def _look(self, discovery: Discovery, already: tuple[Source, ...]) -> Turnover:
        began = self._clock.monotonic()
        found: Difference = await discovery.look()
        gone = {target.url for target in found.removed}
        removed = tuple(name for name, url in self._taken.items() if url in gone)
        for name in removed:
            del self._taken[name]
        error = "; ".join(found.problems) or None
        self._is_known = self._is_known or error is None
        reading = Reading(DISCOVERY, self._clock.now(), self._clock.monotonic() - began, error)
        return Turnover((*already, *self._take(found.added)), removed, (self._spec, reading))

    def _take(self, targets: tuple[Target, ...]) -> tuple[Source, ...]:
        """Sources for targets; one address is read once, and no two sources have one name."""
        made = []
        for target in targets:
            if target.url in self._taken.values():
                continue
            name = registry.name_of(target)
            number = 2
            while name in self._taken:
                name, number = f"{registry.name_of(target)} ({number})", number + 1
            self._taken[name] = target.url
            made.append(self._make(replace(target, name=name)))
        return tuple(made)
