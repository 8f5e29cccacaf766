"""What there is to look at on this machine when nothing is configured: its driver, and exporters on loopback.

Asks the collectors themselves, all at once and within `PATIENCE_S`, so that what is found is what will be read. Only
loopback is asked, and only on the ports exporters are known by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from app.config.settings import Settings, Target
from app.domain.frozen import frozen
from app.domain.reading import Reading
from app.services.monitor import look
from app.sources import registry
from app.sources.slurm_ways import slurm_targets, way_of
from app.sources.source import Source
from app.transport.clock import Clock
from app.transport.scrape import ScrapeClient

PATIENCE_S = 0.3
"""Seconds the whole search may take; a screen's start waits for it."""
SLURM_PATIENCE_S = 1.0
"""The same for Slurm, where its commands are here: each is a process and a question over the network."""
_DRIVER = "nvml:"


@frozen
class Place:
    """A loopback port that an exporter is known by."""

    port: int
    of: str


PLACES: tuple[Place, ...] = (
    Place(9400, "dcgm-exporter or the pod exporter"),
    Place(9835, "nvidia_gpu_exporter"),
    Place(9090, "all-smi"),
    Place(8000, "vLLM or nvitop-exporter"),
    Place(9100, "node_exporter"),
)


@frozen
class Find:
    """Something that answered with what we read."""

    target: Target
    what: str
    """Which exporter it turned out to be, or `driver`."""
    uuids: frozenset[str] = frozenset()
    gpus: int = 0
    models: tuple[str, ...] = ()
    """Models of model servers."""
    is_slow: bool = False
    """It did not answer in time, but there is something."""

    @property
    def is_driver(self) -> bool:
        """This machine's own driver."""
        return self.target.url == _DRIVER

    @property
    def is_enough(self) -> bool:
        """Worth opening a screen on."""
        return bool(self.gpus or self.models or self.is_slow)

    @property
    def text(self) -> str:
        """For a person."""
        where = "this machine's driver" if self.is_driver else f"{self.what} on {self.target.url}"
        if self.is_slow:
            return f"{where} (slow to answer)"
        parts = [f"{self.gpus} GPU{'s' if self.gpus != 1 else ''}"] if self.gpus else []
        parts += [f"model {model}" for model in self.models]
        return f"{where} ({', '.join(parts) or 'no GPUs'})"


@frozen
class SlurmFind:
    """Slurm's commands on this machine, with a cluster behind them."""

    version: str = ""
    nodes: int | None = None
    jobs: int | None = None
    trouble: str = ""
    """Why it does not answer just now."""

    @property
    def text(self) -> str:
        """For a person."""
        if self.trouble:
            return f"Slurm's commands, but: {self.trouble}"
        parts = [f"{self.nodes} node{'s' if self.nodes != 1 else ''}"] if self.nodes is not None else []
        parts += [f"{self.jobs} job{'s' if self.jobs != 1 else ''}"] if self.jobs is not None else []
        return f"Slurm {self.version}".rstrip() + (f" ({', '.join(parts)})" if parts else "")


@frozen
class Here:
    """What was found on this machine, and settings that look at it."""

    settings: Settings
    finds: tuple[Find, ...]
    driver_error: str | None
    """Why this machine's driver has nothing to show."""
    slurm: tuple[SlurmFind, ...] = ()
    """One, where there is Slurm."""

    @property
    def has_something(self) -> bool:
        """There is something to look at."""
        return bool(self.slurm) or any(find.is_enough for find in self.finds)

    @property
    def text(self) -> str:
        """One sentence for a person."""
        if self.has_something:
            used = {target.url for target in self.settings.target}
            found = [*(f.text for f in self.finds if f.target.url in used), *(f.text for f in self.slurm)]
            return f"nothing is configured; found {', '.join(found)}"
        ports = ", ".join(str(place.port) for place in PLACES)
        return (
            f"nothing is configured and nothing was found here: driver: {self.driver_error or 'no GPUs'}; "
            f"no exporter of GPUs on 127.0.0.1 ports {ports}; name one with --target"
        )


async def found_here(settings: Settings, clock: Clock, environ: Mapping[str, str]) -> Here:
    """Search this machine; the settings returned look at the best of what was found.

    The driver wins over exporters, which would show the same GPUs again; model servers are always taken, and so is
    Slurm, unless its commands have no cluster.
    """
    (finds, driver_error), slurm = await asyncio.gather(search(settings, clock), search_slurm(settings, clock, environ))
    driver = [find for find in finds if find.is_driver and find.gpus]
    exporters = [find for find in finds if not find.is_driver and find.is_enough]
    chosen = [*driver, *(find for find in exporters if find.models or not driver)]
    if not chosen:
        chosen = [find for find in finds if find.is_slow]
    targets = tuple(find.target for find in chosen)
    discover = replace(settings.discover, local=False)
    # Where there is no way to Slurm at all, a deployment may bring one while we run.
    is_open = bool(slurm) or way_of(settings.slurm, environ) is None
    slurm_settings = settings.slurm if is_open else replace(settings.slurm, via="off")
    found = replace(settings, target=targets, discover=discover, slurm=slurm_settings)
    return Here(found, finds, driver_error, slurm)


async def search(settings: Settings, clock: Clock) -> tuple[tuple[Find, ...], str | None]:
    """Everything that answers, the driver first, and why the driver does not if it does not."""
    targets = [Target(url=_DRIVER, timeout_s=PATIENCE_S)] if settings.discover.local else []
    targets += [Target(url=f"http://127.0.0.1:{place.port}/metrics", timeout_s=PATIENCE_S) for place in PLACES]
    async with ScrapeClient() as client:
        sources = [registry.make(target, settings.cluster.interval_s, client, clock) for target in targets]
        try:
            readings = await asyncio.gather(*(_look_within(source, clock) for source in sources))
        finally:
            for source in sources:
                await source.close()
    finds = []
    driver_error = None
    for target, reading in zip(targets, readings, strict=True):
        plain = replace(target, timeout_s=0.0)
        if target.url == _DRIVER:
            driver_error = reading.error if reading else None
        if reading is None and target.url == _DRIVER:
            finds.append(Find(plain, "driver", is_slow=True))
        elif reading is not None and reading.error is None:
            finds.append(find_of(plain, reading))
    return tuple(find for find in finds if find.is_enough or find.what != "unknown"), driver_error


async def search_slurm(settings: Settings, clock: Clock, environ: Mapping[str, str]) -> tuple[SlurmFind, ...]:
    """Slurm, if its commands are here and lead to a cluster; one that is slow or down just now is one all the same."""
    targets = slurm_targets(settings.slurm, settings.cluster.interval_s, environ)
    if not targets:
        return ()
    async with ScrapeClient() as client:
        source = registry.make(
            targets[0], settings.cluster.interval_s, client, clock, slurm=settings.slurm, environ=environ
        )
        reading = await _look_within(source, clock, SLURM_PATIENCE_S)
        await source.close()
    if reading is None:
        return (SlurmFind(trouble="slow to answer"),)
    said = reading.slurm
    if said is None:
        error = reading.error or "no answer"
        return (SlurmFind(trouble=error),) if "does not answer" in error else ()
    nodes = None if said.nodes is None else len(said.nodes)
    return (SlurmFind(said.version, nodes, None if said.jobs is None else len(said.jobs)),)


async def _look_within(source: Source, clock: Clock, patience_s: float = PATIENCE_S) -> Reading | None:
    """A reading, or None where it takes too long."""
    try:
        async with asyncio.timeout(patience_s):
            return await look(source, clock)
    except TimeoutError:
        return None


def find_of(target: Target, reading: Reading) -> Find:
    """What a good reading shows."""
    gpus = [gpu for node in reading.nodes for gpu in node.gpus or ()]
    return Find(
        target=target,
        what="driver" if target.url == _DRIVER else (reading.page.flavour if reading.page else "unknown"),
        uuids=frozenset(gpu.uuid for gpu in gpus if gpu.uuid),
        gpus=len(gpus),
        models=tuple(service.model for service in reading.services),
    )
