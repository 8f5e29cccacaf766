"""What the series of one page mean together: machines with their GPUs, model servers, and what nobody knows.

Copies of a sample for every job that shares a GPU are one value, a MIG slice lies within its GPU, and a sample that
names no subject is nobody's; which samples speak of one machine and one GPU is decided in `app.sources.joins`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.sources.adapter import Adapter, Mark
from app.sources.adapters import ADAPTERS
from app.sources.binding import Binding, Take
from app.sources.drafts import GpuDraft, MigDraft, NodeDraft, ProcessDraft, ServiceDraft, Sources
from app.sources.joins import HERE, Joins, is_loopback
from app.sources.picker import Source
from app.sources.plans import NodePlan, ServicePlan


@dataclass(slots=True)
class Layout:
    """A page understood, but for its numbers. Not changed once made."""

    flavour: str | None = None
    """None: nothing on the page is known."""
    nodes: tuple[NodePlan, ...] = ()
    services: tuple[ServicePlan, ...] = ()
    known: int = 0
    """Samples that are used."""
    unknown: tuple[tuple[str, int], ...] = ()
    """Names that no row takes or that name no subject, with how many samples each has; the commonest first."""
    ratios: list[int] = field(default_factory=list)
    """Positions of values whose scale must be judged."""
    pinned: dict[int, float] = field(default_factory=dict)
    """Positions of numbers that the layout itself rests on (GPU indexes), with what they were."""
    taken: list[int] = field(default_factory=list)
    """Positions of times at which the exporter took its values."""
    simulated: int | None = None
    trouble: str | None = None
    """Why the exporter cannot read, in its words."""
    listing: frozenset[str] = frozenset()
    """Flavours that have listed processes, now or on an earlier page."""


class LayoutMaker:
    """Sorts the samples of one page; used once."""

    def __init__(self, bindings: Sequence[Binding], values: Sequence[float]) -> None:
        self._bindings = bindings
        self._values = values
        self._joins = Joins(bindings)
        self._layout = Layout()
        self._nodes: dict[str, NodeDraft] = {}
        self._services: dict[str, ServiceDraft] = {}
        self._used: Counter[str] = Counter()

    def make(self, node: str | None, host: str | None, listing: frozenset[str]) -> Layout:
        """Sort everything. `node` is the configured name, `host` the target's; `listing` as on the page before."""
        layout, unknown = self._layout, Counter[str]()
        homeless: list[tuple[int, Binding]] = []
        for position, one in enumerate(self._bindings):
            if not self._sort(position, one):
                homeless.append((position, one))
        for position, one in homeless:
            if not self._give_to_only_service(position, one):
                unknown[one.name] += 1
        seen = {flavour for n in self._nodes.values() for g in n.gpus.values() if g.processes for flavour in g.flavours}
        layout.listing = listing | seen
        layout.flavour = self._flavour()
        layout.nodes = self._plan_nodes(node, host)
        layout.services = tuple(draft.plan(model) for model, draft in self._services.items())
        layout.known = self._used.total()
        layout.unknown = tuple(unknown.most_common())
        return layout

    def _sort(self, position: int, one: Binding) -> bool:
        """Find the sample's place; False where it has none."""
        if one.adapter is None:
            return False
        if not one.is_used:
            return one.is_known  # ruled out by its labels
        if one.mark is not None and one.mark.role == "simulated":
            self._layout.simulated = position
            self._used[one.adapter.flavour] += 0
            return True
        placed = [self._take(position, one, take) for take in one.takes]
        if one.bucket is not None:
            placed.append(self._bucket(position, one, one.adapter, one.bucket))
        if one.mark is not None:
            placed.append(self._mark(position, one, one.adapter, one.mark))
        if not any(placed):
            return False
        self._used[one.adapter.flavour] += 1
        return True

    def _take(self, position: int, one: Binding, take: Take) -> bool:
        adapter = one.adapter
        source = Source(position, take, has_blanks=adapter is not None and adapter.has_blanks)
        sources: Sources | None = None
        match take.metric.scope:
            case "gpu" if one.said.place.is_gpu and adapter is not None:
                sources = self._gpu_sources(position, one, adapter)
            case "node" if adapter is not None:
                sources = self._told_node(one, adapter).sources
            case "service" if one.said.service is not None and adapter is not None:
                sources = self._service(one.said.service, one, adapter).sources
        if sources is None:
            return False
        sources.setdefault(take.metric.key, []).append(source)
        if take.name.ratio:
            self._layout.ratios.append(position)
        return True

    def _bucket(self, position: int, one: Binding, adapter: Adapter, bucket: tuple[str, float]) -> bool:
        """Buckets of one bound add up over a server's engines."""
        if one.said.service is None:
            return False
        name, bound = bucket
        self._service(one.said.service, one, adapter).buckets.setdefault(name, {}).setdefault(bound, []).append(
            position
        )
        return True

    def _gpu_sources(self, position: int, one: Binding, adapter: Adapter) -> Sources:
        gpu = self._gpu(one, adapter)
        gpu.positions.add(position)
        return gpu.sources if one.said.place.mig is None else self._slice(gpu, one, one.said.place.mig).sources

    def _mark(self, position: int, one: Binding, adapter: Adapter, mark: Mark) -> bool:
        match mark.role:
            case "info":
                return self._inform(one, adapter)
            case "ready":
                self._node(one, adapter).ready.append(position)
            case "taken":
                self._layout.taken.append(position)
            case "trouble":
                self._layout.trouble = one.said.node_facts.get("error", "no reason given")
                self._node(one, adapter)
            case "aside":
                pass
            case _ if one.said.place.is_gpu:
                self._mark_gpu(position, one, self._gpu(one, adapter), mark)
            case _:
                return False
        return True

    def _mark_gpu(self, position: int, one: Binding, gpu: GpuDraft, mark: Mark) -> None:
        match mark.role:
            case "process" if one.process.get("pid", "").isdecimal():
                pid = int(one.process["pid"][:10])
                draft = gpu.processes.setdefault((pid, one.said.place.mig), ProcessDraft(pid))
                draft.texts = {**one.process, **draft.texts}
                draft.positions.setdefault(mark.field, (position, mark.scale))
            case "xid count" if one.xid is not None:
                gpu.xid_counts.setdefault(one.xid, position)
            case "xid time" if one.xid is not None:
                gpu.xid_times.setdefault(one.xid, position)
            case "index":
                number = self._values[position]
                if gpu.index is None and 0 <= number < 4096:
                    gpu.index = int(number)
                    self._layout.pinned[position] = number
            case "lost" | "late" | "age":
                gpu.flags.setdefault(mark.role, position)
            case _:
                pass

    def _inform(self, one: Binding, adapter: Adapter) -> bool:
        """Keep the facts of a sample that is nothing but facts."""
        if one.said.place.is_gpu:
            gpu = self._gpu(one, adapter)
            if one.said.place.mig is not None:
                self._slice(gpu, one, one.said.place.mig)
        elif adapter.service_kind is None:
            self._told_node(one, adapter)
        elif one.said.service is not None:
            self._service(one.said.service, one, adapter)
        else:
            return False
        return True

    def _node(self, one: Binding, adapter: Adapter) -> NodeDraft:
        draft = self._nodes.setdefault(self._joins.machine(one.said.place), NodeDraft())
        draft.lists_gpus = draft.lists_gpus or adapter.lists_gpus
        return draft

    def _told_node(self, one: Binding, adapter: Adapter) -> NodeDraft:
        """The machine a sample is about, with what its labels tell of it."""
        draft = self._node(one, adapter)
        for name, text in one.said.node_facts.items():
            draft.facts.setdefault(name, text)
        return draft

    def _gpu(self, one: Binding, adapter: Adapter) -> GpuDraft:
        gpu = self._node(one, adapter).gpus.setdefault(self._joins.gpu(one.said.place), GpuDraft())
        gpu.index = gpu.index if gpu.index is not None else one.said.place.index
        gpu.uuid = gpu.uuid if gpu.uuid is not None else one.said.place.uuid
        gpu.flavours.add(adapter.flavour)
        gpu.lists_processes = gpu.lists_processes or one.name == adapter.lists_processes
        for name, text in one.said.facts.items():
            gpu.facts.setdefault(name, text)
        if one.said.job is not None:
            gpu.jobs.setdefault(one.said.job)
        return gpu

    def _slice(self, gpu: GpuDraft, one: Binding, number: int) -> MigDraft:
        draft = gpu.mig.setdefault(number, MigDraft())
        draft.profile = draft.profile or one.said.place.mig_profile
        if one.said.place.mig_uuid is not None:
            draft.uuids.add(one.said.place.mig_uuid)
        return draft

    def _service(self, model: str, one: Binding, adapter: Adapter) -> ServiceDraft:
        draft = self._services.setdefault(model, ServiceDraft())
        if adapter.service_kind is not None:
            draft.kinds.add(adapter.service_kind)
        for name, text in one.said.facts.items():
            draft.facts.setdefault(name, text)
        return draft

    def _give_to_only_service(self, position: int, one: Binding) -> bool:
        """A sample that names no model speaks of the only one there is."""
        if len(self._services) != 1:
            return False
        (draft,) = self._services.values()
        is_info = one.mark is not None and one.mark.role == "info" and one.adapter is not None
        wanted = [take for take in one.takes if take.metric.scope == "service"]
        if not is_info and not wanted:
            return False
        for take in wanted:
            draft.sources.setdefault(take.metric.key, []).append(Source(position, take, has_blanks=False))
        for name, text in one.said.facts.items():
            draft.facts.setdefault(name, text)
        self._used[one.adapter.flavour if one.adapter is not None else min(draft.kinds)] += 1
        return True

    def _flavour(self) -> str | None:
        """Which exporter's page this is: the one that proves it, else the one with most samples."""
        names = {one.name for one in self._bindings if one.mark is not None}
        proven = [adapter.flavour for adapter in ADAPTERS if adapter.proof in names]
        commonest = [flavour for flavour, count in self._used.most_common(1) if count]
        return next(iter([*proven, *commonest]), None)

    def _plan_nodes(self, node: str | None, host: str | None) -> tuple[NodePlan, ...]:
        is_one = len(self._nodes) <= 1
        own_host = None if is_loopback(host) or not is_one else host
        listing = self._layout.listing
        plans: list[NodePlan] = []
        for label, draft in self._nodes.items():
            fallback = label if label != HERE else host
            name = (node if is_one or label == HERE else None) or fallback or "localhost"
            plans.append(draft.plan(name, own_host if is_one else None, listing))
        return tuple(plans)
