"""Several pictures as one: the clusters side by side, the shares of one cluster as the whole. Pure.

A part whose daemon is not heard ages where it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from app.domain.naming import natural
from app.domain.snapshot import Gpu, Layer, Node, Snapshot, SourceState

if TYPE_CHECKING:
    from app.domain.slurm import SlurmPicture

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One member's picture, under the names it is shown by."""

    cluster: str
    """Name of its cluster, which several shares have in common."""
    snapshot: Snapshot
    link: SourceState
    """How its daemon is doing."""


def merged(parts: Sequence[Part], name: str, slurm: SlurmPicture | None, version: int) -> Snapshot:
    """One picture of all parts. `name` is what the whole is called, `slurm` the Slurm of all."""
    pictures = [one.snapshot for one in parts]
    newest = max(pictures, key=lambda one: one.at, default=Snapshot())
    logs = tuple(sorted((log for one in pictures for log in one.logs), key=lambda log: log.at))
    return Snapshot(
        version=version,
        at=newest.at,
        cluster=name,
        mode="simulated" if any(one.mode == "simulated" for one in pictures) else newest.mode,
        sources=_sources(parts),
        nodes=_nodes(parts),
        services=joined(one.services for one in pictures),
        aliases=joined(one.aliases for one in pictures),
        prices=joined(one.prices for one in pictures),
        slurm=slurm,
        logs=logs,
        logs_count=sum(one.logs_count for one in pictures),
    )


def joined(some: Iterable[Mapping[str, T]]) -> dict[str, T]:
    """All of them as one; the last to have a key has it."""
    found: dict[str, T] = {}
    for one in some:
        found.update(one)
    return found


def _sources(parts: Sequence[Part]) -> dict[str, SourceState]:
    """The daemons first, then what they read."""
    links = {one.link.spec.name: one.link for one in parts}
    return links | joined(one.snapshot.sources for one in parts)


def _nodes(parts: Sequence[Part]) -> dict[str, Node]:
    """Cluster by cluster, in the natural order of the names within each."""
    found: dict[str, Node] = {}
    clusters: dict[str, list[Snapshot]] = {}
    for part in parts:
        clusters.setdefault(part.cluster, []).append(part.snapshot)
    for pictures in clusters.values():
        if len(pictures) == 1:
            found.update(pictures[0].nodes)
            continue
        nodes: dict[str, Node] = {}
        for picture in pictures:
            for name, node in picture.nodes.items():
                nodes[name] = _one_node(nodes[name], node) if name in nodes else node
        found.update((name, nodes[name]) for name in sorted(nodes, key=natural))
    return found


def _one_node(one: Node, other: Node) -> Node:
    """A node that two shares read something of: its exporters go by different addresses."""
    gpus = {gpu.index: gpu for gpu in one.gpus}
    for gpu in other.gpus:
        gpus[gpu.index] = _one_gpu(gpus[gpu.index], gpu) if gpu.index in gpus else gpu
    expected = [count for count in (one.gpus_expected, other.gpus_expected) if count is not None]
    return replace(
        one,
        facts={**other.facts, **one.facts},
        layers=_layers(one.layers, other.layers),
        gpus=tuple(gpus[index] for index in sorted(gpus)),
        gpus_expected=max(expected, default=None),
        sources=tuple(dict.fromkeys((*one.sources, *other.sources))),
    )


def _one_gpu(one: Gpu, other: Gpu) -> Gpu:
    first, second = (one, other) if one.seen_at >= other.seen_at else (other, one)
    return replace(
        first,
        uuid=first.uuid or second.uuid,
        facts={**second.facts, **first.facts},
        layers=_layers(first.layers, second.layers),
        processes=first.processes if first.processes is not None else second.processes,
        processes_at=first.processes_at if first.processes is not None else second.processes_at,
        mig=first.mig or second.mig,
        xids=first.xids or second.xids,
        log_xids=first.log_xids or second.log_xids,
        hpc_jobs=first.hpc_jobs or second.hpc_jobs,
    )


def _layers(some: tuple[Layer, ...], more: tuple[Layer, ...]) -> tuple[Layer, ...]:
    return tuple(sorted((*some, *more), key=lambda one: one.rank))
