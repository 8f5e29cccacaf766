"""Words that the pages of a report share: moments, spans, sums, who was hit. Pure; the time zone is an argument."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from app.domain.finding import Finding
from app.domain.series import Event
from app.present.incident_advice import ALIKE, actions_of, command_text
from app.present.incident_told import causal
from app.present.report_story import Chapter, Deed, HitJob, Story, counted
from app.present.units import MISSING, format_age, format_elapsed

MOST_EVENTS = 60
"""Events of one incident that are written out; evidence.log and the recording have the others."""
MOST_LINES = 60
"""Lines of logs that stand on the page itself."""
LONGEST = 2000

__all__ = ["actions_of", "causal", "command_text"]


def moment(at: float | None, zone: tzinfo | None = None, *, of_day: float | None = None) -> str:
    """`2026-11-24 14:32:08`; only the time of day where `of_day` is on the same day."""
    if at is None:
        return MISSING
    try:
        when = datetime.fromtimestamp(at, UTC).astimezone(zone)
        same = of_day is not None and datetime.fromtimestamp(of_day, UTC).astimezone(zone).date() == when.date()
    except (OverflowError, ValueError, OSError):
        return MISSING
    return f"{when:%H:%M:%S}" if same else f"{when:%Y-%m-%d %H:%M:%S}"


def zone_name(at: float, zone: tzinfo | None = None) -> str:
    """`UTC+01:00`: pages travel, and their reader may be elsewhere."""
    offset = f"{datetime.fromtimestamp(at, UTC).astimezone(zone):%z}"
    return "UTC" if offset in ("", "+0000") else f"UTC{offset[:3]}:{offset[3:5]}"


def iso(at: float) -> str:
    """`2026-11-24T14:32:08.123Z`, for logs."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return "-"


def dollars(amount: float | None) -> str:
    """`$1,234.50`."""
    return MISSING if amount is None else f"${amount:,.2f}"


STANDS = {"over": "over", "lasts": "it lasts", "unknown": "lasted when last looked at"}
"""How an incident stands when its report is made."""


def spans(chapter: Chapter, made_at: float, zone: tzinfo | None) -> tuple[tuple[str, str], ...]:
    """The facts at the head of an incident: (what, how it is)."""
    incident, over = chapter.incident, chapter.incident.ended
    ended = STANDS[chapter.stands(made_at)] if over is None else moment(over, zone, of_day=incident.began)
    hit = [counted(incident.affects.gpus, "GPU")] if incident.affects.gpus else []
    if incident.affects.jobs:
        hit.append(counted(len(incident.affects.jobs), "job"))
    if incident.users:
        hit.append(counted(len(incident.users), "user"))
    rows = [
        ("began", moment(incident.began, zone)),
        ("ended", ended),
        ("lasted", format_age(chapter.lasted_s)),
        ("hit", ", ".join(hit) or "nobody that is known"),
    ]
    if incident.affects.cost_per_hour is not None:
        rows.append(("cost", f"{dollars(chapter.lost)} ({dollars(incident.affects.cost_per_hour)}/h)"))
    return tuple(rows)


def meaning(root: Finding) -> tuple[str, tuple[str, ...]]:
    """What a finding means, and what else looks like it."""
    means, *alike = root.explanation[: 2 * LONGEST].split(ALIKE)
    return means.strip(), tuple(one.strip() for one in alike if one.strip())


def job_facts(job: HitJob, zone: tzinfo | None) -> tuple[str, ...]:
    """The columns of JOB_HEADS."""
    ran = format_elapsed(job.ended - job.began) if job.began is not None and job.ended is not None else MISSING
    return (
        job.id,
        job.name or MISSING,
        job.user or MISSING,
        job.state.capitalize() if job.state else MISSING,
        str(job.gpus) if job.gpus is not None else MISSING,
        ", ".join(job.nodes[:4]) + (f" +{len(job.nodes) - 4}" if len(job.nodes) > 4 else "") or MISSING,
        moment(job.began, zone),
        ran,
        f"{dollars(job.per_hour)}/h" if job.per_hour is not None else MISSING,
        dollars(job.so_far),
    )


JOB_HEADS = ("job", "name", "user", "state", "GPUs", "nodes", "started", "ran", "rate", "cost by then")


def chosen_events(events: tuple[Event, ...]) -> tuple[tuple[Event, ...], int]:
    """The events that are written out, and how many are not: the gravest first to stay, in their order."""
    if len(events) <= MOST_EVENTS:
        return events, 0
    order = {"critical": 0, "warning": 1, "info": 2}
    kept = sorted(sorted(events, key=lambda one: order[one.severity])[:MOST_EVENTS], key=lambda one: one.at)
    return tuple(kept), len(events) - len(kept)


def deed_words(deed: Deed) -> str:
    """`drain gpu-1 by ana (screen): done`."""
    targets = ", ".join(deed.targets[:6]) + (f" and {len(deed.targets) - 6} more" if len(deed.targets) > 6 else "")
    face = f" ({deed.face})" if deed.face else ""
    said = {True: "done", False: "refused", None: "what came of it is not known"}[deed.is_done]
    more = f": {deed.outcome}" if deed.outcome else ""
    return f"{deed.verb} {targets} by {deed.user}{face}: {said}{more}"


def subtitle(story: Story, zone: tzinfo | None) -> str:
    """Whose report it is and of what."""
    where = f"cluster {story.cluster} · " if story.cluster not in ("", "cluster") else ""
    span = f"{moment(story.start, zone)} to {moment(story.end, zone, of_day=story.start)}"
    return f"{where}{story.asked} · {span} ({zone_name(story.end, zone)})"


def replay_commands(story: Story) -> tuple[str, ...]:
    """How the recording is looked at: at its incident's beginning, or at its end."""
    recording = story.recording
    if recording is None:
        return ()
    at = story.chapters[0].incident.last_seen if story.chapters else recording.end
    when = round(min(max(at, recording.start), recording.end))
    asked = f"--embedded --store-path {recording.file}"
    return (
        f"gpu-watchdog diagnose {asked} --at {when}",
        f"gpu-watchdog status {asked} --at {when}",
    )
