"""The snapshot: everything known at one moment, immutable, shared by all who look.

A subject (GPU, node, service) holds one layer per source that speaks of it; a layer is that source's newest values
with their time. A value is looked up through the layers: the freshest rank first, never one past its age. Snapshots
compare by identity; `version` grows by one with every reading applied. See `app.domain.apply` for how they grow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from app.domain.ages import EXPIRED_INTERVALS, STALE_INTERVALS
from app.domain.frozen import frozen, unguarded
from app.domain.reading import GpuProcess, PageHealth, SourceSpec, XidCount

if TYPE_CHECKING:  # a cluster without Slurm or logs does not pay for their classes; the codec finds them by name
    from app.domain.evidence import LogEvidence
    from app.domain.slurm import SlurmPicture

Health = Literal["ok", "warning", "critical", "unknown"]
Mode = Literal["live", "simulated", "replay"]
SourceCondition = Literal["ok", "stale", "down", "never"]

BUSY_PERCENT = 5.0
"""A GPU at or above this utilization is busy."""
UNLISTED = "no longer lists it"
"""How the note of a GPU ends that its source left out, without a word of what became of it."""


@unguarded(eq=False)
class Layer:
    """One source's newest values of one subject."""

    source: str
    at: float
    interval_s: float
    values: Mapping[str, float]
    rank: int = 0
    """Lower is believed first among fresh layers (see `RANKS` in `app.domain.apply`)."""

    def age(self, now: float) -> float:
        """Seconds since the values were taken; never negative."""
        return max(0.0, now - self.at)

    def is_stale(self, now: float) -> bool:
        """Older than two of its source's intervals."""
        return now - self.at > STALE_INTERVALS * self.interval_s

    def is_expired(self, now: float) -> bool:
        """Too old to be shown as a value at all."""
        return now - self.at > EXPIRED_INTERVALS * self.interval_s


@frozen
class Sample:
    """A value with its source and age."""

    value: float
    age_s: float
    source: str
    stale: bool = False


def sample(layers: tuple[Layer, ...], key: str, now: float) -> Sample | None:
    """The value of `key`: from the best-ranked fresh layer, else the youngest stale one, else None."""
    best: Layer | None = None
    for layer in layers:
        if key not in layer.values or layer.is_expired(now):
            continue
        if not layer.is_stale(now):
            best = layer
            break
        if best is None or layer.at > best.at:
            best = layer
    if best is None:
        return None
    return Sample(best.values[key], best.age(now), best.source, best.is_stale(now))


def samples(layers: tuple[Layer, ...], now: float) -> dict[str, Sample]:
    """Every value not past its age, by catalogue key."""
    keys: dict[str, None] = {}
    for layer in layers:
        if not layer.is_expired(now):
            keys.update(dict.fromkeys(layer.values))
    found = {key: sample(layers, key, now) for key in keys}
    return {key: one for key, one in found.items() if one is not None}


class Layered:
    """What has values in layers: a GPU, a node, a service."""

    __slots__ = ()
    layers: tuple[Layer, ...]
    """Best rank first."""

    def sample(self, key: str, now: float) -> Sample | None:
        """The value of `key` with its source and age, or None."""
        return sample(self.layers, key, now)

    def value(self, key: str, now: float) -> float | None:
        """The bare value of `key`, or None as in `sample`."""
        found = self.sample(key, now)
        return None if found is None else found.value


@dataclass(frozen=True, slots=True, eq=False)
class MigSlice:
    """A MIG slice inside its GPU."""

    id: int
    profile: str
    uuid: str | None
    layers: tuple[Layer, ...] = ()


@unguarded(eq=False)
class Gpu(Layered):
    """One GPU, by its place: node and index. It stays when it is lost."""

    node: str
    index: int
    uuid: str | None
    facts: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    processes: tuple[GpuProcess, ...] | None = None
    processes_at: float | None = None
    mig: tuple[MigSlice, ...] = ()
    xids: tuple[XidCount, ...] = ()
    """As an exporter counts them."""
    log_xids: tuple[XidCount, ...] = ()
    """As the kernel log of its node tells them, since it is read."""
    hpc_jobs: tuple[str, ...] = ()
    lost_at: float | None = None
    """Epoch seconds since when a source that should list it does not, or says it is gone."""
    seen_at: float = 0.0
    """Epoch seconds of its last values."""
    note: str | None = None

    @property
    def id(self) -> str:
        """`node/index`, as people write it."""
        return f"{self.node}/{self.index}"

    @property
    def model(self) -> str | None:
        """Model name as the driver gives it."""
        return self.facts.get("model")

    @property
    def is_lost(self) -> bool:
        """Gone from a source that answers."""
        return self.lost_at is not None

    @property
    def is_unlisted(self) -> bool:
        """Lost only in that its source left it out: nobody said that it is gone."""
        return self.lost_at is not None and (self.note is None or self.note.endswith(UNLISTED))

    @property
    def xids_told(self) -> tuple[XidCount, ...]:
        """Xids by code, by whoever tells more: an exporter since it runs, or a log since it is read."""
        if not self.log_xids or not self.xids:
            return self.xids or self.log_xids
        found = {one.code: one for one in self.xids}
        for one in self.log_xids:
            known = found.get(one.code)
            if known is None or one.count > known.count:
                found[one.code] = one
        return tuple(found[code] for code in sorted(found))

    def sample(self, key: str, now: float) -> Sample | None:
        """The value of `key` with its source and age; None when unknown, past its age, or the GPU is lost."""
        return None if self.is_lost else sample(self.layers, key, now)


@dataclass(frozen=True, slots=True, eq=False)
class Node(Layered):
    """One machine and its GPUs, in the order of their index."""

    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    gpus: tuple[Gpu, ...] = ()
    gpus_expected: int | None = None
    """The most GPUs any source said or showed; None before any did."""
    sources: tuple[str, ...] = ()
    """Names of the sources that spoke of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Service(Layered):
    """One model server, by its target and model."""

    kind: str
    source: str
    target: str
    model: str
    facts: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()

    @property
    def id(self) -> str:
        """Unique among services."""
        return f"{self.source}#{self.model}"


@dataclass(frozen=True, slots=True, eq=False)
class SourceState:
    """How one source is doing."""

    spec: SourceSpec
    tried_at: float | None = None
    """Epoch seconds of the last look, whatever came of it."""
    ok_at: float | None = None
    """Epoch seconds of the last look that brought something."""
    error: str | None = None
    """Of the last look; None if it went well."""
    duration_s: float | None = None
    failures: int = 0
    """Looks in a row that failed."""
    page: PageHealth | None = None
    missed_slots: int = 0
    """Times it was due while its last look was still under way."""

    def condition(self, now: float) -> SourceCondition:
        """`never` seen, `down` (last look failed), `stale` (no good look for two intervals), or `ok`."""
        if self.error is not None:
            return "down"
        if self.ok_at is None:
            return "never"
        return "stale" if now - self.ok_at > STALE_INTERVALS * self.spec.interval_s else "ok"

    def age(self, now: float) -> float | None:
        """Seconds since it last brought something; None if never."""
        return None if self.ok_at is None else max(0.0, now - self.ok_at)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything known at one moment."""

    version: int = 0
    at: float = 0.0
    """Epoch seconds of the newest reading applied."""
    cluster: str = ""
    mode: Mode = "live"
    sources: Mapping[str, SourceState] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    """In natural order of their names (gpu-2 before gpu-10)."""
    services: Mapping[str, Service] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Host of a target → the name the node goes by."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """$/h of one GPU, by model or the beginning of it."""
    slurm: SlurmPicture | None = None
    """Jobs, nodes and partitions as Slurm tells; None where no Slurm was read."""
    logs: tuple[LogEvidence, ...] = ()
    """The newest pieces of evidence out of logs, in the order they came (see `app.domain.apply_logs`)."""
    logs_count: int = 0
    """Pieces that ever came, so that whoever steps over them knows which are new."""

    def gpus(self) -> Iterator[Gpu]:
        """All GPUs, node by node, in the order of their index."""
        for node in self.nodes.values():
            yield from node.gpus

    def gpu(self, node: str, index: int) -> Gpu | None:
        """The GPU at a place, or None."""
        found = self.nodes.get(node)
        return next((gpu for gpu in found.gpus if gpu.index == index), None) if found else None
