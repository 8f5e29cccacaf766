"""The program that `paint` measures: a screen with the grid alone, fed with frozen snapshots once a second.

The snapshots are made before the first frame, so that what is measured is presenting and painting. `walk` moves every
GPU's utilization at random each second, the worst a heat map can meet; `real` is a cluster at work.
"""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Iterable
from dataclasses import replace

from textual.widget import Widget

from app.domain.fleet import cluster_facts
from app.domain.snapshot import Snapshot
from app.present.fleet_view import fleet_view
from app.present.header import badge
from app.present.look import Look
from app.present.trends import Trends
from app.present.worst import WORST_COLUMNS, worst_rows
from tests.present.fleets import fleet, with_values
from tests.widgets.harness import Harness
from widgets.gpu_grid import GpuGrid
from widgets.ribbon import ClusterHeader
from widgets.virtual_table import VirtualTable

MOMENTS = 8
"""Snapshots shown in turn."""


def moments(nodes: int, gpus: int, kind: str) -> list[Snapshot]:
    """The snapshots, one for each second."""
    if kind == "real":
        return [fleet(nodes, gpus, tick) for tick in range(MOMENTS)]
    chance = random.Random(7)
    first = fleet(nodes, gpus)
    use = {gpu.id: chance.uniform(0, 100) for gpu in first.gpus()}
    made: list[Snapshot] = []
    for tick in range(MOMENTS):
        snapshot = fleet(nodes, gpus, tick)
        use = {key: min(100.0, max(0.0, was + chance.choice((-6, -3, 0, 3, 6)))) for key, was in use.items()}
        nodes_now = {
            name: replace(node, gpus=tuple(with_values(gpu, {"gpu.utilization": use[gpu.id]}) for gpu in node.gpus))
            for name, node in snapshot.nodes.items()
        }
        made.append(replace(snapshot, nodes=nodes_now))
    return made


class FleetApp(Harness):
    """A grid, and with `whole` the header and the worst list beside it."""

    CSS = "VirtualTable { height: 12; }"

    def __init__(self, made: list[Snapshot], *, whole: bool) -> None:
        super().__init__(self._widgets)
        self._moments = made
        self._whole = whole
        self._tick = 0
        self._trends = Trends()

    def _widgets(self) -> Iterable[Widget]:
        if self._whole:
            yield ClusterHeader()
        yield GpuGrid()
        if self._whole:
            yield VirtualTable(header=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(GpuGrid).focus()
        self.show_next()
        self.set_interval(1.0, self.show_next)

    def show_next(self) -> None:
        """Show the next moment; there and back, so that a walk stays one."""
        at = self._tick % (2 * MOMENTS - 2)
        snapshot = self._moments[at if at < MOMENTS else 2 * MOMENTS - 2 - at]
        self._tick += 1
        look = Look(snapshot.at + 1.0)
        self._trends.add(snapshot, float(self._tick))
        view = fleet_view(snapshot, look, trend=self._trends.of)
        self.query_one(GpuGrid).show(view)
        if self._whole:
            facts = cluster_facts(snapshot, look.now)
            self.query_one(ClusterHeader).show(facts, look, badge(facts, look))
            self.query_one(VirtualTable).show(WORST_COLUMNS, worst_rows(view))


if __name__ == "__main__":
    nodes_wanted, gpus_wanted, kind_wanted, parts_wanted = sys.argv[1:5]
    shown = moments(int(nodes_wanted), int(gpus_wanted), kind_wanted)
    gc.collect()
    gc.freeze()  # eight fleets at once are this program's doing: the collector need not walk them for the screen
    FleetApp(shown, whole=parts_wanted == "whole").run()
