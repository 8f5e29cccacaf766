"""How a snapshot grows: apply one reading, get the next snapshot, what changed, and what happened.

Pure. Everything the reading does not touch is shared with the snapshot before. The rules of joining live here:
a GPU is one GPU across exporters by UUID, else by node and index; a node is one node by name, by the host its target
runs on, or by host part of a longer name. A GPU that a source listed before and no longer lists is lost, not gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from app.domain.frozen import frozen, unguarded
from app.domain.happenings import gpu_events, source_events
from app.domain.naming import natural, same_node, uuid_key
from app.domain.reading import GpuReading, MigReading, NodeReading, PageHealth, Reading, SourceSpec
from app.domain.rented import STATUS, pod_events
from app.domain.series import Event, Subject
from app.domain.snapshot import UNLISTED, Gpu, Layer, MigSlice, Node, Service, Snapshot, SourceState

RANKS: dict[str, int] = {
    "nvml": 0,
    "gpu-watchdog": 5,
    "dcgm-exporter": 10,
    "nvidia_gpu_exporter": 20,
    "amd-device-metrics-exporter": 20,
    "nvitop-exporter": 25,
    "all-smi": 30,
    "node_exporter": 10,
    "prometheus": 50,
}
"""Whom to believe first where several fresh sources give one value: the nearer to the driver, the lower."""
_UNKNOWN_RANK = 40
_T = TypeVar("_T")


@unguarded()
class Change:
    """New values of one subject, as the store must keep them."""

    subject: Subject
    layer: Layer
    uuid: str | None = None


@dataclass(slots=True)
class Own:
    """Maps of a snapshot that nobody but who applies to it has seen, so that they may be changed.

    Copying the names of a thousand nodes for every page costs as much as reading it.
    """

    sources: dict[str, SourceState] | None = None
    nodes: dict[str, Node] | None = None


@frozen
class Applied:
    """The next snapshot, with what the reading changed and what that means."""

    snapshot: Snapshot
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def apply(
    before: Snapshot, spec: SourceSpec, reading: Reading, missed_slots: int = 0, own: Own | None = None
) -> Applied:
    """Apply one reading of the source `spec` to a snapshot; `own` is what only the caller has of it."""
    own = own or Own()
    was = before.sources.get(spec.name)
    state = _next_state(was, spec, reading, missed_slots)
    events = list(source_events(was, state, reading.at))
    own.sources = sources = _with(before.sources, spec.name, state, own.sources)
    after = replace(before, version=before.version + 1, at=max(before.at, reading.at), sources=sources)
    if reading.error is not None:
        return Applied(after, events=tuple(events))
    if reading.simulated and after.mode == "live":
        after = replace(after, mode="simulated")
    changes: list[Change] = []
    for node in reading.nodes:
        after = _apply_node(after, spec, reading, node, changes, events, own=own)
    if reading.services:
        after = _apply_services(after, spec, reading, changes)
    if reading.slurm is not None:
        from app.domain.apply_slurm import apply_slurm  # noqa: PLC0415 - only a cluster with Slurm pays for it

        after, happened = apply_slurm(after, spec, reading.slurm, reading.at)
        events.extend(happened)
    if reading.logs:
        from app.domain.apply_logs import apply_logs  # noqa: PLC0415 - only who reads logs pays for it

        after, told = apply_logs(after, reading.logs, reading.at)
        events.extend(told)
    return Applied(after, tuple(changes), tuple(events))


def _with(known: Mapping[str, _T], name: str, value: _T, own: dict[str, _T] | None) -> dict[str, _T]:
    """The mapping with one more or another value: the same one, where it is the caller's own."""
    if own is not None and known is own:
        own[name] = value
        return own
    return {**known, name: value}


def forget(before: Snapshot, source: str) -> Snapshot:
    """Drop a source that is no longer configured; its values age out by themselves."""
    sources = {name: state for name, state in before.sources.items() if name != source}
    return replace(before, version=before.version + 1, sources=sources)


def rank_of(spec: SourceSpec, page: PageHealth | None) -> int:
    """How far down the order of belief a source's values stand."""
    return RANKS.get(page.flavour if page else spec.kind, _UNKNOWN_RANK)


def _next_state(was: SourceState | None, spec: SourceSpec, reading: Reading, missed_slots: int) -> SourceState:
    failed = reading.error is not None
    return SourceState(
        spec=spec,
        tried_at=reading.at,
        ok_at=(was.ok_at if was else None) if failed else reading.at,
        error=reading.error,
        duration_s=reading.duration_s,
        failures=((was.failures if was else 0) + 1) if failed else 0,
        page=(was.page if was else None) if failed else reading.page,
        missed_slots=missed_slots,
    )


def _apply_node(
    snapshot: Snapshot,
    spec: SourceSpec,
    reading: Reading,
    said: NodeReading,
    changes: list[Change],
    events: list[Event],
    *,
    own: Own,
) -> Snapshot:
    # A page of several machines (a federation) is not the one that the configuration names.
    given = spec.node if len(reading.nodes) == 1 else None
    snapshot, name = _settle_name(snapshot, given, said)
    node = snapshot.nodes.get(name)
    if STATUS in said.facts:
        events.extend(pod_events(node, name, said.facts, reading.at))
    is_new = node is None
    node = node or Node(name)
    layer = Layer(spec.name, reading.at, spec.interval_s, said.values, rank_of(spec, reading.page))
    if said.values:
        changes.append(Change(Subject("node", node=name), layer))
    gpus = node.gpus if said.gpus is None else _apply_gpus(node, said.gpus, layer, changes, events)
    told = [n for n in (node.gpus_expected, said.gpus_expected, len(gpus) or None) if n is not None]
    node = Node(
        name,
        facts=_with_facts(node.facts, said.facts),
        layers=_with_layer(node.layers, layer) if said.values else node.layers,
        gpus=gpus,
        gpus_expected=max(told, default=None),
        sources=node.sources if spec.name in node.sources else (*node.sources, spec.name),
    )
    nodes = _with(snapshot.nodes, name, node, own.nodes)
    if is_new:
        nodes = dict(sorted(nodes.items(), key=lambda item: natural(item[0])))
    own.nodes = nodes
    return snapshot if nodes is snapshot.nodes else replace(snapshot, nodes=nodes)


def _settle_name(snapshot: Snapshot, given: str | None, said: NodeReading) -> tuple[Snapshot, str]:
    """The name this node goes by; learns the host's alias, and moves a node that went by its host until now.

    `given` is the configured name, which beats all others.
    """
    if given:
        name = given
    elif said.name in snapshot.nodes:
        name = said.name
    else:
        alias = snapshot.aliases.get(said.host or "") if said.name == said.host else None
        alike = [known for known in snapshot.nodes if same_node(known, said.name)]
        name = alias or (alike[0] if len(alike) == 1 else said.name)
    host = said.host
    if not host or host == name or snapshot.aliases.get(host) == name:
        return snapshot, name
    nodes = dict(snapshot.nodes)
    by_host = nodes.pop(host, None)
    if by_host is not None and name not in nodes and not any(gpu.node == host for gpu in by_host.gpus):
        nodes[name] = replace(by_host, name=name)
    elif by_host is not None:
        nodes[host] = by_host
    nodes = dict(sorted(nodes.items(), key=lambda item: natural(item[0])))
    return replace(snapshot, nodes=nodes, aliases={**snapshot.aliases, host: name}), name


def _apply_gpus(
    node: Node, said: tuple[GpuReading, ...], layer: Layer, changes: list[Change], events: list[Event]
) -> tuple[Gpu, ...]:
    """The node's GPUs after a source listed them: joined, refreshed, lost or found again."""
    gpus = {gpu.index: gpu for gpu in node.gpus}
    touched: set[int] = set()
    for one in said:
        index = _place(gpus, one)
        if index in touched:
            continue
        touched.add(index)
        was = gpus.get(index)
        if was and was.uuid != one.uuid and _are_two(was.uuid, one.uuid):
            was = None  # another board sits in this place now
        now, change = _refresh(was, node.name, index, one, layer)
        events.extend(gpu_events(was, now, layer.at))
        gpus[index] = now
        if change is not None:
            changes.append(change)
            if one.mig:
                changes.extend(_mig_changes(now, one, change.layer))
    for index, gpu in gpus.items():
        if index in touched or gpu.is_lost:
            continue
        listed_before = any(known.source == layer.source for known in gpu.layers)
        seen_elsewhere = any(k.source != layer.source and not k.is_stale(layer.at) for k in gpu.layers)
        if listed_before and not seen_elsewhere:
            lost = replace(gpu, lost_at=layer.at, note=f"{layer.source} {UNLISTED}")
            events.extend(gpu_events(gpu, lost, layer.at))
            gpus[index] = lost
    return tuple(gpus[index] for index in sorted(gpus))


def _place(gpus: dict[int, Gpu], said: GpuReading) -> int:
    """The index a GPU has on its node: its UUID's place, else the index said, else the next free one."""
    wanted = uuid_key(said.uuid)
    if wanted is not None:
        if said.index is not None and (there := gpus.get(said.index)) is not None and there.uuid == said.uuid:
            return said.index  # where it was, as nearly always
        for index, gpu in gpus.items():
            if uuid_key(gpu.uuid) == wanted:
                return index
    if said.index is not None:
        return said.index
    return max(gpus, default=-1) + 1


def _are_two(one: str | None, other: str | None) -> bool:
    """Whether two UUIDs say that these are two boards."""
    known, said = uuid_key(one), uuid_key(other)
    return known is not None and said is not None and known != said


def _refresh(was: Gpu | None, node: str, index: int, said: GpuReading, layer: Layer) -> tuple[Gpu, Change | None]:
    gpu = was or Gpu(node, index, said.uuid)
    if said.lost:
        lost = replace(
            gpu,
            uuid=gpu.uuid or said.uuid,
            lost_at=gpu.lost_at or layer.at,
            note=said.note,
            facts={**gpu.facts, **said.facts},
        )
        return lost, None
    at = said.at if said.at is not None else layer.at
    mine = Layer(layer.source, at, layer.interval_s, said.values, layer.rank)
    change = Change(Subject("gpu", node=node, index=index), mine, said.uuid or gpu.uuid)
    is_old = _has_read(gpu.layers, mine)
    fresh = Gpu(
        node=node,
        index=index,
        uuid=said.uuid if uuid_key(said.uuid) or gpu.uuid is None else gpu.uuid,
        facts=_with_facts(gpu.facts, said.facts),
        layers=_with_layer(gpu.layers, mine),
        processes=gpu.processes if said.processes is None else said.processes,
        processes_at=gpu.processes_at if said.processes is None else mine.at,
        mig=_with_mig(gpu.mig, said.mig, mine) if said.mig or gpu.mig else (),
        xids=said.xids or gpu.xids,
        log_xids=gpu.log_xids,
        hpc_jobs=said.hpc_jobs,
        lost_at=None,
        seen_at=max(gpu.seen_at, mine.at),
        note=said.note,
    )
    return fresh, None if is_old else change


def _has_read(layers: tuple[Layer, ...], new: Layer) -> bool:
    """Whether a source's values of that moment are there already."""
    for old in layers:  # noqa: SIM110 - runs for every GPU of a fleet; a generator would cost more than what it does
        if old.source == new.source and old.at == new.at:
            return True
    return False


def _with_facts(facts: Mapping[str, str], said: Mapping[str, str]) -> Mapping[str, str]:
    """The facts with those said, which are nearly always known: a page says the same mapping again and again."""
    if not facts or facts is said:
        return said
    return facts if said.items() <= facts.items() else {**facts, **said}


def _with_layer(layers: tuple[Layer, ...], new: Layer) -> tuple[Layer, ...]:
    """The layers with one source's replaced, best rank first."""
    if (len(layers) == 1 and layers[0].source == new.source) or not layers:
        return (new,)
    kept = [layer for layer in layers if layer.source != new.source]
    return tuple(sorted((*kept, new), key=lambda layer: layer.rank))


def _with_mig(known: tuple[MigSlice, ...], said: Iterable[MigReading], layer: Layer) -> tuple[MigSlice, ...]:
    """The slices the source lists now; slices are made and destroyed by hand, so one not listed is gone, not lost."""
    before = {one.id: one for one in known}
    return tuple(
        MigSlice(
            one.id,
            one.profile,
            one.uuid or (before[one.id].uuid if one.id in before else None),
            _with_layer(before[one.id].layers if one.id in before else (), replace(layer, values=one.values)),
        )
        for one in said
    )


def _mig_changes(gpu: Gpu, said: GpuReading, layer: Layer) -> Iterable[Change]:
    for one in said.mig:
        subject = Subject("mig", node=gpu.node, index=gpu.index, key=str(one.id))
        yield Change(subject, replace(layer, values=one.values), one.uuid)


def _apply_services(snapshot: Snapshot, spec: SourceSpec, reading: Reading, changes: list[Change]) -> Snapshot:
    services = {key: one for key, one in snapshot.services.items() if one.source != spec.name}
    for said in reading.services:
        layer = Layer(spec.name, reading.at, spec.interval_s, said.values, rank_of(spec, reading.page))
        service = Service(said.kind, spec.name, spec.target, said.model, said.facts, (layer,))
        services[service.id] = service
        changes.append(Change(Subject("service", key=service.id), layer))
    return replace(snapshot, services=services)
