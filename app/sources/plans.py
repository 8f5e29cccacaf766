"""How to read a page of a known layout: one plan a GPU, node and model server, each turning numbers into a reading.

Plans are made once a layout (`app.sources.layout`) and hold everything that does not change from page to page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from app.domain.derive import fill_in
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.quantiles import Buckets
from app.domain.reading import GpuProcess, GpuReading, MigReading, NodeReading, ServiceReading, XidCount
from app.sources.picker import Picker, RatioScale


@frozen
class Numbers:
    """One page's numbers, as plans read them."""

    values: Sequence[float]
    at: float
    """Epoch seconds of the reading."""
    taken: Mapping[int, float]
    """Position of a sample → epoch seconds, by our clock, since when its time stamp stands still."""
    ratio: RatioScale


@frozen
class ProcessPlan:
    """One process on one GPU."""

    pid: int
    texts: Mapping[str, str]
    positions: Mapping[str, tuple[int, float]]
    """Field of `GpuProcess` → (position, factor)."""

    def read(self, page: Numbers) -> GpuProcess:
        """The process as of one page."""
        numbers = {
            name: page.values[position] * factor
            for name, (position, factor) in self.positions.items()
            if 0.0 <= page.values[position] < 1e18
        }
        started_at = numbers.get("started_at")
        if started_at is None and "running_s" in numbers:
            started_at = page.at - numbers["running_s"]
        name = self.texts.get("name") or _program(self.texts.get("command", "")) or str(self.pid)
        return GpuProcess(
            pid=self.pid,
            name=clean(name, 120),
            user=self.texts.get("user"),
            command=self.texts.get("command"),
            memory_mib=numbers.get("memory_mib"),
            utilization_percent=numbers.get("utilization_percent"),
            kind=_kind(self.texts.get("kind", "")),
            started_at=started_at,
            job_id=self.texts.get("job_id"),
        )


@frozen
class XidPlan:
    """One Xid code of one GPU."""

    code: int
    count: int
    """Position of its counter."""
    last_at: int | None
    """Position of the time of the last one."""

    def read(self, page: Numbers) -> XidCount | None:
        """The count as of one page; None where it says nothing."""
        count = page.values[self.count]
        if not 0 < count < 1e15:
            return None
        last_at = page.values[self.last_at] if self.last_at is not None else 0.0
        return XidCount(self.code, int(count), last_at if 0 < last_at < 1e11 else None)


@frozen
class MigPlan:
    """One MIG slice."""

    id: int
    profile: str
    uuid: str | None
    picker: Picker

    def read(self, page: Numbers) -> MigReading:
        """The slice as of one page."""
        return MigReading(self.id, self.profile, self.uuid, fill_in(self.picker.pick(page.values, page.ratio), "gpu"))


@frozen
class GpuPlan:
    """One GPU."""

    index: int | None
    uuid: str | None
    facts: Mapping[str, str]
    picker: Picker
    note: str | None = None
    mig: tuple[MigPlan, ...] = ()
    processes: tuple[ProcessPlan, ...] | None = None
    xids: tuple[XidPlan, ...] = ()
    hpc_jobs: tuple[str, ...] = ()
    flags: Mapping[str, int] = field(default_factory=dict)
    """`lost`, `late`, `age` → position."""
    positions: frozenset[int] = frozenset()
    """Of all its samples, to find their time stamps."""

    def read(self, page: Numbers) -> GpuReading:
        """The GPU as of one page."""
        has_flags = bool(self.flags)  # most exporters have none
        lost = has_flags and self._flag(page, "lost") == 1
        values = fill_in(self.picker.pick(page.values, page.ratio), "gpu")
        processes = None if self.processes is None else tuple(one.read(page) for one in self.processes)
        if processes is not None:
            values.setdefault("gpu.processes", float(len(processes)))
        return GpuReading(
            index=self.index,
            uuid=self.uuid,
            values=values,
            facts=self.facts,
            processes=processes,
            mig=tuple([one.read(page) for one in self.mig]) if self.mig else (),
            xids=tuple([found for one in self.xids if (found := one.read(page))]) if self.xids else (),
            hpc_jobs=self.hpc_jobs,
            lost=lost,
            at=self._taken_at(page) if has_flags or page.taken else None,
            note=self._note(page, lost=lost) if has_flags else self.note,
        )

    def _flag(self, page: Numbers, name: str) -> float | None:
        return page.values[self.flags[name]] if name in self.flags else None

    def _taken_at(self, page: Numbers) -> float | None:
        """When the values were taken, where that is earlier than the page."""
        age = self._flag(page, "age")
        if age is not None and age > 0:
            return page.at - age
        if not page.taken:
            return None
        newest = max((page.taken[one] for one in self.positions if one in page.taken), default=page.at)
        return newest if newest < page.at else None

    def _note(self, page: Numbers, *, lost: bool) -> str | None:
        if lost:
            return self.note or "the exporter says the driver has lost it"
        return "it has not answered the newest round" if self._flag(page, "late") == 1 else self.note


@frozen
class NodePlan:
    """One machine."""

    name: str
    host: str | None
    facts: Mapping[str, str]
    picker: Picker
    gpus: tuple[GpuPlan, ...] | None
    """None where the page does not list GPUs."""
    ready: tuple[int, ...] = ()
    """Positions of numbers that are 0 while the exporter has nothing to tell."""

    def is_silent(self, page: Numbers) -> bool:
        """No GPU is there because the exporter itself could not look, which is no word about GPUs."""
        return not self.gpus and any(page.values[position] == 0 for position in self.ready)

    def read(self, page: Numbers) -> NodeReading:
        """The machine as of one page."""
        values = fill_in(self.picker.pick(page.values, page.ratio), "node")
        expected = values.get("node.gpus_expected")
        return NodeReading(
            name=self.name,
            values=values,
            facts=self.facts,
            gpus=None if self.gpus is None or self.is_silent(page) else tuple([gpu.read(page) for gpu in self.gpus]),
            gpus_expected=int(expected) if expected is not None and 0 <= expected < 1e6 else None,
            host=self.host,
        )


@frozen
class ServicePlan:
    """One model of one model server."""

    kind: Literal["vllm", "triton"]
    model: str
    facts: Mapping[str, str]
    picker: Picker
    buckets: Mapping[str, tuple[tuple[float, tuple[int, ...]], ...]] = field(default_factory=dict)
    """Histogram → (upper bound, positions), by bound."""

    def read(self, page: Numbers) -> ServiceReading:
        """The model server as of one page."""
        return ServiceReading(self.kind, self.model, self.picker.pick(page.values, page.ratio), self.facts)

    def counts(self, page: Numbers) -> Mapping[str, Buckets]:
        """Its histograms as of one page."""
        return {
            name: tuple((bound, math.fsum(page.values[at] for at in places)) for bound, places in known)
            for name, known in self.buckets.items()
        }


def _program(command: str) -> str:
    """The program of a command line."""
    words = command.split(maxsplit=1)
    return words[0].rsplit("/", 1)[-1] if words else ""


def _kind(text: str) -> Literal["compute", "graphics", "unknown"]:
    if "C" in text or text == "compute":
        return "compute"
    return "graphics" if text in ("G", "graphics") else "unknown"
