"""When a rule would have fired: its condition over the stored past, moved by the same machine as in life.

Only metrics of the catalogue are in the history; a rule over signals cannot be tried, and says so. Values are means of
the step, so that a peak shorter than it may be missed; counters are what they were on average. Whoever cancels it ends
it, also where it evaluates in a thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from app.domain.alert import Alert, Labels, Rule, fits, labels_of
from app.domain.frozen import frozen
from app.domain.metrics import by_key
from app.domain.series import FLEET, Subject
from app.domain.series import Series as Past
from app.domain.snapshot import Snapshot
from app.engine.alerting.evaluate import EvaluationError, evaluate
from app.engine.alerting.expression import COMPARISONS, Binary, Number, Selector, selectors
from app.engine.alerting.machine import step
from app.engine.alerting.parse import parse
from app.engine.alerting.series import Series, SeriesBook
from app.engine.alerting.signals import gpu_labels, node_labels

MOST_SERIES = 4096
"""Series of the past that one dry run reads."""
AT_ONCE = 8
OnRead = Callable[[int, int], None]
"""Told after each series: how many were read, of how many."""
LOOK_BACK_STEPS = 3
T = TypeVar("T")


class DryRunError(Exception):
    """A rule cannot be tried; the message is for a person."""


class Asked(Protocol):
    """The part of a feed or a store that looks back."""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Past:
        """As `History.series`."""


@frozen
class Episode:
    """One alert from its begin to its end."""

    labels: Labels
    active_at: float
    fired_at: float
    ended_at: float | None
    """None: it still fires at the end."""
    worst: float | None


@frozen
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
    closest: Subject | None = None
    """Whose values went furthest towards the limit or beyond it; None where no metric is compared with a number."""

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


async def dry_run(
    rule: Rule,
    past: Asked,
    snapshot: Snapshot,
    start: float,
    end: float,
    step_s: float,
    *,
    on_read: OnRead = lambda _read, _of: None,
) -> DryRun:
    """Try a rule on the subjects of a snapshot. Raises DryRunError."""
    tree = parse(rule.expr)
    names = tuple(dict.fromkeys(one.name for one in selectors(tree)))
    unknown = [name for name in names if name not in by_key()]
    if unknown:
        raise DryRunError(f"rule {rule.name!r} asks for {', '.join(unknown)}, of which the history keeps no series")
    wanted = [(name, *pair) for name in names for pair in _subjects(name, snapshot)]
    reach_s = max([one.window_s or 0.0 for one in selectors(tree)])
    book, extremes = await _read(wanted[:MOST_SERIES], past, (start - reach_s, end, step_s), on_read)

    def tried(is_off: Callable[[], bool]) -> tuple[Episode, ...]:
        samples = SeriesBook(book, LOOK_BACK_STEPS * step_s)
        return tuple(_episodes(rule, samples, start, end, step_s, is_off))

    try:
        episodes = await _in_thread(tried)
    except EvaluationError as error:
        raise DryRunError(f"rule {rule.name!r}: {error}") from error
    left_out = max(0, len(wanted) - MOST_SERIES)
    return DryRun(
        rule.name, start, end, step_s, min(len(wanted), MOST_SERIES), left_out, episodes, _closest(rule, extremes)
    )


@frozen
class Compared:
    """The simplest condition: one metric and one number."""

    metric: str
    op: str
    limit: float


def compared(rule: Rule) -> Compared | None:
    """A rule as a metric that is compared with a number; None for every other condition."""
    tree = parse(rule.expr)
    if not isinstance(tree, Binary) or tree.op not in COMPARISONS:
        return None
    left, right = tree.left, tree.right
    if not isinstance(left, Selector) or not isinstance(right, Number) or left.window_s is not None:
        return None
    return Compared(left.name, tree.op, right.value)


Extremes = Mapping[Subject, tuple[Labels, float, float]]
"""The labels, the least and the greatest value of each subject that had any."""


def _closest(rule: Rule, extremes: Extremes) -> Subject | None:
    found = compared(rule)
    selector = next(selectors(parse(rule.expr)))
    mine = {subject: one for subject, one in extremes.items() if fits(selector.matchers, one[0])}
    if found is None or not mine:
        return None
    is_low = found.op.startswith("<")
    return min(mine, key=lambda subject: mine[subject][1] if is_low else -mine[subject][2])


async def _read(
    wanted: Sequence[tuple[str, Subject, Labels]], past: Asked, span: tuple[float, float, float], on_read: OnRead
) -> tuple[Mapping[str, list[Series]], Extremes]:
    """The series of each name, and how far each went. Raises DryRunError where there is none to be had."""
    book: dict[str, list[Series]] = {}
    gate = asyncio.Semaphore(AT_ONCE)
    extremes: dict[Subject, tuple[Labels, float, float]] = {}
    refusals: list[str] = []
    done = 0

    async def read(name: str, subject: Subject, labels: Labels) -> None:
        nonlocal done
        async with gate:
            try:
                found = await past.series(subject, name, *span)
            except LookupError as error:
                refusals.append(str(error.args[0] if error.args else error))
            else:
                marks = [(point.at + span[2], point.mean) for point in found.points]
                book.setdefault(name, []).append(Series(labels, _without_gaps(marks)))
                if values := [value for _, value in marks if value is not None]:
                    extremes[subject] = labels, min(values), max(values)
            done += 1
            on_read(done, len(wanted))

    try:
        async with asyncio.TaskGroup() as group:
            for one in wanted:
                group.create_task(read(*one))
    except ExceptionGroup as failed:
        raise DryRunError(f"the history cannot be read: {failed.exceptions[0]}") from failed
    if refusals and not book:
        raise DryRunError(refusals[0])
    return book, extremes


async def _in_thread(work: Callable[[Callable[[], bool]], T]) -> T:
    """What work gives that asks now and then whether it is called off; cancelling calls it off."""
    off = threading.Event()
    try:
        return await asyncio.to_thread(work, off.is_set)
    finally:
        off.set()


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


def _episodes(
    rule: Rule, samples: SeriesBook, start: float, end: float, step_s: float, is_off: Callable[[], bool]
) -> Iterator[Episode]:
    tree = parse(rule.expr)
    alerts: dict[Labels, Alert] = {}
    worst: dict[Labels, float] = {}
    further = _further(rule)
    at = start + step_s
    while at <= end and not is_off():
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
