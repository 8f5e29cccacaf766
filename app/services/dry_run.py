"""When a rule would have fired: its condition over the stored past, moved by the same machine as in life.

Only metrics of the catalogue are in the history; a rule over signals cannot be tried, and says so. Values are means of
the step, so that a peak shorter than it may be missed; counters are what they were on average.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.alert import Alert, Labels, Rule, labels_of
from app.domain.metrics import by_key
from app.domain.series import FLEET, Subject
from app.domain.series import Series as Past
from app.domain.snapshot import Snapshot
from app.engine.alerting.evaluate import EvaluationError, evaluate
from app.engine.alerting.expression import selectors
from app.engine.alerting.machine import step
from app.engine.alerting.parse import parse
from app.engine.alerting.series import Series, SeriesBook
from app.engine.alerting.signals import gpu_labels, node_labels

MOST_SERIES = 4096
"""Series of the past that one dry run reads."""
AT_ONCE = 8
LOOK_BACK_STEPS = 3


class DryRunError(Exception):
    """A rule cannot be tried; the message is for a person."""


class Asked(Protocol):
    """The part of a feed or a store that looks back."""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Past:
        """As `History.series`."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert from its begin to its end."""

    labels: Labels
    active_at: float
    fired_at: float
    ended_at: float | None
    """None: it still fires at the end."""
    worst: float | None


@dataclass(frozen=True, slots=True)
class DryRun:
    """What came of it."""

    rule: str
    start: float
    end: float
    step_s: float
    series: int
    left_out: int
    """Series that were not read, for there were too many."""
    episodes: tuple[Episode, ...]

    def answer(self) -> dict[str, Any]:
        """As `alerts rules test --json` prints it."""
        return {
            "schema": 1,
            "rule": self.rule,
            "since": round(self.start, 3),
            "until": round(self.end, 3),
            "step_s": self.step_s,
            "series": self.series,
            "left_out": self.left_out,
            "fired": [
                {
                    "labels": dict(one.labels),
                    "active_at": round(one.active_at, 3),
                    "fired_at": round(one.fired_at, 3),
                    "ended_at": None if one.ended_at is None else round(one.ended_at, 3),
                    "worst": one.worst,
                }
                for one in self.episodes
            ],
        }


async def dry_run(rule: Rule, past: Asked, snapshot: Snapshot, start: float, end: float, step_s: float) -> DryRun:
    """Try a rule on the subjects of a snapshot. Raises DryRunError."""
    tree = parse(rule.expr)
    names = tuple(dict.fromkeys(one.name for one in selectors(tree)))
    unknown = [name for name in names if name not in by_key()]
    if unknown:
        raise DryRunError(f"rule {rule.name!r} asks for {', '.join(unknown)}, of which the history keeps no series")
    wanted = [(name, *pair) for name in names for pair in _subjects(name, snapshot)]
    reach_s = max([one.window_s or 0.0 for one in selectors(tree)])
    book: dict[str, list[Series]] = {}
    gate = asyncio.Semaphore(AT_ONCE)

    async def read(name: str, subject: Subject, labels: Labels) -> None:
        async with gate:
            try:
                found = await past.series(subject, name, start - reach_s, end, step_s)
            except LookupError:
                return
        marks = [(point.at + step_s, point.mean) for point in found.points]
        book.setdefault(name, []).append(Series(labels, _without_gaps(marks)))

    async with asyncio.TaskGroup() as group:
        for one in wanted[:MOST_SERIES]:
            group.create_task(read(*one))
    samples = SeriesBook(book, LOOK_BACK_STEPS * step_s)
    try:
        episodes = await asyncio.to_thread(lambda: tuple(_episodes(rule, samples, start, end, step_s)))
    except EvaluationError as error:
        raise DryRunError(f"rule {rule.name!r}: {error}") from error
    left_out = max(0, len(wanted) - MOST_SERIES)
    return DryRun(rule.name, start, end, step_s, min(len(wanted), MOST_SERIES), left_out, episodes)


def _without_gaps(marks: list[tuple[float, float | None]]) -> Iterator[tuple[float, float | None]]:
    """Spans with a sample; the first one without, after some, marks that it was gone."""
    was_there = False
    for at, value in marks:
        if value is not None or was_there:
            yield at, value
        was_there = value is not None


def _subjects(name: str, snapshot: Snapshot) -> Iterator[tuple[Subject, Labels]]:
    match name.partition(".")[0]:
        case "gpu":
            for gpu in snapshot.gpus():
                yield Subject("gpu", node=gpu.node, index=gpu.index), gpu_labels(gpu.node, gpu.index)
        case "node":
            for node in snapshot.nodes:
                yield Subject("node", node=node), node_labels(node)
        case "service":
            for service in snapshot.services:
                yield Subject("service", key=service), labels_of({"service": service})
        case _:
            yield FLEET, ()


def _episodes(rule: Rule, samples: SeriesBook, start: float, end: float, step_s: float) -> Iterator[Episode]:
    tree = parse(rule.expr)
    alerts: dict[Labels, Alert] = {}
    worst: dict[Labels, float] = {}
    further = _further(rule)
    at = start + step_s
    while at <= end:
        true = evaluate(tree, samples, at)
        moved = step(rule, alerts, true, at)
        for one in moved.transitions:
            alert = one.alert
            if alert.state == "resolved" and alert.fired_at is not None:
                yield Episode(alert.labels, alert.active_at, alert.fired_at, at, worst.pop(alert.labels, None))
        alerts = dict(moved.alerts)
        for labels, alert in alerts.items():
            if alert.state == "firing" and alert.value is not None:
                worst[labels] = further(worst.get(labels, alert.value), alert.value)
        at += step_s
    for labels, alert in alerts.items():
        if alert.state == "firing" and alert.fired_at is not None:
            yield Episode(labels, alert.active_at, alert.fired_at, None, worst.get(labels))


def _further(rule: Rule) -> Callable[[float, float], float]:
    """Which of two values is the worse."""
    return min if "<" in rule.expr and ">" not in rule.expr else max
