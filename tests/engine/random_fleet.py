"""A small fleet that changes at random, with all that may happen to it: for comparing two ways to look at it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from app.domain.reading import GpuProcess, SourceSpec, XidCount
from app.domain.slurm import SlurmPicture
from app.domain.snapshot import Gpu, Layer, MigSlice, Node, Snapshot, SourceState
from tests.engine.slurm_builders import NOW, node, picture, running

STEP_S = 10.0
NODES, GPUS = 6, 4
GPU_VALUES: dict[str, tuple[float, ...]] = {
    "gpu.utilization": (97.0, 97.0, 97.0, 60.0, 30.0, 5.0, 0.0),
    "gpu.power": (600.0, 600.0, 590.0, 320.0, 150.0, 80.0),
    "gpu.power_limit": (700.0, 700.0, 700.0, 400.0),
    "gpu.power_limit_default": (700.0,),
    "gpu.sm_clock": (1980.0, 1980.0, 1960.0, 1200.0, 345.0),
    "gpu.temperature": (60.0, 69.9, 70.0, 86.0, 91.0),
    "gpu.temperature_margin": (30.0, 5.0, 4.0),
    "gpu.temperature_slowdown": (90.0,),
    "gpu.memory_temperature": (60.0, 95.0, 106.0),
    "gpu.memory_temperature_max_operating": (95.0, 105.0, 0.0),
    "gpu.clock_event_reasons": (0.0, 1.0, 4.0, 8.0, 72.0, 128.0),
    "gpu.memory_used": (70_000.0, 4.0, 900.0),
    "gpu.pcie_width": (16.0, 16.0, 8.0),
    "gpu.pcie_width_max": (16.0,),
    "gpu.pcie_gen": (5.0, 5.0, 1.0),
    "gpu.pcie_gen_max": (5.0,),
    "gpu.nvlinks_active": (18.0, 18.0, 18.0, 17.0),
    "gpu.fabric_state": (3.0, 3.0, 3.0, 2.0),
    "gpu.fabric_error": (0.0, 0.0, 5.0),
    "gpu.fabric_health": (0.0, 0.0, 1.0),
    "gpu.fabric_health_summary": (1.0, 2.0),
    "gpu.xid_last": (0.0, 0.0, 79.0, 31.0),
    "gpu.recovery_action": (0.0, 0.0, 0.0, 2.0),
    "gpu.row_remap_pending": (0.0, 0.0, 1.0),
    "gpu.row_remap_failure": (0.0, 0.0, 1.0),
    "gpu.persistence_mode": (1.0, 1.0, 0.0),
    "gpu.sm_active": (90.0, 10.0),
}
GPU_COUNTERS = (
    "gpu.energy", "gpu.ecc_dbe_volatile", "gpu.ecc_sbe_volatile", "gpu.pcie_replay", "gpu.nvlink_crc_errors",
    "gpu.nvlink_recovery_errors", "gpu.nvlink_replay_errors", "gpu.thermal_violation",
)  # fmt: skip
NODE_VALUES: dict[str, tuple[float, ...]] = {
    "node.disk_free_percent": (60.0, 15.0, 9.0, 1.0),
    "node.conntrack": (10.0, 95.0),
    "node.clock_offset": (0.0, 0.2, -2.0),
    "node.load_5m": (10.0, 200.0),
    "node.infiniband_up": (8.0, 8.0, 7.0),
    "node.memory_available": (9e11, 1e10),
    "node.memory_total": (1e12,),
    "node.boot_time": (NOW - 86400.0, NOW),
}
NODE_COUNTERS = ("node.ecc_corrected", "node.oom_kills", "node.infiniband_link_downed", "node.infiniband_overruns")


class RandomFleet:
    """Fleets of one seed, step by step; `calm`: how seldom anything happens."""

    def __init__(self, seed: int, calm: float) -> None:
        self._dice = random.Random(seed)
        self._calm = calm
        self._without = frozenset(key for key in (*GPU_VALUES, *GPU_COUNTERS) if self._dice.random() < 0.2)
        """Keys that its exporters never tell."""
        self._nodes: dict[str, Node] = {}
        self._picture: SlurmPicture | None = None
        self.now = NOW
        for number in range(NODES):
            self._add(f"gpu-{number}")

    def steps(self, count: int) -> Iterator[Snapshot]:
        """Snapshots one after another."""
        for version in range(1, count + 1):
            self.now = NOW + STEP_S * version
            self._change()
            sources = {
                name: SourceState(SourceSpec(name, "exporter", f"http://{name}:9400", 5.0), self.now, self.now)
                for name in self._nodes
            }
            yield Snapshot(version, self.now, sources=sources, nodes=dict(self._nodes), slurm=self._picture)

    def _add(self, name: str) -> None:
        values = {key: some[0] for key, some in NODE_VALUES.items()} | dict.fromkeys(NODE_COUNTERS, 1.0)
        layers = (Layer(f"host-{name}", self.now, 5.0, values),)
        gpus = tuple(self._gpu(name, index) for index in range(GPUS))
        self._nodes[name] = Node(name, layers=layers, gpus=gpus, gpus_expected=GPUS, sources=(name,))

    def _gpu(self, name: str, index: int) -> Gpu:
        values = {key: some[0] for key, some in GPU_VALUES.items()} | dict.fromkeys(GPU_COUNTERS, 1.0)
        told = {key: value for key, value in values.items() if key not in self._without}
        model = self._dice.choice(("NVIDIA H100", "NVIDIA H100", "NVIDIA A100"))
        layer = Layer(f"dcgm-{name}", self.now, 5.0, told)
        return Gpu(name, index, f"GPU-{name}-{index}", {"model": model}, (layer,), seen_at=self.now)

    def _happens(self, share: float = 1.0) -> bool:
        return self._dice.random() > 1.0 - share * (1.0 - self._calm)

    def _change(self) -> None:
        if self._happens(0.5):
            name = f"gpu-{self._dice.randrange(NODES + 1)}"
            if self._nodes.pop(name, None) is None:
                self._add(name)
        for name, one in self._nodes.items():
            if self._happens(2.0):
                continue  # no news of it
            layers = tuple(self._moved(layer, NODE_VALUES, NODE_COUNTERS) for layer in one.layers)
            self._nodes[name] = replace(one, layers=layers, gpus=tuple(map(self._next, one.gpus)))
        if self._picture is None or not self._happens(3.0):
            self._picture = self._slurm()

    def _next(self, gpu: Gpu) -> Gpu:
        dice = self._dice
        if gpu.lost_at is not None:
            return self._gpu(gpu.node, gpu.index) if self._happens(5.0) else gpu
        if self._happens(0.3):
            return replace(gpu, lost_at=self.now, note=dice.choice((None, "fell off the bus")))
        if self._happens(0.5):
            return gpu  # silent
        layers = tuple(self._moved(layer, GPU_VALUES, GPU_COUNTERS) for layer in gpu.layers)
        if self._happens(0.5):
            other = Layer("nvml", self.now - dice.choice((0.0, 12.0)), 5.0, {"gpu.temperature": 88.0}, 1)
            layers = (layers[0], other) if len(layers) == 1 else layers[:1]
        if self._happens(0.2):
            layers = ()
        if not layers and self._happens(3.0):
            layers = self._gpu(gpu.node, gpu.index).layers
        some = (GpuProcess(7, "python3", dice.choice(("ana", "bob")), memory_mib=700.0),)
        return replace(
            gpu,
            layers=layers,
            seen_at=self.now,
            processes=dice.choice((None, (), some)) if self._happens(2.0) else gpu.processes,
            processes_at=self.now,
            xids=(XidCount(dice.choice((31, 79)), dice.randrange(1, 4)),) if self._happens(0.5) else gpu.xids,
            hpc_jobs=dice.choice(((), ("1",), ("9",))) if self._happens(0.5) else gpu.hpc_jobs,
            mig=dice.choice(((), (MigSlice(1, "1g.10gb", None),))) if self._happens(0.2) else gpu.mig,
        )

    def _moved(self, layer: Layer, values: dict[str, tuple[float, ...]], counters: tuple[str, ...]) -> Layer:
        moved = dict(layer.values)
        for key, some in values.items():
            if key in moved and self._happens():
                moved[key] = self._dice.choice(some)
        for key in counters:
            if key in moved and (key == "gpu.energy" or self._happens()):
                moved[key] = max(
                    0.0, moved[key] + self._dice.choice((1.0, 1.0, 200.0, -1.0 if self._happens() else 1.0))
                )
        if self._happens(0.3) and moved:
            moved.pop(self._dice.choice(list(moved)))
        return replace(layer, at=self.now, values=moved)

    def _slurm(self) -> SlurmPicture:
        """Two jobs, sometimes of the other nodes; a job that stays is the same object."""
        before = self._picture
        known = (before.jobs if before is not None else None) or {}
        wanted = [running(1, "gpu-0,gpu-1", GPUS), running(2, "gpu-2,gpu-3", GPUS)]
        if self._happens(2.0):
            wanted = wanted[:1]
        if self._happens(2.0):
            wanted.append(
                running(9, "gpu-4", GPUS, user="bob", indices=self._dice.choice((None, (0, 1), (0, 1, 2, 3))))
            )
        jobs = [known[one.id] if known.get(one.id) == one else one for one in wanted]
        held = {name for one in jobs for name in one.nodes}
        nodes = [
            node(name, GPUS if not self._happens(0.3) else 8, GPUS if name in held else 0, busy_at=self.now)
            for name in (f"gpu-{number}" for number in range(NODES))
        ]
        return picture(jobs, nodes, at=self.now - self._dice.choice((0.0, 0.0, 0.0, 100.0)))
