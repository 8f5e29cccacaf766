"""Partitions of the simulated Slurm: `gpu` has every node, `train` those that train, `shared` those with small jobs."""

from __future__ import annotations

import math

from app.domain.frozen import frozen
from app.sim.layout import Layout


@frozen
class Partition:
    """One partition."""

    name: str
    nodes: tuple[str, ...]
    longest: float
    """Seconds that a job may run; infinite for no limit."""
    usual: float
    """Limit of a job that names none."""
    is_default: bool = False
    tier: int = 1


def partitions_of(layout: Layout) -> dict[str, Partition]:
    """The partitions of a cluster by name, the default one first."""
    every = tuple(node.name for node in layout.nodes)
    shared = {service.node for service in layout.services}
    for pool in layout.pools:
        if pool.name in ("sweep", "spare"):
            shared.update(key.node for unit in pool.units for key in unit)
    train = tuple(name for name in every if name not in shared) or every
    found = [
        Partition("gpu", every, math.inf, 4 * 3600.0, is_default=True),
        Partition("train", train, 7 * 86400.0, 24 * 3600.0, tier=2),
        Partition("shared", tuple(name for name in every if name in shared) or every, 86400.0, 3600.0),
    ]
    return {one.name: one for one in found}


def model_of(board: str) -> str:
    """The type of a GPU in gres.conf: `h100`."""
    return board.removeprefix("NVIDIA ").split("-")[0].split(" ")[0].lower()
