"""A feed over a played story: every look of it is kept, so that questions about the past are answered from it too."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from app.agent.ground import Ground
from app.config.settings import Settings
from app.domain.alerts_now import AlertsNow
from app.domain.apply import apply
from app.domain.diagnosis import Diagnosis
from app.domain.fleet import fleet_values
from app.domain.metrics import by_key
from app.domain.series import Event, Point, Series, Subject
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.engine.alerting.round import AlertingState, evaluate_all
from app.engine.alerting.rulebook import built_in
from app.engine.alerting.signals import View
from app.engine.alerting.windows import Windows
from app.services.alert_desk import AlertDesk
from app.sources.source import Source
from tests.bench.faults.plant import START
from tests.bench.faults.play import Doctor
from tests.bench.faults.story import STEP_S, Stage
from tests.bench.faults.wires import sources
from tests.services.slurm_doors import jobs_of
from tests.standins.slurm_commands import FakeSlurm
from tests.tui.fake_feed import FakeFeed


class RecordedFeed(FakeFeed):
    """The feed of a story at its end."""

    def __init__(self, snapshot: Snapshot, now: float) -> None:
        super().__init__(snapshot, now=now)
        self.ended_jobs: dict[str, SlurmJob] = {}

    def tell(self, events: Sequence[Event]) -> None:
        """Take in what happened."""
        self._events = (*self._events, *events)

    def desk(self) -> AlertDesk | None:
        """There is one; nobody uses it, since nothing is carried out here."""
        return cast("AlertDesk", SimpleNamespace())

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """What the kept pictures say, one value a look."""
        points = [
            Point(at, value, value, value)
            for at, snapshot in sorted(self.past.items())
            if start <= at <= end and (value := _value(snapshot, subject, metric, at)) is not None
        ]
        return Series(subject, metric, by_key()[metric].unit, start, end, STEP_S, points)

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """Jobs that were seen to end."""
        return [one for one in self.ended_jobs.values() if one.end_at is None or start <= one.end_at <= end][:limit]


def _value(snapshot: Snapshot, subject: Subject, metric: str, at: float) -> float | None:
    match subject.kind:
        case "fleet":
            return fleet_values(snapshot, at).get(metric)
        case "node":
            node = snapshot.nodes.get(subject.node)
            if node is None:
                return None
            return node.value(metric, at) if metric.startswith("node.") else _mean(node.gpus, metric, at)
        case "gpu":
            gpu = snapshot.gpu(subject.node, subject.index or 0)
            return None if gpu is None else gpu.value(metric, at)
        case "service":
            found = snapshot.services.get(subject.key)
            return None if found is None else found.value(metric, at)
        case _:
            return _of_job(snapshot, subject.key, metric, at)


def _mean(gpus: Sequence[Any], metric: str, at: float) -> float | None:
    values = [value for gpu in gpus if (value := gpu.value(metric, at)) is not None]
    return sum(values) / len(values) if values else None


def _of_job(snapshot: Snapshot, key: str, metric: str, at: float) -> float | None:
    from app.domain.allocation import allocations

    job = (snapshot.slurm.jobs or {}).get(key) if snapshot.slurm is not None else None
    return None if job is None else _mean(allocations(snapshot, at).gpus_of(job), metric, at)


@dataclass
class Recording:
    """A story while it is played."""

    stage: Stage
    doctor: Doctor = field(default_factory=Doctor)
    alerting: AlertingState = field(default_factory=AlertingState)
    windows: Windows = field(default_factory=Windows)
    feed: RecordedFeed | None = None

    async def play(self) -> RecordedFeed:
        """Play it to its end, as `tests.bench.faults.play` does, and keep all of it."""
        feed = RecordedFeed(self.doctor.snapshot, START)
        some = sources(self.stage.plant, STEP_S)
        for number in range(1, int(self.stage.lasts_s / STEP_S) + 1):
            seconds = number * STEP_S
            if any(since < seconds < until for since, until in self.stage.pauses):
                continue
            at = START + seconds
            self.stage.due(at)
            self.stage.plant.advance(at)
            await self._read(feed, some)
            before = feed.diagnosed
            self._look(feed, at)
            feed.tell(_incident_events(before, feed.diagnosed, at))
        return feed

    async def _read(self, feed: RecordedFeed, some: list[Source]) -> None:
        for source in some:
            applied = apply(self.doctor.snapshot, source.spec, await source.read())
            self.doctor.snapshot = applied.snapshot
            feed.tell(applied.events)

    def _look(self, feed: RecordedFeed, at: float) -> None:
        diagnosis = self.doctor.look(at, STEP_S)
        snapshot = self.doctor.snapshot
        self.alerting, moved = evaluate_all(built_in().enabled(), self.alerting, View(snapshot, at), self.windows)
        feed.push(snapshot, at)
        feed.past[at] = snapshot
        feed.diagnosed = feed.diagnosed_past[at] = diagnosis
        feed.alerted = AlertsNow(at, STEP_S, self.alerting.all())
        feed.spells = Watched(at)
        feed.tell([
            Event(at, f"alert.{one.state}", one.severity, Subject("fleet"), one.text or one.rule)
            for one in (each.alert for each in moved)
            if one.state in ("firing", "resolved")
        ])  # fmt: skip
        jobs = snapshot.slurm.jobs if snapshot.slurm is not None else None
        feed.ended_jobs.update({key: job for key, job in (jobs or {}).items() if job.is_ended})


def _incident_events(before: Diagnosis, after: Diagnosis, at: float) -> list[Event]:
    known = {one.id for one in before.incidents}
    return [
        Event(at, "incident.began", one.severity, Subject("fleet"), one.title)
        for one in after.incidents
        if one.id not in known
    ]


async def recorded(stage: Stage) -> RecordedFeed:
    """The feed of a story at its end."""
    return await Recording(stage).play()


def ground_of(feed: RecordedFeed, folder: Path | None = None, *, has_slurm: bool = True) -> Ground:
    """The ground of questions about it, asked by ana; Slurm's commands are the stand-in's."""
    place = (folder or Path(tempfile.mkdtemp(prefix="asked-"))) / "slurm"
    place.mkdir(exist_ok=True)
    jobs = jobs_of(FakeSlurm(place), place.parent / "state") if has_slurm else None
    return Ground(feed, Settings(), jobs, "ana")
