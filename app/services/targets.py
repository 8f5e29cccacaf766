"""What is to be read: the configured targets and those discovered, as sources that come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.config.paths import NONE
from app.config.settings import Discover, Log, Settings, Slurm, Target
from app.domain.reading import Reading, SourceSpec
from app.sources import registry
from app.sources.discovery import Deployments, Difference, Discovery, place_of
from app.sources.rented_targets import rented_targets
from app.sources.slurm_ways import SCHEME
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
    prices: Mapping[str, float] | None = None
    """$/h of one GPU by model; None: as before."""


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
        deployments: Path | None = None,
    ) -> None:
        """`deployments`: the folder of this user's; None: they are not looked at."""
        discover = settings.discover
        base = Path(settings.origin).parent if settings.origin else Path()
        deploy = settings.deploy
        if deploy.api_key_file:  # it is meant beside the configuration
            deploy = replace(deploy, api_key_file=str(base / Path(deploy.api_key_file).expanduser()))
        self._configured = configured
        self._interval_s = settings.cluster.interval_s
        self._make: Callable[[Target], Source] = lambda one: registry.make(
            one,
            self._interval_s,
            client,
            clock,
            tap,
            slurm=self._slurm,
            environ=environ,
            logs=self._logs,
            deploy=deploy,
        )
        self._clock = clock
        self._settings = settings
        self._environ = environ or {}
        self._discovery = self._discovering(discover, base, deployments)
        named = (*discover.files, *discover.http)
        self._spec = SourceSpec(DISCOVERY, "prometheus", ", ".join(named) or "deployments", self._interval_s)
        self._is_told = bool(named)
        """How the discovery is doing is shown: of deployments alone, only once one could not be read."""
        self._taken: dict[str, tuple[str, str]] = {}
        """Name of each source there is → the place it reads."""
        self._is_known = False

    def _discovering(self, discover: Discover, base: Path, deployments: Path | None) -> Discovery | None:
        if deployments is None or discover.terraform == NONE:
            return Discovery(discover, base, self._clock) if discover.files or discover.http else None
        has_slurm = any(one.url.startswith(SCHEME) for one in self._configured)
        wants_slurm = not has_slurm and self._settings.slurm.via != "off"
        known = Deployments(
            deployments, self._settings.log, wants_slurm, self._interval_s, partial(self._rented, deployments)
        )
        return Discovery(discover, base, self._clock, known)

    def _rented(self, deployments: Path) -> tuple[Target, ...]:
        return rented_targets(self._settings.deploy, deployments, self._environ, self._clock.now())

    @property
    def _logs(self) -> tuple[Log, ...]:
        return self._discovery.logs or self._settings.log if self._discovery else self._settings.log

    @property
    def _slurm(self) -> Slurm:
        found = self._discovery.slurm if self._discovery else None
        return found or self._settings.slurm

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
        gone = {place_of(target) for target in found.removed}
        removed = tuple(name for name, place in self._taken.items() if place in gone)
        for name in removed:
            del self._taken[name]
        error = "; ".join(found.problems) or None
        self._is_known = self._is_known or error is None
        self._is_told = self._is_told or error is not None
        reading = Reading(DISCOVERY, self._clock.now(), self._clock.monotonic() - began, error)
        told = (self._spec, reading) if self._is_told else None
        return Turnover((*already, *self._take(found.added)), removed, told, found.prices or None)

    def _take(self, targets: tuple[Target, ...]) -> tuple[Source, ...]:
        """Sources for targets; one address is read once, and no two sources have one name."""
        made = []
        for target in targets:
            if place_of(target) in self._taken.values():
                continue
            name = registry.name_of(target)
            number = 2
            while name in self._taken:
                name, number = f"{registry.name_of(target)} ({number})", number + 1
            self._taken[name] = place_of(target)
            made.append(self._make(replace(target, name=name)))
        return tuple(made)
