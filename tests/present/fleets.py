"""Frozen fleets for tests of presenters and widgets: believable values, the same every time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from app.domain.reading import GpuProcess, SourceSpec, XidCount
from app.domain.snapshot import Gpu, Layer, Node, Snapshot, SourceState

NOW = 1_764_000_000.0
MODEL = "NVIDIA H100 80GB HBM3"
INTERVAL_S = 5.0


def noise(*seed: int) -> float:
    """A number from 0 to 1 that depends on the seeds alone."""
    text = math.sin(sum(part * weight for part, weight in zip(seed, (12.9898, 78.233, 37.719), strict=False))) * 43758.5
    return text - math.floor(text)


def values(role: str, node: int, index: int, tick: int = 0) -> dict[str, float]:
    """What a GPU in a role shows: `train`, `serve` or `idle`."""
    wobble = noise(node, index, tick)
    use = {"train": 95 + 4 * wobble, "serve": 20 + 50 * wobble, "idle": 0.0}[role]
    held = {"train": 72_700.0, "serve": 22_600.0 + 40 * wobble, "idle": 430.0}[role]
    return {
        "gpu.utilization": round(use, 1),
        "gpu.memory_used": held,
        "gpu.memory_total": 81_559.0,
        "gpu.memory_free": 81_559.0 - held,
        "gpu.temperature": round(34 + use * 0.3 + 3 * noise(node, index)),
        "gpu.power": round(72 + use * 5.5 + 8 * wobble, 1),
        "gpu.power_limit": 700.0,
        "gpu.sm_clock": 1980.0 if use else 345.0,
        "gpu.sm_clock_max": 1980.0,
        "gpu.pcie_width": 16.0,
        "gpu.pcie_width_max": 16.0,
        "gpu.pcie_rx": 1.2e9 * use / 100,
        "gpu.ecc_dbe_volatile": 0.0,
        "gpu.clock_event_reasons": 4.0 if use > 90 else 1.0,
    }


def role_of(node: int) -> str:
    """Two nodes of three train, every sixth is idle, the rest serve."""
    return "idle" if node % 6 == 5 else "serve" if node % 3 == 2 else "train"


def gpu(node: str, number: int, index: int, tick: int = 0, at: float = NOW - 1.2) -> Gpu:
    """One GPU of node `number`."""
    role = role_of(number)
    user, job = {"train": ("ana", "812"), "serve": ("svc", "816"), "idle": (None, "")}[role]
    processes = (GpuProcess(4000 + index, "python3", user, "python3 train.py", 70_000.0),) if user else ()
    return Gpu(
        node,
        index,
        f"GPU-{number:08x}-0000-0000-0000-{index:012x}",
        {"model": MODEL, "driver_version": "570.86.15", "pci_bus_id": f"00000000:{index:02X}:00.0"},
        (Layer(f"exporter-{node}", at, INTERVAL_S, values(role, number, index, tick)),),
        processes=processes,
        processes_at=at,
        hpc_jobs=(job,) if job else (),
        seen_at=at,
    )


def fleet(nodes: int = 1, gpus: int = 8, tick: int = 0, *, at: float | None = None) -> Snapshot:
    """A healthy cluster."""
    when = NOW - 1.2 + tick if at is None else at
    width = len(str(nodes)) if nodes > 9 else 2
    named: dict[str, Node] = {}
    sources: dict[str, SourceState] = {}
    for number in range(1, nodes + 1):
        name = f"gpu-{number:0{width}}"
        source = f"exporter-{name}"
        boards = tuple(gpu(name, number, index, tick, when) for index in range(gpus))
        layer = Layer(source, when, INTERVAL_S, {"node.cpu_utilization": 31.0, "node.memory_percent": 42.0})
        named[name] = Node(name, layers=(layer,), gpus=boards, gpus_expected=gpus, sources=(source,))
        spec = SourceSpec(source, "exporter", f"http://{name}:9400/metrics", INTERVAL_S)
        sources[source] = SourceState(spec, when, when, None, 0.021)
    return Snapshot(tick, when, "lab", "live", sources, named, prices={"H100": 2.98})


def changed(snapshot: Snapshot, node: str, index: int, change: Callable[[Gpu], Gpu]) -> Snapshot:
    """The snapshot with one GPU changed."""
    was = snapshot.nodes[node]
    gpus = tuple(change(one) if one.index == index else one for one in was.gpus)
    return replace(snapshot, nodes={**snapshot.nodes, node: replace(was, gpus=gpus)})


def lost(one: Gpu) -> Gpu:
    """The GPU fell off the bus."""
    return replace(one, lost_at=NOW - 41, note="Xid 79", xids=(XidCount(79, 1, NOW - 41),))


def hot(one: Gpu) -> Gpu:
    """The GPU is too hot."""
    return with_values(one, {"gpu.temperature": 91.0, "gpu.clock_event_reasons": 0x40})


def failing(one: Gpu) -> Gpu:
    """The GPU's memory is failing."""
    return with_values(one, {"gpu.row_remap_failure": 1.0})


def silent(one: Gpu) -> Gpu:
    """The GPU's values are past their age."""
    old = tuple(replace(layer, at=NOW - 90) for layer in one.layers)
    return replace(one, layers=old, seen_at=NOW - 90)


def with_values(one: Gpu, more: dict[str, float]) -> Gpu:
    """The GPU with some values changed."""
    first = one.layers[0]
    return replace(one, layers=(replace(first, values={**first.values, **more}), *one.layers[1:]))


def troubled(nodes: int = 8, gpus: int = 8, tick: int = 0) -> Snapshot:
    """A cluster in which one GPU is lost, one hot, one failing and one silent, as far as there are nodes."""
    snapshot = fleet(nodes, gpus, tick)
    names = list(snapshot.nodes)
    for place, change in ((0, lost), (len(names) // 3, hot), (len(names) // 2, failing), (len(names) - 1, silent)):
        snapshot = changed(snapshot, names[place], 5 % gpus, change)
    return snapshot


def trend(node: str, index: int) -> tuple[float | None, ...]:
    """Recent utilization that fits the role, with one gap."""
    number = int("".join(char for char in node if char.isdigit()) or 0)
    role = role_of(number)
    shown: list[float | None] = []
    for at in range(120):
        value = values(role, number, index, at)["gpu.utilization"]
        wave = 12 * math.sin(at / 5 + index) if role == "serve" else -40.0 if role == "train" and at % 37 == 5 else 0.0
        shown.append(max(0.0, value + wave))
    if index == 3:
        shown[100:103] = [None, None, None]
    return tuple(shown)
