"""What has been gathered of a machine, a GPU or a model server while a page is sorted; each becomes a plan.

Mutable, and private to `app.sources.layout`, which fills them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from app.sources.picker import Source, make_picker
from app.sources.plans import GpuPlan, MigPlan, NodePlan, ProcessPlan, ServicePlan, XidPlan

_MOST_PROCESSES = 1024
"""Of one GPU; more would only fill the memory."""

Sources = dict[str, list[Source]]
"""Catalogue key → the samples that feed it."""


@dataclass(slots=True)
class MigDraft:
    """A MIG slice."""

    profile: str = ""
    uuids: set[str] = field(default_factory=set)
    """Of its compute instances; with several of them, none is the slice's own."""
    sources: Sources = field(default_factory=dict)

    def plan(self, number: int) -> MigPlan:
        uuid = next(iter(self.uuids)) if len(self.uuids) == 1 else None
        return MigPlan(number, self.profile, uuid, make_picker(self.sources))


@dataclass(slots=True)
class ProcessDraft:
    """A process on a GPU."""

    pid: int
    texts: dict[str, str] = field(default_factory=dict)
    positions: dict[str, tuple[int, float]] = field(default_factory=dict)


@dataclass(slots=True)
class GpuDraft:
    """A GPU."""

    index: int | None = None
    uuid: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    sources: Sources = field(default_factory=dict)
    mig: dict[int, MigDraft] = field(default_factory=dict)
    processes: dict[tuple[int, int | None], ProcessDraft] = field(default_factory=dict)
    """By process id and slice."""
    lists_processes: bool = False
    flavours: set[str] = field(default_factory=set)
    xid_counts: dict[int, int] = field(default_factory=dict)
    """Code → position."""
    xid_times: dict[int, int] = field(default_factory=dict)
    jobs: dict[str, None] = field(default_factory=dict)
    flags: dict[str, int] = field(default_factory=dict)
    positions: set[int] = field(default_factory=set)

    def plan(self, index: int | None, listing: frozenset[str]) -> GpuPlan:
        """The plan, at the index that the machine's other GPUs left it."""
        lists = self.lists_processes or bool(self.processes) or not self.flavours.isdisjoint(listing)
        return GpuPlan(
            index=index,
            uuid=self.uuid,
            facts={name: text for name, text in self.facts.items() if name != "error"},
            picker=make_picker(self.sources),
            note=self.facts.get("error"),
            mig=tuple(draft.plan(number) for number, draft in sorted(self.mig.items())),
            processes=self._processes() if lists else None,
            xids=tuple(XidPlan(code, at, self.xid_times.get(code)) for code, at in sorted(self.xid_counts.items())),
            hpc_jobs=tuple(self.jobs),
            flags=self.flags,
            positions=frozenset(self.positions),
        )

    def _processes(self) -> tuple[ProcessPlan, ...]:
        drafts = list(self.processes.values())[:_MOST_PROCESSES]
        return tuple(ProcessPlan(one.pid, one.texts, one.positions) for one in drafts)


@dataclass(slots=True)
class NodeDraft:
    """A machine."""

    facts: dict[str, str] = field(default_factory=dict)
    sources: Sources = field(default_factory=dict)
    gpus: dict[str, GpuDraft] = field(default_factory=dict)
    lists_gpus: bool = False
    """An exporter that lists GPUs spoke of it."""
    ready: list[int] = field(default_factory=list)
    """Positions of numbers that are 0 while its exporter has nothing to tell."""

    def plan(self, name: str, host: str | None, listing: frozenset[str]) -> NodePlan:
        """The plan; of two boards that claim one index (two pages glued together) the second gets none."""
        taken: set[int] = set()
        plans: list[GpuPlan] = []
        for gpu in self.gpus.values():
            index = gpu.index if gpu.index not in taken else None
            plans.append(gpu.plan(index, listing))
            if index is not None:
                taken.add(index)
        plans.sort(key=lambda plan: plan.index if plan.index is not None else len(plans) + max(taken, default=0))
        facts = {label: text for label, text in self.facts.items() if label not in ("node", "error")}
        gpus = tuple(plans) if self.lists_gpus or plans else None
        return NodePlan(name, host, facts, make_picker(self.sources), gpus, tuple(self.ready))


@dataclass(slots=True)
class ServiceDraft:
    """A model that a model server serves."""

    kinds: set[str] = field(default_factory=set)
    facts: dict[str, str] = field(default_factory=dict)
    sources: Sources = field(default_factory=dict)
    buckets: dict[str, dict[float, list[int]]] = field(default_factory=dict)
    """Histogram → upper bound → positions of its buckets."""

    def plan(self, model: str) -> ServicePlan:
        """The plan; vLLM inside Triton is vLLM."""
        picker = make_picker(self.sources)
        buckets = {
            name: tuple((bound, tuple(known[bound])) for bound in sorted(known)) for name, known in self.buckets.items()
        }
        return ServicePlan("triton" if self.kinds == {"triton"} else "vllm", model, self.facts, picker, buckets)
