"""What is to be read: the configured targets and those discovered, as sources that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from app.config.paths import NONE
from app.config.settings import Discover, Log, Settings, Slurm, Target
from app.domain.frozen import frozen
from app.domain.reading import Reading, SourceSpec
from app.services.shards import share_in
from app.sources import registry
from app.sources.discovery import Deployments, Difference, Discovery, place_of
from app.sources.log_targets import log_targets
from app.sources.rented_targets import rented_targets
from app.sources.slurm_ways import SCHEME, slurm_targets
from app.sources.source import Source
from app.transport.clock import Clock
from app.transport.scrape import ScrapeClient

if TYPE_CHECKING:
    from app.sources.prometheus_sweep import Sweep

DISCOVERY = "discovery"
"""Name of the source that stands for file_sd, http_sd and our deployments themselves."""


@frozen
class Turnover:
    """Sources that came and went at one look, and how each discovery itself is doing."""

    added: tuple[Source, ...] = ()
    removed: tuple[str, ...] = ()
    discoveries: tuple[tuple[SourceSpec, Reading], ...] = ()
    prices: Mapping[str, float] | None = None
    """$/h of one GPU by model; None: as before."""


class Finder(Protocol):
    """What finds targets: lists of them and deployments, or a Prometheus server."""

    async def look(self) -> Difference:
        """What came and went since the last look."""


class Readable(Protocol):
    """What is to be read, as whoever reads it needs to know."""

    @property
    def names(self) -> frozenset[str] | None:
        """As `Targets.names`."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """As `Targets.targets`."""

    @property
    def close(self) -> Callable[[], Awaitable[None]]:
        """As `Targets.close`."""

    def changes(self) -> AsyncIterator[Turnover]:
        """As `Targets.changes`."""


def targets_of(settings: Settings, environ: Mapping[str, str]) -> tuple[Target, ...]:
    """The targets as configured, this machine's own GPUs where nothing is, and Slurm where there is a way to it."""
    own = settings.is_empty and settings.discover.local
    targets = (Target(url="nvml:"),) if own else settings.target
    here = settings.slurm.node  # Slurm may call this machine another name
    targets = tuple(replace(one, node=one.node or here) if one.url == "nvml:" else one for one in targets)
    slurm = slurm_targets(settings.slurm, settings.cluster.interval_s, environ)
    return (*targets, *slurm, *log_targets(settings.log))


class Targets:
    """The configured targets, and what finds more of them."""

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
        sweep = _sweep(settings, clock)
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
            sweep=sweep,
        )
        self._clock = clock
        self._settings = settings
        self._environ = environ or {}
        self._discovery = self._discovering(discover, base, deployments)
        self._finders: list[tuple[SourceSpec, Finder]] = []
        self._untold = set[str]()
        """Finders that are shown only once they have had trouble: who has rented nothing need not see one."""
        if self._discovery is not None:
            named = (*discover.files, *discover.http)
            spec = SourceSpec(DISCOVERY, "prometheus", ", ".join(named) or "deployments", self._interval_s)
            self._finders.append((spec, self._discovery))
            self._untold |= set() if named else {DISCOVERY}
        if sweep is not None:
            self._finders.append(_server(sweep, configured))
        self.close: Callable[[], Awaitable[None]] = sweep.close if sweep is not None else _nothing
        """Gives back what is held for all sources together."""
        self._share = share_in(settings.shard)
        self._taken: dict[str, Target] = {}
        """Name of each source there is → the target it reads."""
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

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets there are now, configured and discovered, each under its source's name."""
        return tuple(self._taken.values())

    async def changes(self) -> AsyncIterator[Turnover]:
        """The sources there are, then what changes of them, for ever."""
        turnover = Turnover(added=self._take(self._configured))
        self._is_known = not self._finders
        while True:
            if self._finders:
                turnover = await self._look(turnover.added)
            yield turnover
            turnover = Turnover()
            await self._clock.sleep(self._interval_s if self._finders else 3600.0)

    async def again(self) -> Turnover:
        """What changed of them by now, for who looks when it is asked; nothing where there is no discovery."""
        return await self._look(()) if self._finders else Turnover()

    async def _look(self, already: tuple[Source, ...]) -> Turnover:
        began = self._clock.monotonic()
        found = await asyncio.gather(*(finder.look() for _, finder in self._finders))
        gone = {place_of(target) for one in found for target in one.removed}
        removed = tuple(name for name, one in self._taken.items() if place_of(one) in gone)
        for name in removed:
            del self._taken[name]
        errors = ["; ".join(one.problems) or None for one in found]
        self._is_known = self._is_known or not any(errors)
        self._untold -= {spec.name for (spec, _), error in zip(self._finders, errors, strict=True) if error}
        took_s = self._clock.monotonic() - began
        told = tuple(
            (spec, Reading(spec.name, self._clock.now(), took_s, error))
            for (spec, _), error in zip(self._finders, errors, strict=True)
            if spec.name not in self._untold
        )
        added = self._take(tuple(target for one in found for target in one.added))
        prices = {model: price for one in found for model, price in one.prices.items()}
        return Turnover((*already, *added), removed, told, prices or None)

    def _take(self, targets: tuple[Target, ...]) -> tuple[Source, ...]:
        """Sources for targets; one address is read once, and no two sources have one name."""
        made = []
        read = {place_of(one) for one in self._taken.values()}
        for target in targets:
            if place_of(target) in read or not self._share.reads(target):
                continue
            read.add(place_of(target))
            name = registry.name_of(target)
            number = 2
            while name in self._taken:
                name, number = f"{registry.name_of(target)} ({number})", number + 1
            self._taken[name] = replace(target, name=name)
            made.append(self._make(self._taken[name]))
        return tuple(made)


def _sweep(settings: Settings, clock: Clock) -> Sweep | None:
    """The looks at the Prometheus server, where one is configured."""
    if not settings.prometheus.url:
        return None
    from app.sources.prometheus_sweep import Sweep  # noqa: PLC0415 - late: for who has a server
    from app.transport.prometheus import PrometheusServer  # noqa: PLC0415 - likewise

    return Sweep(PrometheusServer(settings.prometheus), settings.prometheus, settings.cluster.interval_s, clock)


def _server(sweep: Sweep, configured: tuple[Target, ...]) -> tuple[SourceSpec, Finder]:
    """The server as what finds targets; it is a source of its own, that says how the server is doing."""
    from app.sources.prometheus import PrometheusDiscovery  # noqa: PLC0415 - as above

    already = frozenset(urlsplit(target.url).netloc.rpartition("@")[2] for target in configured)
    spec = SourceSpec(sweep.server.name, "prometheus", sweep.server.shown, sweep.every_s)
    return spec, PrometheusDiscovery(sweep, already)


async def _nothing() -> None:
    """Nothing is held."""
