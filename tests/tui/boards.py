"""Frozen boards for tests of the screen: a small cluster with everything a page can show, the same every time."""

from __future__ import annotations

from dataclasses import replace

from app.domain.reading import GpuProcess, PageHealth, SourceSpec, XidCount
from app.domain.series import Event, Subject
from app.domain.snapshot import Gpu, Layer, MigSlice, Service, Snapshot, SourceState
from tests.present.fleets import INTERVAL_S, NOW, changed, fleet, hot, lost, with_values

__all__ = ["EVENTS", "NOW", "empty", "full", "healthy", "stale"]

_VLLM = SourceSpec("vllm-01", "vllm", "http://gpu-02:8000/metrics", INTERVAL_S)
_DOWN = SourceSpec("node-03", "exporter", "http://gpu-03:9100/metrics", INTERVAL_S)
_AMD = SourceSpec("mi300", "exporter", "http://amd-01:5000/metrics", INTERVAL_S)

EVENTS: tuple[Event, ...] = (
    Event(NOW - 5400, "run.start", "info", Subject("fleet"), "collecting began"),
    Event(
        NOW - 1900, "source.down", "warning", Subject("service", key="node-03"), "node-03 is down: connection refused"
    ),
    Event(NOW - 41, "gpu.xid", "warning", Subject("gpu", node="gpu-01", index=5), "gpu-01/5 Xid 79"),
    Event(NOW - 41, "gpu.lost", "critical", Subject("gpu", node="gpu-01", index=5), "gpu-01/5 is lost: Xid 79"),
)


def healthy(nodes: int = 2) -> Snapshot:
    """Nothing is wrong."""
    return fleet(nodes)


def full() -> Snapshot:
    """Two nodes: one GPU lost, one hot, one sliced, one idle yet held; a model server, a source down."""
    snapshot = fleet(2)
    snapshot = changed(snapshot, "gpu-01", 5, lost)
    snapshot = changed(snapshot, "gpu-02", 2, hot)
    snapshot = changed(snapshot, "gpu-01", 3, _held)
    snapshot = changed(snapshot, "gpu-02", 6, _sliced)
    snapshot = changed(snapshot, "gpu-01", 0, _busy)
    page = PageHealth("dcgm-exporter", 412, 396, (("DCGM_FI_DEV_FOO", 8), ("DCGM_FI_DEV_BAR", 8)), 0, (), 70_112)
    sources = {name: replace(state, page=page) for name, state in snapshot.sources.items()}
    sources["vllm-01"] = SourceState(_VLLM, NOW - 0.8, NOW - 0.8, None, 0.012)
    why = "connection refused by gpu-03:9100; is the exporter running there?"
    sources["node-03"] = SourceState(_DOWN, NOW - 2, NOW - 1900, why, 0.003, failures=380)
    service = Service(
        "vllm", "vllm-01", _VLLM.target, "nvidia/Nemotron-3-Nano-30B-A3B", {"version": "0.11.2"}, (_served(),)
    )
    return replace(
        snapshot, version=7, sources=sources, services={service.id: service}, nodes=_with_machine(snapshot).nodes
    )


def stale() -> Snapshot:
    """Nothing has answered for 13 s at an interval of 5 s."""
    return fleet(2, at=NOW - 13)


def empty() -> Snapshot:
    """Sources are configured, none has answered."""
    state = SourceState(_AMD, NOW - 1, None, "timed out after 4.5 s; see settings: target.timeout_s", 4.5, failures=3)
    return Snapshot(1, NOW, "lab", sources={"mi300": state})


def _held(gpu: Gpu) -> Gpu:
    """Idle, its memory full."""
    return with_values(gpu, {"gpu.utilization": 0.0, "gpu.power": 98.0, "gpu.temperature": 41.0})


def _busy(gpu: Gpu) -> Gpu:
    """Everything a page can show of one GPU."""
    more = {
        "gpu.memory_temperature": 71.0,
        "gpu.temperature_slowdown": 89.0,
        "gpu.memory_clock": 2619.0,
        "gpu.energy": 8.1e9,
        "gpu.pcie_tx": 2.1e9,
        "gpu.pcie_gen": 5.0,
        "gpu.pcie_gen_max": 5.0,
        "gpu.nvlink_tx": 41e9,
        "gpu.nvlink_rx": 40e9,
        "gpu.nvlinks_active": 18.0,
        "gpu.ecc_sbe_volatile": 3.0,
        "gpu.remapped_rows_correctable": 1.0,
        "gpu.tensor_active": 61.2,
        "gpu.sm_active": 88.4,
        "gpu.dram_active": 52.0,
        "gpu.pcie_replay": 2.0,
        "gpu.pstate": 0.0,
    }
    processes = (
        GpuProcess(41200, "python3", "ana", "python3 -m torch.distributed.run train.py --lr 1e-4", 70_102.0, 97.0),
        GpuProcess(41990, "nvtop", "root", "nvtop", 12.0),
    )
    return replace(with_values(gpu, more), processes=processes, xids=(XidCount(94, 2, NOW - 7200),))


def _sliced(gpu: Gpu) -> Gpu:
    """In MIG mode with three slices."""
    values = {"gpu.engine_active": 44.0, "gpu.memory_used": 7100.0, "gpu.memory_total": 20096.0}
    slices = tuple(
        MigSlice(number, "2g.20gb", f"MIG-{number:04}", (Layer("exporter-gpu-02", NOW - 1.2, INTERVAL_S, values),))
        for number in (3, 4, 5)
    )
    return replace(with_values(gpu, {"gpu.mig_mode": 1.0}), mig=slices)


def _served() -> Layer:
    values = {
        "service.requests_running": 14.0,
        "service.requests_waiting": 3.0,
        "service.kv_cache_usage": 61.5,
        "service.tokens_per_s": 1843.2,
        "service.prompt_tokens_per_s": 9120.0,
        "service.ttft": 0.214,
        "service.itl": 0.0123,
        "service.e2e_latency": 3.9,
        "service.prefix_hit_rate": 44.0,
        "service.generation_tokens": 8.1e6,
    }
    return Layer("vllm-01", NOW - 0.8, INTERVAL_S, values)


def _with_machine(snapshot: Snapshot) -> Snapshot:
    """Each node with the values of its machine."""
    values = {
        "node.cpu_utilization": 31.0,
        "node.cpu_count": 192.0,
        "node.load_1m": 58.2,
        "node.memory_total": 2_063_000.0,
        "node.memory_used": 411_000.0,
        "node.memory_percent": 20.0,
        "node.disk_size": 7_000_000.0,
        "node.disk_free": 3_900_000.0,
        "node.network_rx": 812e6,
        "node.network_tx": 790e6,
        "node.boot_time": NOW - 40 * 86400,
    }
    nodes = {
        name: replace(node, layers=(Layer(node.sources[0], NOW - 1.2, INTERVAL_S, values),))
        for name, node in snapshot.nodes.items()
    }
    return replace(snapshot, nodes=nodes)
