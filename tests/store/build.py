"""What tests of the store are built from: a time to begin at, ticks, changes, pictures, and small windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.apply import Change, apply
from app.domain.reading import GpuReading, NodeReading, Reading, SourceKind, SourceSpec
from app.domain.series import Event, Series, Subject
from app.domain.snapshot import Layer, Snapshot
from app.store.history import Tick
from app.store.levels import Retention, Windows
from app.store.sqlite import SqliteHistory, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

T0 = 1_800_057_600
"""Midnight UTC, so that every window begins here."""
SMALL = Windows(raw_s=60, minute_s=300, quarter_s=1800)
"""Windows so small that a short test seals, rolls up and prunes."""
GPU = Subject("gpu", node="n1", index=0)
POWER = "gpu.power"


def change(at: float, values: Mapping[str, float], subject: Subject = GPU, **more: object) -> Change:
    """New values of a subject; `source`, `interval_s`, `rank` and `uuid` where they matter."""
    source, interval_s = str(more.get("source", "exporter")), float(str(more.get("interval_s", 5.0)))
    uuid = more.get("uuid")
    layer = Layer(source, at, interval_s, values, int(str(more.get("rank", 10))))
    return Change(subject, layer, str(uuid) if uuid else None)


def tick(at: float, *changes: Change, events: Iterable[Event] = (), snapshot: Snapshot | None = None) -> Tick:
    """One tick."""
    return Tick(at, changes, tuple(events), snapshot)


def power_ticks(watts: Iterable[float | None], start: float = T0, step_s: float = 5.0) -> list[Tick]:
    """A tick every step with the power of one GPU; None is a tick in which it said nothing."""
    return [
        tick(at, *([] if value is None else [change(at, {POWER: value})]))
        for at, value in ((start + place * step_s, value) for place, value in enumerate(watts))
    ]


@asynccontextmanager
async def store(
    path: Path,
    ticks: Iterable[Tick] = (),
    windows: Windows = SMALL,
    retention: Retention | None = None,
    want_lease: bool = True,
) -> AsyncIterator[SqliteHistory]:
    """An open store with these ticks written; its chores take all the time they want."""
    history = await open_store(
        path, lambda: float(T0), want_lease=want_lease, retention=retention, windows=windows, clock=lambda: 0.0
    )
    try:
        for one in ticks:
            await history.write(one)
        yield history
    finally:
        await history.close()


def values(series: Series) -> list[float | None]:
    """The means of a series."""
    return [point.mean for point in series.points]


def snapshot_after(*readings: tuple[SourceSpec, Reading]) -> Snapshot:
    """The picture after these readings."""
    picture = Snapshot(cluster="lab")
    for spec, reading in readings:
        picture = apply(picture, spec, reading).snapshot
    return picture


def spec(name: str = "exporter", interval_s: float = 5.0) -> SourceSpec:
    """A source as configured."""
    return SourceSpec(name, "exporter", f"http://{name}:9400/metrics", interval_s)


def node_reading(at: float, gpus: int = 2, watts: float = 300.0, source: str = "exporter", node: str = "n1") -> Reading:
    """A page with some GPUs of a node."""
    listed = tuple(
        GpuReading(index, f"GPU-{index + 1:08x}", {POWER: watts + index}, {"model": "H100"}) for index in range(gpus)
    )
    return Reading(source, at, 0.02, nodes=(NodeReading(node, {"node.load_1m": 1.5}, gpus=listed),))


async def follow(history: SqliteHistory, readings: Iterable[Reading], of: SourceSpec | None = None) -> Snapshot:
    """Apply readings one after another, each a tick of its own, as the keeper of a board would."""
    picture = Snapshot(cluster="lab")
    for reading in readings:
        kind: SourceKind = "slurm" if reading.source == "slurm" else "exporter"
        applied = apply(picture, of or replace(spec(), name=reading.source, kind=kind), reading)
        picture = applied.snapshot
        await history.write(Tick(reading.at, applied.changes, applied.events, picture))
    return picture
