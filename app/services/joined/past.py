"""What is asked of the past of several daemons: each is asked for its own, and the answers are put together.

Those who cannot be asked are left out as long as one answers; when none does, the first one's reason is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from app.domain.diagnosis import Diagnosis
from app.domain.metrics import by_key
from app.domain.series import FLEET, Event, Point, Series, Subject
from app.domain.snapshot import Snapshot
from app.services.client import DaemonError
from app.services.joined import renaming, verdicts
from app.services.joined.member import Link
from app.services.joined.merging import Part, merged
from app.services.joined.renamer import Renamer
from app.services.joined.slurms import Slurms
from app.services.wire import WireError
from app.store.history import StoreHealth

if TYPE_CHECKING:
    from app.domain.slurm import SlurmJob
    from app.services.joined.member import MemberFeed

T = TypeVar("T")
Span = tuple[float, float, float]
"""Start and end in epoch seconds, and the step in seconds."""
_UNABLE = (DaemonError, WireError, LookupError)
_GRAVE = ("failed", "full", "closed", "read-only", "ok")
"""States of a store, the worst first."""


async def _asked(
    links: Sequence[Link], ask: Callable[[MemberFeed], Awaitable[T]]
) -> tuple[list[tuple[Link, T]], list[tuple[Link, Exception]]]:
    """The answers, and who could not be asked. Raises the first reason where nobody answers."""
    told = await asyncio.gather(*(ask(one.feed) for one in links), return_exceptions=True)
    answers: list[tuple[Link, T]] = []
    failures: list[tuple[Link, Exception]] = []
    for link, one in zip(links, told, strict=True):
        if isinstance(one, _UNABLE):
            failures.append((link, one))
        elif isinstance(one, BaseException):
            raise one
        else:
            answers.append((link, one))
    if failures and not answers:
        raise failures[0][1]
    return answers, failures


def owners(links: Sequence[Link], subject: Subject) -> tuple[Link, ...]:
    """Whom to ask of a subject: its cluster's daemons, the one that has its node before the others.

    Raises LookupError where it is none of the clusters in view.
    """
    shown = subject.node or subject.key
    is_uuid = subject.kind in ("gpu", "mig") and not subject.node
    found = [one for one in links if is_uuid or one.renamer.names.naming.owns(shown)]
    if not found:
        known = ", ".join(dict.fromkeys(one.cluster for one in links))
        raise LookupError(
            f"{shown} names no cluster in view: write {known} before it, as in {links[0].cluster}:{shown}"
        )
    node = found[0].renamer.names.naming.home(subject.node)
    found.sort(key=lambda one: node not in one.feed.latest().nodes)
    return tuple(found)


async def series(links: Sequence[Link], subject: Subject, metric: str, span: Span) -> Series:
    """A series: of the fleet folded over all, of anything else from the first daemon that has it."""
    if subject == FLEET:
        answers, _ = await _asked(links, lambda feed: feed.series(FLEET, metric, *span))
        weights = [sum(1 for _ in one.feed.latest().gpus()) for one, _ in answers]
        return folded([one for _, one in answers], weights)
    trouble: Exception = LookupError(f"nothing is known of {subject}")
    for link in owners(links, subject):
        home = renaming.home_subject(subject, link.renamer.names.naming)
        try:
            found = await link.feed.series(home, metric, *span)
        except _UNABLE as error:
            trouble = error
            continue
        return replace(found, subject=subject)
    raise trouble


def folded(some: Sequence[Series], weights: Sequence[int]) -> Series:
    """Series of several fleets as one: counts and sums are added, means weighed by the GPUs that are known now.

    A moment at which one of them has no value is folded over the others.
    """
    first = some[0]
    if len(some) == 1:
        return first
    row = by_key().get(first.metric)
    way = "sum" if first.metric.startswith("fleet.") else row.fold if row is not None else "mean"
    places: dict[float, list[tuple[Point, int]]] = {}
    for one, weight in zip(some, weights, strict=True):
        for point in one.points:
            if point.mean is not None:
                places.setdefault(point.at, []).append((point, weight))
    times = sorted({point.at for one in some for point in one.points})
    return replace(first, points=tuple(_folded(at, places.get(at, ()), way) for at in times))


def _folded(at: float, some: Sequence[tuple[Point, int]], way: str) -> Point:
    known = [(point.mean, weight, point) for point, weight in some if point.mean is not None]
    if not known:
        return Point(at, None)
    lows = [mean if point.low is None else point.low for mean, _, point in known]
    highs = [mean if point.high is None else point.high for mean, _, point in known]
    match way:
        case "sum":
            return Point(at, sum(mean for mean, _, _ in known), sum(lows), sum(highs))
        case "max":
            return Point(at, max(mean for mean, _, _ in known), max(lows), max(highs))
        case "min":
            return Point(at, min(mean for mean, _, _ in known), min(lows), min(highs))
        case _:
            whole = sum(max(1, weight) for _, weight, _ in known)
            mean = sum(mean * max(1, weight) for mean, weight, _ in known) / whole
            return Point(at, mean, min(lows), max(highs))


async def picture_at(links: Sequence[Link], when: float, name: str) -> Snapshot | None:
    """The picture as it stood; of who kept nothing then, or cannot be asked, only that it is a member."""
    answers, failures = await _asked(links, lambda feed: feed.at(when))
    if all(picture is None for _, picture in answers):
        return None
    reasons = {link.name: str(error) for link, error in failures}
    parts = []
    for link in links:
        picture = next((one for member, one in answers if member is link), None)
        renamer = Renamer(link.renamer.names.naming, link.share)
        why = reasons.get(link.name) or (None if picture is not None else "nothing was kept near that time")
        state = replace(link.state, ok_at=when if picture is not None else None, error=why)
        parts.append(Part(link.cluster, renamer.snapshot(picture or Snapshot()), state))
    return merged(parts, name, Slurms().of(parts, when), 0)


async def diagnosis_at(links: Sequence[Link], when: float, since_s: float) -> Diagnosis | None:
    """The diagnoses of a moment, as one; None when nobody kept anything."""
    answers, failures = await _asked(links, lambda feed: feed.diagnosis_at(when, since_s))
    told = []
    for link, found in answers:
        silence = "" if found is not None else "nothing was kept near that time"
        told.append(replace(link.told(), diagnosis=found or Diagnosis(), silence=silence))
    told += [replace(link.told(), diagnosis=Diagnosis(), silence=str(error)) for link, error in failures]
    return None if all(found is None for _, found in answers) else verdicts.joined_diagnosis(told)


async def moments(links: Sequence[Link], start: float, end: float) -> tuple[float, ...]:
    """Times at which anybody kept something, the newest last."""
    answers, _ = await _asked(links, lambda feed: feed.moments(start, end))
    return tuple(sorted({at for _, some in answers for at in some}))


async def events(
    links: Sequence[Link], start: float, end: float, subject: Subject | None, limit: int
) -> tuple[Event, ...]:
    """Events of all, or of the daemons whose subject it is."""
    asked = links if subject is None or subject == FLEET else owners(links, subject)

    async def ask(link: Link) -> Sequence[Event]:
        home = None if subject is None else renaming.home_subject(subject, link.renamer.names.naming)
        return await link.feed.events(start, end, home, limit)

    by_feed = {id(one.feed): one for one in asked}
    answers, failures = await _asked(asked, lambda feed: ask(by_feed[id(feed)]))
    found = verdicts.joined_events([(link.renamer.names, some) for link, some in answers], limit)
    gaps = [Event(end, "source.down", "warning", FLEET, f"{one.name}: not asked: {error}") for one, error in failures]
    return (*found, *gaps)


async def jobs(links: Sequence[Link], start: float, end: float, limit: int) -> tuple[SlurmJob, ...]:
    """Jobs of all, newest first; the shares of one cluster keep the same ones."""
    answers, _ = await _asked(links, lambda feed: feed.jobs(start, end, limit))
    found: dict[str, SlurmJob] = {}
    for link, some in answers:
        for job in some:
            made = renaming.renamed_job(job, link.renamer.names.naming)
            found.setdefault(made.id, made)
    # As the store gives them: the latest to end or to begin first.
    ordered = sorted(found.values(), key=lambda job: -(job.end_at or job.start_at or job.submit_at or 0.0))
    return tuple(ordered[:limit])


async def store_health(links: Sequence[Link]) -> StoreHealth:
    """How the stores are doing."""
    answers, failures = await _asked(links, lambda feed: feed.store_health())
    stores = [one for _, one in answers]
    worst = min(stores, key=lambda one: _GRAVE.index(one.state) if one.state in _GRAVE else 0)
    silent = [f"{link.name} does not answer" for link, _ in failures]
    said = [f"{link.cluster}: {one.text}" for link, one in answers]
    oldest = [one.oldest for one in stores if one.oldest is not None]
    return StoreHealth(
        worst.state,
        "; ".join([*said, *silent]),
        path=", ".join(one.path for one in stores),
        size_bytes=sum(one.size_bytes for one in stores),
        samples=sum(one.samples for one in stores),
        oldest=min(oldest, default=None),
        dropped_ticks=sum(one.dropped_ticks for one in stores),
        write_s=max((one.write_s for one in stores if one.write_s is not None), default=None),
    )
