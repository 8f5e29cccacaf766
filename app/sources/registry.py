"""The collectors there are: one row each. A row's module is imported when a target of its kind is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from importlib import import_module
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from app.config.settings import Deploy, Log, Slurm, Target
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.reading import SourceKind, SourceSpec
from app.sources.source import Source
from app.sources.told import Told
from app.transport.clock import Clock, look_timeout
from app.transport.scrape import ScrapeClient

if TYPE_CHECKING:
    from app.sources.prometheus_sweep import Sweep

Tap = Callable[[str, str, float, Told], None]
"""Told every answer that came in: name of the source, part of the look, epoch seconds, what was parsed.

`app.sources.again` reads them again; of a look that needs more to be read than its answers, that is a part too.
"""


@frozen
class Making:
    """What a collector is made of."""

    spec: SourceSpec
    target: Target
    timeout_s: float
    client: ScrapeClient
    clock: Clock
    tap: Tap | None = None
    slurm: Slurm = field(default_factory=Slurm)
    """The whole `[slurm]` table, for the collector that wants it."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """The environment that commands are run in; empty: there is none to run."""
    logs: tuple[Log, ...] = ()
    """All of `[[log]]`, for the collector that wants one."""
    deploy: Deploy = field(default_factory=Deploy)
    """The whole `[deploy]` table, for the collector that asks a provider."""
    sweep: Sweep | None = None
    """The looks at the server of `[prometheus]`, for its targets."""


class Maker(Protocol):
    """A function `make(making)` of a collector's module."""

    def __call__(self, making: Making) -> Source:
        """Make the source; does no I/O."""


@frozen
class Row:
    """One kind of collector."""

    kind: SourceKind
    scheme: str
    """Beginning of the target addresses it takes."""
    module: str
    """Module with `make`."""
    help: str


COLLECTORS: tuple[Row, ...] = (
    Row("slurm", "slurm:", "app.sources.slurm.source", "Jobs, nodes and partitions of Slurm, as `[slurm]` says."),
    Row("log", "log:", "app.sources.logs.source", "Lines of a log, as `[[log]]` says: what they report of faults."),
    Row(
        "provider", "runpod:", "app.sources.runpod.source", "Pods of our deployments: cost, state, what became of them."
    ),
    Row("nvml", "nvml:", "app.sources.nvml", "This machine's own GPUs, through the driver's library."),
    Row("prometheus", "prometheus:", "app.sources.prometheus", "A target of the server that `[prometheus]` names."),
    Row("exporter", "", "app.sources.exporter", "Any page of Prometheus text; which exporter it is, is detected."),
)
"""The first row whose scheme fits an address takes it."""


def row_for(url: str) -> Row:
    """The collector that takes an address."""
    return next(row for row in COLLECTORS if url.startswith(row.scheme))


def make(  # noqa: PLR0913 - whatever a collector of any kind is made of
    target: Target,
    interval_s: float,
    client: ScrapeClient,
    clock: Clock,
    tap: Tap | None = None,
    *,
    slurm: Slurm | None = None,
    environ: Mapping[str, str] | None = None,
    logs: tuple[Log, ...] = (),
    deploy: Deploy | None = None,
    sweep: Sweep | None = None,
) -> Source:
    """Make the source of a configured target; does no I/O."""
    row = row_for(target.url)
    every = target.interval_s or interval_s
    spec = SourceSpec(name_of(target), row.kind, shown(target.url), every, target.node or None)
    maker: Maker = import_module(row.module).make
    timeout_s = look_timeout(every, target.timeout_s)
    tables = (slurm or Slurm(), environ or {}, logs, deploy or Deploy(), sweep)
    return maker(Making(spec, target, timeout_s, client, clock, tap, *tables))


def name_of(target: Target) -> str:
    """The source's name: as configured, else host, port and path without what every page has."""
    if target.name:
        return target.name
    if target.url.startswith("nvml:"):
        return "nvml"
    parts = urlsplit(target.url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path.removesuffix("/metrics").rstrip("/")
    return clean(f"{host}{path}" or target.url)


def shown(url: str) -> str:
    """An address for people: without credentials."""
    parts = urlsplit(url)
    return clean(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl() or url)
