"""What tests of reports are made of: a store in which a GPU falls off the bus, with secrets in every text of others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.domain.apply import Change
from app.domain.apply_logs import apply_logs
from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis
from app.domain.evidence import LogEvidence
from app.domain.fleet import fleet_values
from app.domain.reading import PageHealth, SourceSpec
from app.domain.series import FLEET, Event, Subject
from app.domain.slurm import Gres, JobGpus, SlurmJob, SlurmNode, SlurmPicture
from app.domain.snapshot import Gpu, Layer, Node, Snapshot, SourceState
from app.services.diagnosis_past import diagnosis_at
from app.services.report_ground import Ground
from app.store.history import Tick
from app.store.sqlite import SqliteHistory, open_store

NOW = 1_764_000_000.0
"""Epoch seconds at which the stored past begins."""
FELL_S, LOST_S, LASTS_S, STEP_S = 300.0, 310.0, 600.0, 10.0
CANARY = "c4n4ry0123456789abcd"
PAGE, KERNEL = "http://gpu-1:9400", "kernel gpu-1"


def xid(at: float, text: str = "") -> LogEvidence:
    """The driver's line about GPU 3, with somebody's token in it."""
    said = text or f"NVRM: Xid (PCI:0000:1b:00): 79, pid=77, name=train.py --hf-token {CANARY}, fell off the bus"
    return LogEvidence(
        "xid", at, said, "critical", source=KERNEL, node="gpu-1", code=79, pci="0000:1b:00", pid=77
    )  # fmt: skip


def _gpu(index: int, at: float, values: Mapping[str, float], *, lost_at: float | None = None) -> Gpu:
    facts = {
        "pci_bus_id": f"00000000:{0x1B + index - 3:02X}:00.0",
        "model": "NVIDIA H100 80GB HBM3",
        "driver_version": "580.1",
    }
    layers = (Layer(PAGE, at, STEP_S, values),) if lost_at is None else ()
    return Gpu(
        "gpu-1", index, f"GPU-0000000{index}-1111", facts, layers, seen_at=at if lost_at is None else lost_at,
        lost_at=lost_at, note=None if lost_at is None else f"{PAGE} no longer lists it",
    )  # fmt: skip


def _slurm(at: float) -> SlurmPicture:
    job = SlurmJob(
        "812", 812, name="llama-sft", user="ana", account="lab", state="RUNNING", nodes=("gpu-1",), gpus=2,
        gpus_on=(JobGpus("gpu-1", 2, indices=(3, 4)),), start_at=NOW - 3600, time_limit_s=86400.0,
        comment=f"token={CANARY}", command=f"/home/ana/run.sh --password {CANARY}", stdout="/home/ana/812.out",
    )  # fmt: skip
    node = SlurmNode("gpu-1", "MIXED", gres=(Gres("gpu", "h100", 2),), gres_used=(Gres("gpu", "h100", 2, (3, 4)),))
    return SlurmPicture("slurm", 10.0, "commands 24.05", "24.05.1", jobs={"812": job}, nodes={"gpu-1": node}, at=at)


def picture(after: float, before: Snapshot | None = None) -> Snapshot:
    """How it stood so many seconds after NOW."""
    at = NOW + after
    is_lost = after >= LOST_S
    power = 600.0 + after % 40 if after < FELL_S else 60.0
    gpus = (
        _gpu(3, at, {"gpu.utilization": 97.0 if after < FELL_S else 0.0, "gpu.power": power, "gpu.power_limit": 700.0})
        if not is_lost
        else _gpu(3, at, {}, lost_at=NOW + LOST_S),
        _gpu(4, at, {"gpu.utilization": 96.0, "gpu.power": 610.0, "gpu.power_limit": 700.0}),
    )
    health = PageHealth("dcgm-exporter", 10, 10)
    sources = {
        PAGE: SourceState(SourceSpec(PAGE, "exporter", PAGE, STEP_S, "gpu-1"), at, at, page=health),
        KERNEL: SourceState(SourceSpec(KERNEL, "log", "/var/log/kern.log", STEP_S, "gpu-1"), at, at),
        "slurm": SourceState(SourceSpec("slurm", "slurm", "squeue", STEP_S), at, at),
        "dead": SourceState(
            SourceSpec("dead", "exporter", "http://gpu-2:9400", STEP_S, "gpu-2"),
            at,
            None,
            f"refused: password={CANARY}",
        ),
    }
    fresh = Snapshot(
        version=1, at=at, cluster="lab", sources=sources, prices={"NVIDIA H100": 2.5}, slurm=_slurm(at),
        nodes={"gpu-1": Node("gpu-1", gpus=gpus, gpus_expected=2, sources=(PAGE,))},
        logs=before.logs if before is not None else (), logs_count=before.logs_count if before is not None else 0,
    )  # fmt: skip
    return apply_logs(fresh, (xid(NOW + FELL_S - 1),) if after == FELL_S else (), at)[0]


async def stored(path: Path) -> SqliteHistory:
    """A store with ten minutes of it."""
    history = await open_store(path, lambda: NOW)
    before: Snapshot | None = None
    for number in range(int(LASTS_S / STEP_S) + 1):
        shown = picture(number * STEP_S, before)
        changes = [
            Change(Subject("gpu", node=gpu.node, index=gpu.index), layer, gpu.uuid)
            for gpu in shown.gpus()
            for layer in gpu.layers
        ]
        changes.append(Change(FLEET, Layer("fold", shown.at, STEP_S, fleet_values(shown, shown.at))))
        events: tuple[Event, ...] = ()
        if shown.at == NOW + FELL_S:
            about = Subject("gpu", node="gpu-1", index=3)
            events = (
                Event(shown.at, "alert.firing", "critical", about, "gpu-1/3: Xid 79"),
                Event(shown.at + 1, "log.xid", "critical", about, f"gpu-1/3 Xid 79 --hf-token {CANARY}"),
                Event(shown.at + 2, "source.up", "info", Subject("service", key="elsewhere"), "something else"),
            )
        await history.write(Tick(shown.at, tuple(changes), events, shown))
        before = shown
    return history


def ground(history: SqliteHistory, state_dir: Path, known: Diagnosis = NO_DIAGNOSIS, after: float = LASTS_S) -> Ground:
    """The ground of a report that is asked for so many seconds after NOW."""

    async def then(when: float, since_s: float) -> Diagnosis | None:
        return await diagnosis_at(history, when, since_s)

    return Ground(history, known, then, NOW + after, state_dir, "1.2.3")
