"""What there is to look at on this machine when nothing is configured: its driver, and exporters on loopback.

Asks the collectors themselves, all at once and within `PATIENCE_S`, so that what is found is what will be read. Only
loopback is asked, and only on the ports exporters are known by.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from app.config.settings import Settings, Target
from app.domain.reading import Reading
from app.services.monitor import look
from app.sources import registry
from app.sources.source import Source
from app.transport.clock import Clock
from app.transport.scrape import ScrapeClient

PATIENCE_S = 0.3
"""Seconds the whole search may take; a screen's start waits for it."""
_DRIVER = "nvml:"


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Here:
    """What was found on this machine, and settings that look at it."""

    settings: Settings
    finds: tuple[Find, ...]
    driver_error: str | None
    """Why this machine's driver has nothing to show."""

    @property
    def has_something(self) -> bool:
        """There is something to look at."""
        return any(find.is_enough for find in self.finds)

    @property
    def text(self) -> str:
        """One sentence for a person."""
        if self.has_something:
            used = {target.url for target in self.settings.target}
            return "nothing is configured; found " + ", ".join(f.text for f in self.finds if f.target.url in used)
        ports = ", ".join(str(place.port) for place in PLACES)
        return (
            f"nothing is configured and nothing was found here: driver: {self.driver_error or 'no GPUs'}; "
            f"no exporter of GPUs on 127.0.0.1 ports {ports}; name one with --target"
        )


async def found_here(settings: Settings, clock: Clock) -> Here:
    """Search this machine; the settings returned look at the best of what was found.

    The driver wins over exporters, which would show the same GPUs again; model servers are always taken.
    """
    finds, driver_error = await search(settings, clock)
    driver = [find for find in finds if find.is_driver and find.gpus]
    exporters = [find for find in finds if not find.is_driver and find.is_enough]
    chosen = [*driver, *(find for find in exporters if find.models or not driver)]
    if not chosen:
        chosen = [find for find in finds if find.is_slow]
    targets = tuple(find.target for find in chosen)
    discover = replace(settings.discover, local=False)
    return Here(replace(settings, target=targets, discover=discover), finds, driver_error)


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


async def _look_within(source: Source, clock: Clock) -> Reading | None:
    """A reading, or None where it takes too long."""
    try:
        async with asyncio.timeout(PATIENCE_S):
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
