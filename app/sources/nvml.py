"""This machine's own GPUs, read through NVML without an exporter.

The reader is the pod exporter's (`pod.nvml`): a thread a GPU, deadlines, Xid events. Its values are keyed by the
families the exporter would print, so the catalogue's names translate them as they do a page. NVML blocks, so a
thread of this source's own waits for it; a look never takes longer than its deadline, sick GPUs or not.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, lru_cache
from operator import mul
from typing import Literal

from app.domain.derive import fill_in
from app.domain.metrics import by_wire
from app.domain.naming import clean
from app.domain.reading import (
    GpuProcess,
    GpuReading,
    MigReading,
    NodeReading,
    PageHealth,
    Reading,
    SourceSpec,
    XidCount,
)
from app.sources.machine_text import MachineText, value_of
from app.sources.rates import nodes_with_rates
from app.sources.registry import Making, Tap
from app.transport.clock import Clock
from pod import gpu as pod_gpu
from pod import nvml

FLAVOUR = "nvml"
DEADLINE_S = 0.5
"""Seconds a look waits for GPUs that are usually quick; a sick one keeps its previous numbers with their age."""
_KINDS: dict[str, Literal["compute", "graphics", "unknown"]] = {"C": "compute", "G": "graphics", "C+G": "compute"}


class NvmlSource:
    """The local machine's GPUs as a source."""

    def __init__(self, spec: SourceSpec, clock: Clock, *, name: str | None = None, tap: Tap | None = None) -> None:
        self.spec = spec
        self.timeout_s = max(1.0, spec.interval_s)
        self._clock = clock
        self._tap = tap
        self._node = spec.node or name or socket.gethostname().split(".")[0]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nvml")
        self._reader: nvml.Reader | None = None
        self._before: Reading | None = None
        self._text = MachineText()

    async def read(self) -> Reading:
        """Look once; a driver that cannot be used is a failed reading, and tried anew the next time."""
        began = self._clock.monotonic()
        try:
            machine = await asyncio.get_running_loop().run_in_executor(self._thread, self._look)
        except nvml.NvmlUnavailableError as error:
            self._reader = None
            return Reading.failed(self.spec.name, self._clock.now(), str(error), self._clock.monotonic() - began)
        if self._tap is not None:
            self._tap(self.spec.name, "node", machine.at, self._node.encode())
            self._tap(self.spec.name, "machine", machine.at, self._text.later(machine))
        reading = reading_of(machine, self.spec.name, self._node, self._clock.monotonic() - began)
        if self._before is not None:
            nodes = nodes_with_rates(self._before.nodes, self._before.at, reading.nodes, reading.at)
            reading = replace(reading, nodes=nodes)
        self._before = reading
        return reading

    async def close(self) -> None:
        """Stop the reader's threads; one that hangs in the driver is left behind, and ends with the process."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, reader.close)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> pod_gpu.MachineReading:
        if self._reader is None:
            self._reader = nvml.Reader()
        return self._reader.read(min(DEADLINE_S, self.spec.interval_s / 2))


def machine_of(told: bytes) -> pod_gpu.MachineReading:
    """The machine's reading as the tap was told it. Raises ValueError, TypeError or KeyError for anything else."""
    return value_of(pod_gpu.MachineReading, told)


def reading_of(machine: pod_gpu.MachineReading, source: str, node: str, duration_s: float) -> Reading:
    """A machine's reading in the catalogue's keys and units. Pure."""
    facts = {"driver_version": machine.driver_version, "cuda_version": machine.cuda_version}
    gpus = tuple(_gpu(one, machine) for one in machine.gpus)
    known = {key: text for key, text in facts.items() if text}
    said = NodeReading(node, {"node.gpus_expected": float(machine.expected)}, known, gpus, machine.expected)
    samples = sum(len(one.values) for one in machine.gpus)
    taken = sum(len(one.values) for one in gpus)
    page = PageHealth(FLAVOUR, samples, min(samples, taken))
    return Reading(source, machine.at, duration_s, nodes=(said,), page=page)


def _gpu(one: pod_gpu.GpuReading, machine: pod_gpu.MachineReading) -> GpuReading:
    values = translate(one.values)
    links = [link for link in one.links if link.is_up is not None]
    if links:
        values["gpu.nvlinks_active"] = float(sum(bool(link.is_up) for link in links))
    xids = tuple(XidCount(x.code, x.count, x.last_at) for x in machine.xids if x.gpu == one.index)
    if one.counts_xids:
        values["gpu.xid_errors"] = float(sum(x.count for x in xids))
    return GpuReading(
        index=one.index,
        uuid=one.uuid,
        values=fill_in(values, "gpu"),
        facts=_facts(one.identity, machine.driver_version, machine.cuda_version),
        processes=None if one.processes is None else tuple(_process(p) for p in one.processes),
        mig=tuple(MigReading(m.gpu_instance, m.profile, m.uuid, translate(m.values)) for m in one.mig),
        xids=xids,
        lost=one.is_lost,
        at=one.at if one.at is not None else 0.0,
        note=_note(one),
    )


@lru_cache(maxsize=1024)
def _facts(identity: pod_gpu.Identity, driver: str | None, cuda: str | None) -> Mapping[str, str]:
    """What does not change while a GPU is there."""
    said = {
        "model": identity.name,
        "pci_bus_id": identity.pci_bus_id,
        "serial": identity.serial,
        "vbios_version": identity.vbios,
        "driver_version": driver,
        "cuda_version": cuda,
    }
    return {key: clean(text) for key, text in said.items() if text}


def translate(values: Mapping[str, float]) -> dict[str, float]:
    """Values keyed by exporter families as values keyed by the catalogue."""
    keys, families, scales = _translation(tuple(values))
    return dict(zip(keys, map(mul, map(values.__getitem__, families), scales), strict=True))


@lru_cache(maxsize=256)
def _translation(families: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[float, ...]]:
    """Catalogue keys of values of these families, the family and the scale of each; GPUs mostly have the same ones."""
    table = _table()
    rows = [(key, family, scale) for family in families for key, scale in table.get(family, ())]
    return tuple(row[0] for row in rows), tuple(row[1] for row in rows), tuple(row[2] for row in rows)


@cache
def _table() -> dict[str, tuple[tuple[str, float], ...]]:
    """Family → (catalogue key, scale); names that need labels to tell them apart are not NVML's."""
    return {
        wire: tuple((metric.key, name.scale) for metric, name in pairs if not name.where)
        for wire, pairs in by_wire().items()
        if wire.startswith(("DCGM_", "gpu_watchdog_"))
    }


def _process(one: pod_gpu.GpuProcess) -> GpuProcess:
    return GpuProcess(
        pid=one.pid,
        name=clean(one.name or str(one.pid), 64),
        user=clean(one.user, 32) if one.user else None,
        command=clean(one.command) if one.command else None,
        memory_mib=one.used_mib,
        utilization_percent=one.sm_percent,
        kind=_KINDS.get(one.type, "unknown"),
        started_at=one.started_at,
        job_id=one.job,
    )


def _note(one: pod_gpu.GpuReading) -> str | None:
    if one.is_lost:
        return "the driver has lost it"
    if one.is_late:
        return "the driver has not answered for it yet"
    return clean(one.error, 120) if one.error else None


def make(making: Making) -> NvmlSource:
    """Make the source; the driver is not touched before the first look."""
    return NvmlSource(making.spec, making.clock, tap=making.tap)
