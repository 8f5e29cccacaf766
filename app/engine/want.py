"""What a pending job asks for, as far as Slurm says: the shape that is laid against the nodes. Pure."""

from __future__ import annotations

import math
from functools import lru_cache

from app.domain.frozen import frozen
from app.domain.hostlist import expand
from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmNode
from app.engine.words import count, gpu_word

_PLAIN_FEATURES = frozenset("&|,")
_ANY_FEATURES = frozenset("[]()*!")


@frozen
class Want:
    """One shape; jobs of the same shape share what is worked out for it."""

    partitions: tuple[str, ...] = ()
    nodes: int = 1
    """At least so many."""
    gpus: int | None = None
    """Of the whole job; 0: none; None: not known."""
    gpus_per_node: int | None = None
    """None: they may be spread, or it is not known how."""
    gpu_type: str | None = None
    cpus_per_node: int | None = None
    """An even share; exact for one node."""
    memory_per_node_mib: float | None = None
    features: str | None = None
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    reservation: str | None = None

    @property
    def needs(self) -> str:
        """`needs 4 H100 on one node`, `needs 8 GPUs on each of 4 nodes`, `needs 64 CPUs on one node`."""
        where = "on one node" if self.nodes == 1 else f"on each of {self.nodes:,} nodes"
        if self.gpus_per_node:
            return f"needs {self.gpus_per_node:,} {gpu_word(self.gpu_type, self.gpus_per_node)} {where}"
        if self.gpus:
            over = f" on {self.nodes:,} nodes" if self.nodes > 1 else ""
            return f"needs {self.gpus:,} {gpu_word(self.gpu_type, self.gpus)}{over}"
        if self.cpus_per_node and self.nodes == 1:
            return f"needs {count(self.cpus_per_node, 'CPU')} on one node"
        if self.cpus_per_node:
            return f"needs {count(self.nodes, 'node')} with {count(self.cpus_per_node, 'CPU')} each"
        return f"needs {count(self.nodes, 'node')}"

    @property
    def at_least_per_node(self) -> int:
        """GPUs that a node must have to be of any use."""
        return self.gpus_per_node if self.gpus_per_node is not None else (1 if self.gpus else 0)

    @property
    def is_spread(self) -> bool:
        """Its GPUs need not sit together."""
        return bool(self.gpus) and self.gpus_per_node is None

    def admits(self, node: SlurmNode) -> bool | None:
        """Whether the job's own choice of nodes admits one; None where the picture cannot tell."""
        if node.name in self.excluded:
            return False
        if self.required and len(self.required) >= self.nodes and node.name not in self.required:
            return False
        return _has_features(node.features, self.features)


def want_of(job: SlurmJob) -> Want:
    """The shape of a job."""
    nodes = max(1, job.node_count or 1)
    gpus = job.gpus
    if gpus is None and job.gpus_per_node is not None:
        gpus = job.gpus_per_node * nodes
    return Want(
        partitions=_parts(job.partition),
        nodes=nodes,
        gpus=gpus,
        gpus_per_node=job.gpus_per_node if gpus else None,
        gpu_type=job.gpu_type.casefold() if job.gpu_type and gpus else None,
        cpus_per_node=math.ceil(job.cpus / nodes) if job.cpus else None,
        memory_per_node_mib=job.memory_mib / nodes if job.memory_mib else None,
        features=job.features or None,
        required=_hosts(job.required_nodes),
        excluded=_hosts(job.excluded_nodes),
        reservation=job.reservation or None,
    )


@lru_cache(maxsize=256)
def _parts(partition: str) -> tuple[str, ...]:
    return tuple(part for part in partition.split(",") if part)


@lru_cache(maxsize=256)
def _hosts(text: str | None) -> tuple[str, ...]:
    return expand(text)


def _has_features(has: tuple[str, ...], wanted: str | None) -> bool | None:
    """`a&b` and `a|b` are read; brackets, counts and negations are left to Slurm (None)."""
    if not wanted:
        return True
    if _ANY_FEATURES & set(wanted):
        return None
    kinds = _PLAIN_FEATURES & set(wanted)
    if kinds <= {"|"}:
        return any(one.strip() in has for one in wanted.split("|"))
    if kinds <= {"&", ","}:
        return all(one.strip() in has for one in wanted.replace(",", "&").split("&"))
    return None


def missing_feature(want: Want) -> str:
    """The features it asks for, for a sentence; empty where none."""
    return clean(want.features, 60) if want.features else ""
