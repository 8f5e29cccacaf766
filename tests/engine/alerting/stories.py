"""What each built-in rule is about, as two short stories: one in which it fires, one in which it must not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.finding import Finding, FindingSubject
from app.domain.reading import SourceSpec, XidCount
from app.domain.slurm import SlurmPartition, SlurmPicture
from app.domain.snapshot import Gpu, Layer, Node, Service, Snapshot, SourceState
from app.domain.watched import IdleSpell, Watched
from app.engine.alerting.signals import View
from tests.engine.slurm_builders import NOW, job, node, picture

STEP_S = 30.0
Scene = Callable[[float], View]
"""The view so many seconds after the start."""


@dataclass(frozen=True, slots=True)
class Story:
    """Two scenes for one rule."""

    fires: Scene
    quiet: Scene
    seconds: float = 120.0
    """How long the first one is watched."""


def view(
    at: float,
    gpu: Mapping[str, float] | None = None,
    of_node: Mapping[str, float] | None = None,
    service: Mapping[str, float] | None = None,
    *,
    xids: Sequence[XidCount] = (),
    error: str | None = None,
    expected: int = 1,
    seen_s: float = 0.0,
    slurm: SlurmPicture | None = None,
    idle_s: float | None = None,
    finding: str = "",
) -> View:
    """One node with one GPU and one model server, with these values."""
    now = NOW + at
    seen = now - seen_s

    def layer(values: Mapping[str, float]) -> tuple[Layer, ...]:
        return (Layer("exporter", seen, 5.0, {"gpu.utilization": 90.0, **values}),)

    board = Gpu("gpu-1", 0, "GPU-0", {"model": "NVIDIA H100"}, layer(gpu or {}), xids=tuple(xids), seen_at=seen)
    machine = Node("gpu-1", layers=layer(of_node or {}), gpus=(board,), gpus_expected=expected, sources=("exporter",))
    spec = SourceSpec("exporter", "exporter", "http://gpu-1:9400/metrics", 5.0)
    server = Service("vllm", "exporter", "http://gpu-1:8000", "m", layers=layer(service or {}))
    snapshot = Snapshot(
        version=1,
        at=now,
        nodes={"gpu-1": machine},
        sources={"exporter": SourceState(spec, tried_at=now, ok_at=seen, error=error)},
        services={server.id: server} if service is not None or error else {},
        slurm=None if slurm is None else replace(slurm, at=now),
    )
    idle = {} if idle_s is None else {"gpu-1/0": IdleSpell(now - idle_s, idle_s)}
    return View(snapshot, now, Watched(now, idle, found(finding, now) if finding else ()))


def found(code: str, now: float) -> tuple[Finding, ...]:
    """A finding of the node's, by its code."""
    return (Finding(f"fault.{code}", code, "", "critical", FindingSubject("gpu-1"), now, now, (), ""),)


def gpu(**values: float) -> Scene:
    """A GPU whose values stay as they are."""
    return lambda at: view(at, {f"gpu.{key}": value for key, value in values.items()})


def of_node(**values: float) -> Scene:
    """A node whose values stay as they are."""
    return lambda at: view(at, None, {f"node.{key}": value for key, value in values.items()})


def service(**values: float) -> Scene:
    """A model server whose values stay as they are."""
    return lambda at: view(at, None, None, {f"service.{key}": value for key, value in values.items()})


def grows(scope: str, key: str, per_step: float, start: float = 7.0, **others: float) -> Scene:
    """A counter that is at `start` and grows by so much at each step."""
    place = {"gpu": 0, "node": 1, "service": 2}[scope]

    def scene(at: float) -> View:
        values = {f"{scope}.{key}": start + per_step * at / STEP_S}
        values |= {f"{scope}.{name}": value for name, value in others.items()}
        some: list[Mapping[str, float] | None] = [None, None, None]
        some[place] = values
        return view(at, *some)

    return scene


def xid(code: int, every_s: float = 60.0, most: int = 99) -> Scene:
    """An Xid that is counted once more every so often, for the first time after a minute; one of before is history."""
    return lambda at: view(
        at, xids=(XidCount(13, 4), *((XidCount(code, n),) if (n := min(most, int(at // every_s))) else ()))
    )


def finding(code: str) -> Scene:
    """The diagnosis has found something."""
    return lambda at: view(at, finding=code)


def slurm(*nodes: Any, jobs: Sequence[Any] = (), partitions: Sequence[SlurmPartition] = (), **counts: float) -> Scene:  # noqa: ANN401 - fields of the builders
    """A Slurm that stays as it is."""
    one = replace(picture(jobs, nodes), counts=counts)
    one = replace(one, partitions={part.name: part for part in partitions}) if partitions else one
    return lambda at: view(at, slurm=one)


def ended(count: int, failed: int) -> Scene:
    """Jobs that ended just now."""
    jobs = [
        job(900 + number, state="FAILED" if number < failed else "COMPLETED", end_at=NOW, start_at=NOW - 60)
        for number in range(count)
    ]
    return slurm(node("gpu-1", 1), jobs=jobs)


DAY_S = 86400.0
DOWN = node("gpu-1", 8, state="DOWN", flags=("NOT_RESPONDING",))
SIX = [node(f"n-{number}", 8, state="DOWN") for number in range(6)]
QUIET = gpu(temperature=60.0)
STORIES: Mapping[str, Story] = {
    "GpuXidFatal": Story(xid(48), xid(45)),
    "GpuXidContained": Story(xid(94), QUIET),
    "GpuXidApp": Story(xid(31), xid(45)),
    "GpuXidAppRepeat": Story(xid(31), xid(31, most=1), 300),
    "GpuXidBurst": Story(xid(79), xid(79, most=1), 600),
    "GpuRecoveryAction": Story(gpu(recovery_action=1.0), gpu(recovery_action=0.0)),
    "GpuEccUncorrected": Story(grows("gpu", "ecc_dbe_volatile", 1.0), gpu(ecc_dbe_volatile=7.0)),
    "GpuRowRemapFailure": Story(gpu(row_remap_failure=1.0), gpu(row_remap_failure=0.0)),
    "GpuRowRemapPending": Story(gpu(row_remap_pending=1.0), gpu(row_remap_pending=0.0), 330),
    "GpuSramThreshold": Story(gpu(ecc_sram_threshold=1.0), gpu(ecc_sram_threshold=0.0)),
    "GpuRetiredPagesPending": Story(gpu(retired_pages_pending=1.0), gpu(retired_pages_pending=0.0), 330),
    "GpuMissing": Story(lambda at: view(at, expected=2), lambda at: view(at, expected=1), 630),
    "GpuHwThermalSlowdown": Story(gpu(clock_event_reasons=64.0), gpu(clock_event_reasons=4.0), 330),
    "GpuPowerBrake": Story(gpu(clock_event_reasons=128.0), gpu(clock_event_reasons=5.0), 330),
    "GpuSwThermal": Story(gpu(clock_event_reasons=32.0), gpu(clock_event_reasons=4.0), 1830),
    "GpuHot": Story(gpu(temperature=88.0), gpu(temperature=88.0, temperature_margin=12.0), 630),
    "GpuPcieReplays": Story(grows("gpu", "pcie_replay", 30.0), grows("gpu", "pcie_replay", 1.0), 660),
    "NvlinkErrors": Story(
        grows("gpu", "nvlink_recovery_errors", 1.0), gpu(nvlink_recovery_errors=5.0, nvlinks_active=18.0)
    ),
    "FabricNotReady": Story(gpu(fabric_state=2.0), gpu(fabric_state=3.0, fabric_error=0.0), 330),
    "IbPortDown": Story(finding("C4"), QUIET, 270),
    "IbPortFlap": Story(grows("node", "infiniband_link_downed", 1.0), of_node(infiniband_link_downed=9.0), 300),
    "GpuMetricsStale": Story(lambda at: view(0 if at < 400 else at, seen_s=at), QUIET, 420),
    "SlurmNodeDown": Story(slurm(DOWN), slurm(replace(DOWN, flags=("POWERED_DOWN",))), 150),
    "SlurmNodeDrainedUnplanned": Story(
        slurm(node("gpu-1", 8, flags=("DRAIN",), reason="Kill task failed", reason_by="root", reason_at=NOW)),
        slurm(node("gpu-1", 8, flags=("DRAIN",), reason="new PSU", reason_by="ana", reason_at=NOW)),
        330,
    ),
    "SlurmDrainForgotten": Story(
        slurm(node("gpu-1", 8, flags=("DRAIN",), reason="new PSU", reason_by="ana", reason_at=NOW - 8 * DAY_S)),
        slurm(node("gpu-1", 8, flags=("DRAIN",), reason="new PSU", reason_by="ana", reason_at=NOW - DAY_S)),
    ),
    "SlurmManyDown": Story(
        slurm(*SIX),
        slurm(SIX[0], node("n-9", 8), partitions=[SlurmPartition("p", nodes=("n-0", "n-9"))]),
        630,
    ),
    "SlurmPendingImpossible": Story(
        slurm(node("gpu-1", 8), jobs=[job(7, state="PENDING", reason="BadConstraints")]),
        slurm(node("gpu-1", 8), jobs=[job(7, state="PENDING", reason="Priority")]),
        930,
    ),
    "SlurmBacklogIdleGpus": Story(
        slurm(node("gpu-1", 8, used=4), jobs=[job(7, state="PENDING", reason="Resources", gpus=8, priority=5)]),
        slurm(node("gpu-1", 8, used=8), jobs=[job(7, state="PENDING", reason="Resources", gpus=8, priority=5)]),
        1830,
    ),
    "SlurmFailureRate": Story(ended(10, 3), ended(4, 4)),
    "SlurmControllerSlow": Story(
        slurm(node("gpu-1", 8), scheduler_last_cycle_us=9e6), slurm(node("gpu-1", 8), scheduler_last_cycle_us=9e4), 330
    ),
    "GpuAllocatedIdle": Story(lambda at: view(at, idle_s=3600 + at), lambda at: view(at, idle_s=600 + at)),
    "VllmDown": Story(lambda at: view(at, error="connection refused"), service(requests_running=1.0)),
    "VllmWedged": Story(
        service(requests_running=3.0, requests_waiting=2.0, tokens_per_s=0.0, prompt_tokens=5.0),
        service(requests_running=0.0, requests_waiting=0.0, tokens_per_s=0.0, prompt_tokens=5.0),
        180,
    ),
    "VllmKvSaturated": Story(
        service(kv_cache_usage=96.0, requests_waiting=4.0), service(kv_cache_usage=96.0, requests_waiting=0.0), 330
    ),
    "VllmPreemption": Story(
        grows("service", "preemptions", 90.0), grows("service", "preemptions", 1.0, kv_cache_usage=80.0), 660
    ),
    "VllmQueue": Story(service(requests_waiting=12.0), service(requests_waiting=9.0), 480),
    "VllmTtft": Story(service(ttft=3.1), service(ttft=0.4), 150),
    "HostMemoryLow": Story(
        of_node(memory_available=900.0, memory_total=10000.0),
        of_node(memory_available=5000.0, memory_total=10000.0),
        150,
    ),
    "HostDisk": Story(of_node(disk_free=900.0), of_node(disk_free=278712.0, disk_size=7340032.0), 150),
    "HostOom": Story(grows("node", "oom_kills", 1.0), of_node(oom_kills=12.0)),
    "ClockSkew": Story(finding("I9"), QUIET, 630),
    "NfsStall": Story(finding("I3"), QUIET, 90),
}  # fmt: skip
