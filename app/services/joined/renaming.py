"""The values of one cluster under the names they have beside other clusters. Pure.

What does not name anything is shared with the value given. A daemon's own sources that every share of a cluster has
(Slurm, discoveries, a machine's own driver) are told apart by the share's number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from app.domain.clusters import FACT, Naming
from app.domain.frozen import frozen
from app.domain.series import Subject
from app.domain.service_place import node_of
from app.domain.snapshot import Gpu, Layer, Node, Service, Snapshot, SourceState

if TYPE_CHECKING:
    from app.domain.evidence import LogEvidence
    from app.domain.slurm import SlurmJob, SlurmNode, SlurmPartition

_OF_EVERY_SHARE = ("slurm", "prometheus", "provider", "nvml")


@frozen
class Names:
    """How one member's names are written."""

    naming: Naming
    share: int = 0
    """Number of its share of the cluster, from 1; 0: it has the whole."""
    shared: frozenset[str] = frozenset()
    """Sources that the other shares have, too."""

    @property
    def is_plain(self) -> bool:
        """Everything keeps its name."""
        return not self.naming.cluster and not self.shared

    def source(self, name: str) -> str:
        """A source."""
        return self.naming.out(f"{name} ({self.share})" if name in self.shared else name)

    def key(self, number: str) -> str:
        """An id that only its daemon knows: of an incident, a finding, a silence."""
        if not number:
            return number
        if not self.share:
            return self.naming.out(number)
        return f"{'.'.join(filter(None, (self.naming.cluster, str(self.share))))}:{number}"

    def place(self, place: str) -> str:
        """`node/index`."""
        return self.naming.out(place)


def names_of(snapshot: Snapshot, naming: Naming, share: int) -> Names:
    """The names of a member, given what it has."""
    if not share:
        return Names(naming)
    every = (one.spec.name for one in snapshot.sources.values() if one.spec.kind in _OF_EVERY_SHARE)
    return Names(naming, share, frozenset(every))


def source_state(state: SourceState, names: Names, node: str | None) -> SourceState:
    """A source; `node` is the one it speaks of, as the member calls it."""
    known = state.spec.node or node
    spec = replace(state.spec, name=names.source(state.spec.name), node=names.naming.maybe(known))
    return replace(state, spec=spec)


def places_of_services(snapshot: Snapshot) -> Mapping[str, str]:
    """Sources of model servers → their node, which an address alone does not tell beside other clusters."""
    found = {one.source: node_of(one, snapshot) for one in snapshot.services.values()}
    return {source: node.name for source, node in found.items() if node is not None}


def renamed_node(node: Node, names: Names) -> Node:
    """A node with its GPUs."""
    out = names.naming.out
    facts = _facts(node.facts, names)
    return replace(
        node,
        name=out(node.name),
        facts=facts,
        layers=_layers(node.layers, names),
        gpus=tuple(_gpu(one, names) for one in node.gpus),
        sources=tuple(map(names.source, node.sources)),
    )


def _gpu(gpu: Gpu, names: Names) -> Gpu:
    out = names.naming.out
    processes = gpu.processes
    if processes and names.naming.cluster:
        processes = tuple(replace(one, job_id=out(one.job_id)) if one.job_id else one for one in processes)
    return replace(
        gpu,
        node=out(gpu.node),
        facts=_facts(gpu.facts, names),
        layers=_layers(gpu.layers, names),
        processes=processes,
        mig=tuple(replace(one, layers=_layers(one.layers, names)) for one in gpu.mig),
        hpc_jobs=names.naming.outs(gpu.hpc_jobs),
    )


def _facts(facts: Mapping[str, str], names: Names) -> Mapping[str, str]:
    return {**facts, FACT: names.naming.cluster} if names.naming.cluster else facts


def _layers(layers: tuple[Layer, ...], names: Names) -> tuple[Layer, ...]:
    return tuple(replace(one, source=names.source(one.source)) for one in layers)


def renamed_service(service: Service, names: Names) -> Service:
    """A model server."""
    return replace(
        service,
        source=names.source(service.source),
        facts=_facts(service.facts, names),
        layers=_layers(service.layers, names),
    )


def renamed_log(one: LogEvidence, names: Names) -> LogEvidence:
    """What a log said."""
    out = names.naming.out
    return replace(one, node=out(one.node), source=names.source(one.source), job=names.naming.maybe(one.job))


def renamed_job(job: SlurmJob, naming: Naming) -> SlurmJob:
    """A job. Slurm's own numbers stay numbers: `app.domain.clusters.numbers_of` names them."""
    partition = ",".join(naming.out(one) for one in job.partition.split(",")) if job.partition else ""
    return replace(
        job,
        id=naming.out(job.id),
        partition=partition,
        nodes=naming.outs(job.nodes),
        gpus_on=tuple(replace(one, node=naming.out(one.node)) for one in job.gpus_on),
    )


def renamed_slurm_node(node: SlurmNode, naming: Naming) -> SlurmNode:
    """A node as slurmctld sees it; its address stays as it is."""
    host, partitions = naming.maybe(node.host), naming.outs(node.partitions)
    return replace(node, name=naming.out(node.name), host=host, partitions=partitions)


def renamed_partition(one: SlurmPartition, naming: Naming) -> SlurmPartition:
    """A partition."""
    return replace(one, name=naming.out(one.name), nodes=naming.outs(one.nodes))


def renamed_subject(subject: Subject, naming: Naming) -> Subject:
    """Whom something is about; a GPU's UUID and the fleet name no cluster."""
    is_uuid = subject.kind in ("gpu", "mig") or not subject.key
    key = subject.key if is_uuid else naming.out(subject.key)
    return replace(subject, node=naming.out(subject.node), key=key)


def home_subject(subject: Subject, naming: Naming) -> Subject:
    """A subject as its cluster knows it."""
    return replace(subject, node=naming.home(subject.node), key=naming.home(subject.key))
