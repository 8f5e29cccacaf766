"""The two baselines: every firing rule is an alarm, every fatal Xid is an alarm. No cause, no grouping."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.engine.diagnosis.fault_table import fault_table
from tests.bench.faults.plant import START
from tests.bench.faults.play import Alarm
from tests.bench.faults.story import Stage, Truth

NAMES: Mapping[str, str] = {
    "GpuRecoveryAction": "E3 E8", "GpuEccUncorrected": "A1 A2 A6", "GpuRowRemapFailure": "A4", "GpuRowRemapPending": "A3",
    "GpuSramThreshold": "A6", "GpuRetiredPagesPending": "A8", "GpuMissing": "B1 B5 B6 J3", "GpuHwThermalSlowdown": "D1",
    "GpuPowerBrake": "D4 D8", "GpuHot": "D6 D1", "GpuPcieReplays": "C2", "NvlinkErrors": "E1 E2", "FabricNotReady": "E6 E7",
    "IbPortDown": "C4", "IbPortFlap": "C5 C4", "GpuMetricsStale": "J1 J2 I7", "HostMemoryLow": "I1", "HostDisk": "I5 I4",
    "HostOom": "I1", "ClockSkew": "I9 F16", "NfsStall": "I3", "VllmDown": "H1", "VllmWedged": "H2 H3", "VllmKvSaturated": "H7",
    "VllmPreemption": "H8", "VllmQueue": "H9", "VllmTtft": "H10", "SlurmNodeDown": "F1 F2 I7", "SlurmManyDown": "F1",
    "SlurmNodeDrainedUnplanned": "F3 F4 F5 F6 F7 F8 F9 F11 F12 F17", "SlurmPendingImpossible": "G5 G8",
    "SlurmFailureRate": "G15", "SlurmControllerSlow": "F14 F15", "GpuAllocatedIdle": "G10",
}  # fmt: skip
"""Rule → the faults it names, as well as a threshold can."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How a baseline came out in one story."""

    truths: int
    found: int
    first_right: int
    alarms: int
    true: int
    """Alarms that name a cause, or something else that is true."""


def tally(truths: Sequence[Truth], stage: Stage, alarms: Sequence[Alarm]) -> Tally:
    """Hold a baseline's alarms against the truth; information is no alarm."""
    grave = [one for one in alarms if one.severity != "info"]
    known = (*truths, *stage.distractors)
    found = sum(any(_names(one, truth) for one in alarms) for truth in truths)
    related = [one for one in grave if not any(_names(one, other) for other in stage.distractors)]
    right = sum(bool(related) and _names(related[0], truth) for truth in truths)
    true = sum(any(_names(one, truth) for truth in known) for one in grave)
    return Tally(len(truths), found, right, len(grave), true)


def _names(alarm: Alarm, truth: Truth) -> bool:
    """Whether an alarm names this truth, where it is, once it began."""
    codes = of_xid(alarm.code) if "Xid" in alarm.name else frozenset(NAMES.get(alarm.name, "").split())
    if codes.isdisjoint(truth.codes) or alarm.at < START + truth.begins - 60.0:
        return False
    return any(_is_at(alarm, subject) for subject in truth.subjects)


def _is_at(alarm: Alarm, subject: str) -> bool:
    if subject.startswith("job "):
        return alarm.job == subject[4:]
    node, _, gpu = subject.partition("/")
    if alarm.node == node:
        return not gpu or alarm.gpu in ("", gpu) or ":" in alarm.gpu
    return alarm.service == subject or (subject == "cluster" and not alarm.node)


@lru_cache(maxsize=256)
def of_xid(code: str) -> frozenset[str]:
    """The faults that an Xid stands for."""
    found = {fault.code for fault in fault_table().faults.values() if f"xid.{code}" in fault.triggers}
    return frozenset(found | ({"E1"} if code == "74" else set()))
