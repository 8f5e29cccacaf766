"""A frozen fleet with Slurm on it: three nodes, jobs in many states, an array, a heterogeneous job."""
# ruff: noqa: E501 - a job reads best as one table line

from __future__ import annotations

from dataclasses import replace

from app.domain.apply_slurm import apply_slurm
from app.domain.reading import GpuProcess, SourceSpec
from app.domain.slurm import Gres, JobGpus, SlurmJob, SlurmNode, SlurmPartition, SlurmPicture, SlurmReading
from app.domain.snapshot import Gpu, Snapshot, SourceState
from tests.present.fleets import INTERVAL_S, NOW, changed, fleet, with_values

SPEC = SourceSpec("slurm", "slurm", "slurmctld on head-01", INTERVAL_S)
AT = NOW - 2.0
"""When Slurm was last read."""
HOUR, DAY = 3600.0, 86400.0
HOSTILE = "[b]evil[/b]\x1b[31m\u202egnp.exe\x00 \n" + "x" * 10_000
"""A job name that tries everything: markup, an escape, a right-to-left mark, NUL, a new line, length."""
TASKS = range(1, 41)
"""Tasks of the array 820."""


def job(number: int, name: str, user: str, state: str, **more: object) -> SlurmJob:
    """A job of the partition `gpu`; a running one began 41 minutes ago and may run for two hours."""
    usual: dict[str, object] = {
        "account": {"ana": "nlp", "bo": "vision", "cy": "vision"}.get(user, "infra"),
        "partition": "gpu",
        "qos": "normal",
        "priority": 4000 + number,
        "submit_at": NOW - 2 * HOUR,
        "time_limit_s": 2 * HOUR,
        "node_count": 1,
        "gpu_type": "h100",
    }
    if state == "RUNNING":
        usual |= {"start_at": NOW - 41 * 60, "end_at": NOW + 79 * 60}
    fields = {"id": str(number), "job_id": number, "name": name, "user": user, "state": state, **usual, **more}
    return SlurmJob(**fields)  # type: ignore[arg-type]  # the fields of SlurmJob by name


def holding(*on: tuple[str, tuple[int, ...]]) -> dict[str, object]:
    """What a job holds: nodes and the GPUs on them."""
    held = tuple(JobGpus(node, len(indices), "h100", indices) for node, indices in on)
    gpus = sum(one.count for one in held)
    return {"nodes": tuple(node for node, _ in on), "node_count": len(on), "gpus": gpus, "gpus_on": held}


def jobs() -> tuple[SlurmJob, ...]:
    """Jobs in many states, in the order of their numbers."""
    return (
        job(809, "tokenize", "cy", "COMPLETED", gpus=0, start_at=NOW - 3 * HOUR, end_at=NOW - 2.5 * HOUR, exit_code=0),
        job(810, "train-7b", "ana", "FAILED", gpus=8, start_at=NOW - 2 * HOUR, end_at=NOW - 110 * 60, exit_code=1, reason="NonZeroExitCode"),
        job(
            812, "llama-ft", "ana", "RUNNING",
            **holding(("gpu-01", tuple(range(8))), ("gpu-03", (0, 1, 2, 3))),
            start_at=NOW - 3.2 * HOUR, end_at=NOW + 20.8 * HOUR, time_limit_s=DAY, qos="high",
            work_dir="/home/ana/llama", command="/home/ana/llama/train.sbatch --lr 1e-4", cpus=192, memory_mib=786_432,
            stdout="/home/ana/llama/slurm-812.out", stderr="/home/ana/llama/slurm-812.out",
        ),
        job(815, "eval", "bo", "RUNNING", **holding(("gpu-03", (4, 5))), cpus=16, memory_mib=131_072),
        job(
            816, "vllm", "svc", "RUNNING", **holding(("gpu-02", (0, 1, 2, 3))),
            start_at=NOW - 52 * HOUR, end_at=None, time_limit_s=float("inf"), partition="serve",
        ),
        job(817, "notebook", "bo", "SUSPENDED", **holding(("gpu-02", (4,))), start_at=NOW - HOUR, run_s=900.0),
        *array(),
        *het(),
        job(831, "pretrain", "cy", "PENDING", gpus=8, gpus_per_node=8, reason="Resources", start_at=NOW + 70 * 60, priority=9000),
        job(832, "ablation", "ana", "PENDING", gpus=4, reason="JobHeldUser", priority=0),
        job(833, "merge", "bo", "PENDING", gpus=1, reason="Dependency", dependency="afterok:815"),
        job(834, HOSTILE, "eve", "PENDING", gpus=1, reason="Priority", comment=HOSTILE),
        job(835, "probe", "dee", "RUNNING", **holding(("gpu-03", (6,))), flags=("CONFIGURING",), start_at=NOW - 20, end_at=NOW + HOUR, time_limit_s=HOUR),
        job(836, "odd", "dee", "HIBERNATING", gpus=1, reason="WarmingUpTheSun"),
    )  # fmt: skip


def array() -> tuple[SlurmJob, ...]:
    """An array of forty tasks of one GPU, two of which run."""
    running = tuple(
        job(900 + task, "sweep", "cy", "RUNNING", id=f"820_{task}", array_job_id=820, array_task=str(task), **holding(("gpu-02", (4 + task,))))
        for task in TASKS[:2]
    )  # fmt: skip
    pending = tuple(
        job(820, "sweep", "cy", "PENDING", id=f"820_{task}", array_job_id=820, array_task=str(task), gpus=1, reason="JobArrayTaskLimit")
        for task in TASKS[2:]
    )  # fmt: skip
    return (*running, *pending)


def het() -> tuple[SlurmJob, ...]:
    """A heterogeneous job of two parts that waits."""
    return tuple(
        job(830 + part, "rlhf", "dee", "PENDING", id=f"830+{part}", het_job_id=830, het_offset=part, gpus=gpus, reason="Resources")
        for part, gpus in enumerate((4, 2))
    )  # fmt: skip


def nodes() -> tuple[SlurmNode, ...]:
    """A mixed node, a full one, and one that is drained though jobs still run there."""
    gres = (Gres("gpu", "h100", 8),)
    common = {"gres": gres, "cpus": 128, "memory_mib": 1_031_000.0, "version": "23.11.4"}
    return (
        SlurmNode("gpu-01", "ALLOCATED", gres_used=(Gres("gpu", "h100", 8, tuple(range(8))),), cpus_used=128, partitions=("gpu",), **common),  # type: ignore[arg-type]  # as above
        SlurmNode("gpu-02", "MIXED", gres_used=(Gres("gpu", "h100", 7, (0, 1, 2, 3, 4, 5, 6)),), cpus_used=40, partitions=("gpu", "serve"), **common),  # type: ignore[arg-type]  # as above
        SlurmNode(
            "gpu-03", "MIXED", flags=("DRAIN",), reason="GPU 7: uncorrectable ECC", reason_by="root", reason_at=NOW - 2 * HOUR,
            gres_used=(Gres("gpu", "h100", 7, (0, 1, 2, 3, 4, 5, 6)),), cpus_used=88, partitions=("gpu",), **common,  # type: ignore[arg-type]  # as above
        ),
    )  # fmt: skip


def partitions() -> tuple[SlurmPartition, ...]:
    """The default one, one for services, one that is closed."""
    return (
        SlurmPartition("gpu", is_default=True, nodes=("gpu-01", "gpu-02", "gpu-03"), time_limit_s=2 * DAY, default_time_s=HOUR),
        SlurmPartition("serve", nodes=("gpu-02",), time_limit_s=float("inf"), allow_groups="ops"),
        SlurmPartition("debug", state="DOWN", nodes=(), time_limit_s=1800.0),
    )  # fmt: skip


def picture(snapshot: Snapshot | None = None) -> SlurmPicture:
    """What Slurm tells of the fleet."""
    found = (snapshot or slurm_fleet()).slurm
    assert found is not None
    return found


def slurm_fleet(extra: tuple[SlurmJob, ...] = ()) -> Snapshot:
    """The fleet: GPU 3 of gpu-01 fell behind its job, GPUs 4 and 5 of gpu-03 are held and idle."""
    base = fleet(3)
    for name in base.nodes:
        for index in range(8):
            base = changed(base, name, index, lambda one: replace(one, hpc_jobs=(), processes=_processes(one)))
    base = changed(base, "gpu-01", 3, lambda one: with_values(one, {"gpu.utilization": 0.0, "gpu.power": 98.0}))
    for place in (("gpu-02", 7), ("gpu-03", 4), ("gpu-03", 5), ("gpu-03", 7)):
        base = changed(base, *place, _idle)
    base = replace(base, sources={**base.sources, "slurm": SourceState(SPEC, AT, AT, None, 0.041)})
    told = SlurmReading(
        "commands 23.11.4", (*jobs(), *extra), nodes(), partitions(), version="23.11.4", cluster="lab"
    )  # fmt: skip
    after, _ = apply_slurm(base, SPEC, told, AT)
    return replace(after, prices={"H100": 2.98})


def _idle(one: Gpu) -> Gpu:
    return with_values(one, {"gpu.utilization": 0.0, "gpu.power": 75.0, "gpu.memory_used": 430.0})


def _processes(one: Gpu) -> tuple[GpuProcess, ...]:
    """Who is on a GPU: the user of its job."""
    for held in jobs():
        if any(on.node == one.node and one.index in (on.indices or ()) for on in held.gpus_on):
            return (GpuProcess(4000 + one.index, "python3", held.user, "python3 train.py", 70_000.0),)
    return ()
