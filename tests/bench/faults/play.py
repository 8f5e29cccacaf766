"""Playing a story: the real sources read the plant, the real engine steps, and what it says is written down.

Beside it, on the same snapshots, run what the diagnosis is held against: the alert rules by themselves, and a table of
fatal Xids.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.domain.apply import apply
from app.domain.diagnosis import Diagnosis
from app.domain.finding import Finding
from app.domain.snapshot import Snapshot
from app.engine.alerting.round import AlertingState, evaluate_all
from app.engine.alerting.rulebook import built_in
from app.engine.alerting.signals import View
from app.engine.alerting.windows import Windows
from app.engine.diagnosis.blind import blind
from app.engine.diagnosis.fault_table import fault_table
from app.engine.diagnosis.observers import OBSERVERS
from app.engine.diagnosis.state import DiagnosisState, Seen
from app.engine.diagnosis.step import step
from app.engine.findings_slurm import slurm_findings
from app.engine.watch_slurm import SlurmWatch
from app.engine.watch_slurm import step as step_watch
from app.services.log_marks import LogMarks
from app.sources.source import Source
from tests.bench.faults.plant import START, Plant
from tests.bench.faults.story import STEP_S, Stage
from tests.bench.faults.wires import sources

FATAL = frozenset((46, 48, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 143, 156, 158, 167))
"""What the classic tables call fatal (nvidia_gpu_exporter's rules, NVIDIA's catalogue)."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a baseline raised."""

    at: float
    name: str
    code: str
    """An Xid's number, where it is of one."""
    node: str
    gpu: str
    job: str
    service: str
    severity: str


@dataclass
class Alerts:
    """The rules that come with the program, evaluated without a diagnosis."""

    state: AlertingState = field(default_factory=AlertingState)
    windows: Windows = field(default_factory=Windows)
    raised: list[Alarm] = field(default_factory=list)

    def look(self, snapshot: Snapshot, now: float) -> None:
        """Evaluate once."""
        self.state, moved = evaluate_all(built_in().enabled(), self.state, View(snapshot, now), self.windows)
        for one in moved:
            if one.alert.state == "firing" and one.before != "firing":
                labels = dict(one.alert.labels)
                get = labels.get
                self.raised.append(
                    Alarm(
                        now, one.alert.rule, get("code", ""), get("node", ""), get("gpu", ""), get("job", ""),
                        get("service", ""), one.alert.severity,
                    )
                )  # fmt: skip


@dataclass
class Doctor:
    """The diagnosis of one plant, look by look."""

    snapshot: Snapshot = field(default_factory=lambda: Snapshot(cluster="lab", prices={"NVIDIA H100": 3.0}))
    before: Snapshot | None = None
    before_at: float = 0.0
    state: DiagnosisState = field(default_factory=DiagnosisState)
    watch: SlurmWatch = field(default_factory=SlurmWatch)
    marks: LogMarks = field(default_factory=LogMarks)
    fatal: list[Alarm] = field(default_factory=list)

    async def read(self, some: list[Source]) -> None:
        """Take in one look at every source."""
        for source in some:
            reading = await source.read()
            self.snapshot = apply(self.snapshot, source.spec, reading).snapshot

    def look(self, now: float, interval_s: float) -> Diagnosis:
        """Diagnose once, as the service does."""
        return self.diagnosed(self.watched(now), now, interval_s)

    def watched(self, now: float) -> tuple[Finding, ...]:
        """What watching jobs and GPUs finds."""
        if self.snapshot.slurm is None:
            return ()
        self.watch = step_watch(self.watch, self.snapshot, now)
        return slurm_findings(self.watch, self.snapshot, now)

    def diagnosed(self, findings: tuple[Finding, ...], now: float, interval_s: float) -> Diagnosis:
        """One step of the diagnosis."""
        fresh = self.snapshot
        said = self.marks.take(fresh)
        for one in said:
            if one.kind == "xid" and one.code in FATAL:
                gpu = str(one.gpu if one.gpu is not None else one.pci or "")
                self.fatal.append(Alarm(now, "fatal Xid", str(one.code), one.node, gpu, "", "", "critical"))
        seen = Seen(fresh, self.before, self.before_at, said, findings, interval_s)
        self.state = step(self.state, seen, now, fault_table(), OBSERVERS, blind)
        self.before, self.before_at = fresh, now
        return self.state.diagnosis


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a story."""

    looks: tuple[tuple[float, Diagnosis], ...]
    """(seconds into the story, what was said then)."""
    alarms: tuple[Alarm, ...]
    fatal: tuple[Alarm, ...]
    snapshot: Snapshot


def play(stage: Stage, *, with_rules: bool = True, interval_s: float = STEP_S) -> Played:
    """Play a story to its end."""
    return asyncio.run(_play(stage, with_rules=with_rules, interval_s=interval_s))


async def _play(stage: Stage, *, with_rules: bool, interval_s: float) -> Played:
    plant = stage.plant
    doctor, alerts, looks = Doctor(), Alerts(), []
    some = sources(plant, interval_s)
    for seconds in _ticks(stage.lasts_s, interval_s):
        if any(since < seconds < until for since, until in stage.pauses):
            continue
        stage.due(START + seconds)
        plant.advance(START + seconds)
        await doctor.read(some)
        looks.append((seconds, doctor.look(START + seconds, interval_s)))
        if with_rules:
            alerts.look(doctor.snapshot, START + seconds)
    return Played(tuple(looks), tuple(alerts.raised), tuple(doctor.fatal), doctor.snapshot)


def _ticks(lasts_s: float, interval_s: float) -> Iterator[float]:
    return (interval_s * number for number in range(1, int(lasts_s / interval_s) + 1))


async def watch_quietly(
    plant: Plant,
    interval_s: float,
    count: int,
    before_look: Callable[[float], object],
    heard: Callable[[float, Diagnosis], object],
) -> None:
    """Let a plant run for so many looks, with something done before each and somebody told of each."""
    doctor, some = Doctor(), sources(plant, interval_s)
    for number in range(1, count + 1):
        seconds = number * interval_s
        before_look(seconds)
        plant.advance(START + seconds)
        await doctor.read(some)
        heard(seconds, doctor.look(START + seconds, interval_s))
