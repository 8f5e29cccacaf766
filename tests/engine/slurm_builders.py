"""Builders of Slurm's values for tests: jobs, nodes, partitions, a picture, and a snapshot that holds it.

Everything has a believable default, so that a test says only what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.domain.reading import GpuProcess
from app.domain.slurm import Gres, JobGpus, SlurmJob, SlurmNode, SlurmPartition, SlurmPicture
from app.domain.snapshot import Gpu, Layer, Node, Snapshot

NOW = 1_764_000_000.0
MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86400.0
MODEL = "NVIDIA H100 80GB HBM3"


def job(number: int, **said: Any) -> SlurmJob:  # noqa: ANN401 - fields of the value
    """A pending job of ana's in partition gpu, unless told otherwise."""
    defaults: dict[str, Any] = {
        "id": str(number),
        "job_id": number,
        "name": "train",
        "user": "ana",
        "account": "lab",
        "partition": "gpu",
        "qos": "normal",
        "state": "PENDING",
        "reason": "Resources",
        "node_count": 1,
        "priority": 1000,
        "submit_at": NOW - HOUR_S,
        "time_limit_s": DAY_S,
    }
    return SlurmJob(**{**defaults, **said})


def running(number: int, on: str, gpus: int = 0, *, ends_in_s: float | None = HOUR_S, **said: Any) -> SlurmJob:  # noqa: ANN401 - fields of the value
    """A job that runs on nodes (`a,b`) with so many GPUs on each; the first indices, unless `indices` says which."""
    nodes = tuple(on.split(","))
    kind = said.pop("gpu_type", "h100")
    indices = said.pop("indices", tuple(range(gpus)))
    defaults: dict[str, Any] = {
        "state": "RUNNING",
        "reason": None,
        "nodes": nodes,
        "node_count": len(nodes),
        "gpus": gpus * len(nodes),
        "gpu_type": kind,
        "gpus_on": tuple(JobGpus(node, gpus, kind, indices) for node in nodes) if gpus else (),
        "cpus": 8 * len(nodes),
        "start_at": NOW - 3 * HOUR_S,
        "end_at": None if ends_in_s is None else NOW + ends_in_s,
    }
    return job(number, **{**defaults, **said})


def node(name: str, gpus: int = 8, used: int | None = 0, **said: Any) -> SlurmNode:  # noqa: ANN401 - fields of the value
    """A node of H100s in partition gpu, the first `used` of them given to jobs; None: it does not say."""
    kind = said.pop("kind", "h100")
    defaults: dict[str, Any] = {
        "state": "IDLE" if not used else "MIXED",
        "gres": (Gres("gpu", kind, gpus),) if gpus else (),
        "gres_used": None if used is None else (Gres("gpu", kind, used, tuple(range(used))),) if gpus else (),
        "cpus": 64,
        "cpus_used": 8 * bool(used),
        "memory_mib": 1_000_000.0,
        "memory_used_mib": 0.0,
        "partitions": ("gpu",),
        "version": "24.11.5",
    }
    return SlurmNode(name, **{**defaults, **said})


def partition(name: str = "gpu", **said: Any) -> SlurmPartition:  # noqa: ANN401 - fields of the value
    """A partition without limits."""
    return SlurmPartition(name, **said)


def picture(
    jobs: Iterable[SlurmJob] = (),
    nodes: Iterable[SlurmNode] = (),
    partitions: Iterable[SlurmPartition] = (),
    **said: Any,  # noqa: ANN401 - fields of the value
) -> SlurmPicture:
    """One look at Slurm, taken at NOW; partition gpu is there in any case."""
    defaults: dict[str, Any] = {
        "source": "slurm",
        "interval_s": 10.0,
        "way": "commands 24.11.5",
        "version": "24.11.5",
        "jobs": {one.id: one for one in jobs},
        "nodes": {one.name: one for one in nodes},
        "partitions": {"gpu": partition()} | {one.name: one for one in partitions},
        "at": NOW,
    }
    return SlurmPicture(**{**defaults, **said})


def gpu(
    node_name: str,
    index: int,
    *,
    util: float | None = 97.0,
    power_w: float | None = 600.0,
    at: float = NOW,
    processes: tuple[GpuProcess, ...] | None = None,
    **said: Any,  # noqa: ANN401 - fields of the value
) -> Gpu:
    """A GPU as its exporter shows it: busy, unless told otherwise; None: it does not say."""
    values: dict[str, float] = {"gpu.power_limit": 700.0, "gpu.memory_used": 70_000.0, **said.pop("values", {})}
    if util is not None:
        values["gpu.utilization"] = util
    if power_w is not None:
        values["gpu.power"] = power_w
    layer = Layer(f"exporter-{node_name}", at, 5.0, values)
    return Gpu(
        node_name,
        index,
        f"GPU-{node_name}-{index}",
        {"model": MODEL},
        (layer,),
        processes=processes,
        processes_at=None if processes is None else at,
        seen_at=at,
        **said,
    )


def idle(node_name: str, index: int, at: float = NOW, **said: Any) -> Gpu:  # noqa: ANN401 - fields of the value
    """A GPU that does nothing."""
    return gpu(node_name, index, util=0.0, power_w=98.0, at=at, **said)


def process(pid: int = 4711, user: str | None = "ana", **said: Any) -> GpuProcess:  # noqa: ANN401 - fields of the value
    """A process that computes."""
    defaults: dict[str, Any] = {
        "name": "python3",
        "command": "python3 train.py",
        "memory_mib": 60_000.0,
        "kind": "compute",
        "started_at": NOW - 2 * HOUR_S,
    }
    return GpuProcess(pid=pid, user=user, **{**defaults, **said})


def snapshot_with(
    slurm: SlurmPicture | None = None,
    gpus: Iterable[Gpu] = (),
    *,
    at: float = NOW,
    prices: Mapping[str, float] | None = None,
) -> Snapshot:
    """A snapshot of GPUs and Slurm's picture; nodes come from both."""
    boards: dict[str, list[Gpu]] = {name: [] for name in (slurm.nodes if slurm else {})}
    for one in gpus:
        boards.setdefault(one.node, []).append(one)
    nodes = {
        name: Node(
            name,
            gpus=tuple(some),
            gpus_expected=max(len(some), slurm.nodes[name].gpus if slurm and name in slurm.nodes else 0),
            sources=(f"exporter-{name}",),
        )
        for name, some in boards.items()
    }
    return Snapshot(version=1, at=at, nodes=nodes, prices=prices or {}, slurm=slurm)
