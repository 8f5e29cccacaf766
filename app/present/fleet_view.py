"""What the GPU grid shows: nodes with those of their GPUs that pass the filter, and the metric that colours them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from app.domain.metric import Metric
from app.domain.metrics import by_key
from app.domain.snapshot import Gpu, Node, Snapshot
from app.present.look import Look
from app.present.paint import Paint

TrendOf = Callable[[str, int], Sequence[float | None]]
"""(node, index) → the metric's recent values, oldest first, gaps as None."""
Shape = tuple[tuple[str, tuple[int, ...]], ...]
"""Who stands where: a layout stays good for as long as the shape does."""


@dataclass(frozen=True, slots=True, eq=False)
class NodeGroup:
    """A node and its GPUs on view."""

    node: Node
    gpus: tuple[Gpu, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FleetView:
    """One moment of the grid."""

    look: Look
    nodes: tuple[NodeGroup, ...]
    metric: Metric
    trend: TrendOf
    gpus: tuple[Gpu, ...]
    """All of them, in the order of the nodes."""
    shape: Shape
    paint: Paint | None = None
    """What colours it in the metric's place."""

    def place(self, node: str, index: int) -> int | None:
        """The number of a GPU among `gpus`."""
        start = 0
        for name, indexes in self.shape:
            if name == node:
                return start + indexes.index(index) if index in indexes else None
            start += len(indexes)
        return None


def no_trend(node: str, index: int) -> Sequence[float | None]:  # noqa: ARG001 - the signature is TrendOf's
    """No recent values of any GPU."""
    return ()


def fleet_view(
    snapshot: Snapshot,
    look: Look,
    metric: Metric | None = None,
    trend: TrendOf | None = None,
    keep: Callable[[Gpu], bool] | None = None,
    paint: Callable[[tuple[Gpu, ...]], Paint] | None = None,
) -> FleetView:
    """The grid's view of a snapshot; nodes none of whose GPUs are kept are left out."""
    groups: list[NodeGroup] = []
    for node in snapshot.nodes.values():
        gpus = node.gpus if keep is None else tuple(gpu for gpu in node.gpus if keep(gpu))
        if gpus:
            groups.append(NodeGroup(node, gpus))
    shown = tuple(chain.from_iterable([group.gpus for group in groups]))
    return FleetView(
        look=look,
        paint=paint(shown) if paint is not None else None,
        nodes=tuple(groups),
        metric=metric or by_key()["gpu.utilization"],
        trend=trend or no_trend,
        gpus=shown,
        # Lists, not generators: of thousands of GPUs they take half as long.
        shape=tuple([(group.node.name, tuple([gpu.index for gpu in group.gpus])) for group in groups]),
    )
