"""Makes a report: finds its incidents, cuts the recording, asks for all that the pages tell, hides what must not leave.

Everything that is written down comes out of one `Story`, and that went through one `Mask`.
"""

from __future__ import annotations

import asyncio
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from app.domain.diagnosis import Diagnosis, Incident
from app.domain.evidence import LogEvidence
from app.domain.finding import Finding
from app.domain.frozen import frozen
from app.domain.pseudonyms import Pseudonyms
from app.domain.series import FLEET, Event, Series
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot
from app.engine.diagnosis.fault_table import fault_table
from app.engine.money import HOUR_S, Rates, rates
from app.present.report_story import Chapter, HitJob, Money, Recording, Story
from app.services import queries_money, report_audit
from app.services.recorder.sinks import FOLDER, cut
from app.services.report_audit import Fact
from app.services.report_charts import charts
from app.services.report_ground import Found, Ground, Wanted, found
from app.services.report_mask import Mask
from app.services.report_recording import Recorded, Told, chosen_moments, record

MOST_EVENTS, MOST_JOBS, MOST_LOGS = 5000, 5000, 5000
RECORDING, SEEN = "recording.db", "flight.rec"


@frozen
class Report:
    """A whole report, hidden already: what pages are made of, and what else goes into the bundle."""

    story: Story
    diagnosis: Diagnosis
    facts: tuple[Fact, ...]
    """Of the audit log."""
    events: tuple[Event, ...]


@frozen
class _Gathered:
    """What was asked for, as it is."""

    found: Found
    events: tuple[Event, ...]
    jobs: Mapping[str, SlurmJob]
    facts: tuple[Fact, ...]


async def report(ground: Ground, wanted: Wanted, folder: Path, *, anonymous: bool) -> Report:
    """The report; its recording is written into `folder`.

    Raises LookupError where there is no such incident, OSError or sqlite3.Error where the recording cannot be written.
    """
    given = await _gathered(ground, wanted)
    mask = await _mask(ground, given, anonymous=anonymous)
    told, events = mask.hide(given.found.diagnosis), mask.hide(given.events)
    others = mask.hide((*ground.known.past, *ground.known.findings))
    recorded = await _recorded(ground, given, mask, Told(told, others, events), folder / RECORDING)
    given = replace(given, found=_clipped(given.found, recorded))
    seen = 0 if anonymous else await asyncio.to_thread(_seen, ground, given.found, folder / SEEN)
    story = mask.hide(await _story(ground, given))
    facts = tuple(mask.json(dict(one)) for one in given.facts)
    story = replace(
        story,
        logs=_within(recorded.logs, story.start, story.end)[-MOST_LOGS:],
        deeds=report_audit.deeds(facts),
        recording=_recording(recorded),
        gaps=(*story.gaps, *_gaps(recorded)),
        is_anonymous=anonymous,
        has_flight=bool(seen),
    )
    return Report(story, told, facts, events)


async def _gathered(ground: Ground, wanted: Wanted) -> _Gathered:
    about = await found(ground, wanted)
    events = tuple(await ground.past.events(about.start, about.end, None, MOST_EVENTS))
    jobs = {one.id: one for one in await ground.past.jobs(about.start, about.end, MOST_JOBS)}
    return _Gathered(about, events, jobs, report_audit.facts(ground.state_dir, about.start, about.end))


async def _mask(ground: Ground, given: _Gathered, *, anonymous: bool) -> Mask:
    """What hides; names are learned from everything that is there before anything is written."""
    if not anonymous:
        return Mask()
    names = Pseudonyms()
    for when in (given.found.end, given.found.start, *(one.began for one in given.found.incidents)):
        picture = await ground.past.at(when)
        if picture is not None:
            names.learn_snapshot(picture)
    names.learn_jobs(given.jobs.values())
    names.learn_diagnosis(given.found.diagnosis, given.events)
    for fact in given.facts:
        names.learn("user", [str(fact.get(key) or "") for key in ("user", "runs_as")])
    return Mask(names)


async def _recorded(ground: Ground, given: _Gathered, mask: Mask, told: Told, path: Path) -> Recorded:
    moments = await chosen_moments(ground.past, given.found.start, given.found.end)
    if not moments:
        return Recorded()
    return await record(ground.past, moments, mask.snapshot, told, path)


def _clipped(about: Found, made: Recorded) -> Found:
    """Axes begin and end where there is something to draw; no incident is cut off."""
    if not made.pictures:
        return about
    last = max([made.end, about.diagnosis.at, *(one.last_seen for one in about.incidents)])
    return replace(about, start=max(about.start, made.start), end=min(about.end, last))


def _seen(ground: Ground, about: Found, path: Path) -> int:
    """What the flight recorder holds of the time, as it came; how many bytes. Names cannot be hidden in that."""
    try:
        return cut(ground.state_dir / FOLDER, about.start, about.end, path)
    except OSError:
        path.unlink(missing_ok=True)
        return 0


def _recording(made: Recorded) -> Recording | None:
    if not made.pictures:
        return None
    return Recording(RECORDING, made.pictures, made.step_s, made.start, made.end)


def _gaps(made: Recorded) -> tuple[str, ...]:
    if not made.pictures:
        return ("nothing was kept of that time: there is no recording",)
    return () if made.is_whole else ("the recording has gaps: not all of it could be written",)


def _within(logs: Sequence[LogEvidence], start: float, end: float) -> tuple[LogEvidence, ...]:
    """Lines within a time, oldest first, each once."""
    once = {(one.at, one.source, one.node, one.text): one for one in logs if start <= one.at <= end}
    return tuple(sorted(once.values(), key=lambda one: one.at))


async def _story(ground: Ground, given: _Gathered) -> Story:
    about = given.found
    table = fault_table()
    picture = await ground.past.at(about.end)
    chapters: list[Chapter] = []
    for incident in about.incidents:
        chapter = await _chapter(ground, given, incident)
        drawn = await charts(ground.past, chapter.findings, (about.start, about.end), table)
        chapters.append(replace(chapter, charts=drawn))
    return Story(
        made_at=ground.now,
        start=about.start,
        end=about.end,
        cluster=picture.cluster if picture is not None else "",
        mode=picture.mode if picture is not None else "live",
        asked=about.asked,
        chapters=tuple(chapters),
        blind=about.diagnosis.blind,
        money=await _money(ground, about),
        versions=_versions(ground.version, picture, chapters),
        gaps=about.gaps,
    )


async def _chapter(ground: Ground, given: _Gathered, incident: Incident) -> Chapter:
    findings = tuple(one for one in given.found.diagnosis.findings if one.incident == incident.id)
    until = incident.ended if incident.ended is not None else max(incident.last_seen, given.found.diagnosis.at)
    picture = await ground.past.at(incident.began)
    costs = rates(picture, picture.at) if picture is not None else Rates()
    per_hour = incident.affects.cost_per_hour
    places = [one.subject for one in findings if one.subject.gpu is not None]
    return Chapter(
        incident,
        findings,
        jobs=tuple(_hit(key, given.jobs.get(key), costs) for key in incident.affects.jobs),
        gpus=tuple(dict.fromkeys(f"{one.node}/{one.gpu}" for one in places)),
        events=_touching(given.events, incident, findings),
        until=until,
        lost=None if per_hour is None else per_hour * max(0.0, until - incident.began) / HOUR_S,
    )


def _hit(key: str, job: SlurmJob | None, costs: Rates) -> HitJob:
    rate = costs.by_job.get(key)
    if job is None:
        return HitJob(key, per_hour=rate.per_hour if rate else None, so_far=rate.so_far if rate else None)
    return HitJob(
        key,
        job.name,
        job.user,
        job.state,
        job.nodes,
        job.gpus,
        None if job.is_pending else job.start_at,
        job.end_at if job.is_ended or not job.holds_nodes else None,
        rate.per_hour if rate else None,
        rate.so_far if rate else None,
    )


def _touching(events: Sequence[Event], incident: Incident, findings: Sequence[Finding]) -> tuple[Event, ...]:
    """Events about what the incident touches; of a fault of the whole cluster all that are no mere information."""
    nodes = {one.subject.node for one in findings if one.subject.node}
    keys = {*incident.affects.jobs, *(one.subject.job for one in findings), *(one.subject.service for one in findings)}

    def touches(one: Event) -> bool:
        if one.kind.startswith("incident."):
            return incident.title in one.text
        about = one.subject
        if about.node:
            return about.node in nodes
        if about.key:
            return about.key in keys
        return not nodes and one.severity != "info"

    return tuple(one for one in events if touches(one))


async def _money(ground: Ground, about: Found) -> Money:
    async def ask(key: str, start: float, end: float, step_s: float) -> Series:
        return await ground.past.series(FLEET, key, start, end, step_s)

    spent = await queries_money.spent_since(ask, about.start, about.end)
    return Money() if spent is None else Money(spent.cost, spent.idle_cost, spent.energy_kwh)


def _versions(own: str, picture: Snapshot | None, chapters: Sequence[Chapter]) -> tuple[tuple[str, str], ...]:
    """What this was made with, and what ran where it happened."""
    rows = [
        ("gpu-watchdog", own or "of a checkout"),
        ("Python", platform.python_version()),
        ("SQLite", sqlite3.sqlite_version),
    ]
    if picture is None:
        return tuple(rows)
    nodes = {one.subject.node for chapter in chapters for one in chapter.findings if one.subject.node}
    hit = [gpu for gpu in picture.gpus() if not nodes or gpu.node in nodes]
    for name, fact in (("driver", "driver_version"), ("CUDA", "cuda_version"), ("VBIOS", "vbios_version")):
        rows += [(name, said) for said in sorted({gpu.facts[fact] for gpu in hit if gpu.facts.get(fact)})[:3]]
    if picture.slurm is not None and picture.slurm.version:
        rows.append(("Slurm", picture.slurm.version))
    flavours = sorted({one.page.flavour for one in picture.sources.values() if one.page is not None})
    return (*rows, *(("read from", one) for one in flavours[:4]))
